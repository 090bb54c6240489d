# Reference values, over ranks, in both builds: our own set always, the large one where HN_GOLDEN says.
. "$HN_TOP/tests/lib.sh"
plan 38

files="losses train_joint train_per_view knn"
for f in $files; do
    for program in hardneg hardneg-double; do
        try ranks 3 "$build/$program" verify "$HN_TOP/tests/golden/$f.h5"
        ok $rc "$program: $f.h5 on 3 ranks"
    done
done
try "$hardneg" verify "$HN_TOP/tests/golden/losses.h5" --tolerance 1e-9
is "$rc" 1 "a tolerance that nothing can meet: exit 1"
try ranks 20 "$build/hardneg-double" verify "$HN_TOP/tests/golden/train_joint.h5"
ok $rc "more ranks than samples: some own none"

golden() { # FILE RANKS
    for program in hardneg hardneg-double; do
        if [ -f "${HN_GOLDEN:-}/$1.h5" ]; then
            try ranks "$2" "$build/$program" verify "$HN_GOLDEN/$1.h5"
            ok $rc "$program: $1.h5 on $2 ranks"
        else
            count=$((count + 1))
            echo "ok $count - $program: $1.h5 # SKIP HN_GOLDEN names no folder with it"
        fi
    done
}
for ranks in 1 2 3 5; do golden losses $ranks; done
golden losses_ties 1
golden losses_ties 5
golden schedules 1
golden ops 1
golden train_resnet18 2
golden train_resnet50 3
golden train_mlp 3
golden train_convnet 2
golden train_mlp_lars 5
golden knn 4
done_testing
