# A real time limit, of one minute.  SLURM warns by its own clock, which is coarse: some 15 s after the start.
. "$HN_TOP/tests/slurm/lib.sh"
plan 3
cluster
# As many epochs as take one rank about 90 seconds here.
epochs=500
since=$(date +%s%N)
baseline --set ckpt.every_steps=0 >"$tmp/out"
epochs=$((500 * 90000 / (($(date +%s%N) - since) / 1000000)))
want=$(baseline --set ckpt.every_steps=0)
submit -N1 --ntasks-per-node=2 -t1 --signal=B:USR1@40 one-node.sh limit --set ckpt.every_steps=0
until_true 500 ended "$job"
finished
case $end in "COMPLETED Restarts="[1-9]*) ok 0 "a time limit of a minute: $end" ;; *) ok 1 "a time limit of a minute: $end" ;; esac
is "$(grep -c "stopped on request" "$tmp/out")" "${end##*=}" "each life of the job but the last ended in a clean stop"
is "$("$hardneg" hash limit)" "$want" "and the bits are those of an uninterrupted run"
done_testing
