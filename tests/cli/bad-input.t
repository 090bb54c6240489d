# Every mistake gets one clear line and the documented exit code.  The sanitizer build runs here.
HARDNEG=${HN_BUILD:-$HN_TOP/build}/asan/hardneg
. "$HN_TOP/tests/lib.sh"
plan 76

"$HN_TOP/tests/make-idx" "$tmp" 64 32
"$hardneg" import idx "$tmp" "$tmp/tiny.h5" >/dev/null || exit 1
cfg=$HN_TOP/tests/train/tiny.cfg
train() { "$hardneg" train "$cfg" -o "$tmp/run" --set data.path="$tmp/tiny.h5" "$@"; }
with() { # CONFIG TEXT: a config file of its own
    printf '%s\n' "$1" >"$tmp/run.cfg"
    "$hardneg" train "$tmp/run.cfg" -o "$tmp/run" --set data.path="$tmp/tiny.h5"
}

# The command line.
refused 64 "no such verb" "an unknown verb" "$hardneg" tarin
refused 64 "no such option" "an unknown option" "$hardneg" train "$cfg" -o "$tmp/run" --stpes 3
refused 64 "needs a value" "an option without its value" "$hardneg" train "$cfg" -o
refused 64 "not a whole number" "a word for a number" "$hardneg" train "$cfg" -o "$tmp/run" --steps many
refused 64 "--steps" "no steps" "$hardneg" train "$cfg" -o "$tmp/run" --steps 0
refused 64 "--max-minutes" "less than no minutes" "$hardneg" train "$cfg" -o "$tmp/run" --max-minutes -1
refused 64 "HARDNEG_STALL_MINUTES=1m" "a time-out that is no number" env HARDNEG_STALL_MINUTES=1m "$hardneg" train "$cfg" -o "$tmp/run"
refused 64 "missing" "no operand" "$hardneg" hash
refused 64 "too many" "an operand too many" "$hardneg" hash a b
refused 64 "-o RUN is missing" "no run directory" "$hardneg" train "$cfg"
refused 64 "is no format" "an unknown format" "$hardneg" import mnist "$tmp" "$tmp/x.h5"

# Configs.
refused 66 "nowhere.cfg" "no config" "$hardneg" train "$tmp/nowhere.cfg" -o "$tmp/run"
refused 64 "run.cfg:1" "a syntax error" with 'loss: { kind = ;'
refused 64 "loss.temperature" "an unknown key, with the nearest" with 'loss: { temprature = 0.5; };'
refused 64 "run.cfg:2" "a wrong type, with its line" with 'batch: {
 size = "many"; };'
refused 64 "loss.temperature" "a value out of range" with 'loss: { temperature = 0.0; };'
refused 64 "loss.kind" "an unknown name" with 'loss: { kind = "harder"; };'
refused 64 "microbatches" "a batch that cannot be cut" train --set batch.microbatches=5
refused 64 "no such key" "an unknown section" train --set los.kind=hard
refused 64 "--set" "a --set without a value" train --set loss.kind
refused 64 "tau_plus" "tau_plus where it has no place" train --set loss.kind=infonce --set loss.tau_plus=0.1

refused 64 "hcl-cifar" "an unknown preset" train --set augment.preset=hcl
refused 64 "is even" "a blur without a middle" train --set augment.blur=opencv --set augment.blur_kernel=2
refused 64 "blur_sigma" "a range of sigma the wrong way round" train --set augment.blur_sigma=2,0.1
refused 64 "larger than views" "a blur larger than the views" train --set augment.blur=torchvision --set augment.blur_kernel=99

