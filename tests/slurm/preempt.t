# Preemption, at once and with a grace time: the job goes on when the urgent one is done, with the same bits.
. "$HN_TOP/tests/slurm/lib.sh"
cluster 6

urgent() { # takes both nodes for a moment
    "$slurm" run sbatch --parsable -p urgent -N2 --ntasks-per-node=4 -o "$tmp/urgent" --wrap "sleep 1" >"$tmp/urgent.id"
}
preempted() { # PARTITION RUN WHAT
    submit -p"$1" -N2 --ntasks-per-node=2 nodes.sh "$2"
    until_true 240 trains "$2" && urgent
    until_true 240 again "$job"
    finished
    is "${end% *}, $(state "$(cat "$tmp/urgent.id")")" "COMPLETED, COMPLETED" "$3: requeued, done after the urgent job"
    same "$2" "$3"
}
preempted main now "preempted at once"
# TERM goes to the ranks alone: mpirun loses its other node and returns while the grace time runs; the script requeues.
preempted grace mpirun "mpirun, a grace time"
export HARDNEG_LAUNCH=srun
unset HARDNEG_BIND
preempted grace srun "srun, a grace time"
done_testing
