# train --dry-run: says what a run would take, writes nothing; bad input.
. "$HN_TOP/tests/lib.sh"
plan 27

"$HN_TOP/tests/make-idx" "$tmp" 160 40
"$hardneg" import idx "$tmp" "$tmp/tiny.h5" >/dev/null || exit 1
dry() { "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" --dry-run --set data.path="$tmp/tiny.h5" "$@"; }
value() { sed -n 's/.*"'"$1"'":\([^,}]*\).*/\1/p' "$tmp/out"; }
says() { grep -qF -- "$1" "$tmp/out"; ok $? "$2"; }

try dry -o "$tmp/run"
is "$rc" 0 "a plan"
says "160 samples of 12x12x1" "names the data"
says "5 per epoch, 2 epochs: 10" "steps"
says "time             not known" "no time without a measurement or a machine"
[ ! -e "$tmp/run" ]
ok $? "and the run directory is not made"

# The numbers are those of the run.
try dry --json
size_planned=$(value checkpoint_bytes)
parameters=$(value parameters)
"$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/real" --set data.path="$tmp/tiny.h5" >"$tmp/real.out" 2>&1
size=$(wc -c <"$tmp/real/checkpoints/step-00000010.h5")
awk "BEGIN { exit !($size_planned > 0.99 * $size && $size_planned < 1.01 * $size) }"
ok $? "the checkpoint has the size that was planned ($size_planned, $size)"
grep -q "encoder convnet, $parameters parameters" "$tmp/real.out"
ok $? "and the model its parameters"
sum=$(awk "BEGIN { printf \"%.1f\", $(value memory_sum) / 1048576 }")
grep -q "memory of a rank, MiB: .* $sum in all" "$tmp/real.out"
ok $? "the first lines of the run say the same memory ($sum MiB)"

# Ranks that do not run, and ranks that do.
try dry --ranks 4 --nodes 2 --json
is "$rc $(value ranks) $(value nodes) $(value microbatches_of_rank)" "0 4 2 2" "4 ranks on 2 nodes, without mpirun"
try ranks 2 "$build/hardneg" train "$HN_TOP/tests/train/tiny.cfg" --dry-run --set data.path="$tmp/tiny.h5" --set run.threads=1 --measure --json
is "$rc $(value ranks) $(grep -c . "$tmp/out")" "0 2 1" "2 ranks measure a few steps: one line of JSON"
awk "BEGIN { exit !($(value measured_step_s) > 0 && $(value total_s) > 0) }"
ok $? "with a step and a time to the end"
try dry --machine gflops=10,views=1000,bandwidth=1,latency=10,memory=8,cores=2 --ranks 8
says "8     4" "a described machine: 8 ranks on 4 nodes"
says "efficiency" "and what more ranks would bring"

# A data file that is not there.
none="--set data.path=$tmp/none.h5"
refused 66 "none.h5" "no data file" dry $none
try dry $none --samples 5000x32x32x3
is "$rc $(grep -c 'not there: assumed' "$tmp/out")" "0 1" "described, it is planned for, and said"
refused 66 "none.h5" "but no step can be measured" dry $none --measure
refused 64 "COUNTxHEIGHT" "samples that are no shape" dry $none --samples 5000x
refused 64 "larger than the set" "a batch that is larger than the set" dry $none --samples 16x32x32x3

# Bad input.
"$hardneg" import hdf5 "$HN_TOP/tests/golden/knn.h5" "$tmp/bare.h5" --train-images /bank >/dev/null || exit 1
refused 64 "needs labels" "positives by label without labels" "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" --dry-run \
    --set data.path="$tmp/bare.h5" --set data.positives=label
refused 64 "belong to --dry-run" "options of a dry run without it" "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/x" --ranks 4
refused 64 "must be at least 1" "no ranks" dry --ranks 0
refused 64 "whole number" "negative ranks" dry --ranks -2
refused 64 "8 microbatches" "more ranks than microbatches" dry --ranks 9
refused 64 "nodes for" "more nodes than ranks" dry --ranks 2 --nodes 3
refused 64 "resumes nothing" "a checkpoint to resume from" dry --resume "$tmp/real/checkpoints/step-00000010.h5"
refused 64 "NAME=NUMBER" "a machine of nonsense" dry --machine gflops=fast
refused 64 "no such option" "an unknown option" dry --dryrun
done_testing
