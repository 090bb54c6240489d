# The README's Python: a checkpoint becomes torchvision's ResNet, whose features are those of hardneg embed.
. "$HN_TOP/tests/lib.sh"
plan 4

python=
for p in python3 /usr/bin/python3; do
    if [ -z "$python" ] && "$p" -c 'import h5py, torch' 2>/dev/null; then python=$p; fi
done
if [ -z "$python" ]; then
    for n in 1 2 3 4; do echo "ok $n # SKIP no python3 with h5py and torch (python3-h5py, python3-torch)"; done
    exit 0
fi
# Without torchvision, what the snippet needs of it.
"$python" -c 'import torchvision' 2>/dev/null || export PYTHONPATH="$HN_TOP/tests/python"

cat >"$tmp/make.py" <<'PY'
import h5py, numpy, sys
draw = numpy.random.default_rng(1)
with h5py.File(sys.argv[1], "w") as f:
    for split, n in (("train", 16), ("test", 5)):
        f[split + "_x"] = draw.integers(0, 256, (n, 20, 20, 3), dtype=numpy.uint8)
        f[split + "_y"] = (numpy.arange(n) % 3).astype(numpy.int32)
PY
cat >"$tmp/compare.py" <<'PY'
import h5py, numpy, sys
exec(open(sys.argv[1]).read())
checkpoint, data, embedded = sys.argv[2:]
got = features(encoder(checkpoint), h5py.File(data)["test/images"][()], 0.5, 0.25)
want = numpy.load(embedded)
off = float(abs(got.numpy() - want).max())
print("largest difference of unit features", off, "shape", want.shape)
sys.exit(not (want.shape == (5, 512) and off < 1e-5))
PY
# The block of README.md that defines encoder().
awk '/^```python$/ { text = ""; inside = 1; next }
     /^```$/ && inside { inside = 0; if (text ~ /def encoder/) printf "%s", text }
     inside { text = text $0 "\n" }' "$HN_TOP/README.md" >"$tmp/snippet.py"

"$python" "$tmp/make.py" "$tmp/raw.h5" &&
    "$hardneg" import hdf5 "$tmp/raw.h5" "$tmp/data.h5" --train-images train_x --train-labels train_y \
        --test-images test_x --test-labels test_y >/dev/null
try "$hardneg" train "$HN_TOP/configs/tiny.cfg" -o "$tmp/run" --set "data.path=$tmp/data.h5" --set batch.size=8 \
    --set model.channels=32,64,128 --set model.encoder=resnet18 --set optim.kind=sgd --set run.epochs=1 --set eval.every_epochs=0 --set eval.k=5
ok $rc "a ResNet-18 is trained for two steps"
try "$hardneg" embed "$tmp/run" "$tmp/features.npy" --set "data.path=$tmp/data.h5"
ok $rc "its features are written"
try grep -c load_state_dict "$tmp/snippet.py"
ok $rc "the README has Python that loads it"
try "$python" "$tmp/compare.py" "$tmp/snippet.py" "$tmp"/run/checkpoints/step-00000002.h5 "$tmp/data.h5" "$tmp/features.npy"
ok $rc "torchvision's ResNet gives the same features"
done_testing
