# TERM, INT, HUP and KILL to mpirun itself: it kills its ranks within seconds, or leaves them to end by themselves.
# What is promised then: a good checkpoint, a resume with the same bits, no process and no file of MPI left behind.  USR1: all stop after
# the same step, saved, and our line is the last.
. "$HN_TOP/tests/lib.sh"
plan 14

mkdir "$tmp/set" "$tmp/mpi"
"$HN_TOP/tests/make-idx" "$tmp/set" 160 40
"$hardneg" import idx "$tmp/set" "$tmp/x.h5" >/dev/null || exit 1
export OMPI_MCA_orte_tmpdir_base="$tmp/mpi" OMPI_MCA_btl_vader_backing_directory="$tmp/mpi"

train() { # RUN ARGUMENT...
    t_run=$1
    shift
    exec "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$t_run" --set data.path="$tmp/x.h5" --set run.threads=1 \
        --set run.epochs=1000000 --set ckpt.every_epochs=0 --set ckpt.every_steps=3 --set run.stall_minutes=0.05 "$@"
}
begin() { # RUN: three ranks, which have saved; $job
    b_run=$1
    set -- "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$b_run" --set data.path="$tmp/x.h5" --set run.threads=1 \
        --set run.epochs=1000000 --set ckpt.every_epochs=0 --set ckpt.every_steps=3 --set run.stall_minutes=0.05
    mpirun --quiet --oversubscribe --bind-to none -n 3 "$@" >"$tmp/out" 2>&1 </dev/null &
    job=$!
    until [ -n "$(ls "$tmp/$b_run/checkpoints" 2>/dev/null)" ]; do sleep 0.05; kill -0 $job 2>/dev/null || return 0; done
}
left() { # ranks that live, and files of MPI
    grep -lsa "OMPI_MCA_orte_tmpdir_base=$tmp/mpi" /proc/[0-9]*/environ | while read -r f; do
        p=${f#/proc/}
        [ "$(readlink "/proc/${p%/environ}/exe" 2>/dev/null)" = "$(readlink -f "$hardneg")" ] && echo "process ${p%/environ}"
    done
    find "$tmp/mpi" -mindepth 1
}
nothing_left() {
    n=300
    until [ -z "$(left)" ] || [ $n = 0 ]; do sleep 0.1; n=$((n - 1)); done
    left
}
result() { "$hardneg" hash "$tmp/$1" 2>&1 | cut -d' ' -f1,3-; }
same() { # RUN: goes on for a few steps on two ranks; the bits are those of a run alone
    from=$(result "$1")
    to=$((${from##* } + 4))
    ranks 2 "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$1" --set data.path="$tmp/x.h5" --set run.threads=1 \
        --set run.epochs=1000000 --steps $to >"$tmp/out" 2>&1
    rm -rf "$tmp/alone"
    (train alone --steps $to) >"$tmp/alone.out" 2>&1
    is "$(result "$1")" "$(result alone)" "$2: resumed from step ${from##* }, with the same bits"
}

for signal in TERM INT HUP; do
    begin "$signal"
    kill -$signal $job
    rc=0
    wait $job || rc=$?
    [ $rc != 0 ]
    ok $? "$signal to mpirun: it ends with $rc"
    is "$(nothing_left)" "" "$signal to mpirun: no process, no file is left"
    same "$signal" "$signal to mpirun"
done

# Killed, mpirun cleans nothing up; its ranks see that it is gone and end by themselves.
begin KILL
(kill -KILL $job; wait $job) 2>/dev/null
n=300
until [ -z "$(left | grep process)" ] || [ $n = 0 ]; do sleep 0.1; n=$((n - 1)); done
is "$(left | grep process)" "" "KILL to mpirun: no process is left"
rm -rf "${tmp:?}/mpi"/*
same KILL "KILL to mpirun"

begin USR1
kill -USR1 $job
rc=0
wait $job || rc=$?
is "$rc, $(tail -n 1 "$tmp/out" | grep -c 'stopped on request after step [0-9]* of .*, saved')" "75, 1" "USR1 to mpirun: 75, and our line is the last"
is "$(nothing_left)" "" "USR1 to mpirun: no process, no file is left"
same USR1 "USR1 to mpirun"
done_testing
