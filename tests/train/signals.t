# Whatever asks one rank to stop stops all after the same step: saved, exit 75, in every part of a run.
. "$HN_TOP/tests/lib.sh"
plan 20

mkdir "$tmp/set" "$tmp/mpi"
"$HN_TOP/tests/make-idx" "$tmp/set" 160 40
"$hardneg" import idx "$tmp/set" "$tmp/x.h5" >/dev/null || exit 1
export OMPI_MCA_orte_tmpdir_base="$tmp/mpi" OMPI_MCA_btl_vader_backing_directory="$tmp/mpi"
cfg=$HN_TOP/tests/train/tiny.cfg
endless="--set run.epochs=1000000 --set run.log_every=1 --set ckpt.every_epochs=100000"

train() { # RUN ARGUMENT...
    t_run=$1
    shift
    exec "$hardneg" train "$cfg" -o "$tmp/$t_run" --set data.path="$tmp/x.h5" --set run.threads=1 "$@"
}
begin() { # RUN ARGUMENT...: three ranks; returns when they train
    b_run=$1
    shift
    # shellcheck disable=SC2086 # words
    mpirun --quiet --oversubscribe --bind-to none -n 3 "$hardneg" train "$cfg" -o "$tmp/$b_run" \
        --set data.path="$tmp/x.h5" --set run.threads=1 $endless "$@" >"$tmp/out" 2>&1 </dev/null &
    job=$!
    until [ -s "$tmp/$b_run/metrics.jsonl" ]; do sleep 0.05; kill -0 $job 2>/dev/null || return 0; done
}
rank() { # K: its process
    for f in /proc/[0-9]*/environ; do
        p=${f#/proc/}
        p=${p%/environ}
        [ "$(readlink "/proc/$p/exe" 2>/dev/null)" = "$(readlink -f "$hardneg")" ] || continue
        tr '\0' '\n' <"$f" 2>/dev/null | grep -qx "OMPI_MCA_orte_tmpdir_base=$tmp/mpi" || continue
        tr '\0' '\n' <"$f" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" && echo "$p"
    done
}
# Exit code, lines about the end, and whether the last checkpoint is of the step that the line tells.
ended() { # RUN: in $got
    rc=0
    wait $job || rc=$?
    step=$(sed -n 's/.*stopped on request after step \([0-9]*\) .*/\1/p' "$tmp/out")
    last=$(ls "$tmp/$1/checkpoints" 2>/dev/null | tail -n 1 | sed 's/step-0*//; s/\.h5//')
    got="$rc $(grep -c 'stopped on request' "$tmp/out") $([ "${last:-0}" = "$step" ] && echo saved)"
}

k=0
for signal in USR1 USR2 TERM INT HUP; do
    begin "one-$signal"
    kill -$signal "$(rank $((k % 3)))"
    ended "one-$signal"
    is "$got" "75 1 saved" "$signal to rank $((k % 3)) alone"
    k=$((k + 1))
done
for signal in USR1 USR2; do
    begin "all-$signal"
    kill -$signal $job
    ended "all-$signal"
    is "$got" "75 1 saved" "$signal to mpirun"
done
begin burst
for _ in 1 2 3 4 5 6 7 8; do
    for r in 0 1 2; do
        p=$(rank $r)
        [ -z "$p" ] || kill -USR1 "$p" && kill -TERM "$p" && kill -INT "$p" && kill -CONT "$p"
    done 2>/dev/null
done
ended burst
is "$got" "75 1 saved" "bursts do no harm"
is "$(find "$tmp/mpi" -mindepth 1)" "" "and nothing is left of MPI"

# In warm-up: as soon as the handler is there, which is before MPI starts.
(train early) >"$tmp/out" 2>&1 &
job=$!
caught() { mask=$(sed -n 's/^SigCgt:.*\(....\)$/\1/p' "/proc/$job/status" 2>/dev/null); [ $((0x${mask:-0} & 0x200)) != 0 ]; }
until caught || ! kill -0 $job 2>/dev/null; do sleep 0.01; done
kill -USR1 $job
ended early
is "$got" "75 1 saved" "before MPI has started: nothing is lost"
grep -q "after step 0 of 10" "$tmp/out"
ok $? "and no step is done"

# A terminal that goes: a stop, unless under nohup; a reader that goes: nothing.
(trap '' HUP; train nohup --set run.epochs=1000000 --set run.log_every=1) >"$tmp/out" 2>&1 &
job=$!
until [ -s "$tmp/nohup/metrics.jsonl" ] || ! kill -0 $job 2>/dev/null; do sleep 0.01; done
kill -HUP $job
rows=$(grep -c . "$tmp/nohup/metrics.jsonl")
until [ "$(grep -c . "$tmp/nohup/metrics.jsonl")" -gt $((rows + 50)) ] || ! kill -0 $job 2>/dev/null; do sleep 0.01; done
kill -0 $job 2>/dev/null
ok $? "HUP under nohup: the run goes on"
kill -TERM $job
wait $job
{ (train pipe) 2>&1; echo $? >"$tmp/rc"; } | head -n 1 >/dev/null
is "$(cat "$tmp/rc") $("$hardneg" hash "$tmp/pipe" 2>&1 | cut -d' ' -f3-)" "0 step 10" "a reader of its words that goes away ends no run"

# Evaluations that a stop leaves out are made up for.
(train whole --set eval.every_epochs=0.2 --set run.epochs=4) >"$tmp/out" 2>&1
for n in 1 2 3; do
    (train parts --set eval.every_epochs=0.2 --set run.epochs=4) >"$tmp/out" 2>&1 &
    job=$!
    sleep 0.8
    kill -USR1 $job 2>/dev/null
    wait $job
done
(train parts --set eval.every_epochs=0.2 --set run.epochs=4) >"$tmp/out" 2>&1
evals() { sed -n 's/.*"kind":"eval"\(.*\)/\1/p' "$tmp/$1/metrics.jsonl"; }
evals whole >"$tmp/evals"
is "$(wc -l <"$tmp/evals") $(evals parts | cmp - "$tmp/evals" && echo same)" "20 same" "a run stopped on its way has the same evaluations"
is "$("$hardneg" hash "$tmp/parts")" "$("$hardneg" hash "$tmp/whole")" "and the same weights"

# An evaluation alone.
(exec "$hardneg" eval "$tmp/whole" --set eval.k=5) >"$tmp/out" 2>&1 &
job=$!
until caught || ! kill -0 $job 2>/dev/null; do sleep 0.01; done
kill -TERM $job
rc=0
wait $job || rc=$?
is "$rc $(grep -c 'stopped on request' "$tmp/out") $(grep -c knn_top1 "$tmp/out")" "75 1 0" "TERM to hardneg eval: exit 75, a line, no result"

# SLURM's end of the job: a quarter of a job of seconds is the margin.
now=$(date +%s)
# shellcheck disable=SC2086 # words
SLURM_JOB_END_TIME=$((now + 8)) timeout 30 "$hardneg" train "$cfg" -o "$tmp/slurm" --set data.path="$tmp/x.h5" --set run.threads=1 \
    $endless >"$tmp/out" 2>&1
rc=$?
took=$(($(date +%s) - now))
[ $rc = 75 ] && [ $took -ge 5 ] && [ $took -le 8 ]
ok $? "SLURM_JOB_END_TIME: stopped before ($took of 8 s, exit $rc)"
grep -q "SLURM ends this job" "$tmp/out"
ok $? "and said at the start"

# A file system that hangs: rank 0 names itself.
mkdir "$tmp/hang"
mkfifo "$tmp/hang/metrics.jsonl"
begin_time=$(date +%s)
rc=0
timeout -k 5 60 mpirun --quiet --oversubscribe --bind-to none -n 3 "$hardneg" train "$cfg" -o "$tmp/hang" --set data.path="$tmp/x.h5" \
    --set run.threads=1 --set run.stall_minutes=0.05 >"$tmp/out" 2>&1 </dev/null || rc=$?
is "$rc $(grep -c "rank 0 .* has been stuck for .* in step 0, looking for a checkpoint" "$tmp/out") $(grep -c 'goes on' "$tmp/out")" \
    "69 1 1" "a file system that hangs: rank 0 names itself and what it does"
[ $(($(date +%s) - begin_time)) -le 12 ]
ok $? "in time"
done_testing
