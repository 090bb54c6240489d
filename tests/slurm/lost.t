# Nodes that fail, jobs that are cancelled, and going on with other nodes.
PSLURM_TIMEOUT=5
. "$HN_TOP/tests/slurm/lib.sh"
cluster 11

# --- a node dies: slurmd and its steps are killed ---
for launch in mpirun srun; do
    export HARDNEG_LAUNCH=$launch
    [ $launch = mpirun ] || unset HARDNEG_BIND
    submit -N2 --ntasks-per-node=1 nodes.sh "dead-$launch"
    until_true 240 trains "dead-$launch" && "$slurm" crash n2
    until_true 240 again "$job"
    ok $? "$launch: a node dies, the job is requeued"
    "$slurm" up n2
    finished
    is "${end% *}" "COMPLETED" "$launch: the node comes back, the job goes on and is done"
    same "dead-$launch" "$launch"
done

# --- scancel: the ranks of srun have time to save; nothing is requeued ---
submit -N2 --ntasks-per-node=2 nodes.sh gone
until_true 240 trains gone && "$slurm" run scancel "$job"
finished
is "$end" "CANCELLED Restarts=0" "srun, scancel: the job is gone for good"
grep -q "stopped on request" "$tmp/out"
ok $? "its ranks saved before"

# --- the same run with other nodes and ranks: two nodes, one, two ---
export HARDNEG_LAUNCH=mpirun HARDNEG_BIND="--bind-to none"
submit -N1 --ntasks-per-node=3 one-node.sh gone
until_true 240 grep -qs "3 ranks on 1 node" gone/log.txt
newest() { ls gone/checkpoints | tail -n 1; }
was=$(newest)
newer() { [ "$(newest)" != "$was" ]; }
until_true 240 newer
"$slurm" run scancel "$job"
finished
is "$end" "CANCELLED Restarts=0" "mpirun, scancel: the job is gone for good"
LAST_LIFE=yes submit -N2 --ntasks-per-node=1 nodes.sh gone
finished
grep -q "resuming from gone/" "$tmp/out" && grep -q "2 ranks on 2 nodes" "$tmp/out"
is "$?, $end" "0, COMPLETED Restarts=0" "4 ranks on 2 nodes, then 3 on 1, then 2 on 2"
same gone "other nodes, other ranks"
done_testing
