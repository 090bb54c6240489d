# Silent errors: numbers that are not finite, and replicas that drift apart.  The faults are those of the debug build.
. "$HN_TOP/tests/lib.sh"
plan 19

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
    is "$rc $(said "step 7: the state of rank $odd .*go back to step 5")" "0 1" "a flipped bit on rank $odd of $n is found, the run goes back"
    is "$(hash "bit$n$odd")" "$whole" "and ends in the right bits"
done
try train 2 stop "bit 7 1" --set run.check_every=1 --set run.drift=stop
is "$rc $(said "rank 1 .*differs") $(hash stop | sed 's/.*step //')" "69 1 5" "run.drift stop: exit 69, good state stays"
try train 2 again "bits 7 1" --set run.check_every=1
is "$rc $(said 'go back to step 5') $(said 'not the first time; the last good state is step 5') $(grep -c '"kind":"step"' "$tmp/again/metrics.jsonl")" "69 3 1 7" \
    "a bit that flips again and again: back three times, then exit 69"
done_testing
