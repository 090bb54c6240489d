# Some quick tests under valgrind; make torture P=valgrind runs the others, too.
. "$HN_TOP/tests/lib.sh"
command -v valgrind >/dev/null 2>&1 || { echo "1..0 # SKIP there is no valgrind (tools/deps --tests installs it)"; exit 0; }
plan 1
set -- base/t_base store/t_seal store/t_foreign ckpt/t_ckpt
for t in "$@"; do
    [ -x "$build/release/tests/$t" ] || { echo "ok 1 # SKIP $t is not built here"; exit 0; }
done
try sh "$HN_TOP/tests/torture/valgrind.sh" "$@"
is "$rc" 0 "memcheck finds nothing in $*"
[ "$failed" = 0 ] || cat "$tmp/out"
done_testing
