# tests/ranks.sh - runs of three ranks that are hurt on their way; after tests/lib.sh: . "$HN_TOP/tests/ranks.sh"
#
#   begin NAME [OPTION...]; trains NAME; hurt NAME STOP 1; ended NAME; is "$rc $(left NAME)" "69 " ...
#
# NAMEs are words of a shell's names; several runs may be on their way at once.
program=$hardneg
with=      # a command in front of the program of each rank
stall=0.05 # minutes
tiny() {
    mkdir "$tmp/set"
    "$HN_TOP/tests/make-idx" "$tmp/set" 160 40
    "$hardneg" import idx "$tmp/set" "$tmp/x.h5" >/dev/null || exit 1
}
begin() {
    b_name=$1
    shift
    mkdir "$tmp/$b_name.mpi"
    (
        export OMPI_MCA_orte_tmpdir_base="$tmp/$b_name.mpi" OMPI_MCA_btl_vader_backing_directory="$tmp/$b_name.mpi"
        r=0
        # shellcheck disable=SC2016,SC2086 # the ranks' shells; words
        timeout -k 5 100 mpirun --quiet --oversubscribe --bind-to none -n 3 sh -c 'echo $$ >"$0$OMPI_COMM_WORLD_RANK"; echo $PPID >"$0"; exec "$@"' \
            "$tmp/$b_name.pid" $with "$program" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$b_name" --set data.path="$tmp/x.h5" \
            --set run.threads=1 --set run.stall_minutes=$stall --set run.log_every=1 --set ckpt.every_epochs=0 "$@" \
            >"$tmp/$b_name.said" 2>&1 </dev/null || r=$?
        echo "$r $(date +%s)" >"$tmp/$b_name.end"
    ) &
    eval "job_$b_name=$!"
}
endless() { begin "$@" --set run.epochs=1000000; }
trains() { until [ -s "$tmp/$1/metrics.jsonl" ] || [ -e "$tmp/$1.end" ]; do sleep 0.05; done; }
pid() { cat "$tmp/$1.pid$2"; } # NAME RANK; no rank: mpirun
hurt() {                       # NAME SIGNAL RANK
    date +%s >"$tmp/$1.hurt"
    kill "-$2" "$(pid "$1" "$3")"
}
lives() { [ ! -e "$tmp/$1.end" ]; }
ended() { # NAME: waits; $rc, the seconds since it was hurt in $took, what it said in $tmp/out
    eval "wait \$job_$1"
    read -r rc e_end <"$tmp/$1.end"
    took=$((e_end - $(cat "$tmp/$1.hurt" 2>/dev/null || echo "$e_end")))
    cp "$tmp/$1.said" "$tmp/out"
}
said() { grep -c "$1" "$tmp/out"; }
# Ranks that still live (an init that reaps late is not our affair), files of MPI.
left() {
    for l_rank in 0 1 2; do [ -z "$(readlink "/proc/$(pid "$1" $l_rank)/exe")" ] || echo "rank $l_rank"; done
    find "$tmp/$1.mpi" -mindepth 1
}
