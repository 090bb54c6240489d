#!/bin/bash
# Trains one run per seed: the task's number is the seed, RUNS/seed-N its directory.
#
#   sbatch jobs/seeds.sh CONFIG RUNS [OPTION...]        options of sbatch, before the script, win over those below
#
# The same line goes on with a run that ended early.  When the time limit nears, the job saves, requeues itself and goes
# on where it was; so it does when a node is lost.  common.sh has the settings.
#SBATCH --job-name=hardneg
#SBATCH --array=1-5
#SBATCH --nodes=1 --ntasks-per-node=8 --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue --open-mode=append
#SBATCH --output=%x-%A_%a.log
set -u
# SLURM runs a copy of this script somewhere else; it knows where the script was.
script=seeds
jobs=${HARDNEG_JOBS:-$(scontrol show job "${SLURM_JOB_ID:-none}" 2>/dev/null | sed -n "s|^ *Command=\(.*\)/$script\.sh.*|\1|p" | head -n 1)}
# shellcheck source=jobs/common.sh
. "${jobs:=$(dirname "$0")}/common.sh" || { echo "job: no common.sh in $jobs: HARDNEG_JOBS=FOLDER says where it is" >&2; exit 66; }
[ -n "${SLURM_ARRAY_TASK_ID:-}" ] || give_up 64 "seeds.sh is for an array, whose numbers are the seeds: sbatch --array=1-5 jobs/seeds.sh ..."
config=$1 runs=$2 seed=$SLURM_ARRAY_TASK_ID
shift 2
train "$config" "$runs/seed-$seed" --set "run.seed=$seed" "$@"
