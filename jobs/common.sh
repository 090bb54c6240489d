# shellcheck shell=bash
# jobs/common.sh - what the batch scripts share: set-up, launching, passing signals on, requeueing.  Sourced.
#
# Settings, by environment (sbatch passes yours on, but for --export=NONE) or in a file site.sh beside this one, which is
# sourced first and is the place for `module load` lines and OMPI_MCA_* settings of a cluster:
#
#   HARDNEG           the program (default: build/hardneg of this checkout, else hardneg from PATH)
#   HARDNEG_LAUNCH    mpirun (default) or srun (needs SLURM's pmix plugin: srun --mpi=list)
#   HARDNEG_BIND      options of mpirun or srun for binding (default: each rank gets its --cpus-per-task cores, where
#                     that is possible)
#   HARDNEG_REQUEUE   yes (default), or no: exit with the program's code instead (jobs/chain.sh)
#   HARDNEG_ATTEMPTS  restarts in a row that may bring no new checkpoint before the job gives up (default 3); they are
#                     counted in RUN/job-restarts
#   HARDNEG_JOBS      the folder of this file, for a batch script that was copied somewhere else

here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck disable=SC1091 # there is one or not
[ ! -e "$here/site.sh" ] || . "$here/site.sh"

say() { echo "job: $*" >&2; }

end_chain() { # its links that wait would find the run done, or fail the same way
    [ -z "${HARDNEG_CHAIN:-}" ] || scancel --state=PENDING --name="$HARDNEG_CHAIN"
}

give_up() { # CODE TEXT
    say "$2"
    end_chain
    exit "$1"
}

[ $# -ge 2 ] || give_up 64 "usage: sbatch [OPTION OF SBATCH...] jobs/${script:-nodes}.sh CONFIG RUN [OPTION...]"

program=${HARDNEG:-hardneg}
[ -n "${HARDNEG:-}" ] || [ ! -x "$here/../build/hardneg" ] || program=$here/../build/hardneg
command -v "$program" >/dev/null || give_up 66 "there is no program $program here: build it, or set HARDNEG"

# In an array the plain number of one task stands for the whole array.
job=${SLURM_JOB_ID:-}
[ -z "${SLURM_ARRAY_TASK_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID

# mpirun starts nothing, and with --quiet says nothing, where it cannot bind as asked: fewer cores than hardware threads that
# SLURM deals out, a topology that a container hides.  So the first way that works; and where none does, it may talk.
try_mpirun() { # CORES: sets launch
    local ways=("--map-by slot:PE=$1 --bind-to core" "--use-hwthread-cpus --map-by slot:PE=$1 --bind-to hwthread" "--bind-to none") way
    [ -z "${HARDNEG_BIND+set}" ] || ways=("$HARDNEG_BIND")
    for way in "${ways[@]}"; do
        read -ra launch <<<"mpirun --quiet $way"
        timeout 60 "${launch[@]}" "$program" --version </dev/null >/dev/null 2>&1 || continue
        [ -n "${HARDNEG_BIND+set}" ] || case $way in
        *none) say "mpirun cannot give each rank $1 cores of its own here: ranks are not bound (HARDNEG_BIND decides otherwise)" ;;
        *) say "each rank is bound to cores of its own: $way" ;;
        esac
        return
    done
    say "mpirun does not start $program here:"
    read -ra launch <<<"mpirun $way"
}

launcher() { # sets launch
    local cores=${SLURM_CPUS_PER_TASK:-}
    case ${HARDNEG_LAUNCH:-mpirun} in
    # -K: without it a dead rank leaves the others waiting for ever.
    srun) read -ra launch <<<"srun -K --mpi=pmix ${cores:+--cpus-per-task=$cores} ${HARDNEG_BIND---cpu-bind=cores}" ;;
    mpirun) try_mpirun "${cores:-1}" ;;
    *) give_up 64 "HARDNEG_LAUNCH is mpirun or srun, not $HARDNEG_LAUNCH" ;;
    esac
}

# What reaches this shell goes on to all ranks as USR1, which saves and stops: mpirun kills its ranks two seconds after TERM
# or INT, srun at once.  Repeated, for a launcher that is still starting loses signals, or dies of them.
pid='' warned=0 repeater=''
pass_on() {
    warned=1
    [ -n "$pid" ] && [ -z "$repeater" ] || return 0
    (while kill -USR1 "$pid" 2>/dev/null; do sleep 5; done) &
    repeater=$!
}
trap pass_on USR1 TERM INT
trap : CONT

