# The batch scripts without a SLURM: its commands are stand-ins that write down how they were called.  What ends a job for good
# and what requeues it, a start that fails, a signal at the very end, folders with spaces, a chain that is refused.
. "$HN_TOP/tests/lib.sh"
plan 32
unset SLURM_ARRAY_TASK_ID SLURM_CPUS_PER_TASK SLURM_RESTART_COUNT HARDNEG_BIND HARDNEG_LAUNCH HARDNEG_REQUEUE
cfg=$HN_TOP/tests/train/tiny.cfg
export calls="$tmp/calls" HARDNEG="$hardneg" SLURM_JOB_ID=7 HARDNEG_CHAIN=links
mkdir "$tmp/bin"
stand_in() { # NAME: a script on standard input
    { echo '#!/bin/sh' && echo "echo \"${1##*/} \$*\" >>\"\$calls\"" && cat; } >"$tmp/$1"
    chmod +x "$tmp/$1"
}
stand_in bin/scontrol <<'END'
[ "$1" = requeue ] || for task in 1 2; do echo "   Command=$batch"; done # as for an array
END
: | stand_in bin/scancel
: | stand_in bin/squeue
stand_in bin/sbatch <<'END'
[ "$(grep -c sbatch "$calls")" != 2 ] || { echo "sbatch: error: limit of jobs" >&2; exit 1; }
echo 41
END
# A start that is tried succeeds but for bindings named in $refused; the program itself is $play, else what it is.
stand_in bin/mpirun <<'END'
case "$*" in *"--bind-to ${refused:-never}"*) exit 1 ;; *" --version") exit 0 ;; esac
[ -z "${play:-}" ] || eval "$play"
while [ "$1" != "$HARDNEG" ]; do shift; done
exec "$@"
END
PATH=$tmp/bin:$PATH
job() { # SCRIPT [ARGUMENT...]: runs it as SLURM does; status $rc, words in $tmp/out, calls in $calls
    j_script=${1%.sh}.sh
    shift
    : >"$calls"
    # shellcheck disable=SC2016 # for the inner shell
    try env batch="$HN_TOP/jobs/$j_script" sh -c 'JOB=$$ exec bash "$@"' sh "$HN_TOP/jobs/$j_script" "$@"
}
called() { grep -c "^$1" "$calls"; }
ended() { # CODE WORDS WHAT: one line that says why, the chain ended, not requeued
    is "$rc $(grep -c . "$tmp/out") $(grep -c "^job: .*$2" "$tmp/out") $(called 'scancel .*--name=links') $(called 'scontrol requeue')" "$1 1 1 1 0" "$3"
}

# --- what cannot work ends the job, in one line, and the links that wait ---
for script in one-node nodes seeds; do
    job $script "$cfg"
    ended 64 "usage: sbatch .*jobs/$script.sh" "$script.sh without RUN"
done
job seeds "$cfg" "$tmp/run"
ended 64 "sbatch --array" "seeds.sh without an array"
HARDNEG_LAUNCH=rsh job nodes "$cfg" "$tmp/run"
ended 64 "HARDNEG_LAUNCH" "a launcher that we do not know"
HARDNEG=$tmp/none job nodes "$cfg" "$tmp/run"
ended 66 "no program $tmp/none" "a program that is not there"
: >"$tmp/file"
job nodes "$cfg" "$tmp/file/run" 2>"$tmp/err"
is "$rc $(grep -c "^job: cannot create" "$tmp/out") $(called 'scancel .*--name=links')" "73 1 1" "a run directory that cannot be"

# --- the codes ---
requeued() { # CODE WHAT: by a launcher that ends with CODE
    rm -rf "$tmp/code"
    play="exit $1" job nodes "$cfg" "$tmp/code"
    is "$(called 'scontrol requeue 7') $(called scancel)" "1 0" "$2 ($1): requeued"
}
requeued 75 "stopped on request"
requeued 69 "a rank lost"
requeued 137 "killed"
requeued 205 "a node lost"
for code in 1 65 79 132 139; do
    play="exit $code" job nodes "$cfg" "$tmp/run"
    echo "$rc $(grep -c "^job: exit $code: the same again" "$tmp/out") $(called scancel) $(called 'scontrol requeue')"
