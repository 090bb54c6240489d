# What a run takes care of: the right data, the right checkpoint, numbers that are not finite, splits that are not there.
. "$HN_TOP/tests/lib.sh"
plan 23

mkdir "$tmp/a" "$tmp/b" "$tmp/one"
"$HN_TOP/tests/make-idx" "$tmp/a" 160 40
"$HN_TOP/tests/make-idx" "$tmp/b" 160 40 3
"$HN_TOP/tests/make-idx" "$tmp/one" 160 40 1
for s in a b one; do "$hardneg" import idx "$tmp/$s" "$tmp/$s.h5" >/dev/null || exit 1; done
cfg=$HN_TOP/tests/train/tiny.cfg
train() { # RUN ARGUMENT...
    t_run=$1
    shift
    "$hardneg" train "$cfg" -o "$tmp/$t_run" --set data.path="$tmp/a.h5" --set run.threads=1 "$@"
}
names() { ls "$tmp/$1/checkpoints" | sed 's/step-0*\([0-9]*\).h5/\1/' | tr '\n' ' '; }

train r >"$tmp/out" 2>&1
refused 64 "data set" "going on with other data is refused" train r --set data.path="$tmp/b.h5" --set run.log_every=2
cp "$tmp/a.h5" "$tmp/moved.h5"
try train r --set data.path="$tmp/moved.h5"
is "$rc" 0 "the same data may move"

train early --steps 3 >"$tmp/out" 2>&1
old=$tmp/early/checkpoints/step-00000003.h5
refused 64 "choose another run directory" "a file older than what the directory holds is refused" train r --resume "$old"
is "$(names r)" "5 10 " "and nothing was deleted"
try train elsewhere --resume "$old" --steps 3
is "$rc $(names elsewhere)" "0 3 " "a run that goes on from a file elsewhere is saved here, also without a step"
try train elsewhere2 --resume "$old" --max-minutes 0.0000001
is "$rc $(names elsewhere2)" "75 3 " "and when it is stopped before its first step"

# Divergence: the newest checkpoint stays a good one.
try train wild --set optim.kind=adamw --set optim.lr=1000 --set optim.weight_decay=1000 --set run.epochs=50 --set ckpt.every_steps=1 --set ckpt.keep=1
is "$rc" 79 "a run that blows up ends with 79"
try "$hardneg" eval "$tmp/wild" --set eval.k=5
is "$rc" 0 "and what it leaves can be evaluated"

# One class only.
refused 64 "one class only" "negatives from other classes, with one class" train single --set data.path="$tmp/one.h5" --set loss.kind=hard_scl
try train single2 --set data.path="$tmp/one.h5"
is "$rc" 0 "losses without labels train on it"

# Without the clamp some anchors have no logarithm: said once, counted in every row.
try train leftout --set loss.clamp=false --set loss.tau_plus=0.6 --set loss.temperature=0.2
is "$rc $(grep -c 'anchors were left out' "$tmp/out")" "0 1" "anchors left out: one line, and training goes on"
[ "$(grep -c '"excluded":[1-9]' "$tmp/leftout/metrics.jsonl")" -gt 1 ] && grep -q '"clamped_share":0[,.]' "$tmp/leftout/metrics.jsonl"
ok $? "and counts in the rows of metrics"
try train weightless --set loss.kind=supcon --steps 1
is "$rc $(grep -c '"ess"\|"collision"' "$tmp/weightless/metrics.jsonl") $(grep -c '"uniformity"' "$tmp/weightless/metrics.jsonl")" "0 0 1" "supcon has no weights to describe"

# No test split: training goes on without evaluations, and says so once.
"$hardneg" import hdf5 "$tmp/a.h5" "$tmp/train-only.h5" --train-images /train/images --train-labels /train/labels >"$tmp/out" 2>&1
is "$?" 0 "a set with a training split alone"
try train alone --set data.path="$tmp/train-only.h5" --set eval.every_epochs=1
is "$rc $(grep -c 'no evaluation on the way' "$tmp/out")" "0 1" "trains to the end, without evaluations, and says so"
refused 65 "labelled splits" "eval of it says what is missing" "$hardneg" eval "$tmp/alone"

# The last save fails: one line, 74, the checkpoint before it is good.
train full --steps 4 >"$tmp/out" 2>&1
mkdir "$tmp/full/checkpoints/step-00000008.h5" # a folder where the file should go
try train full --steps 8 --set run.log_every=100
is "$rc $(grep -c 'last checkpoint' "$tmp/out")" "74 1" "a last save that fails: one line, exit 74"
rmdir "$tmp/full/checkpoints/step-00000008.h5"
is "$(names full)" "4 5 " "and the checkpoints before it are there"
train full >"$tmp/out" 2>&1
is "$("$hardneg" hash "$tmp/full")" "$("$hardneg" hash "$tmp/r")" "from which the run ends in the bits of the uninterrupted one"

# The record of a start.
grep -q "\"hosts\":\"$(uname -n)\"" "$tmp/r/starts.jsonl"
ok $? "starts.jsonl names the hosts"
grep -q '"data":"[0-9a-f]\{32\} of ' "$tmp/r/starts.jsonl"
ok $? "and the data"
grep -q "memory of a rank" "$tmp/r/log.txt"
ok $? "log.txt holds the plan of memory"
[ -s "$tmp/r/config.cfg" ] && "$hardneg" train "$tmp/r/config.cfg" -o "$tmp/again" >"$tmp/out" 2>&1
is "$("$hardneg" hash "$tmp/again")" "$("$hardneg" hash "$tmp/r")" "config.cfg as used makes the same run"
done_testing
