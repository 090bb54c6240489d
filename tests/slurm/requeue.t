# The warning before the time limit: all ranks stop after the same step, save, exit 75; the job requeues itself and goes
# on; the weights end with the bits of a run that was never interrupted.  With both launchers, on two nodes, bound by default.
. "$HN_TOP/tests/slurm/lib.sh"
cluster 9
unset HARDNEG_BIND

for launch in mpirun srun; do
    export HARDNEG_LAUNCH=$launch
    submit -N2 --ntasks-per-node=2 nodes.sh "$launch"
    warn "$job" "$launch"
    finished
    cp "$tmp/out" "$tmp/said"
    is "$end" "COMPLETED Restarts=1" "$launch, two nodes: warned, requeued once, done"
    grep -q "4 ranks on 2 nodes" "$tmp/out" && [ "$(grep -c "stopped on request after step [0-9]* of .*, saved" "$tmp/out")" = 1 ] &&
        grep -q "^job: exit 75, newest checkpoint step-" "$tmp/out" && grep -q "resuming from $launch/" "$tmp/out"
    ok $? "$launch: four ranks on two nodes; stopped after one step, saved, exit 75, resumed"
    same "$launch" "$launch"
    [ $launch = srun ] || is "$(grep -c '^job: .*ranks\{0,1\} .* bound' "$tmp/said")" 2 "each life says how its ranks are bound"
done

# --- nothing is left, also when a test is killed ---
left() { env -u PSLURM_DIR grep -lsa "PSLURM_DIR=$PSLURM_DIR\|SLURM_CONF=$PSLURM_DIR" /proc/[0-9]*/environ; }
gone() { [ ! -d "$PSLURM_DIR" ] && [ -z "$(left)" ]; }
"$slurm" stop >"$tmp/out" 2>&1
until_true 60 gone
is "$?, $(left)" "0, " "no server and no step of this SLURM is left"
export PSLURM_DIR="$tmp/d"
sh -c 'PSLURM_OWNER=$$ "$1" start >"$2" 2>&1; kill -KILL $$' sh "$slurm" "$tmp/out" 2>"$tmp/which"
until_true 60 gone
is "$?, $(left)" "0, " "nor when the test that started it is killed"
done_testing
