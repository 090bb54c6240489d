# Every call to the system of one save: killed before it, after it, in the middle of a write; and each of them
# failing, one after the other: [HOW MANY of the cases, drawn at random; default all] [SEED].
. "$HN_TOP/tests/torture/lib.sh"
many=${1:-0} seed=${2:-1}
tiny 2
reference
train base --steps 4 >"$tmp/out" 2>&1 || exit 1
cp -r "$tmp/base" "$tmp/probe"
SHIM_LOG=$tmp/calls LD_PRELOAD=$build/shim.so train probe --steps 5 >"$tmp/out" 2>&1
calls=$(grep -c . "$tmp/calls")
for n in $(seq "$calls"); do
    call=$(sed -n "${n}p" "$tmp/calls")
    for what in KILL AFTER EIO ENOSPC EDQUOT; do echo "$n:$what:$call"; done
    [ "$call" != write ] || printf '%s\n' "$n:HALF:$call" "$n:SHORT:$call" "$n:EINTR:$call"
done >"$tmp/cases"
all=$(grep -c . "$tmp/cases")
if [ "$many" -gt 0 ]; then
    for i in $(randoms "$many" "$all" "$seed"); do sed -n "$((i + 1))p" "$tmp/cases"; done >"$tmp/some"
else
    cp "$tmp/cases" "$tmp/some"
fi
kills=0 errors=0 said=0
while IFS=: read -r n what call; do
    rm -rf "${tmp:?}/run"
    cp -r "$tmp/base" "$tmp/run"
    rc=0
    case $what in
    KILL | AFTER | HALF)
        kills=$((kills + 1))
        (SHIM=any:$n:$n:$what LD_PRELOAD=$build/shim.so train run --steps 5 >"$tmp/out" 2>&1) 2>/dev/null || rc=$?
        [ "$rc" = 137 ] || lose "$call, call $n of the save, $what: status $rc"
        now=$(good_step run)
        [ "$now" -ge 4 ] || lose "$call, call $n of the save, $what: step $now is left of 4"
        train run >"$tmp/out" 2>&1 || lose "$call, call $n, $what: cannot be resumed"
        ls "$tmp/run/checkpoints"/.*.tmp >/dev/null 2>&1 && lose "$call, call $n, $what: a temporary is left"
        ;;
    *)
        errors=$((errors + 1))
        SHIM=any:$n:$n:$what LD_PRELOAD=$build/shim.so train run >"$tmp/out" 2>&1 || rc=$?
        [ "$rc" = 0 ] || lose "$call, call $n of the save, fails with $what: status $rc"
        said=$((said + $(grep -c "no checkpoint of step" "$tmp/out")))
        ;;
    esac
    [ "$(result run)" = "$whole" ] || lose "$call, call $n, $what: ended in $(result run), not in $whole"
done <"$tmp/some"
echo "calls: a save makes $calls calls to the system; $kills runs killed at them, $errors runs with one failing ($said saves said to have failed and made again), of $all cases; all ended with the bits of the uninterrupted one; $lost lost"
[ "$lost" = 0 ] && [ "$calls" -gt 10 ]
