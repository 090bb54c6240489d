# tests/slurm/lib.sh - for tests of jobs/ in a SLURM of their own: two nodes on this machine, gone when the test ends.
#
#   . "$HN_TOP/tests/slurm/lib.sh"; cluster TESTS; submit ...; finished; ...; done_testing
#
# No test is a race: the first life of a job never ends by itself (program below), and what is waited for has minutes.
. "$HN_TOP/tests/lib.sh"
# Each node has a /dev/shm of its own.
unset OMPI_MCA_btl_vader_backing_directory
PATH=$PATH:/usr/sbin:/sbin
slurm=$HN_TOP/tests/slurm/private-slurm
jobs=$HN_TOP/jobs
export PSLURM_DIR="$tmp/c" HARDNEG="$tmp/program"
# A busy machine answers late, and saves late.
export PSLURM_TIMEOUT="${PSLURM_TIMEOUT:-60}" PSLURM_KILLWAIT=30
# No node here has the cores it claims.
export HARDNEG_BIND="--bind-to none"

cluster() { # TESTS: starts it, or skips with the reason
    trap '"$slurm" stop >"$tmp/which" 2>&1; rm -rf "$tmp"' EXIT
    trap 'exit 1' INT TERM
    PSLURM_OWNER=$$ "$slurm" start >"$tmp/out" 2>&1 || { echo "1..0 # SKIP $(tail -n 1 "$tmp/out")"; exit 0; }
    plan "$1"
    cd "$tmp" || exit 1
    "$HN_TOP/tests/make-idx" "$tmp" 160 40
    "$hardneg" import idx "$tmp" tiny.h5 >"$tmp/out" 2>&1 || exit 1
    program >"$HARDNEG"
    chmod +x "$HARDNEG"
}
# train CONFIG -o RUN ... (or --version): the first life of a job (or of a chain) is endless, later ones end 20 epochs on.
program() {
    cat <<END
#!/bin/sh
[ "\$1" = train ] || exec "$hardneg" "\$@"
epochs=1000000
if [ "\${SLURM_RESTART_COUNT:-0}\${SLURM_JOB_DEPENDENCY:-}\${LAST_LIFE:-}" != 0 ]; then
    step=\$(ls "\$4/checkpoints" 2>/dev/null | sed -n '\$s/step-0*\([0-9]*\).h5/\1/p')
    epochs=\$((\${step:-0} / 5 + 20))
fi
exec "$hardneg" "\$@" --set run.epochs=\$epochs
END
}

# What follows CONFIG and RUN.
options="--set data.path=tiny.h5 --set ckpt.every_epochs=0 --set ckpt.every_steps=20 --set run.log_every=500"
# "HASH step N" of a run, and of one on one rank that nobody interrupted.
result() { "$hardneg" hash "$1" 2>&1 | cut -d' ' -f1,3-; } # RUN
alone() { # STEPS [OPTION...]
    a_steps=$1
    shift
    rm -rf alone
    # shellcheck disable=SC2086 # options are words
    "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o alone $options --set ckpt.every_steps=0 --set run.epochs=1000000 --steps "$a_steps" \
        "$@" >"$tmp/alone.out" 2>&1
    result alone
}
same() { # RUN WHAT [OPTION...]: the bits of RUN are those of an uninterrupted run
    s_got=$(result "$1") s_what=$2
    s_step=${s_got##* }
    shift 2
    is "$s_got" "$(alone "$((s_step))" "$@")" "$s_what: the bits of an uninterrupted run"
}
submit() { # OPTION-OF-SBATCH... SCRIPT RUN [OPTION...]: the job's number in $job; CONFIG and options go in
    s_options=
    while [ "${1#-}" != "$1" ]; do
        s_options="$s_options $1"
        shift
    done
    s_script=$1 s_run=$2
    shift 2
    # shellcheck disable=SC2086 # options are words
    job=$("$slurm" run sbatch --parsable --cpus-per-task=1 $s_options "$jobs/$s_script" "$HN_TOP/tests/train/tiny.cfg" "$s_run" $options "$@") ||
        exit 1
}
state() { "$slurm" run squeue -h -t all -j "$1" -o %T 2>/dev/null; }
restarts() { "$slurm" run scontrol show job "$1" 2>/dev/null | sed -n '/Restarts=/{s/.*\(Restarts=[0-9]*\).*/\1/p;q;}'; }
until_true() { # SECONDS COMMAND...
    u_end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt $u_end ] || return 1
        sleep 0.2
    done
}
trains() { [ -n "$(ls "$1/checkpoints" 2>/dev/null)" ]; } # RUN has a checkpoint
again() { [ "$(restarts "$1")" != Restarts=0 ]; }        # JOB was requeued
ended() { case $(state "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL | PREEMPTED) return 0 ;; esac; return 1; }
# The job ends: its state and restarts in $end, its log in $tmp/out.
finished() { # [JOB]
    f_job=${1:-$job}
    until_true 240 ended "$f_job"
    end="$(state "$f_job") $(restarts "$f_job")"
    cat "$tmp"/*-"$f_job".log >"$tmp/out" 2>/dev/null
}
warn() { until_true 240 trains "$2" && "$slurm" run scancel --batch --signal=USR1 "$1"; } # JOB RUN: what --signal=B:USR1@120 does, now
