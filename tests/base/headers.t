#!/bin/sh
# Every header stands on its own: it compiles alone, and a second time after itself.
cd "${HN_TOP:-.}" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cc=${MPICC:-mpicc}
headers=$(ls include/hardneg/*.h src/*/*.h src/*/*/*.h 2>/dev/null)
flags="-std=c11 -fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -Isrc
       $(pkg-config --cflags hdf5 libconfig libxxhash libarchive libpng jansson openblas 2>/dev/null)"

echo "1..$(echo "$headers" | wc -l)"
n=0
for h in $headers; do
    n=$((n + 1))
    name=${h#include/}
    name=${name#src/}
    printf '#include "%s"\n#include "%s"\n' "$name" "$name" >"$tmp/alone.c"
    # shellcheck disable=SC2086 # flags are words
    if why=$("$cc" $flags "$tmp/alone.c" 2>&1); then
        echo "ok $n - $h"
    else
        echo "not ok $n - $h"
        echo "$why" | sed 's/^/# /'
    fi
done
