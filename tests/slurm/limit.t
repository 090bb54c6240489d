# A real time limit, of one minute.  SLURM warns by its own clock, which is coarse: some 15 s after the start.
. "$HN_TOP/tests/slurm/lib.sh"
cluster 3
submit -N1 --ntasks-per-node=2 -t1 --signal=B:USR1@40 one-node.sh limit
finished
is "$end" "COMPLETED Restarts=1" "a time limit of a minute: warned, requeued once, done"
is "$(grep -c "stopped on request after step [0-9]* of .*, saved" "$tmp/out")" 1 "the first life ended in a clean stop"
same limit "a time limit"
done_testing
