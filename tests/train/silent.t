# Silent errors: numbers that are not finite, and replicas that drift apart.  The faults are those of the debug build.
. "$HN_TOP/tests/lib.sh"
plan 22

debug=$build/debug/hardneg
"$HN_TOP/tests/make-idx" "$tmp" 160 40
"$hardneg" import idx "$tmp" "$tmp/tiny.h5" >/dev/null || exit 1
train() { # RANKS RUN FAULT ARGUMENT...
    t_ranks=$1 t_run=$2 t_fault=$3
    shift 3
    ranks "$t_ranks" env HN_INJECT="$t_fault" "$debug" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$t_run" \
        --set data.path="$tmp/tiny.h5" --set run.threads=1 "$@"
}
hash() { "$hardneg" hash "$tmp/$1"; }
said() { grep -c "$1" "$tmp/out"; }

# stop: the line says what, nothing is saved over good state, and going on ends in the bits of a run without the fault.
train 1 whole none >"$tmp/out" 2>&1
whole=$(hash whole)
for what in input gradient; do
    word='the input of sample [0-9]* is not finite; the last good state is step 5'
    [ $what = input ] || word='the gradient of [a-z0-9._]*weight is not finite; the last good state is step 5'
    for n in 1 3; do
        try train $n $what$n "$what 7 $((n / 2))"
        is "$rc $(said "step 7: $word") $(hash $what$n | sed 's/.*step //')" "79 1 5" "NaN in $what on $n ranks: exit 79, a line, step 5 stays"
    done
    train 2 ${what}3 none >"$tmp/out" 2>&1
    is "$(hash ${what}3)" "$whole" "and going on ends in the right bits"
done
try train 3 loss "loss 7 2"
is "$rc $(said 'step 7: the loss is not finite; the last good state is step 5') $(hash loss | sed 's/.*step //')" "79 1 5" \
    "NaN in the loss of a row of one rank: exit 79 on all, the line says loss"

# skip: counted, bounded, the same on any number of ranks; what is left is finite.
for n in 1 3; do
    try train $n skip$n "gradient 7 0" --set run.nonfinite=skip
    is "$rc $(said 'its update is skipped, 1 of 10') $(grep -c '"skipped":1' "$tmp/skip$n/metrics.jsonl")" "0 1 4" \
        "skip on $n ranks: goes on, said, counted in metrics"
done
is "$(hash skip3)" "$(hash skip1)" "and the bits are the same"
try train 2 skipped "input 7 1" --set run.nonfinite=skip
is "$rc $("$hardneg" eval "$tmp/skipped" | grep -c '^knn_top1 [01]\.')" "0 1" "a skipped step leaves running statistics that can be evaluated"
try train 1 wild none --set optim.lr=1000 --set optim.kind=adamw --set optim.weight_decay=1000 --set run.epochs=50 --set run.nonfinite=skip --set run.max_skips=3 --set ckpt.every_epochs=0
is "$rc $(said '3 updates were skipped before')" "79 1" "no more than run.max_skips: exit 79"

# A flipped bit: found before the save, the rank is named, the last checkpoint serves.
for case in "2 1" "3 0" "3 2"; do
    n=${case% *} odd=${case#* }
    try train "$n" "bit$n$odd" "bit 7 $odd" --set run.check_every=1
    word="the state of rank $odd (.*) differs"
    [ $n = 3 ] || word="the states of ranks 0 (.*) and 1 (.*) differ: memory or processor of one of them" # nobody can say which
    is "$rc $(said "step 7: $word.*go back to step 5")" "0 1" "a flipped bit on rank $odd of $n is found, the run goes back"
    is "$(hash "bit$n$odd")" "$whole" "and ends in the right bits"
done
try train 2 stop "bit 7 1" --set run.check_every=1 --set run.drift=stop
is "$rc $(said "ranks 0 .* and 1 .* differ") $(hash stop | sed 's/.*step //')" "69 1 5" "run.drift stop: exit 69, good state stays"
try train 2 again "bits 7 1" --set run.check_every=1
is "$rc $(said 'go back to step 5') $(said 'not the first time; the last good state is step 5') $(grep -c '"kind":"step"' "$tmp/again/metrics.jsonl")" "69 3 1 7" \
    "a bit that flips again and again: back three times, then exit 69"

# Compared before every save: also when a stop comes in an evaluation, and when samples cannot be read any more.
"$HN_TOP/tests/make-idx" "$tmp" 16000 40
"$hardneg" import idx "$tmp" "$tmp/long.h5" >/dev/null || exit 1
rare="--set run.check_every=1000000 --set ckpt.every_epochs=0 --set data.path=$tmp/long.h5 --set batch.size=256"
drifted='the states of ranks 0 (.*) and 1 (.*) differ.*nothing was saved yet'
saves() { find "$tmp/$1/checkpoints" -name '*.h5' 2>/dev/null | wc -l; }
# shellcheck disable=SC2086 # words
train 2 judged "bit 3 1" $rare --set eval.every_epochs=0.004 >"$tmp/out" 2>&1 & # after every step, longer than it
job=$!
until grep -qs '"step":4,' "$tmp/judged/metrics.jsonl"; do
    sleep 0.05
    kill -0 $job 2>/dev/null || break
done
kill -USR1 "$(sed -n 's/.*process \([0-9]*\).*/\1/p' "$tmp"/judged/lock.* | head -n 1)"
rc=0
wait $job || rc=$?
is "$rc $(said "$drifted") $(saves judged)" "69 1 0" "a stop in an evaluation saves no state that has drifted"
half=$(($(wc -c <"$tmp/long.h5") / 2))
printf 'xxxx' | dd of="$tmp/long.h5" bs=1 seek=$half conv=notrunc 2>/dev/null
# shellcheck disable=SC2086 # words
try train 2 unread "bit 28 1" $rare --set data.order=blocks --set data.group=1
is "$rc $(said "damaged: block .*$drifted") $(saves unread)" "65 1 0" "nor do samples that cannot be read"
done_testing
