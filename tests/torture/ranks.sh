# SIGKILL at random instants of a run under mpirun that saves after every step: to one rank, to all ranks, or to mpirun
# itself, each life on another number of ranks: [HOW MANY] [SEED].
# Every time the checkpoint before is there, no process lives on, the next life finds nothing that hinders it, and the run
# ends in the bits of one that was never killed.
. "$HN_TOP/tests/torture/lib.sh"
many=${1:-60} seed=${2:-1}
tiny "$((many < 20 ? 30 : 100))"
reference
mkdir "$tmp/mpi"
export OMPI_MCA_orte_tmpdir_base="$tmp/mpi" OMPI_MCA_btl_vader_backing_directory="$tmp/mpi"

life() { # RANKS RUN: becomes mpirun
    exec timeout -k 5 200 mpirun --quiet --oversubscribe --bind-to none -n "$1" "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$2" \
        --set data.path="$tmp/tiny.h5" --set run.threads=1 --set run.epochs="$epochs" --set ckpt.every_steps=1 --set ckpt.keep=2 \
        --set run.stall_minutes=0.2 </dev/null
}
ours() { # processes of this test's runs: ranks
    for f in $(grep -lsa "OMPI_MCA_orte_tmpdir_base=$tmp/mpi" /proc/[0-9]*/environ); do
        p=${f#/proc/}
        p=${p%/environ}
        [ "$(readlink "/proc/$p/exe" 2>/dev/null)" = "$(readlink -f "$hardneg")" ] && echo "$p"
    done
}
launcher() { # the mpirun that `timeout` in $1 started
    tr ' ' '\n' <"/proc/$1/task/$1/children" 2>/dev/null | head -n 1
}
started=$(date +%s%N)
(life 3 probe) >"$tmp/out" 2>&1 &
wait $!
span=$(((($(date +%s%N) - started) / 1000000) * 9 / 10)) # milliseconds: a whole life
rm -rf "${tmp:?}/probe"
kills=0 runs=0 orphans=0 segments=0 one=0 all=0 mpirun=0 run=run0 before=-1 i=0
for part in $(randoms $((9 * many)) 1000000 "$seed"); do
    [ "$kills" -lt "$many" ] || break
    i=$((i + 1))
    n=$((2 + (part / 1000) % 2)) victim=$((part % 3))
    (life $n "$run") >"$tmp/out" 2>&1 &
    pid=$!
    sleep "$(awk "BEGIN { print $span * ($part % 1000) / 1e6 }")"
    hit=no
    case $victim in
    0) p=$(ours | sed -n "$((1 + part % n))p"); [ -z "$p" ] || { kill -KILL "$p" && hit=one; } ;;
    1) p=$(ours); [ -z "$p" ] || { kill -KILL $p && hit=all; } ;;
    2) p=$(launcher $pid); [ -z "$p" ] || { kill -KILL "$p" && hit=mpirun; } ;;
    esac 2>/dev/null
    rc=0
    wait $pid 2>/dev/null || rc=$?
    # Those that mpirun left alone end by themselves.
    w=300
    until [ -z "$(ours)" ] || [ $w = 0 ]; do sleep 0.1; w=$((w - 1)); done
    [ -z "$(ours)" ] || { orphans=$((orphans + 1)); lose "seed $seed, instant $i ($hit of $n): processes live on: $(ours | tr '\n' ' ')"; kill -KILL $(ours); }
    # What mpirun would have cleaned up stays when it is killed itself; in every other case nothing does.
    if [ -n "$(find "$tmp/mpi" -mindepth 1 | head -n 1)" ]; then
        [ $hit = mpirun ] || { segments=$((segments + 1)); lose "seed $seed, instant $i ($hit of $n): files of MPI are left: $(find "$tmp/mpi" -mindepth 1 | head -n 3 | tr '\n' ' ')"; }
        find "$tmp/mpi" -mindepth 1 -delete
    fi
    if [ "$rc" = 0 ]; then
        runs=$((runs + 1))
        [ "$(result "$run")" = "$whole" ] || lose "seed $seed, run $run ended in $(result "$run"), not in $whole"
        rm -rf "${tmp:?}/$run"
        run=run$runs before=-1
        continue
    fi
    case $hit in no) lose "seed $seed, instant $i: nobody was killed, status $rc"; continue ;; esac
    kills=$((kills + 1))
    eval "$hit=\$(($hit + 1))"
    now=$(good_step "$run")
    [ "$now" -ge "$before" ] || lose "seed $seed, instant $i: step $before was there, now it is $now"
    before=$now
done
train "$run" >"$tmp/out" 2>&1
[ "$(result "$run")" = "$whole" ] || lose "seed $seed, run $run ended in $(result "$run"), not in $whole"
runs=$((runs + 1))
echo "ranks: $kills lives on 2 or 3 ranks killed at random instants (seed $seed): one rank $one times, all $all, mpirun $mpirun; $runs runs finished, each with the bits of the uninterrupted one; orphans $orphans, left segments $segments; $lost lost"
[ "$lost" = 0 ] && [ "$kills" = "$many" ]
