# An array over seeds whose tasks are requeued one by one; what is not requeued, and how often; a chain without requeue.
. "$HN_TOP/tests/slurm/lib.sh"
plan 13
cluster

submit --array=1-3 -N1 --ntasks-per-node=2 seeds.sh seeds
until_true 60 trains seeds/seed-2 && warn "${job}_2"
array=$job
for n in 1 2 3; do
    job=${array}_$n
    finished
    case $n in 2) want="COMPLETED Restarts=1" ;; *) want="COMPLETED Restarts=0" ;; esac
    is "$end" "$want" "array: task $n"
    is "$("$hardneg" hash "seeds/seed-$n")" "$(baseline --set run.seed="$n")" "task $n trained seed $n, with the bits of a run alone"
done

# --- what would fail again is not requeued ---
submit -N1 --ntasks-per-node=1 one-node.sh wrong --set loss.kind=none-such
finished
is "$end, $(grep -c 'job: exit 64' "$tmp/out")" "FAILED Restarts=0, 1" "a mistake in the config: exit 64, not requeued"

# --- what may go better is, as long as something comes of it ---
printf '#!/bin/sh\nexit 69\n' >lose
chmod +x lose
HARDNEG=$tmp/lose HARDNEG_ATTEMPTS=1 submit -N1 --ntasks-per-node=1 one-node.sh lost
finished
is "$end, $(grep -c 'restarts brought no new checkpoint' "$tmp/out")" "FAILED Restarts=1, 1" "a rank that is lost each time: given up"

# --- a chain of jobs that do not requeue ---
chain() { # LINKS RUN OPTION...: numbers of the links in $1 ..
    c_links=$1 c_run=$2
    shift 2
    # shellcheck disable=SC2046 # options are words
    "$slurm" run "$jobs/chain.sh" "$c_links" --cpus-per-task=1 -N2 --ntasks-per-node=1 "$jobs/nodes.sh" \
        "$HN_TOP/tests/train/tiny.cfg" "$c_run" $(options) "$@" 2>"$tmp/err"
}
links=$(chain 3 chained)
first=$(echo "$links" | sed -n 1p) second=$(echo "$links" | sed -n 2p) third=$(echo "$links" | sed -n 3p)
until_true 60 trains chained && warn "$first"
finished "$first"
is "$end, $(grep -c 'stopped on request' "$tmp/out")" "FAILED Restarts=0, 1" "chain: the first link is warned, saves, ends with 75"
finished "$second"
is "$end" "COMPLETED Restarts=0" "chain: the second goes on and is done"
finished "$third"
is "$end" "CANCELLED Restarts=0" "chain: the third is not needed"
is "$("$hardneg" hash chained)" "$(baseline)" "chain: the bits of an uninterrupted run"

links=$(chain 2 mistaken --set loss.kind=none-such)
finished "$(echo "$links" | sed -n 2p)"
is "$end" "CANCELLED Restarts=0" "a chain that cannot succeed ends with its first link"
done_testing
