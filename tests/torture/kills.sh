# SIGKILL at random instants of a run that saves after every step: [HOW MANY] [SEED].
# Every time the checkpoint before is there, no more than one interval is gone, and the run ends in the bits of one
# that was never killed.
. "$HN_TOP/tests/torture/lib.sh"
many=${1:-200} seed=${2:-1}
tiny "$((many < 20 ? 16 : 100))"
reference
started=$(date +%s%N)
train probe --steps 1 >"$tmp/out" 2>&1
span=$((($(date +%s%N) - started) / 1000000 + 800)) # milliseconds: the start, and some steps
kills=0 runs=0 torn=0 run=run0 before=-1 gone=0
for part in $(randoms $((9 * many)) 1000 "$seed"); do
    [ "$kills" -lt "$many" ] || break
    # A shell that says nothing of the death of its child.
    rc=0
    (start "$run" >"$tmp/out" 2>&1 & pid=$!; sleep "$(awk "BEGIN { print $span * $part / 1e6 }")"; kill -KILL $pid; wait $pid) 2>/dev/null || rc=$?
    if [ "$rc" = 0 ]; then
        runs=$((runs + 1))
        [ "$(result "$run")" = "$whole" ] || lose "seed $seed, run $run ended in $(result "$run"), not in $whole"
        rm -rf "${tmp:?}/$run"
        run=run$runs before=-1
        continue
    fi
    [ "$rc" = 137 ] || lose "seed $seed, kill $kills: status $rc"
    kills=$((kills + 1))
    ls "$tmp/$run/checkpoints"/.step-*.tmp >/dev/null 2>&1 && torn=$((torn + 1))
    now=$(good_step "$run")
    [ "$now" -ge "$before" ] || lose "seed $seed, kill $kills: step $before was there, now it is $now"
    before=$now
    if [ "$now" -ge 0 ] && [ "$("$hardneg" hash "$tmp/$run" 2>&1 | grep -c .)" != 1 ]; then
        lose "seed $seed, kill $kills: a damaged checkpoint"
    fi
    # Rows of metrics are written before their step is saved.
    seen=$(sed -n 's/.*"kind":"step","step":\([0-9]*\),.*/\1/p' "$tmp/$run/metrics.jsonl" 2>/dev/null | tail -n 1)
    [ $((${seen:-0} - (now > 0 ? now : 0))) -le 2 ] || lose "seed $seed, kill $kills: step $seen was done, step $now is there"
    [ $((${seen:-0} - now)) -le "$gone" ] || [ "$now" -lt 0 ] || gone=$((${seen:-0} - now))
done
train "$run" >"$tmp/out" 2>&1
[ "$(result "$run")" = "$whole" ] || lose "seed $seed, run $run ended in $(result "$run"), not in $whole"
runs=$((runs + 1))
echo "kills: $kills runs killed at random instants (seed $seed), $torn of them in the middle of a write; $runs finished, each with the bits of the uninterrupted one; at most $gone steps to do again; $lost lost"
[ "$lost" = 0 ] && [ "$kills" = "$many" ]
