# Interrupted equals uninterrupted, at every step, on changing rank counts; refusals; metrics; stopping.
. "$HN_TOP/tests/lib.sh"
plan 44

"$HN_TOP/tests/make-idx" "$tmp" 160 40
"$hardneg" import idx "$tmp" "$tmp/tiny.h5" >/dev/null || exit 1
cfg=$HN_TOP/tests/train/tiny.cfg
train() { # RANKS RUN ARGUMENT...
    t_ranks=$1 t_run=$2
    shift 2
    if [ "$t_ranks" = 0 ]; then
        "$hardneg" train "$cfg" -o "$tmp/$t_run" --set data.path="$tmp/tiny.h5" --set run.threads=1 "$@"
    else
        ranks "$t_ranks" "$hardneg" train "$cfg" -o "$tmp/$t_run" --set data.path="$tmp/tiny.h5" --set run.threads=1 "$@"
    fi
}
hash() { "$hardneg" hash "$tmp/$1"; }
rows() { sed 's/,"\(pairs_per_s\|s_[a-z]*\)":[^,}]*//g' "$tmp/$1/metrics.jsonl"; }

# 160 samples, batches of 32: 5 steps per epoch, 10 in all.
train 0 whole >"$tmp/out" 2>&1
whole=$(hash whole)
is "$(echo "$whole" | cut -d' ' -f3-)" "step 10" "the whole run has 10 steps"
for k in 1 2 3 4 5 6 7 8 9; do
    train 0 "at$k" --steps $k >"$tmp/out" 2>&1 && train 0 "at$k" >>"$tmp/out" 2>&1
    is "$(hash at$k)" "$whole" "stopped after step $k and resumed: the same bits"
