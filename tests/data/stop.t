#!/bin/sh
# An import that gets TERM or INT leaves nothing behind.  It is held at its labels, a pipe, until it has got the signal.
. "$HN_TOP/tests/lib.sh"
plan 6

mkdir "$tmp/set"
"$HN_TOP/tests/make-idx" "$tmp/set" 64 32
mv "$tmp/set/train-labels-idx1-ubyte" "$tmp/labels"
mkfifo "$tmp/set/train-labels-idx1-ubyte"
for signal in TERM INT; do
    "$hardneg" import idx "$tmp/set" "$tmp/x.h5" >"$tmp/out" 2>&1 &
    pid=$!
    exec 3>"$tmp/set/train-labels-idx1-ubyte" # waits for the reader
    kill -$signal "$pid"
    cat "$tmp/labels" >&3
    exec 3>&-
    rc=0
    wait "$pid" || rc=$?
    is "$rc $(grep -c "nothing is kept" "$tmp/out")" "75 1" "$signal: exit 75 and a line"
    is "$(find "$tmp" -maxdepth 1 -name '*x.h5*')" "" "nothing is left"
done

# CIFAR's first reading, which writes nothing yet.
records() { head -c "$1" /dev/zero | tr '\000' '\001'; } # of class 1
mkfifo "$tmp/data_batch_1.bin"
timeout 100 "$hardneg" import cifar10 "$tmp/data_batch_1.bin" "$tmp/x.h5" >"$tmp/out" 2>&1 &
pid=$!
exec 3>"$tmp/data_batch_1.bin"
records 307300 >&3 # it reads on
kill -TERM "$pid"            # timeout passes it on
(records 3073000 >&3) 2>"$tmp/which" || true
exec 3>&-
rc=0
wait "$pid" || rc=$?
is "$rc $(grep -c "stopped on request while it was checked; nothing is kept" "$tmp/out")" "75 1" "the first reading of CIFAR: exit 75 and a line"
is "$(find "$tmp" -maxdepth 1 -name '*x.h5*')" "" "nothing is left"
done_testing
