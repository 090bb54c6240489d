# A real time limit, of one minute.  SLURM warns by its own clock, which is coarse: some 15 s after the start.
. "$HN_TOP/tests/slurm/lib.sh"
cluster 3
submit -N1 --ntasks-per-node=2 -t1 --signal=B:USR1@40 one-node.sh limit
finished
case $end in "COMPLETED Restarts="[1-9]*) ok 0 "a time limit of a minute: $end" ;; *) ok 1 "a time limit of a minute: $end" ;; esac
is "$(grep -c "stopped on request after step [0-9]* of .*, saved" "$tmp/out")" "${end##*=}" "each life but the last ended in a clean stop"
same limit "a time limit"
done_testing