done >"$tmp/ends"
is "$(tr '\n' ';' <"$tmp/ends")" "1 1 1 0;65 1 1 0;79 1 1 0;132 1 1 0;139 1 1 0;" "others are not, and end the chain"
play='exit 73' job nodes "$cfg" "$tmp/run"
is "$rc $(grep -c '^job: exit 73: ' "$tmp/out") $(called scancel) $(called 'scontrol requeue')" "73 1 0 0" \
    "another run holds the directory: not requeued, and the links that wait stay"
for n in 1 2 3; do play='exit 69' HARDNEG_ATTEMPTS=2 job nodes "$cfg" "$tmp/again"; done
is "$rc $(grep -c '2 restarts brought no new checkpoint' "$tmp/out") $(called 'scontrol requeue')" "69 1 0" "two restarts without a checkpoint: not again"

# --- a signal that comes as the program ends does not change how it ended ---
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    # shellcheck disable=SC2016 # for the stand-in
    play='trap "" USR1; kill -USR1 $JOB; exit 0' job nodes "$cfg" "$tmp/run"
    echo "$rc $(called 'scontrol requeue')"
done >"$tmp/ends"
is "$(sort "$tmp/ends" | uniq -c | sed 's/^ *//')" "20 0 0" "warned while it ends: a finished run is finished"
# shellcheck disable=SC2016 # for the stand-in
play='trap "sleep 0.3; exit 75" USR1; kill -TERM $JOB; kill -TERM $PPID; kill -CONT $JOB; while :; do sleep 0.05; done' job nodes "$cfg" "$tmp/run"
is "$(grep -c '^job: exit 75, .*requeued' "$tmp/out")" 1 "TERM and CONT to the job: the program is told by USR1, and waited for, whoever of its shells gets them"

# --- --max-minutes ends a job ---
mkdir "$tmp/set"
"$HN_TOP/tests/make-idx" "$tmp/set" 160 40
"$hardneg" import idx "$tmp/set" "$tmp/x.h5" >/dev/null || exit 1
job nodes "$cfg" "$tmp/minutes" --set data.path="$tmp/x.h5" --max-minutes 0.000001
is "$rc $(grep -c '^job: exit 75: --max-minutes are over' "$tmp/out") $(called 'scontrol requeue') $(called scancel)" "75 1 0 0" "--max-minutes: ends, is not requeued"
# shellcheck disable=SC2016 # for the stand-in
play='for i in 1 2; do echo later >>"$run/log.txt"; done; exit 75' run=$tmp/minutes job nodes "$cfg" "$tmp/minutes"
is "$(called 'scontrol requeue')" 1 "a later life that is stopped for another reason is requeued"
job nodes "$cfg" "$tmp/minutes" --set data.path="$tmp/x.h5"
is "$rc" 0 "the same line goes on to the end"

