# Two runs in one directory: the second is told of the first; a dead one blocks nobody; one that was taken for dead ends
# without writing.  Hosts are names here (unshare --uts); tests/train/t_dirlock.c has the rest, tests/slurm/lock.t nodes.
. "$HN_TOP/tests/torture/lib.sh"

if [ "$(id -u)" = 0 ]; then uts="unshare --uts"; else uts="unshare --user --map-current-user --keep-caps --uts"; fi
$uts hostname n1 2>"$tmp/which" || { echo "1..0 # SKIP may not give a host another name: $(cat "$tmp/which")"; exit 0; }
plan 13
tiny 2
reference

on() { # HOST RUN ARGUMENT...: the shell's own end; both outputs go to $tmp/HOST.RUN, or $as
    o_host=$1 o_run=$2
    shift 2
    # shellcheck disable=SC2086 # launch is words
    exec $uts sh -c 'hostname "$0" && exec "$@"' "$o_host" $launch "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" \
        -o "$tmp/$o_run" --set data.path="$tmp/tiny.h5" --set run.threads=1 --set run.epochs="$epochs" \
        --set ckpt.every_steps=1 --set ckpt.keep=2 "$@" >"${as:-$tmp/$o_host.$o_run}" 2>&1 </dev/null
}
until_true() { # COMMAND...
    for u_i in $(seq 600); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}
trains() { [ "$(good_step "$1")" -gt 0 ]; }   # RUN has saved
holder() { sed -n 's/.* process \([0-9]*\) .*/\1/p' "$tmp/$1"/lock.*; } # of RUN: its process
all_of() { (cd "$tmp/$1" && cat checkpoints/* metrics.jsonl | cksum); } # RUN
said() { grep -c "$1" "$tmp/$2"; }
launch=

# --- one lives ---
epochs=100000
(on n1 live) & first=$!
until_true trains live
refused 73 "another run holds this directory: host n1, process $(holder live), since 20" "the second is told who the first is" \
    train live
rc=0
(as=$tmp/out on n1 live) || rc=$?
is "$rc $(grep -c 'another run holds' "$tmp/out") $(grep -c . "$tmp/out")" "73 1 1" "on the same host, too"
for verb in fsck hash info; do
    try "$hardneg" $verb "$tmp/live"
    [ "$rc" = 0 ] || break
done
is "$rc" 0 "who only reads needs no lock"

# --- killed, on this host ---
kill -KILL "$first"
wait "$first" 2>/dev/null
(on n1 live --steps 1) # has been done already
is "$? $(said 'taken over from a run that is gone: host n1, process' n1.live) $(said 'no sign of life' n1.live)" "0 1 0" \
    "one that was killed is taken over at once on its host"

# --- on another host: killed; and beside it one that is stopped, and comes back ---
epochs=2
(on n1 dead --set run.log_every=1 --steps 4)
sed -i 's/^free/held/' "$tmp/dead"/lock.* # as if it had been killed
(on n2 dead) & dead=$!
mkdir "$tmp/asked"
ln -s /nowhere "$tmp/asked/lock.3"
(on n1 asked) & asked=$!

epochs=100000
launch="mpirun --quiet --oversubscribe --bind-to none -n 2"
(on n1 back) & back=$!
launch=
until_true trains back
pid=$(holder back)
kill -STOP "$pid"
step=$(good_step back)
(on n2 back --steps $((step + 20))) & next=$!

until_true grep -q 'no sign of life' "$tmp/n1.asked"
kill -TERM "$asked"
rc=0
wait "$asked" || rc=$?
is "$rc $(ls "$tmp/asked")" "75 lock.3" "TERM while one waits to see whether the other lives: at once"

rc=0
wait "$dead" || rc=$?
is "$rc $(result dead)" "0 $whole" "one that is dead on another host is taken over, and ends in the same bits"
is "$(said 'held by a run that gives no sign of life: host n1, .*; taken over if it gives none within 20 s' n2.dead)" 1 \
    "after a silence, of which one line tells"
rc=0
wait "$next" || rc=$?
is "$rc $(said 'taken over from a run that is gone: host n1' n2.back)" "0 1" "so is one that is stopped"
is "$(good_step back)" "$((step + 20))" "the run goes on from where that was"
before=$(all_of back)
kill -CONT "$pid"
rc=0
wait "$back" || rc=$?
cp "$tmp/n1.back" "$tmp/out"
is "$rc $(said 'another run took this directory over when this one gave no sign of life: host n2' n1.back)" "73 1" \
    "it comes back, and all its ranks end, with one line"
is "$(tail -n 1 "$tmp/n1.back" | grep -c 'writes nothing more')" 1 "which is the last"
is "$(all_of back)" "$before" "it has written no checkpoint and no metrics since"
is "$(ls "$tmp"/back/checkpoints/.*.tmp 2>/dev/null)" "" "and has left no temporary"

done_testing
