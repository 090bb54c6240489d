# hardneg bench: every part runs, rows are lines of JSON; bad input.
. "$HN_TOP/tests/lib.sh"
plan 15

bench() { "$hardneg" bench "$@" --folder "$tmp"; }
row() { grep -qF -- "$1" "$tmp/rows"; ok $? "$2"; }

try bench steps --encoder resnet18 --width 1 --batch 4 --repeats 1 --json "$tmp/rows"
is "$rc $(grep -c . "$tmp/out")" "0 1" "steps: one row"
row '"what":"step resnet18 w1 b4","ranks":1,"threads":1,"seconds":' "as JSON"
row '"command":' "with its command"
row '"optimiser":' "and where the time went"
try ranks 2 "$build/hardneg" bench steps --encoder resnet18 --width 1 --batch 4 --repeats 1 --folder "$tmp" --json "$tmp/rows"
is "$rc $(grep -c . "$tmp/rows")" "0 2" "on 2 ranks: rank 0 alone writes"
try bench views --repeats 1
is "$rc" 0 "views"
[ -z "$(find "$tmp" -name '*.h5')" ]
ok $? "files are deleted again"

refused 64 "such part" "a part that is not there" bench speed
refused 64 "operand" "no part" bench
refused 64 "2 to 16 ranks" "sums on one rank" bench reduce
refused 64 "--repeats" "no repeats" bench views --repeats 0
refused 64 "whole number" "a negative number of threads" bench views --threads -1
refused 64 "no such option" "an unknown option" bench views --fast
refused 64 "model.encoder" "an encoder that is not there" bench steps --encoder resnet19 --repeats 1
refused 73 "nowhere" "a folder that is not there" "$hardneg" bench steps --repeats 1 --folder "$tmp/nowhere"
done_testing
