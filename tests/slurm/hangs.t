# srun without -K lets the other ranks be when one is lost or stops: they leave by themselves, after one line.
. "$HN_TOP/tests/slurm/lib.sh"
cluster 4
begin() { # NAME: two ranks on n1, two on n2; $step is srun
    # shellcheck disable=SC2016 # the ranks' shells
    timeout -k 5 100 "$slurm" run srun -N2 -n4 --kill-on-bad-exit=0 --mpi=pmix sh -c 'echo $$ >"$0.pid$SLURM_PROCID"; exec "$@"' "$tmp/$1" \
        "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$1" --set data.path=tiny.h5 --set run.threads=1 --set run.epochs=1000000 \
        --set run.log_every=1 --set ckpt.every_epochs=0 --set run.stall_minutes=0.1 >"$tmp/$1.said" 2>&1 </dev/null &
    step=$!
    trained() { [ -s "$tmp/$1/metrics.jsonl" ]; }
    until_true 60 trained "$1"
}
left() { for r in 0 1 2 3; do [ -z "$(readlink "/proc/$(cat "$tmp/$1.pid$r")/exe")" ] || echo "rank $r"; done; }
for signal in KILL STOP; do
    begin $signal
    kill -$signal "$(cat "$tmp/$signal.pid1")"
    rc=0
    wait $step || rc=$?
    cp "$tmp/$signal.said" "$tmp/out"
    # srun tells the largest status: of the killed rank, or of the stopped one that a neighbour ended at last.
    is "$rc $(grep -c 'goes on' "$tmp/out") $(grep -c '^hardneg: rank 1 .* in step [0-9]*, ' "$tmp/out")" "137 1 1" "srun without -K, rank 1 gets $signal: one line names it, the step ends"
    is "$(left $signal)" "" "no process is left"
done
done_testing
