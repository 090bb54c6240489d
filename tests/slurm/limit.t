# A real time limit, of one minute.  SLURM warns by its own clock, which is coarse: up to a minute early.
. "$HN_TOP/tests/slurm/lib.sh"
plan 3
cluster
# Long enough for the warning to come first, some 15 s after the start.
epochs=8000
want=$(baseline)
submit -N1 --ntasks-per-node=2 -t1 --signal=B:USR1@40 one-node.sh limit
until_true 500 ended "$job"
finished
case $end in "COMPLETED Restarts="[1-9]*) ok 0 "a time limit of a minute: $end" ;; *) ok 1 "a time limit of a minute: $end" ;; esac
is "$(grep -c "stopped on request" "$tmp/out")" "${end##*=}" "each life of the job but the last ended in a clean stop"
is "$("$hardneg" hash limit)" "$want" "and the bits are those of an uninterrupted run"
done_testing
