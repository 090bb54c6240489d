# Help at every level, without MPI and without files; the README's reference is the program's.
. "$HN_TOP/tests/lib.sh"
plan 18

try "$hardneg" --help
is "$rc" 0 "hardneg --help"
verbs=$(sed -n '/^  train/,/^$/s/^  \([a-z]*\) .*/\1/p' "$tmp/out")
is "$(echo $verbs | wc -w | tr -d ' ')" 11 "lists eleven verbs"
for v in $verbs; do
    try "$hardneg" "$v" --help
    grep -q "^usage: .*hardneg $v" "$tmp/out"
    ok $? "hardneg $v --help"
done
try "$hardneg" --version
missing=""
for library in OpenBLAS MPI HDF5 libconfig libarchive libpng jansson xxHash; do
    grep -q "$library .*[0-9]\.[0-9]" "$tmp/out" || missing="$missing $library"
done
is "$missing" "" "--version names the libraries"
try "$hardneg"
is "$rc" 0 "no word at all: the help"
"$hardneg" train --help-config >"$tmp/config"
sed -n '/^<!-- config reference: begin/,/^<!-- config reference: end/p' "$HN_TOP/README.md" | sed '1,2d' | sed '$d' | sed '$d' >"$tmp/readme"
cmp "$tmp/config" "$tmp/readme" >"$tmp/out" 2>&1
ok $? "the README's config reference is what --help-config prints (tools/readme-config mends it)"
(cd "$HN_TOP" && for f in $(sed -n 's/.*](\([a-z][a-zA-Z0-9_./-]*\)).*/\1/p' README.md); do [ -e "$f" ] || echo "$f"; done) >"$tmp/out"
is "$(cat "$tmp/out")" "" "every file that the README links to is there"
sed -n 's/.*`\(tests\/[a-z0-9_./-]*\)`.*/\1/p' "$HN_TOP/README.md" | while read -r f; do [ -e "$HN_TOP/$f" ] || echo "$f"; done >"$tmp/out"
is "$(cat "$tmp/out")" "" "and every test that it names"
done_testing
