# Ranks that stop, die or hang: the job ends by itself in its time-out, with one line that names the rank, and leaves nothing
# behind; one that only naps, is slow, or waits for a slow file system is let be.
. "$HN_TOP/tests/lib.sh"
. "$HN_TOP/tests/ranks.sh"
plan 41

tiny
host=$(uname -n)
shim() { with="env SHIM=$1 LD_PRELOAD=$build/shim.so"; }
# One line, of this rank: the beginning, then step and phase.
named() { # NAME RANK WORDS
    echo "$(said 'the same command goes on') $(said "^hardneg: rank $2 (host $host, process $(pid "$1" "$2")) $3 in step [0-9]*, [a-z]")"
}

# --- stopped: in training, and in evaluations, which come after each step and are most of the time ---
for r in 0 1 2; do
    endless stop$r
    endless eval$r --set eval.every_epochs=0.2
    trains stop$r
    trains eval$r
    hurt stop$r STOP $r
    hurt eval$r STOP $r
    for run in stop$r eval$r; do
        ended $run
        is "$rc $(named $run $r 'has given no sign of life for [0-9]* s, last')" "69 1 1" "$run: it is named in one line, exit 69 ($took s)"
        [ $took -le 12 ]
        ok $? "in time"
        is "$(left $run)" "" "nothing is left"
    done
done

# --- killed ---
for r in 0 1 2; do endless kill$r; done
for r in 0 1 2; do
    trains kill$r
    hurt kill$r KILL $r
done
for r in 0 1 2; do
    ended kill$r
    is "$rc $(named kill$r $r 'was lost')" "137 1 1" "rank $r killed: it is named in one line, mpirun's exit code ($took s)"
    [ $took -le 8 ]
    ok $? "in seconds"
    is "$(left kill$r)" "" "nothing is left"
done

# --- a main thread that hangs while another thread of its process still writes (a page of a checkpoint each second) ---
shim "write:1:99:CRAWL1000"
program=$build/debug/hardneg
for r in 0 1; do
    export HN_INJECT="hang 5 $r"
    begin hang$r --set ckpt.every_steps=3
done
unset HN_INJECT
for r in 0 1; do
    ended hang$r
    is "$rc $(named hang$r $r 'has been stuck for [0-9]* s') $(said 'step 5, reading samples')" "69 1 1 1" "rank $r hangs: it names itself"
    is "$(ls "$tmp/hang$r/checkpoints" | grep -c '^step')" 0 "while a save was under way"
done
program=$hardneg

# --- file systems: slow ones are let be, in one long call and in many; a dead one is told, for its time-out is thrice as long ---
shim "fsync:2:2:WAIT6000"
begin late
shim "write:1:99:CRAWL500"
begin slow --set eval.every_epochs=1
shim "*pread:1:9999:WAIT400"
begin reads --set eval.every_epochs=1
shim "fsync:2:2:WAIT90000"
begin dead --set ckpt.every_steps=3
# Only rank 2 cannot read.
printf '#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" != 2 ] || export SHIM="*pread:2:2:WAIT90000" LD_PRELOAD="%s"\nexec "$@"\n' "$build/shim.so" >"$tmp/two"
with="sh $tmp/two"
begin deaf
for run in late slow reads; do
    ended $run
    is "$rc $(said 'goes on')" "0 0" "$run: a slow file system is let be"
done
ended dead
is "$rc $(named dead 0 'has been stuck for [0-9]* s') $(said "saving, waiting for $tmp/dead/checkpoints")" "69 1 1 1" "a dead one is told: rank 0 cannot write"
ended deaf
is "$rc $(named deaf 2 'has been stuck for [0-9]* s') $(said "waiting for $tmp/x.h5")" "69 1 1 1" "rank 2 cannot read"
with=

# --- naps; and a whole job, mpirun too, that is suspended for longer than its time-out ---
endless nap
stall=0
endless off
trains nap
trains off
kill -STOP "$(pid off 1)"
for _ in 1 2 3; do
    kill -STOP "$(pid nap 2)"
    sleep 1.2
    kill -CONT "$(pid nap 2)"
    sleep 0.3
done
lives nap
ok $? "short stops are let be"
for r in "" 0 1 2; do kill -STOP "$(pid nap $r)"; done
sleep 5
for r in "" 2 1 0; do kill -CONT "$(pid nap $r)"; done
sleep 1
lives nap
ok $? "and a long one of a whole job that was suspended"
kill -USR1 "$(pid nap 1)"
ended nap
is "$rc $(said "stopped on request")" "75 1" "which then stops as usual"
lives off
ok $? "run.stall_minutes = 0: nobody is accused"
kill -CONT "$(pid off 1)"
kill -USR1 "$(pid off 1)"
ended off
is "$rc$(left off)" 75 "and a stopped rank goes on"
done_testing
