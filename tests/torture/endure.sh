# A long run on two ranks, saved after every tenth step and evaluated after every twentieth: what it holds early and
# late; then it is opened again and again: endure.sh [HOW MANY STEPS]
. "$HN_TOP/tests/torture/lib.sh"
many=${1:-20000}
HN_ENDURE=$many "$HN_TOP/tests/tap-run" "$build/release/tests/train/t_endure.mpi" >"$tmp/out" 2>&1 || lose "$(grep '^not ok' "$tmp/out" | tr '\n' ' ')"
held() { # EARLY|LATE WHAT: of both ranks
    sed -n "s/^# $1 .*[ (]$2 \([0-9]*\).*/\1/p" "$tmp/out" | tr '\n' ' ' | sed 's/ $//; s/ /, /'
}
was() { echo "$(held early "$1") -> $(held late "$1")"; }
echo "endure: $many steps on 2 ranks, $(sed -n 's/^ok [0-9]* - \([0-9]* saves, [0-9]* evaluations\)$/\1/p' "$tmp/out"); from a ninth of them to the end: resident KiB $(was resident), heap KiB $(was heap), blocks $(was blocks), descriptors $(was descriptors), threads $(was threads), mappings $(was mappings); $lost lost"
[ "$lost" = 0 ]
