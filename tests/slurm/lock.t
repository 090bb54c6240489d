# A node that is lost while its rank lives on: the requeued job takes the directory over at once and ends in the same
# bits; the rank, when it comes back, ends without writing.  And one that dies with its node.
. "$HN_TOP/tests/slurm/lib.sh"
cluster 8
all_of() { cat "$1"/checkpoints/* "$1/metrics.jsonl" | cksum; }
begin() { # RUN: its node and process
    submit -N1 --ntasks-per-node=1 one-node.sh "$1"
    until_true 60 trains "$1"
    node=$("$slurm" run squeue -h -j "$job" -o %N)
    process=$(sed -n 's/.* process \([0-9]*\) .*/\1/p' "$1"/lock.*)
}
gone() { grep -c "taken over from a run that is gone: host $node, SLURM job $job, process $process" "$tmp/out"; }

begin cut
kill -STOP "$process"
kill -KILL "$(cat "$PSLURM_DIR/slurmd.$node.pid")" # its steps live on
until_true 120 again "$job"
finished
is "$end" "COMPLETED Restarts=1" "a node is cut off, its job goes on elsewhere"
same cut "and ends"
is "$(gone) $(grep -c 'no sign of life: host' "$tmp/out")" "1 0" "having taken the directory over at once"
before=$(all_of cut)
kill -CONT "$process"
returned() { grep -q 'another run took this directory over' "$tmp"/*-"$job".log; }
until_true 60 returned
ok $? "the rank that was cut off sees that"
dead() { ! kill -0 "$process" 2>/dev/null; }
until_true 60 dead
is "$? $(all_of cut)" "0 $before" "and ends without writing"
"$slurm" up "$node"

begin dead
"$slurm" crash "$node"
kill -KILL "$process" 2>/dev/null
until_true 120 again "$job"
finished
is "$end" "COMPLETED Restarts=1" "a node dies with the rank that holds the directory, its job goes on elsewhere"
same dead "and ends"
is "$(gone)" 1 "its job takes it over on another"
done_testing
