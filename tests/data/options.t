#!/bin/sh
# import: options that a format knows nothing of are refused, not passed over; --white reaches the importer.
. "$HN_TOP/tests/lib.sh"
plan 15

"$HN_TOP/tests/make-idx" "$tmp" 64 32
foreign() { # FORMAT OPTION [VALUE]
    refused 64 "$2: not for $1" "$1 with $2" "$hardneg" import "$1" "$tmp" "$tmp/x.h5" "${2}${3+=$3}"
}
foreign idx --coarse
foreign idx --layout nhwc
foreign idx --train-images x
foreign idx --white 255
foreign cifar10 --coarse
foreign cifar10 --train-labels y
foreign cifar100 --test-images x
foreign cifar100 --test-labels y
foreign cifar100 --unlabeled x
foreign hdf5 --coarse
refused 64 "must be above 0" "a white of 0" "$hardneg" import hdf5 "$tmp/x" "$tmp/x.h5" --white 0
refused 64 "is no format" "an unknown format comes first" "$hardneg" import mnist "$tmp" "$tmp/x.h5" --coarse
[ ! -e "$tmp/x.h5" ]
ok $? "no file is made"
try "$hardneg" import idx "$tmp" "$tmp/x.h5" --name digits
is "$rc $(grep -c digits "$tmp/out")" "0 1" "--name is for all"
refused 64 "--white: " "a data set of ours keeps its pixels" "$hardneg" import hdf5 "$tmp/x.h5" "$tmp/y.h5" --white 255
done_testing
