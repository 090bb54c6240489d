# An array over seeds whose tasks are requeued one by one; what is not requeued, and how often; a chain without requeue.
. "$HN_TOP/tests/slurm/lib.sh"
cluster 17

submit --array=1-3 -N1 --ntasks-per-node=2 seeds.sh seeds
array=$job
for n in 2 3 1; do warn "${array}_$n" "seeds/seed-$n"; done
for n in 1 2 3; do
    finished "${array}_$n"
    is "$end" "COMPLETED Restarts=1" "array: task $n was requeued alone"
    same "seeds/seed-$n" "task $n trained seed $n" --set run.seed="$n"
done

# --- what would fail again is not requeued: each task of the array ends with its number ---
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\n[ "$1" = --version ] || exit "$SLURM_ARRAY_TASK_ID"\n' >ends
# shellcheck disable=SC2016 # the same
printf '#!/bin/sh\n[ "$1" = --version ] || exit 69\n' >lose
chmod +x ends lose
hopeless="64-68,70-74,79,134,139"
HARDNEG=$tmp/ends submit --array=$hopeless -N1 --ntasks-per-node=1 seeds.sh hopeless
all_ended() { [ -z "$("$slurm" run squeue -h -r -j "$1")" ]; }
until_true 240 all_ended "$job"
is "$(cat "hardneg-${job}_"*.log | sed -n 's/^job: exit \([0-9]*\): \(the same again would end the same way$\|not requeued; .*\)/\1/p' | sort -n | tr '\n' ' ')" \
    "64 65 66 67 68 70 71 72 73 74 79 134 139 " "what would fail again, or find another run there, is said, once each"
is "$(grep -c "JobState=FAILED" c/jobcomp.log)" 13 "and none of it requeued"

# --- what may go better is, as long as something comes of it ---
HARDNEG=$tmp/lose HARDNEG_ATTEMPTS=2 submit -N1 --ntasks-per-node=1 one-node.sh lost
finished
is "$end, $(grep -c 'restarts brought no new checkpoint' "$tmp/out")" "FAILED Restarts=2, 1" "a rank that is lost each time: given up"

# --- cores: bound where there are as many as the job was given, said once, and never a reason not to start ---
for cores in 1 4; do
    (unset HARDNEG_BIND; LAST_LIFE=yes submit -N2 --ntasks-per-node=1 --cpus-per-task=$cores nodes.sh "bound-$cores"; echo "$job" >"$tmp/job")
    finished "$(cat "$tmp/job")"
    is "$end, $(grep -c "^job: each rank is bound\|^job: .* ranks are not bound" "$tmp/out")" "COMPLETED Restarts=0, 1" "$cores cores for each rank, bound or not"
done

# --- a chain of jobs that do not requeue ---
chain() { # LINKS RUN OPTION...: numbers of the links, a line each
    c_links=$1 c_run=$2
    shift 2
    # shellcheck disable=SC2086 # options are words
    "$slurm" run "$jobs/chain.sh" "$c_links" --cpus-per-task=1 -N2 --ntasks-per-node=1 "$jobs/nodes.sh" \
        "$HN_TOP/tests/train/tiny.cfg" "$c_run" $options "$@" 2>"$tmp/err"
}
link() { echo "$links" | sed -n "$1p"; }
links=$(chain 3 chained)
warn "$(link 1)" chained
finished "$(link 1)"
is "$end, $(grep -c 'stopped on request' "$tmp/out")" "FAILED Restarts=0, 1" "chain: the first link is warned, saves, ends with 75"
finished "$(link 2)"
is "$end" "COMPLETED Restarts=0" "chain: the second goes on and is done"
finished "$(link 3)"
is "$end" "CANCELLED Restarts=0" "chain: the third is not needed"
same chained "chain"

links=$(LAST_LIFE=yes chain 3 short)
for n in 1 2 3; do
    finished "$(link $n)"
    echo "$end"
done >"$tmp/ends-of-links"
is "$(tr '\n' ' ' <"$tmp/ends-of-links")" "COMPLETED Restarts=0 CANCELLED Restarts=0 CANCELLED Restarts=0 " "a chain whose first link finishes the run is over"

links=$(chain 2 mistaken --set loss.kind=none-such)
finished "$(link 2)"
is "$end" "CANCELLED Restarts=0" "a chain that cannot succeed ends with its first link"
done_testing
