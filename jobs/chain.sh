#!/bin/bash
# Submits a chain of jobs for clusters that do not requeue: each link starts when the one before ended without having
# finished the run, and goes on with it; the links that are left over go when the run is done, or cannot be done.
#
#   jobs/chain.sh LINKS [OPTION OF SBATCH...] jobs/nodes.sh CONFIG RUN [OPTION...]
#
# scancel --name=... (the name is printed) ends the whole chain.
set -eu
links=${1:-}
case $links in
'' | 0 | *[!0-9]*) echo "usage: jobs/chain.sh LINKS [OPTION OF SBATCH...] SCRIPT CONFIG RUN [OPTION...]" >&2; exit 64 ;;
esac
shift
name=hardneg-chain-$(date +%m%d%H%M%S)-$$
HARDNEG_JOBS=${HARDNEG_JOBS:-$(cd "$(dirname "$0")" && pwd)}
export HARDNEG_REQUEUE=no HARDNEG_CHAIN=$name HARDNEG_JOBS
echo "chain: $name" >&2
whole() { # or nothing of it
    rc=$?
    [ $rc = 0 ] || { echo "chain: a link was refused: none is left" >&2; scancel --name="$name"; }
    exit $rc
}
trap whole EXIT
trap 'exit 130' INT TERM
before=
for _ in $(seq "$links"); do
    before=$(sbatch --parsable --job-name="$name" --no-requeue ${before:+--dependency=afternotok:$before} \
        --kill-on-invalid-dep=yes "$@")
    before=${before%%;*}
    echo "$before"
done
