#!/bin/bash
# Trains on one node.
#
#   sbatch jobs/one-node.sh CONFIG RUN [OPTION...]      options of sbatch, before the script, win over those below
#
# The same line goes on with a run that ended early.  When the time limit nears, the job saves, requeues itself and goes
# on where it was; so it does when a node is lost.  common.sh has the settings.
#SBATCH --job-name=hardneg
#SBATCH --nodes=1 --ntasks-per-node=8 --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue --open-mode=append
#SBATCH --output=%x-%j.log
set -u
# SLURM runs a copy of this script somewhere else; it knows where the script was.
script=one-node
jobs=${HARDNEG_JOBS:-$(scontrol show job "${SLURM_JOB_ID:-none}" 2>/dev/null | sed -n "s|^ *Command=\(.*\)/$script\.sh.*|\1|p" | head -n 1)}
# shellcheck source=jobs/common.sh
. "${jobs:=$(dirname "$0")}/common.sh" || { echo "job: no common.sh in $jobs: HARDNEG_JOBS=FOLDER says where it is" >&2; exit 66; }
train "$@"
