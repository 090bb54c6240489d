# tests/slurm/lib.sh - for tests of jobs/ in a SLURM of their own: two nodes on this machine, gone when the test ends.
#
#   . "$HN_TOP/tests/slurm/lib.sh"; plan N; cluster; submit ...; finished; ...; done_testing
. "$HN_TOP/tests/lib.sh"
# Each node has a /dev/shm of its own.
unset OMPI_MCA_btl_vader_backing_directory
PATH=$PATH:/usr/sbin:/sbin
slurm=$HN_TOP/tests/slurm/private-slurm
jobs=$HN_TOP/jobs
export PSLURM_DIR="$tmp/c" HARDNEG="$hardneg" HARDNEG_BIND="--bind-to none"

for tool in munged slurmctld slurmd unshare; do
    command -v $tool >"$tmp/which" || { echo "1..0 # SKIP needs $tool (tools/deps --tests)"; exit 0; }
done
if [ "$(id -u)" = 0 ]; then spaces="unshare --uts --mount"; else spaces="unshare --user --map-current-user --keep-caps --uts --mount"; fi
$spaces true 2>"$tmp/which" || { echo "1..0 # SKIP may not give a node its own name and memory: $(cat "$tmp/which")"; exit 0; }

cluster() {
    trap '"$slurm" stop >"$tmp/which" 2>&1; rm -rf "$tmp"' EXIT
    trap 'exit 1' INT TERM
    "$slurm" start >"$tmp/out" 2>&1 || { cat "$tmp/out"; exit 1; }
    cd "$tmp" || exit 1
    "$HN_TOP/tests/make-idx" "$tmp" 160 40
    "$hardneg" import idx "$tmp" tiny.h5 >"$tmp/out" 2>&1 || exit 1
}

epochs=100
# What a run of so many epochs is, after CONFIG and RUN.
options() {
    echo "--set data.path=tiny.h5 --set run.epochs=$epochs --set ckpt.every_epochs=0 --set ckpt.every_steps=20 --set run.log_every=500"
}
# The hash that an uninterrupted run on one rank ends with.
baseline() { # OPTION...
    rm -rf alone
    # shellcheck disable=SC2046 # options are words
    "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o alone $(options) "$@" >"$tmp/out" 2>&1
    "$hardneg" hash alone
}
submit() { # OPTION-OF-SBATCH... SCRIPT RUN [OPTION...]: the job's number in $job; CONFIG and options go in
    s_options=
    while [ "${1#-}" != "$1" ]; do
        s_options="$s_options $1"
        shift
    done
    s_script=$1 s_run=$2
    shift 2
    # shellcheck disable=SC2046,SC2086 # options are words
    job=$("$slurm" run sbatch --parsable --cpus-per-task=1 $s_options "$jobs/$s_script" "$HN_TOP/tests/train/tiny.cfg" "$s_run" $(options) "$@")
}
state() { "$slurm" run squeue -h -t all -j "$1" -o %T 2>/dev/null; }
until_true() { # SECONDS COMMAND...
    u_left=$(($1 * 5))
    shift
    while [ $u_left -gt 0 ]; do
        "$@" && return 0
        sleep 0.2
        u_left=$((u_left - 1))
    done
    return 1
}
trains() { [ -n "$(ls "$1/checkpoints" 2>/dev/null)" ]; } # RUN has a checkpoint
ended() { case $(state "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; esac; return 1; }
# The job ends within two minutes: its state and restarts in $end, its log in $tmp/out.
finished() { # [JOB]
    f_job=${1:-$job}
    until_true 120 ended "$f_job"
    end="$(state "$f_job") $("$slurm" run scontrol show job "$f_job" | grep -o 'Restarts=[0-9]*' | head -n 1)"
    cat "$tmp"/*-"$f_job".log >"$tmp/out" 2>/dev/null
}
warn() { "$slurm" run scancel --batch --signal=USR1 "$1"; } # what --signal=B:USR1@120 does, now
