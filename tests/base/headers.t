#!/bin/sh
# Every header stands on its own: it compiles alone, and a second time after itself; public ones in C++ too.
cd "${HN_TOP:-.}" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cc=${MPICC:-mpicc}
cxx=${CXX:-c++}
public=$(ls include/hardneg/*.h)
private=$(ls src/*/*.h src/*/*/*.h 2>/dev/null)
warn="-fsyntax-only -Wall -Wextra -Werror -Iinclude"
flags="-std=c11 $warn -D_GNU_SOURCE -Isrc
       $(pkg-config --cflags hdf5 libconfig libxxhash libarchive libpng jansson openblas 2>/dev/null)"

n=0
report() { # STATUS WHAT WHY
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        echo "$3" | sed 's/^/# /'
    fi
}

# shellcheck disable=SC2086 # lists and flags are words
echo "1..$(echo $public $private $public "all of them" | wc -w | awk '{ print $1 - 2 }')"
for h in $public $private; do
    name=${h#include/}
    name=${name#src/}
    printf '#include "%s"\n#include "%s"\n' "$name" "$name" >"$tmp/alone.c"
    why=$("$cc" $flags "$tmp/alone.c" 2>&1)
    report $? "$h" "$why"
done

# For users: a C++ program, and C without our flags, where `double` is the type of the other library.
mpi=$(pkg-config --cflags ompi-c 2>/dev/null | sed 's/-I/-isystem /g')
for h in $public; do
    if ! command -v "$cxx" >"$tmp/which" 2>&1; then
        n=$((n + 1))
        echo "ok $n # SKIP no C++ compiler"
        continue
    fi
    printf '#include "%s"\nint main() { return 0; }\n' "${h#include/}" >"$tmp/alone.cc"
    why=$("$cxx" -std=c++11 $warn $mpi "$tmp/alone.cc" 2>&1)
    report $? "$h in C++" "$why"
done
printf '#include "hardneg/hardneg.h"\n' >"$tmp/all.c"
why=$("$cc" -std=c99 $warn -pedantic -DHN_REAL=double "$tmp/all.c" 2>&1)
report $? "all of them in C99, of the double library" "$why"
