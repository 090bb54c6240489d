# Nodes that fail, jobs that are cancelled, and going on with other nodes.
. "$HN_TOP/tests/slurm/lib.sh"
plan 12
cluster
want=$(baseline)

# --- a node dies: slurmd and its steps are killed ---
for launch in mpirun srun; do
    export HARDNEG_LAUNCH=$launch
    [ $launch = mpirun ] || export HARDNEG_BIND=
    submit -N2 --ntasks-per-node=1 nodes.sh "dead-$launch"
    until_true 60 trains "dead-$launch" && "$slurm" crash n2
    again() { [ "$("$slurm" run scontrol show job "$job" | grep -o 'Restarts=[0-9]*')" = "Restarts=1" ]; }
    until_true 90 again
    ok $? "$launch: a node dies, the job is requeued"
    "$slurm" up n2
    finished
    is "$end" "COMPLETED Restarts=1" "$launch: the node comes back, the job goes on and is done"
    is "$("$hardneg" hash "dead-$launch")" "$want" "$launch: with the bits of an uninterrupted run"
done

# --- scancel: the ranks of srun have time to save; nothing is requeued ---
submit -N2 --ntasks-per-node=2 nodes.sh gone
until_true 60 trains gone && "$slurm" run scancel "$job"
finished
is "$end" "CANCELLED Restarts=0" "srun, scancel: the job is gone for good"
grep -q "stopped on request" "$tmp/out"
ok $? "its ranks saved before"

# --- the same run with other nodes and ranks ---
submit -N1 --ntasks-per-node=3 one-node.sh gone
finished
grep -q "resuming from gone/" "$tmp/out" && grep -q "3 ranks on 1 node" "$tmp/out"
is "$?, $end" "0, COMPLETED Restarts=0" "it goes on with three ranks on one node"
is "$("$hardneg" hash gone)" "$want" "with the bits of an uninterrupted run"

export HARDNEG_LAUNCH=mpirun HARDNEG_BIND="--bind-to none"
submit -N2 --ntasks-per-node=2 nodes.sh gone2
until_true 60 trains gone2 && "$slurm" run scancel "$job"
finished
is "$end" "CANCELLED Restarts=0" "mpirun, scancel: the job is gone for good"
submit -N2 --ntasks-per-node=1 nodes.sh gone2
finished
is "$end, $("$hardneg" hash gone2)" "COMPLETED Restarts=0, $want" "and a new job ends with the same bits"
done_testing
