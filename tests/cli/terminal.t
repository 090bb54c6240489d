#!/bin/sh
# On a terminal: one line is rewritten, words stand alone on theirs, and log.txt gets what it gets elsewhere.
. "$HN_TOP/tests/lib.sh"
plan 6

if ! script -qec true "$tmp/none" >/dev/null 2>&1 </dev/null; then
    for i in 1 2 3 4 5 6; do count=$i; echo "ok $i # SKIP no pseudo-terminal for script(1) here"; done
    done_testing
    exit 0
fi
"$HN_TOP/tests/make-idx" "$tmp" 64 32
"$hardneg" import idx "$tmp" "$tmp/tiny.h5" >"$tmp/out" 2>&1 || exit 1
train() { # RUN: a file of a dead process is found after the first save, while the line is open
    mkdir -p "$tmp/$1/checkpoints"
    : >"$tmp/$1/checkpoints/.x.h5.$(hostname).99999999.tmp"
    echo "'$hardneg' train '$HN_TOP/tests/train/tiny.cfg' -o '$tmp/$1' --set data.path='$tmp/tiny.h5'"
}
# log.txt without times of day, speeds and places, sorted: a save is said when its thread is done
plain() { sed "s/^[^ ]* [^ ]* //; s|$tmp/[a-z]*/||g; s/[0-9]* pairs.*//" "$tmp/$1/log.txt" | sort; }

env -u OMPI_COMM_WORLD_SIZE script -qec "$(train seen)" "$tmp/screen" >/dev/null </dev/null
is $? 0 "a run on a terminal"
sh -c "$(train unseen)" >"$tmp/out" 2>&1
plain unseen | grep -v "run directory" >"$tmp/wanted"
plain seen | grep -v "run directory" | diff "$tmp/wanted" - >"$tmp/out" 2>&1
ok $? "its log.txt is that of a run elsewhere"
is "$(grep -c "epoch [12]/2 step" "$tmp/seen/log.txt") $(grep -c " saved " "$tmp/seen/log.txt")" "4 2" "steps and saves are in it"
# The screen as lines: what was cleared is gone.
tr -d '\r' <"$tmp/screen" | sed "s/.*$(printf '\033')\\[K//" >"$tmp/lines"
is "$(grep -c "^hardneg: .*saved\|^hardneg: epoch ./. step" "$tmp/lines")" 0 "they are not on the screen, the progress line is there"
grep -q "^hardneg: removed .*99999999.tmp" "$tmp/lines"
ok $? "a word said while the progress line is open"
is "$(grep -v "^hardneg: " "$tmp/lines" | grep "hardneg: ")" "" "and none is glued to the line"
done_testing