run() { # COMMAND...: its status in $rc
    local out in
    # Told by a shell that waits for it, not by `wait`: a trap interrupts that, and bash then loses the status of a command
    # that ends in the same moment.
    exec {out}>&1
    # shellcheck disable=SC2016 # for the inner shell
    exec {in}< <(trap : USR1 TERM INT; bash -c 'echo $$; exec "${@:2}" >&"$1"' run "$out" "$@" </dev/null; echo $?)
    read -r pid <&"$in"
    [ $warned = 0 ] || pass_on
    read -r rc <&"$in" || rc=137 # that shell was killed
    [ -z "$repeater" ] || kill "$repeater" 2>/dev/null
    pid=''
}

newest() { # RUN: its newest checkpoint
    find "$1/checkpoints" -name 'step-*.h5' -printf '%f\n' 2>/dev/null | sort -V | tail -n 1
}

# Would the same job again be of use?  Codes of the program: 75 stopped on request, 69 a rank was lost.  Above 128: the
# launcher or a rank was killed, 205: mpirun lost a node; but not what a bug kills; 131 and 132: mpirun could not start the program.
# 1, 143: mpirun was told to stop.
worth_it() {
    case $rc in
    75 | 69 | 205) return 0 ;;
    131 | 132 | 134 | 135 | 136 | 139) return 1 ;;
    1 | 2) [ $warned = 1 ] ;;
    *) [ "$rc" -gt 128 ] ;;
    esac
}

# Did the run stop for --max-minutes?  Who gives that wants no more of this job.
had_its_time() { # RUN
    [ "$rc" = 75 ] && tail -n 2 "$1/log.txt" 2>/dev/null | grep -q 'run.max_minutes are over'
}

# Is SLURM itself ending the job, other than at its time limit?  Then it is cancelled, or SLURM requeues it.
ended_by_slurm() {
    local state left
    read -r state left <<<"$(squeue -h -j "$job" -o '%T %L' 2>/dev/null)"
    [ "$state" = COMPLETING ] && [ "$left" != 0:00 ] && [ "$left" != INVALID ]
}

# Restarts in a row that brought no new checkpoint, kept beside the run: RUN/job-restarts.
count_restart() { # RUN
    local count=0 last='' now
    now=$(newest "$1")
    [ ! -e "$1/job-restarts" ] || read -r count last <"$1/job-restarts"
    [ "$last" = "$now" ] || count=0
    attempts=$((count + 1))
    echo "$attempts $now" >"$1/job-restarts"
}

finish() { # RUN: requeues, or exits
    if [ "$rc" = 0 ]; then
        rm -f "$1/job-restarts"
        end_chain
        exit 0
    fi
    if [ "$rc" = 73 ]; then # another run holds the directory, perhaps a short one
        say "exit 73: not requeued; of a chain the next link tries"
        exit 73
    fi
    worth_it || give_up "$rc" "exit $rc: the same again would end the same way"
    if had_its_time "$1"; then
        say "exit 75: --max-minutes are over, so it is not requeued; the same line, submitted again, goes on"
        exit "$rc"
    fi
    if [ -z "$job" ] || [ "${HARDNEG_REQUEUE:-yes}" = no ] || ended_by_slurm; then
        exit "$rc"
    fi
    count_restart "$1"
    if [ "$attempts" -gt "${HARDNEG_ATTEMPTS:-3}" ]; then
        say "exit $rc: $((attempts - 1)) restarts brought no new checkpoint; not again (rm $1/job-restarts allows it)"
        exit "$rc"
    fi
    say "exit $rc, newest checkpoint $(newest "$1" | grep . || echo none): requeued, to go on from there"
    scontrol requeue "$job" || exit "$rc"
    exit 0 # requeue ends this shell anyway
}

# Steps are numbered anew in each life of a job, and SLURM's pmix refuses a number whose socket still lies in the spool of a
# node that died with it: so each life begins with another one.
fresh_step() {
    local i
    [ "${HARDNEG_LAUNCH:-mpirun}" = srun ] || return 0
    for ((i = 0; i < ${SLURM_RESTART_COUNT:-0}; i++)); do srun --mpi=none -N1 -n1 true; done
}

train() { # CONFIG RUN [OPTION...]
    local config=$1 run=$2
    shift 2
    [ -z "${SLURM_CPUS_PER_TASK:-}" ] || set -- --set "run.threads=$SLURM_CPUS_PER_TASK" "$@"
    mkdir -p "$run" || give_up 73 "cannot create $run"
    launcher
    fresh_step
    run "${launch[@]}" "$program" train "$config" -o "$run" "$@"
    finish "$run"
}
