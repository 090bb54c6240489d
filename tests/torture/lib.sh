# tests/torture/lib.sh - for the parts of tools/torture: . "$HN_TOP/tests/torture/lib.sh"
#
# A part is tests/torture/NAME.sh [HOW MANY] [SEED].  Its last line are its figures: what, how many, how many lost;
# its status is 0 when nothing was lost.  `make check` runs parts in small.
. "$HN_TOP/tests/lib.sh"
lost=0

tiny() { # EPOCHS: $cfg and a data set for runs of 5 short steps an epoch, saved after each
    "$HN_TOP/tests/make-idx" "$tmp" 160 40
    "$hardneg" import idx "$tmp" "$tmp/tiny.h5" >/dev/null || exit 1
    epochs=$1
}
train() { (start "$@"); } # RUN ARGUMENT...
start() {                 # the same as the shell's own end: `start RUN &` leaves the program's id in $!
    t_run=$1
    shift
    exec "$hardneg" train "$HN_TOP/tests/train/tiny.cfg" -o "$tmp/$t_run" --set data.path="$tmp/tiny.h5" \
        --set run.threads=1 --set run.epochs="$epochs" --set ckpt.every_steps=1 --set ckpt.keep=2 "$@"
}
# What the run would have ended in: hash and step.
reference() {
    train whole >"$tmp/whole.out" 2>&1 || { cat "$tmp/whole.out"; exit 1; }
    whole=$("$hardneg" hash "$tmp/whole" | cut -d' ' -f1,3-)
}
result() { "$hardneg" hash "$tmp/$1" 2>&1 | cut -d' ' -f1,3-; }
# The step of the newest checkpoint that verifies; -1: none.
good_step() {
    g_step=$("$hardneg" hash "$tmp/$1" 2>/dev/null | sed -n 's/.* step //p')
    echo "${g_step:--1}"
}
lose() { # WHY: what a reader needs to see it again
    lost=$((lost + 1))
    echo "# lost: $*"
    [ ! -s "$tmp/out" ] || sed 's/^/# /' "$tmp/out" | tail -n 6
}
# N whole numbers of 0 .. BELOW-1, the same for the same seed.
randoms() { awk -v n="$1" -v below="$2" -v seed="$3" 'BEGIN { srand(seed); for (i = 0; i < n; i++) print int(rand() * below) }'; }
