# Damage: every byte of a small checkpoint and of a small data set flipped once, random flips and truncations: flips.sh [HOW MANY]
. "$HN_TOP/tests/torture/lib.sh"
many=${1:-10000}
HN_FLIPS=$many "$build/release/tests/ckpt/t_flips" >"$tmp/out" 2>&1 || lose "$(grep '^not ok' "$tmp/out" | tr '\n' ' ')"
every=$(sed -n 's/.* its \([0-9]*\) bytes .*flipped once.*/\1/p' "$tmp/out" | tr '\n' ' ' | sed 's/ $//; s/ / + /')
echo "flips: $every bytes one by one, 2 x $many random flips, 2 x $many truncations; not found: $lost"
[ "$lost" = 0 ]
