# hardneg fsck, and what a damaged file does to a run: said in one line, before its content is used, and nothing is lost.
. "$HN_TOP/tests/lib.sh"
plan 26

"$HN_TOP/tests/make-idx" "$tmp" 16000 40
"$hardneg" import idx "$tmp" "$tmp/set.h5" >/dev/null || exit 1
cfg=$HN_TOP/tests/train/tiny.cfg
train() { # RUN ARGUMENT...
    t_run=$1
    shift
    "$hardneg" train "$cfg" -o "$tmp/$t_run" --set data.path="$tmp/set.h5" --set run.threads=1 --set run.epochs=1 --set batch.size=64 "$@"
}
flip() { # FILE OFFSET
    old=$(od -An -tu1 -j "$2" -N1 "$1" | tr -d ' ')
    printf "\\$(printf %o $((old ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
hash() { "$hardneg" hash "$tmp/$1"; }

train whole --steps 120 >"$tmp/out" 2>&1
train r --steps 12 --set ckpt.every_steps=4 --set ckpt.keep=9 >"$tmp/out" 2>&1
try "$hardneg" fsck "$tmp/r" "$tmp/set.h5"
is "$rc $(tail -n 1 "$tmp/out")" "0 7 good, 0 damaged" "a good run and its data: seven files"
is "$(grep -c 'step-000000[0-9]*.h5: checkpoint of step' "$tmp/out")" 3 "every checkpoint is named"
grep -q "metrics.jsonl: 12 rows, steps 1 to 12 without a gap" "$tmp/out"
ok $? "and the steps of the metrics"
is "$("$hardneg" fsck "$tmp/r" 2>&1 | sed -n 's/.*step 12, weights //p')" "$(hash r | cut -d' ' -f1)" "with the hash of the weights"

# Checkpoints: two damaged ones are passed over, with a word on each, and the bits are the same in the end.
flip "$tmp/r/checkpoints/step-00000012.h5" 3000
head -c 5000 "$tmp/r/checkpoints/step-00000008.h5" >"$tmp/cut" && cp "$tmp/cut" "$tmp/r/checkpoints/step-00000008.h5"
try "$hardneg" fsck "$tmp/r"
is "$rc $(grep -c '^damaged' "$tmp/out")" "1 2" "two damaged checkpoints: exit 1"
grep -q "^good .*step-00000004.h5" "$tmp/out"
ok $? "the good one is said to be good"
try "$hardneg" fsck "$tmp/r/checkpoints/step-00000012.h5"
is "$rc $(grep -c '^damaged' "$tmp/out")" "1 1" "a file alone"
try train r --steps 120
is "$rc $(grep -c 'skipped a checkpoint' "$tmp/out") $(grep -c 'resuming from .*step-00000004.h5, step 4' "$tmp/out")" "0 2 1" \
    "a resume says which it skipped and goes on from the newest good one"
is "$(hash r)" "$(hash whole)" "to the same bits"
cp "$tmp/r/checkpoints/step-00000120.h5" "$tmp/r/checkpoints/step-00000130.h5"
try "$hardneg" fsck "$tmp/r"
is "$rc $(grep -c 'step-00000130.h5: holds step 120' "$tmp/out")" "1 1" "a renamed checkpoint is found"
rm "$tmp/r/checkpoints/step-00000130.h5"

# Metrics, starts, config.
sed -i '/"step":7,/d' "$tmp/r/metrics.jsonl"
try "$hardneg" fsck "$tmp/r"
is "$rc $(grep -c 'metrics.jsonl: no rows between steps 6 and 8' "$tmp/out")" "1 1" "a missing row is found"
head -c -30 "$tmp/whole/metrics.jsonl" >"$tmp/cut" && cp "$tmp/cut" "$tmp/whole/metrics.jsonl"
try "$hardneg" fsck "$tmp/whole"
is "$rc $(grep -c 'metrics.jsonl: its last row is of step 119' "$tmp/out")" "1 1" "a last row that is torn"
mkdir "$tmp/young" && cp "$tmp/whole/config.cfg" "$tmp/young" && : >"$tmp/young/metrics.jsonl"
try "$hardneg" fsck "$tmp/young"
is "$rc $(grep -c 'metrics.jsonl: no rows yet$' "$tmp/out")" "0 1" "a run without a row"
echo 'nonsense = ;' >>"$tmp/whole/config.cfg"
try "$hardneg" fsck "$tmp/whole"
is "$(grep -c '^damaged .*config.cfg' "$tmp/out")" 1 "a config that cannot be read"

# Data: a flipped block is found when it is read; the steps before it are saved.  The same data again: the same bits.
cp "$tmp/set.h5" "$tmp/good.h5"
size=$(wc -c <"$tmp/set.h5")
flip "$tmp/set.h5" $((size / 2))
try "$hardneg" fsck "$tmp/set.h5" "$tmp/good.h5"
is "$rc $(grep -c 'does not match its hash' "$tmp/out") $(tail -n 2 "$tmp/out" | grep -c '^1 good, 1 damaged')" "1 1 1" "a flipped sample is found"
d="--set data.order=blocks --set data.group=1 --set run.log_every=50"
try train d $d
is "$rc $(grep -c 'damaged: block .* of train samples' "$tmp/out")" "65 1" "training on it ends with 65, in one line that names the block"
step=$(sed -n 's/.*the last good state is step \([0-9]*\)).*/\1/p' "$tmp/out")
[ "${step:-0}" -gt 0 ] && [ -e "$tmp/d/checkpoints/$(printf 'step-%08d.h5' "$step")" ]
ok $? "after step ${step:-none}, which is saved"
try ranks 2 "$hardneg" train "$cfg" -o "$tmp/d2" --set data.path="$tmp/set.h5" --set run.threads=1 --set run.epochs=1 \
    --set batch.size=64 $d
is "$rc $(grep -c 'damaged: block .* of train samples' "$tmp/out")" "65 1" "on two ranks, too"
cp "$tmp/good.h5" "$tmp/set.h5"
train d $d >"$tmp/out" 2>&1
train d0 $d >>"$tmp/out" 2>&1
is "$(hash d)" "$(hash d0)" "with a good copy of the data it goes on to the same bits"
flip "$tmp/set.h5" 40
refused 65 "damaged" "a flipped header is found at the start" train h
cp "$tmp/good.h5" "$tmp/set.h5"
truncate -s -100 "$tmp/set.h5"
refused 65 "cut short" "so is a data set that is cut short" train h

# What is not ours.
try "$hardneg" fsck "$tmp/nowhere"
is "$rc $(grep -c '^unread .*nowhere: No such file' "$tmp/out")" "66 1" "a file that is not there"
mkdir "$tmp/folder"
try "$hardneg" fsck "$tmp/folder"
is "$rc $(grep -c 'no run directory' "$tmp/out")" "65 1" "a folder that is no run"
echo hello >"$tmp/text"
try "$hardneg" fsck "$tmp/text"
is "$rc $(grep -c '^damaged .*not a file of ours' "$tmp/out")" "1 1" "a text"
try "$hardneg" fsck "$tmp/text" "$tmp/nowhere" "$tmp/good.h5"
is "$rc $(grep -c '1 good, 1 damaged' "$tmp/out")" "1 1" "goes on after a file that is not there"
try "$hardneg" fsck "$tmp/text" "$tmp/nowhere"
is "$rc $(grep -c '^unread .*nowhere: No such file' "$tmp/out") $(grep -c '0 good, 1 damaged, 1 not read' "$tmp/out")" "1 1 1" \
    "which is named when it is the last, too"
done_testing