# --- binding, and starts that fail ---
bound() { sed -n "s|^mpirun --quiet \(.*\) $HARDNEG train.*|\1|p" "$calls"; }
export SLURM_CPUS_PER_TASK=4
play='exit 0' job nodes "$cfg" "$tmp/run"
is "$(bound)" "--map-by slot:PE=4 --bind-to core" "each rank gets its cores"
play='exit 0' refused=core job nodes "$cfg" "$tmp/run"
is "$(bound)" "--use-hwthread-cpus --map-by slot:PE=4 --bind-to hwthread" "or its hardware threads"
play='exit 0' HARDNEG_BIND="--bind-to socket" job nodes "$cfg" "$tmp/run"
is "$(bound)" "--bind-to socket" "or what HARDNEG_BIND says"
rm "$tmp/bin/mpirun"
: | stand_in cores
cat >>"$tmp/cores" <<'END'
[ "$1" = train ] && grep Cpus_allowed_list /proc/self/status
exit 0
END
echo "localhost slots=2" >"$tmp/hosts"
export OMPI_MCA_orte_default_hostfile="$tmp/hosts" HARDNEG="$tmp/cores"
unset OMPI_MCA_hwloc_base_binding_policy
SLURM_CPUS_PER_TASK=1 job nodes "$cfg" "$tmp/run"
lists=$(grep Cpus_allowed "$tmp/out" | sort -u | grep -c .)
grep -q "bound to cores of its own" "$tmp/out" || lists="$lists, $(grep -c 'ranks are not bound' "$tmp/out")"
case "$rc, $lists" in "0, 2" | "0, 1, 1") ;; *) rc=1 ;; esac
ok $rc "mpirun itself: two ranks on cores of their own, or it is said that they are not ($lists)"
SLURM_CPUS_PER_TASK=100000 job nodes "$cfg" "$tmp/run"
is "$rc $(grep -c Cpus_allowed "$tmp/out") $(grep -c 'ranks are not bound' "$tmp/out") $(grep -c . "$tmp/out")" "0 2 1 3" "more cores than there are: unbound, said, started"
HARDNEG_BIND="--map-by slot:PE=100000 --bind-to core" job nodes "$cfg" "$tmp/run"
is "$rc $(grep -c '^job: mpirun does not start' "$tmp/out") $(grep -ci 'binding' "$tmp/out") $(called scancel)" "1 1 1 1" "a binding that cannot be: mpirun's own words"
printf '#!/none/such\n' >"$tmp/cores"
job nodes "$cfg" "$tmp/run"
grep -q "^job: mpirun does not start $tmp/cores" "$tmp/out" && grep -q "unable to start the specified application" "$tmp/out"
is "$?, $(called scancel)" "0, 1" "a program that cannot be started: mpirun's own words"
HARDNEG=$hardneg

# --- where the scripts are ---
mkdir -p "$tmp/a folder" "$tmp/spool"
cp -r "$HN_TOP/jobs" "$tmp/a folder/jobs"
cp "$HN_TOP/jobs/nodes.sh" "$tmp/spool/slurm_script"
spooled() { try env "$1" HARDNEG_LAUNCH=rsh bash "$tmp/spool/slurm_script" "$cfg" "$tmp/run"; }
spooled batch="$tmp/a folder/jobs/nodes.sh"
is "$rc" 64 "a folder with a space: common.sh is found where the script was"
spooled batch="$tmp/a folder/jobs/nodes.sh $cfg $tmp/run"
is "$rc" 64 "also where SLURM tells the arguments, too"
spooled batch=
is "$rc $(grep -c '^job: no common.sh in .*HARDNEG_JOBS' "$tmp/out")" "66 1" "not found: said, and what to do"
spooled HARDNEG_JOBS="$tmp/a folder/jobs"
is "$rc" 64 "HARDNEG_JOBS says where"

# --- a chain is whole, or nothing of it is left ---
: >"$calls"
try bash "$HN_TOP/jobs/chain.sh" 3 -A project "$HN_TOP/jobs/nodes.sh" "$cfg" "$tmp/run"
name=$(sed -n '1s/^chain: //p' "$tmp/out")
is "$rc $(called "scancel --name=$name\$") $(called sbatch) $(grep -c 'none is left' "$tmp/out")" "1 1 2 1" "the second link is refused: the first goes, too"
try bash "$HN_TOP/jobs/chain.sh" 2 "$HN_TOP/jobs/nodes.sh" "$cfg" "$tmp/run"
is "$rc $(called 'scancel') $(tail -n 1 "$calls" | sed "s/hardneg-chain-[0-9-]* //;s| $HN_TOP.*||")" \
    "0 1 sbatch --parsable --job-name=--no-requeue --dependency=afternotok:41 --kill-on-invalid-dep=yes" "each link waits for the one before"
done_testing
