# Fuzzing: every target of tests/fuzz under libFuzzer for so many seconds: fuzz.sh [SECONDS EACH]
. "$HN_TOP/tests/torture/lib.sh"
cd "$HN_TOP" || exit 1
[ -x "$build/fuzz/tests/fuzz/config" ] || { echo "fuzz: skipped: needs clang with libFuzzer (tools/deps --tests)"; exit 0; }
rm -rf "$build/findings"
tools/fuzz all "${1:-45}" >"$tmp/out" 2>&1 || lost=1
sed 's/^/# /' "$tmp/out"
awk -v lost=$lost '/ executions, / { gsub(",", ""); n++; runs += $2; edges += $4; crashes += $6; hangs += $8 }
    END { printf "fuzz: %d targets, %d executions, %d edges; %d crashes, %d hangs\n", n, runs, edges, crashes, hangs }' "$tmp/out"
[ "$lost" = 0 ]
