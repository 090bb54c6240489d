# The C tests of one process under valgrind's memcheck: reads of what nobody wrote, of what was freed, and blocks that
# are lost: valgrind.sh [ROOM/TEST...], all but the longest when none is named.
. "$HN_TOP/tests/torture/lib.sh"
command -v valgrind >/dev/null 2>&1 || { echo "valgrind: skipped: there is no valgrind (tools/deps --tests installs it)"; exit 0; }
# t_ranks and t_flips play for many minutes there, t_plan and t_fuzz go by the clock.
[ $# -gt 0 ] || set -- $(cd "$HN_TOP/tests" && ls */t_*.c | grep -v '\.mpi\.c$\|/t_ranks\|/t_flips\|/t_plan\|/t_fuzz' | sed 's/\.c$//')
export OPENBLAS_CORETYPE=Haswell ONEDNN_MAX_CPU_ISA=SSE41 # of what the libraries can do, what valgrind knows
for t in "$@"; do
    rc=0
    timeout -k 5 600 valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
        --show-leak-kinds=definite --num-callers=30 --keep-debuginfo=yes \
        --suppressions="$HN_TOP/tests/valgrind.supp" "$build/release/tests/$t" >"$tmp/all" 2>&1 || rc=$?
    grep -v '^ok' "$tmp/all" | head -n 40 >"$tmp/out"
    [ "$rc" = 0 ] || lose "$t under valgrind: status $rc: $(grep -m 1 '^==' "$tmp/all")"
done
echo "valgrind: $# programs of tests, $lost with an error or a lost block; $lost lost"
[ "$lost" = 0 ]
