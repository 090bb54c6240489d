# Disks that fill, fail, are read-only or vanish: said, tried again, nothing lost; and parts of tools/torture in small.
. "$HN_TOP/tests/torture/lib.sh"
plan 24

tiny 2
reference
faulty() { # SHIM RUN ARGUMENT...
    f_shim=$1
    shift
    rc=0
    (export SHIM="$f_shim" LD_PRELOAD="$build/shim.so"; train "$@") >"$tmp/out" 2>&1 || rc=$?
}
failed() { grep -c "no checkpoint of step .*$1" "$tmp/out"; }

# A save on the way that fails is said and tried again.
faulty write:2:4:ENOSPC full
is "$rc $(failed 'No space left on device.*the next interval tries again')" "0 3" "three saves on a full disk are said, training goes on"
is "$(result full)" "$whole" "and ends in the bits of a run without"
faulty write:2:30:SHORT short
is "$rc $(failed .) $(result short)" "0 0 $whole" "short writes are continued"
(export SHIM_LOG="$tmp/calls"; faulty none:0:0:NONE synced)
is "$(grep -B 3 renameat "$tmp/calls" | grep -c fdatasync)" "$(grep -c renameat "$tmp/calls")" "rows of metrics are synced before each checkpoint is put in place"
faulty fsync:2:2:EDQUOT quota # the first is the folder's above
is "$rc $(failed 'Disk quota exceeded') $(result quota)" "0 1 $whole" "a quota"
faulty remove:1:99:EIO sticky
is "$rc $(failed .) $(result sticky)" "0 0 $whole" "an old checkpoint that cannot be deleted is no failure"
grep -q "cannot be deleted: Input/output error" "$tmp/out"
ok $? "but said"

# Rows that waited are in the file before a save that works, not with the next row, which here never comes.
faulty '*append:1:2:ENOSPC' rows --set run.log_every=5 --steps 7
is "$rc $(grep -c '"step":5,' "$tmp/rows/metrics.jsonl") $(grep -c 'no row is lost' "$tmp/out")" "0 1 1" \
    "a save tries again to write the rows that wait"

# A disk that is slow: every sync takes a second, the save two, and steps are made meanwhile.
faulty fsync:2:99:WAIT1000 slow --set ckpt.every_steps=6 --set ckpt.every_epochs=0
is "$rc $(result slow) $(tr ',}' '\n\n' <"$tmp/slow/metrics.jsonl" | sed -n 's/^"s_saving"://p' | awk '$1 < 1 { n++ } END { print n + 0 }')" "0 $whole 10" \
    "steps do not wait for a slow disk while a save is in flight"

# Where no save works any more the checkpoint before is intact, and the status says so.
for what in fsync:EIO:"Input/output error" renameat:EIO:"Input/output error" openat:EROFS:"Read-only file system"; do
    call=${what%%:*} text=${what##*:}
    error=${what#*:}
    train "$call" --steps 4 >"$tmp/out" 2>&1
    faulty "$call:1:999:${error%:*}" "$call"
    is "$rc $(grep -c "the last checkpoint could not be written: .*$text" "$tmp/out") $(good_step "$call")" "74 1 4" "$call fails for good: one line, 74, the checkpoint before is there"
    train "$call" >"$tmp/out" 2>&1
    is "$(result "$call")" "$whole" "and the run goes on from it with the same bits"
done

# No room at all: said at the start, nothing begun.
mkdir "$tmp/disk"
if mount -t tmpfs -o size=256k none "$tmp/disk" 2>/dev/null; then
    trap 'umount -l "$tmp/disk"; rm -rf "$tmp"' EXIT
    head -c 240000 /dev/zero >"$tmp/disk/ballast"
    refused 73 "KiB free" "a file system without room for one is said at the start" train disk/run
    rm "$tmp/disk/ballast"
    train disk/run --steps 4 >"$tmp/out" 2>&1
    head -c 1000000 /dev/zero >"$tmp/disk/ballast" 2>/dev/null
    try train disk/run
    is "$rc $(good_step disk/run)" "73 4" "a full one, too, when a run is to go on"
    rm "$tmp/disk/ballast"
    train disk/run >"$tmp/out" 2>&1
    is "$(result disk/run)" "$whole" "which it does when there is room again"
    head -c 1000000 /dev/zero >"$tmp/disk/ballast" 2>/dev/null
    truncate -s -20480 "$tmp/disk/ballast" # room for a few lines
    try train disk/run
    is "$rc $(grep -c 'done already' "$tmp/out")" "0 1" "a finished run needs no room"
    rm -r "$tmp/disk/run"
    mount -o remount,size=2m "$tmp/disk"
    epochs=80
    rm -rf "$tmp/whole"
    reference
    start disk/run >"$tmp/out" 2>&1 &
    pid=$!
    until [ -s "$tmp/disk/run/metrics.jsonl" ] || ! kill -0 $pid; do sleep 0.05; done
    until grep -q "rows wait in memory" "$tmp/out" || ! kill -0 $pid; do
        head -c 100000 /dev/zero >>"$tmp/disk/ballast"
    done 2>/dev/null
    rm "$tmp/disk/ballast"
    rc=0
    wait $pid || rc=$?
    "$hardneg" fsck "$tmp/disk/run" >"$tmp/fsck" || rc=fsck
    is "$rc $(result disk/run) $(grep -c 'rows wait' "$tmp/out") $(grep -c '400 rows, steps 1 to 400 without a gap' "$tmp/fsck")" "0 $whole 1 1" \
        "one that is full for a while costs no row of metrics"
else
    for i in 1 2 3 4 5; do ok 0 "a small file system # SKIP mounting needs root"; done
fi

# Folders that vanish under a run.
if [ "$epochs" != 80 ]; then
    epochs=80
    rm -rf "$tmp/whole"
    reference
fi
vanish() { # WHAT of run $1 goes once it has saved
    start "$1" >"$tmp/out" 2>&1 &
    pid=$!
    for i in $(seq 200); do [ "$(good_step "$1")" -gt 0 ] && break; sleep 0.05; done
    mv "$tmp/$1$2" "$tmp/away-$1" # in one instant, whatever is being written there
    rc=0
    wait $pid || rc=$?
}
vanish gone1 /checkpoints
is "$rc $(result gone1)" "0 $whole" "a folder of checkpoints that vanishes is made again"
vanish gone2 ""
is "$rc $(grep -c 'the last checkpoint could not be written: .*checkpoints' "$tmp/out")" "74 1" "a run directory that vanishes: one line, 74"

sh "$HN_TOP/tests/torture/kills.sh" 4 1 >"$tmp/out" 2>&1
ok $? "$(tail -n 1 "$tmp/out")"
sh "$HN_TOP/tests/torture/calls.sh" 8 1 >"$tmp/out" 2>&1
ok $? "$(tail -n 1 "$tmp/out")"
done_testing
