# Ranks that stop, die or hang: the job ends by itself in its time-out, with one line that names the rank, and leaves nothing
# behind; one that only naps, or is slow, is let be.
. "$HN_TOP/tests/lib.sh"
plan 28

mkdir "$tmp/set" "$tmp/mpi"
"$HN_TOP/tests/make-idx" "$tmp/set" 160 40
"$hardneg" import idx "$tmp/set" "$tmp/x.h5" >/dev/null || exit 1
export OMPI_MCA_orte_tmpdir_base="$tmp/mpi" OMPI_MCA_btl_vader_backing_directory="$tmp/mpi"
cfg=$HN_TOP/tests/train/tiny.cfg
say=$tmp/said
stall=0.05 # minutes

begin() { # RUN ARGUMENT...: starts the run on three ranks, waits for its first row of metrics; $job, $rank_0 .. $rank_2
    b_run=$tmp/$1
    shift
    timeout -k 5 100 mpirun --quiet --oversubscribe --bind-to none -n 3 "$hardneg" train "$cfg" -o "$b_run" \
        --set data.path="$tmp/x.h5" --set run.threads=1 --set run.stall_minutes=$stall --set run.epochs=1000000 \
        --set run.log_every=1 --set ckpt.every_epochs=1000 "$@" >"$say" 2>&1 </dev/null &
    job=$!
    until [ -s "$b_run/metrics.jsonl" ]; do sleep 0.05; kill -0 $job 2>/dev/null || return 0; done
    find_ranks
}
find_ranks() {
    rank_0='' rank_1='' rank_2=''
    for f in /proc/[0-9]*/environ; do
        p=${f#/proc/}
        p=${p%/environ}
        [ "$(readlink "/proc/$p/exe" 2>/dev/null)" = "$(readlink -f "$hardneg")" ] || continue
        k=$(tr '\0' '\n' <"$f" 2>/dev/null | grep -c "^OMPI_MCA_orte_tmpdir_base=$tmp/mpi\$") || continue
        [ "$k" = 1 ] || continue
        k=$(tr '\0' '\n' <"$f" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')
        [ -z "$k" ] || eval "rank_$k=$p"
    done
}
pid_of() { eval "echo \$rank_$1"; }
ended() { # waits; $rc, and seconds since $since
    rc=0
    wait $job || rc=$?
    took=$(($(date +%s) - since))
}
lines() { grep -c "$1" "$say" || true; }
nothing_left() {
    find_ranks
    echo "$rank_0$rank_1$rank_2$(find "$tmp/mpi" -mindepth 1)"
}

# --- stopped, in training ---
for r in 0 1 2; do
    begin "stop-$r"
    since=$(date +%s)
    kill -STOP "$(pid_of $r)"
    ended
    cp "$say" "$tmp/out"
    is "$rc $(lines "^hardneg: rank $r (host $(uname -n), process $(pid_of $r)) has given no sign of life.* in step [0-9]*, [a-z]")" \
        "69 1" "rank $r stopped: it is named, exit 69"
    is "$(lines 'the same command goes on')" 1 "in one line"
    [ $took -le 8 ]
    ok $? "in time ($took s)"
    is "$(nothing_left)" "" "nothing is left"
done

# --- killed ---
for r in 0 1 2; do
    begin "kill-$r"
    since=$(date +%s)
    kill -KILL "$(pid_of $r)"
    ended
    cp "$say" "$tmp/out"
    is "$rc $(lines "rank $r (host .*) was lost in step [0-9]*, [a-z]") $(lines 'the same command goes on')" "137 1 1" \
        "rank $r killed: it is named in one line, mpirun's exit code"
    [ $took -le 5 ]
    ok $? "in seconds ($took s)"
    is "$(nothing_left)" "" "nothing is left"
done

# --- stopped in an evaluation, which comes after each step and is most of the time ---
begin eval --set eval.every_epochs=0.2
since=$(date +%s)
kill -STOP "$rank_1"
ended
cp "$say" "$tmp/out"
is "$rc $(lines 'rank 1 .* no sign of life')" "69 1" "stopped between and in evaluations"

# --- naps, and a whole job that is stopped for longer than its time-out ---
begin nap
for _ in 1 2 3; do
    kill -STOP "$rank_2"
    sleep 1.2
    kill -CONT "$rank_2"
    sleep 0.3
done
kill -0 $job
ok $? "short stops are let be"
kill -STOP "$rank_0" "$rank_1" "$rank_2"
sleep 5
kill -CONT "$rank_0" "$rank_1" "$rank_2"
sleep 1
kill -0 $job
ok $? "and a long one of all ranks, as of a suspended job"
kill -USR1 "$rank_1"
since=$(date +%s)
ended
is "$rc $(lines "stopped on request")" "75 1" "which then stops as usual"

# --- off ---
stall=0
begin off
kill -STOP "$rank_1"
sleep 5
kill -0 $job
ok $? "run.stall_minutes = 0: nobody is accused"
kill -CONT "$rank_1"
kill -USR1 "$rank_1"
since=$(date +%s)
ended
is "$rc" 75 "and a stopped rank goes on"
is "$(nothing_left)" "" "nothing is left"
done_testing
