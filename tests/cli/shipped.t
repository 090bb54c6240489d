# Every config of configs/ is planned as it stands, and says in its first lines how to run it.
. "$HN_TOP/tests/lib.sh"
plan "$(ls "$HN_TOP"/configs/*.cfg | wc -l)"

for c in "$HN_TOP"/configs/*.cfg; do
    name=$(basename "$c" .cfg)
    case $name in
    fashion-* | tiny) samples=60000x28x28x1 ;;
    *-imagenet) samples=1281167x256x256x3 ;;
    *) samples=50000x32x32x3 ;;
    esac
    try "$hardneg" train "$c" --dry-run --samples "$samples"
    if [ "$rc" = 0 ] && ! grep -q '^work of a step' "$tmp/out"; then rc=1; fi
    if ! grep -q "^# .*hardneg train configs/$name.cfg -o runs/" "$c"; then
        echo "no command in $c" >"$tmp/out"
        rc=1
    fi
    ok $rc "$name.cfg: planned for $samples"
done
done_testing
