# SIGSTOP and SIGKILL of one of three ranks at random instants of a short run, from MPI's start over steps, evaluations and
# saves to its end: hangs.sh [HOW MANY] [SEED].  The job ends by itself, the line that names a rank names the right one, and
# nothing is left.
. "$HN_TOP/tests/torture/lib.sh"
. "$HN_TOP/tests/ranks.sh"
many=${1:-60} seed=${2:-1}
export HARDNEG_STALL_MINUTES=$stall # before the config has been read
life() { begin "$1" --set run.epochs=6 --set eval.every_epochs=0.2 --set ckpt.every_steps=2 --set ckpt.keep=2; }
now() { date +%s%N | sed 's/......$//'; } # milliseconds
three_pids() { [ -s "$tmp/$1.pid0" ] && [ -s "$tmp/$1.pid1" ] && [ -s "$tmp/$1.pid2" ]; }
stopped=0 killed=0 whole=0 over=0 slowest=0 longest=0 silent=0 wrong=0 orphans=0 files=0 mpirun=0

judge() { # NAME SIGNAL RANK
    lines=$(grep -c 'the run ends, the same command goes on' "$tmp/out")
    right=$(grep -c "^hardneg: rank $3 .*the run ends, the same command goes on" "$tmp/out")
    # Who waits in MPI's own start or end cannot know for whom, nor whether another has spoken.
    blind=$(grep -c "has been stuck for .* \(starting\|leaving\) MPI" "$tmp/out")
    [ "$lines" -gt 0 ] || silent=$((silent + 1))
    if [ "$lines" -gt 1 ] && [ "$blind" -lt "$lines" ] || [ $((right + blind)) -lt "$lines" ]; then
        wrong=$((wrong + 1))
        lose "$1: $2 of rank $3: another line"
    fi
    case "$2 $rc" in
    "STOP 69") stopped=$((stopped + 1)) ;;
    "KILL 137" | "KILL 69") killed=$((killed + 1)) ;;
    *) lose "$1: $2 of rank $3: status $rc" ;;
    esac
    if [ "$2" = STOP ]; then [ "$took" -le "$slowest" ] || slowest=$took; else [ "$took" -le "$longest" ] || longest=$took; fi
}
# A rank that has left MPI and is stopped before its end: all is done, nobody watches any more.
done_but() { three_pids "$1" && grep -q "saved .*step-00000030" "$tmp/$1.said" && [ "$(ls "$tmp/$1/checkpoints" 2>/dev/null | grep -c '^step')" = 2 ]; }
# Open MPI's own: a rank that is killed in its first words with mpirun can leave mpirun waiting for the rest of them.
mpirun_alone() { grep -q "PMIX ERROR: UNREACHABLE" "$tmp/$1.said" && ! left "$1" | grep -q '^rank'; }

tiny
started=$(now)
life probe
ended probe
span=$(($(now) - started))
n=0
for part in $(randoms "$many" 1050 "$seed"); do
    n=$((n + 1))
    run=run$n rank=$((n % 3)) signal=KILL
    [ $((n % 2)) = 0 ] || signal=STOP
    life $run
    until three_pids $run; do sleep 0.01; done
    sleep "$(awk "BEGIN { print $span * $part / 1e6 }")"
    if ! hurt $run $signal $rank 2>/dev/null; then
        ended $run
        whole=$((whole + 1))
        [ "$rc" = 0 ] || lose "$run: nobody hurt it: status $rc"
    else
        for i in $(seq 150); do
            lives $run || break
            sleep 0.1
        done
        if lives $run && done_but $run; then
            over=$((over + 1))
            kill -CONT "$(pid $run $rank)"
            ended $run
            [ "$rc" = 0 ] || lose "$run: stopped at its very end, went on: status $rc"
        elif lives $run && mpirun_alone $run; then
            mpirun=$((mpirun + 1))
            lose "$run: mpirun itself stayed, without ranks"
            kill -KILL "$(pid $run)"
            ended $run
            rm -rf "$tmp/$run.mpi"
            continue
        else
            ended $run
            if [ "$rc" = 0 ]; then whole=$((whole + 1)); else judge $run $signal $rank; fi
        fi
    fi
    l=$(left $run)
    case "$l" in *rank*) orphans=$((orphans + 1)) && lose "$run: $signal of rank $rank: $l" ;; *?*) files=$((files + 1)) && lose "$run: $signal of rank $rank: $l" ;; esac
    rm -rf "${tmp:?}/$run"
done
echo "hangs: of $n runs of three ranks (seed $seed), $stopped stopped in one and ended within $slowest s of a time-out of 3 s, $killed lost one and ended within $longest s ($silent without a line, at their start), $whole were over before, $over stopped when all was done, $mpirun left mpirun itself waiting; wrong lines $wrong, orphans $orphans, files left $files; $lost lost"
[ "$lost" = 0 ]
