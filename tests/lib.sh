# tests/lib.sh - for the shell tests: . "$HN_TOP/tests/lib.sh"; plan N; ok STATUS "what" ...; done_testing
# A scratch folder is $tmp; it goes with the test.
build=${HN_BUILD:-$HN_TOP/build}
hardneg=${HARDNEG:-$build/hardneg}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/hn-test.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
count=0
failed=0
export OMPI_MCA_orte_tmpdir_base="$tmp" OMPI_MCA_btl_vader_backing_directory="$tmp"

plan() {
    planned=$1
    echo "1..$1"
}
ok() { # STATUS WHAT: passes when STATUS is 0
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        failed=$((failed + 1))
        [ ! -s "$tmp/out" ] || sed 's/^/# /' "$tmp/out" | tail -n 12
    fi
}
is() { # GOT WANTED WHAT
    count=$((count + 1))
    if [ "$1" = "$2" ]; then
        echo "ok $count - $3"
    else
        echo "not ok $count - $3"
        echo "#   got:    $1"
        echo "#   wanted: $2"
        failed=$((failed + 1))
    fi
}
# Runs a command with both outputs in $tmp/out; $rc is its status.
try() {
    rc=0
    "$@" >"$tmp/out" 2>&1 || rc=$?
}
ranks() { # N COMMAND...
    n=$1
    shift
    timeout -k 5 120 mpirun --quiet --oversubscribe --bind-to none -n "$n" "$@" </dev/null
}
# A refused input: status WANTED, one line on stderr that holds WORD, nothing else.
refused() { # WANTED WORD WHAT COMMAND...
    r_want=$1 r_word=$2 r_what=$3
    shift 3
    try "$@"
    r_lines=$(grep -c . "$tmp/out" || true)
    if [ "$rc" = "$r_want" ] && [ "$r_lines" = 1 ] && grep -qF -- "$r_word" "$tmp/out"; then
        ok 0 "$r_what"
    else
        echo "# status $rc (wanted $r_want), $r_lines lines, looking for \"$r_word\""
        ok 1 "$r_what"
    fi
}
done_testing() {
    [ "$count" = "$planned" ] || { echo "# ran $count of $planned"; exit 1; }
    [ "$failed" = 0 ] || exit 1
}