done
is "$(rows at7)" "$(rows whole)" "and the same metrics"
for pair in "1 3" "3 2" "8 1" "2 8"; do
    from=${pair% *} to=${pair#* }
    train "$from" "p$from$to" --steps 7 >"$tmp/out" 2>&1 && train "$to" "p$from$to" >>"$tmp/out" 2>&1
    is "$(hash "p$from$to")" "$whole" "7 steps on $from ranks, the rest on $to: the same bits"
done

# Another number of ranks at every restart.
at=0
for r in 1 8 2 3 5; do
    at=$((at + 2))
    train "$r" elastic --steps $at >"$tmp/out" 2>&1
done
is "$at $(hash elastic)" "10 $whole" "1, 8, 2, 3, 5 ranks, two steps each: the same bits"

# Another processor for OpenBLAS: allowed, and said.  (The name is OpenBLAS's own; elsewhere than on x86 it has no say.)
train 0 moved --steps 4 >"$tmp/out" 2>&1
OPENBLAS_CORETYPE=Prescott "$hardneg" --version >"$tmp/other" 2>&1
try env OPENBLAS_CORETYPE=Prescott "$hardneg" train "$cfg" -o "$tmp/moved" --set data.path="$tmp/tiny.h5" --set run.threads=1
is "$rc" 0 "resumed under another kernel of OpenBLAS"
if "$hardneg" --version | cmp -s - "$tmp/other"; then
    ok 0 "what has changed is named # SKIP OpenBLAS has one kernel here"
    ok 0 "and what follows # SKIP OpenBLAS has one kernel here"
else
    grep -q 'written under "linear algebra: .*"; this is "linear algebra: .*Prescott' "$tmp/out"
    ok $? "what has changed is named"
    grep -q "not with the bits of the uninterrupted one" "$tmp/out"
    ok $? "and what follows"
fi

# Momentum is part of the state, drops and scaling follow from the step.
lars="--set optim.kind=lars --set optim.lr=1 --set optim.nesterov=true --set optim.schedule=multistep --set optim.milestones=1 --set optim.lr_scaling=sqrt"
train 0 lars $lars >"$tmp/out" 2>&1
want=$(hash lars)
train 3 lars6 $lars --steps 6 >"$tmp/out" 2>&1 && train 2 lars6 $lars >>"$tmp/out" 2>&1
is "$(hash lars6)" "$want" "lars, 6 steps on 3 ranks, the rest on 2: the same bits"
[ "$want" != "$whole" ]
ok $? "and not Adam's"
is "$(sed -n 's/.*"lr":\([^,}]*\).*/\1/p' "$tmp/lars/metrics.jsonl" | uniq | tr '\n' ' ')" "0.353553390593 0.0353553390593 " \
    "its rate: scaled to the batch, a tenth after the first epoch"

train 0 label --set data.positives=label >"$tmp/out" 2>&1
train 3 label6 --set data.positives=label --steps 6 >"$tmp/out" 2>&1 && train 2 label6 --set data.positives=label >>"$tmp/out" 2>&1
is "$(hash label6)" "$(hash label)" "positives by label, 6 steps on 3 ranks, the rest on 2: the same bits"

# A checkpoint that is cut short is skipped, and said; the run ends in the same bits.
train 0 torn --steps 4 --set ckpt.every_steps=2 >"$tmp/out" 2>&1
newest=$tmp/torn/checkpoints/step-00000004.h5
head -c 3000 "$newest" >"$tmp/cut" && mv "$tmp/cut" "$newest" && cp "$newest" "$tmp/torn.h5"
try train 0 torn
grep -q "skipped a checkpoint: .*step-00000004.h5" "$tmp/out"
ok $? "a torn checkpoint is named"
cmp -s "$newest.damaged" "$tmp/torn.h5"
ok $? "and kept as .damaged"
is "$(hash torn)" "$whole" "the one before it serves, and the bits are the same"

# Metrics are cut back to the checkpoint: rows that came after it are made again.
train 0 cut --steps 6 --set ckpt.every_steps=3 >"$tmp/out" 2>&1
rm "$tmp/cut/checkpoints/step-00000006.h5"
train 0 cut >"$tmp/out" 2>&1
is "$(rows cut)" "$(rows whole)" "metrics hold every step once"

refused 64 "optim.lr" "another learning rate is refused with both values" train 0 whole --set optim.lr=0.5
refused 64 "model" "another model is refused" train 0 whole --set model.head_out=7
try train 0 whole --set run.epochs=3 --steps 12
is "$rc" 0 "more epochs are allowed under a constant schedule"
refused 73 "was here before" "a used directory is refused with --resume never" train 0 at1 --resume never
refused 66 "nowhere.h5" "a checkpoint that is not there" train 0 fresh --resume "$tmp/nowhere.h5"
refused 66 "it takes auto, never, a checkpoint or a run directory" "so is a word that is none" train 0 fresh --resume Never
refused 66 "holds no checkpoint" "and a folder without one" train 0 fresh --resume "$tmp/fresh"
try train 0 borrowed --resume "$tmp/at3"
is "$rc $(hash borrowed)" "0 $whole" "a run can go on from another run's newest"
train 0 from --resume "$tmp/at3/checkpoints/step-00000010.h5" >"$tmp/out" 2>&1
is "$?" 0 "a run can go on from a file"
echo half >"$tmp/at2/checkpoints/.step-00000003.h5.another-host.1.tmp"
try train 0 at2
grep -q "done already" "$tmp/out"
ok $? "a finished run says so"
is "$(ls -A "$tmp/at2/checkpoints" | grep -c tmp)" 0 "and removes what a run on another host has left"
mkdir "$tmp/odd" && echo >"$tmp/odd/checkpoints"
refused 73 "no folder, but checkpoints go there: move it away" "a file where the checkpoints go" train 0 odd

# Stopping.
try train 2 minutes --max-minutes 0.000001
is "$rc" 75 "--max-minutes: exit 75"
# The program itself in the background, not a function's shell: $! is what the signal must reach.
set -- "$hardneg" train "$cfg" --set data.path="$tmp/tiny.h5" --set run.threads=1 --set run.epochs=100000
"$@" -o "$tmp/long" >"$tmp/out" 2>&1 &
pid=$!
for i in $(seq 100); do [ -s "$tmp/long/metrics.jsonl" ] && break; sleep 0.1; done
kill -USR1 "$pid"
rc=0
wait "$pid" || rc=$?
is "$rc" 75 "USR1: stopped, exit 75"
step=$(hash long | sed 's/.*step //')
[ "$(ls "$tmp/long/checkpoints" | sed -n '$s/step-0*\([0-9]*\).h5/\1/p')" = "$step" ] && [ "$step" -gt 0 ]
ok $? "and saved (step $step)"
mpirun --quiet --oversubscribe --bind-to none -n 3 "$@" -o "$tmp/sig" >"$tmp/out" 2>&1 </dev/null &
pid=$!
for i in $(seq 100); do [ -s "$tmp/sig/metrics.jsonl" ] && break; sleep 0.1; done
kill -USR1 "$pid"
rc=0
wait "$pid" || rc=$?
is "$rc" 75 "USR1 to mpirun: all ranks stop after the same step, exit 75"
"$hardneg" hash "$tmp/sig" >"$tmp/out" 2>&1
is "$?" 0 "and saved a good checkpoint"
done_testing
