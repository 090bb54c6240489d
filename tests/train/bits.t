# The same bits under mpirun: ranks, threads, pretended nodes, BatchNorm settings, both ways of giving positives.
. "$HN_TOP/tests/lib.sh"
plan 22

"$HN_TOP/tests/make-idx" "$tmp" 160 40
"$hardneg" import idx "$tmp" "$tmp/tiny.h5" >/dev/null || exit 1
runs=0
train() { # RANKS SET... -> $hash
    t_ranks=$1
    shift
    runs=$((runs + 1))
    set -- "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/run$runs" --set data.path="$tmp/tiny.h5" "$@"
    if [ "$t_ranks" = 0 ]; then try "$@"; else try ranks "$t_ranks" "$@"; fi
    hash=$("$hardneg" hash "$tmp/run$runs") || hash="run $runs ended with $rc"
}

train 0 --set run.threads=1
one=$hash
is "${#one}" 41 "a run without mpirun has a hash of 32 digits and its step (${one})"
for n in 1 2 3 4 8; do
    train $n --set run.threads=1
    is "$hash" "$one" "$n ranks: the same bits"
done
train 2 --set run.threads=2
is "$hash" "$one" "2 ranks of 2 threads: the same bits"
train 4 --set run.threads=1 --set comm.ranks_per_node=2
is "$hash" "$one" "4 ranks on 2 pretended nodes: the same bits"
train 3 --set run.threads=1 --set reduce.algorithm=mpi
is "$rc" 0 "plain MPI reduction trains too"

wide='model.channels=[32, 32]'
for setting in batchnorm.scope=global batchnorm.scope=microbatch; do
    train 1 --set $setting --set "$wide" --set run.threads=1
    want=$hash
    train 2 --set $setting --set "$wide" --set run.threads=1 --set memory.activations_mib=2
    is "$hash" "$want" "$setting: forward runs again in backward, the same bits"
done
refused 64 "need at least" "a limit that nothing fits" "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" \
    -o "$tmp/small" --set data.path="$tmp/tiny.h5" --set "$wide" --set run.threads=1 --set memory.activations_mib=1

onednn=backend.kind=onednn
if "$hardneg" --version | grep -q "without oneDNN"; then onednn=loss.beta=2; fi # nothing to compare there
for setting in "batchnorm.scope=microbatch" "batchnorm.per_view=false" "loss.kind=hard_scl" "data.positives=label" "$onednn"; do
    train 1 --set "$setting" --set run.threads=1
    want=$hash
    train 5 --set "$setting" --set run.threads=1
    is "$hash" "$want" "$setting: 1 and 5 ranks give the same bits"
    [ "$want" != "$one" ]
    ok $? "$setting: and not those of the default"
done
done_testing
