# The warning before the time limit: all ranks stop after the same step, save, exit 75; the job requeues itself and goes
# on; the weights end with the bits of a run that was never interrupted.  With both launchers, on two nodes.
. "$HN_TOP/tests/slurm/lib.sh"
plan 7
cluster
want=$(baseline)

for launch in mpirun srun; do
    export HARDNEG_LAUNCH=$launch
    [ $launch = mpirun ] || export HARDNEG_BIND=
    submit -N2 --ntasks-per-node=2 nodes.sh "$launch"
    until_true 60 trains "$launch" && warn "$job"
    finished
    is "$end" "COMPLETED Restarts=1" "$launch, two nodes: warned, requeued once, done"
    grep -q "4 ranks on 2 nodes" "$tmp/out" && grep -q "stopped on request after step [0-9]* of 500, saved" "$tmp/out" &&
        grep -q "^job: exit 75, newest checkpoint step-" "$tmp/out" && grep -q "resuming from $launch/" "$tmp/out"
    ok $? "$launch: four ranks on two nodes; stopped, saved, exit 75, resumed"
    is "$("$hardneg" hash "$launch")" "$want" "$launch: the bits of an uninterrupted run on one rank"
done

"$slurm" stop >"$tmp/out" 2>&1
is "$(grep -l "$tmp/[c]" /proc/[0-9]*/cmdline 2>"$tmp/which")" "" "no server and no step of this SLURM is left"
done_testing