# Data.
refused 66 "nowhere.h5" "no data" train --set data.path="$tmp/nowhere.h5"
head -c 5000 "$tmp/tiny.h5" >"$tmp/cut.h5"
refused 65 "cut.h5" "a truncated data set" train --set data.path="$tmp/cut.h5"
echo "no data" >"$tmp/text.h5"
refused 65 "text.h5" "a text file" train --set data.path="$tmp/text.h5"
refused 65 "import hdf5" "somebody else's HDF5 file" train --set data.path="$HN_TOP/tests/golden/knn.h5"
refused 64 "batch" "a batch larger than the set" train --set batch.size=128 --set batch.microbatches=8
"$hardneg" import hdf5 "$HN_TOP/tests/golden/knn.h5" "$tmp/plain.h5" --train-images bank >"$tmp/out" 2>&1
refused 64 "data.positives" "positives by label without labels" train --set data.path="$tmp/plain.h5" --set data.positives=label
refused 65 "unlabeled" "a split that is not there" train --set data.split=unlabeled
cp "$tmp/tiny.h5" "$tmp/flip.h5"
perl -e 'open(F, "+<:raw", $ARGV[0]); seek(F, 6000, 0); read(F, $b, 1); seek(F, 6000, 0); print F chr(ord($b) ^ 1)' "$tmp/flip.h5"
try train --set data.path="$tmp/flip.h5" --steps 2
is "$rc $(tail -n 1 "$tmp/out" | grep -c 'flip.h5: damaged: block 0 of train')" "65 1" "a flipped bit in the samples: the last line names file, block and bytes"
rm -rf "$tmp/run"
mkdir "$tmp/bad"
refused 66 "bad" "a source without files" "$hardneg" import idx "$tmp/bad" "$tmp/x.h5"
cp "$tmp"/*-ubyte "$tmp/bad"
head -c 3000 "$tmp/train-images-idx3-ubyte" >"$tmp/bad/train-images-idx3-ubyte"
refused 65 "train-images" "a truncated source" "$hardneg" import idx "$tmp/bad" "$tmp/x.h5"
[ ! -e "$tmp/x.h5" ] && [ -z "$(find "$tmp" -maxdepth 1 -name '.x.h5*')" ]
ok $? "and nothing is left of it"
cp "$tmp/train-images-idx3-ubyte" "$tmp/bad/"
cp "$tmp/t10k-labels-idx1-ubyte" "$tmp/bad/train-labels-idx1-ubyte"
refused 65 "train" "counts that disagree" "$hardneg" import idx "$tmp/bad" "$tmp/x.h5"
refused 73 "x.h5" "an output in a folder that is not there" "$hardneg" import idx "$tmp" "$tmp/none/x.h5"
refused 66 "nowhere" "import of nothing" "$hardneg" import cifar10 "$tmp/nowhere" "$tmp/x.h5"
head -c 5000 /dev/zero >"$tmp/odd.bin"
refused 65 "odd.bin" "a CIFAR file that is no whole number of records" "$hardneg" import cifar10 "$tmp/odd.bin" "$tmp/x.h5"
refused 65 "train_joint.h5" "hdf5 without an array that could be meant" "$hardneg" import hdf5 "$HN_TOP/tests/golden/train_joint.h5" "$tmp/knn.h5"

# Directories.
: >"$tmp/file"
refused 73 "file" "a run directory that is a file" train -o "$tmp/file"
refused 73 "file/run" "a run directory below a file" train -o "$tmp/file/run"
refused 66 "nowhere" "hash of nothing" "$hardneg" hash "$tmp/nowhere"
mkdir "$tmp/empty"
refused 66 "empty" "hash of an empty directory" "$hardneg" hash "$tmp/empty"
refused 65 "tiny.h5" "hash of a data set" "$hardneg" hash "$tmp/tiny.h5"
refused 66 "nowhere" "eval of nothing" "$hardneg" eval "$tmp/nowhere"
refused 66 "nowhere" "info of nothing" "$hardneg" info "$tmp/nowhere"
refused 65 "text.h5" "info of a text" "$hardneg" info "$tmp/text.h5"

# Libraries.
refused 64 "built without oneDNN" "a library that is not there" "$build/hardneg-double" train "$cfg" -o "$tmp/run" --set data.path="$tmp/tiny.h5" --set backend.kind=onednn
refused 64 "auto, onednn, openblas" "an unknown library" train --set backend.kind=mkl

"$hardneg" tune "$cfg" --set data.path="$tmp/tiny.h5" -o "$tmp/table" >"$tmp/out" 2>&1
try "$hardneg" train "$cfg" -o "$tmp/tuned" --set data.path="$tmp/tiny.h5" --set backend.table="$tmp/table" --steps 1
is "$rc $(grep -c 'auto, table [0-9a-f]\{32\}' "$tmp/tuned/starts.jsonl")" "0 1" "a measured table is used and recorded"
table() { # SED: a changed table
    sed "$1" "$tmp/table" >"$tmp/changed"
    train --set backend.table="$tmp/changed"
}
refused 66 "nowhere" "a table that is not there" train --set backend.table="$tmp/nowhere"
refused 65 "not a table" "a config for a table" train --set backend.table="$cfg"
refused 64 "run hardneg tune here" "a table of another processor" table '2s/$/ of yore/'
refused 64 "run hardneg tune here" "a table of other libraries" table '3s/OpenBLAS/MKL/'
refused 65 "changed:5" "a way that does not exist" table '5s/[a-z-]*$/magic/'
refused 64 "backend.kind" "a table where none is asked for" train --set backend.table="$tmp/table" --set backend.kind=openblas

# Ranks and threads.
refused 64 "8 microbatches" "more ranks than microbatches" ranks 9 "$build/hardneg" train "$cfg" -o "$tmp/run9" --set data.path="$tmp/tiny.h5"
try "$hardneg" train "$cfg" -o "$tmp/threads" --set data.path="$tmp/tiny.h5" --set run.threads=9 --steps 1
grep -q "run.threads = 8" "$tmp/out"
ok $? "more threads than microbatches: a warning that says what to set"
is "$rc" 0 "and it trains"

# Verify.
refused 66 "nowhere" "verify of nothing" "$hardneg" verify "$tmp/nowhere"
refused 65 "text.h5" "verify of a text" "$hardneg" verify "$tmp/text.h5"
refused 65 "known" "verify of something else" "$hardneg" verify "$tmp/tiny.h5"
head -c 60000 "$HN_TOP/tests/golden/losses.h5" >"$tmp/half.h5"
refused 65 "half.h5" "verify of a damaged file" "$hardneg" verify "$tmp/half.h5"

refused 66 "not a file" "verify of a folder" "$hardneg" verify "$tmp"

# Results that cannot be written, tasks that do not know of each other.
"$hardneg" train "$cfg" -o "$tmp/small" --set data.path="$tmp/tiny.h5" --steps 1 >"$tmp/out" 2>&1
for verb in "hash $tmp/small" "info $tmp/tiny.h5" "eval $tmp/small --set eval.k=5" "--help" "train --help-config"; do
    rc=0
    "$hardneg" $verb >/dev/full 2>"$tmp/out" || rc=$?
    is "$rc $(grep -c 'standard output' "$tmp/out")" "74 1" "no room for results: ${verb%% *}"
done
try env -u OMPI_COMM_WORLD_SIZE SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0 "$hardneg" eval "$tmp/small"
is "$rc $(grep -c 'srun --mpi=pmix' "$tmp/out")" "64 1" "four tasks that are worlds of their own"
refused 73 "nowhere/x.npy" "embed looks for the place of its output first" "$hardneg" embed "$tmp/small" "$tmp/nowhere/x.npy" --set data.path="$tmp/nowhere.h5"
try "$hardneg" info "$tmp/small"
grep -q "checkpoint of step 1" "$tmp/out"
ok $? "info describes a run's newest checkpoint"

# Two runs in one directory.
"$hardneg" train "$cfg" -o "$tmp/one" --set data.path="$tmp/tiny.h5" --set run.epochs=100000 >"$tmp/one.out" 2>&1 &
pid=$!
for i in $(seq 100); do [ -s "$tmp/one/metrics.jsonl" ] && break; sleep 0.1; done
refused 73 "another run holds" "a directory that another run holds" "$hardneg" train "$cfg" -o "$tmp/one" --set data.path="$tmp/tiny.h5"
kill -TERM "$pid"
rc=0
wait "$pid" || rc=$?
is "$rc" 75 "TERM: saved, exit 75"
done_testing
