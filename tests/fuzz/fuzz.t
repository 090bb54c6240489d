#!/bin/sh
# Outside text and files, any bytes: the corpus through every target, then each target for a while under libFuzzer.
. "$HN_TOP/tests/lib.sh"
cd "$HN_TOP" || exit 1
runs=${HN_FUZZ_RUNS:-}
targets=$(for f in tests/fuzz/*.c; do basename "$f" .c; done | grep -vx main)
plan $((2 * $(echo "$targets" | wc -l)))
for t in $targets; do
    try env TMPDIR="$tmp" "$build/asan/tests/fuzz/$t" tests/fuzz/corpus/"$t"/*
    ok $rc "$t: the corpus, $(ls tests/fuzz/corpus/"$t" | wc -l) inputs"
done
for t in $targets; do
    if [ ! -x "$build/fuzz/tests/fuzz/$t" ]; then
        count=$((count + 1))
        echo "ok $count # SKIP needs clang with libFuzzer (tools/deps --tests)"
        continue
    fi
    # What costs least first: so many runs take a second or two.
    case $t in
    options) n=20000 ;;
    sealed | idx | config | table) n=1500 ;;
    *) n=250 ;;
    esac
    dict=
    [ ! -f "tests/fuzz/$t.dict" ] || dict=-dict=tests/fuzz/$t.dict
    mkdir "$tmp/new"
    try env TMPDIR="$tmp" ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16:allocator_may_return_null=1 \
        "$build/fuzz/tests/fuzz/$t" $dict -runs="${runs:-$n}" -seed=1 -max_len=2048 -timeout=60 -rss_limit_mb=2000 \
        -malloc_limit_mb=300 -artifact_prefix="$tmp/" "$tmp/new" tests/fuzz/corpus/"$t"
    ok $rc "$t: ${runs:-$n} inputs more, $(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$tmp/out" | tail -n 1) edges"
    rm -rf "$tmp/new"
done
done_testing
