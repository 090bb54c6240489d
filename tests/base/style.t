#!/bin/sh
# What a grep can decide: layout, one door for each foreign library, who may print and exit, nothing unfinished.
cd "${HN_TOP:-.}" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
build=${HN_BUILD:-${BUILD:-build}}/release

n=0
# check WHAT WHY: passes when WHY, the complaints, is empty
check() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        echo "$2" | head -n 20 | sed 's/^/# /'
    fi
}

skip() {
    n=$((n + 1))
    echo "ok $n # SKIP $1"
}

# Files that git has or would have; without git, all but the build's.
files() {
    git ls-files -co --exclude-standard 2>/dev/null | grep . || find . -type f ! -path './build/*' | sed 's|^\./||'
}
files | while read -r f; do [ -f "$f" ] && echo "$f"; done >"$tmp/files"
grep '^src/.*\.[ch]$\|^include/.*\.h$' "$tmp/files" >"$tmp/library"
grep '\.[ch]$' "$tmp/files" >"$tmp/c"
sed -n '/\.\(t\|sh\)$/p; /^tools\//p; /^jobs\//p; /^\.ci\//p; /tap-run$/p' "$tmp/files" >"$tmp/maybe"
while read -r f; do head -n 1 "$f" | grep -q '^#!/bin/sh' && echo "$f"; done <"$tmp/maybe" >"$tmp/scripts"

# The C files $1 (one name a line) as "file:line: code", comments, strings and characters blanked out.
code() {
    while read -r f; do
        awk -v file="$f" '
        {
            line = $0; out = ""
            while (line != "") {
                if (comment) {
                    i = index(line, "*/")
                    if (i == 0) { line = ""; break }
                    line = substr(line, i + 2); comment = 0
                } else if (line ~ /^\/\*/) { comment = 1; line = substr(line, 3) }
                else if (line ~ /^\/\//) break
                else if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^\047([^\047\\]|\\.)+\047/)) {
                    out = out "\"\""; line = substr(line, RLENGTH + 1)
                } else { out = out substr(line, 1, 1); line = substr(line, 2) }
            }
            print file ":" FNR ": " out
        }' "$f"
    done <"$1"
}

# Foreign headers of the files on standard input (room file:line header) that do not stand at their door.
# Everything that is neither ours nor listed here is foreign: a new library needs a line, and a room.
doors() {
    awk '
    BEGIN {
        n = split("comm mpi.h|store hdf5.h|backend cblas.h|backend lapacke.h|backend dnnl.h|backend omp.h|base xxhash.h|" \
                  "base jansson.h|base elf.h|base link.h|base Random123/philox.h|data archive.h|data archive_entry.h|check png.h|" \
                  "config libconfig.h", pair, "|")
        for (i = 1; i <= n; i++) { split(pair[i], p, " "); door[p[2]] = p[1] }
        n = split("assert ctype errno fenv float inttypes limits locale math setjmp signal stdarg stdatomic " \
                  "stdbool stddef stdint stdio stdlib stdnoreturn string time fcntl unistd dirent poll pthread " \
                  "sched semaphore getopt ftw glob libgen strings regex termios dlfcn malloc cpuid immintrin elf link " \
                  "sys/types sys/stat sys/mman sys/time sys/resource sys/wait sys/ioctl sys/utsname sys/statvfs " \
                  "sys/vfs sys/prctl sys/file sys/sysinfo sys/uio sys/random sys/syscall linux/limits", c, " ")
        for (i = 1; i <= n; i++) ours[c[i] ".h"] = 1
    }
    !($3 in ours) && door[$3] != $1 { print $2 ": <" $3 "> in " $1 (($3 in door) ? ", its door is " door[$3] : "") }'
}

# "room file:line header" for every #include <...> of the files $1.
foreign() {
    xargs grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' <"$1" /dev/null |
        sed 's|^\(src/\([a-z]*\)/[^:]*:[0-9]*\):[^<]*<\([^>]*\)>.*|\2 \1 \3|
             s|^\(include/hardneg/\([a-z]*\)\.h:[0-9]*\):[^<]*<\([^>]*\)>.*|\2 \1 \3|'
}

# Undefined symbols of the objects of folders $* that no hot path may use.
undefined() {
    for d in "$@"; do
        nm -uA "$build/src/$d"/*.o
    done | awk '{ print $1 " " $NF }' | sed 's/@.*//; s/ __\([a-z]*\)_chk$/ \1/' | grep -E " ($hot)\$"
}
hot='P?MPI_.*|malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup|hn_log'
hot="$hot|v?f?printf|f?puts|f?putc|putchar|perror|f(open|close|read|write|flush|scanf)|std(in|out|err)"
hot="$hot|exit|_exit|abort|open|close|p?read|p?write|time|clock|clock_gettime|gettimeofday|s?rand|random"

echo 1..14
if [ "$(clang-format --version 2>/dev/null | sed 's/.*version \([0-9]*\).*/\1/')" = 14 ]; then
    check "C files are laid out by clang-format" \
        "$(xargs clang-format --dry-run <"$tmp/c" 2>&1 | grep 'warning:' | sed 's/: warning.*//')"
else
    skip "needs clang-format 14, others lay out differently"
fi
check "no tabs, trailing blanks, carriage returns in C files and scripts" \
    "$(cat "$tmp/c" "$tmp/scripts" | xargs grep -nE "$(printf '\t')|[[:space:]]+\$" /dev/null)"
check "files end with a newline" "$(cat "$tmp/c" "$tmp/scripts" | while read -r f; do
    [ -z "$(tail -c 1 "$f")" ] || echo "$f"
done)"
check "foreign headers stand at their door" "$(foreign "$tmp/library" | doors)"
check "a foreign header elsewhere is found" "$([ "$(printf '%s\n' 'loss src/loss/a.c:1 mpi.h' 'data src/data/a.c:2 zlib.h' \
    'comm src/comm/a.c:1 mpi.h' 'loss src/loss/a.c:2 math.h' | doors | wc -l)" = 2 ] || echo "it is not")"

code "$tmp/library" >"$tmp/code"
words='(printf|vprintf|puts|putchar|perror|exit|_Exit|quick_exit|abort)[[:space:]]*\(|[^_[:alnum:]](stdout|stderr)[^_[:alnum:]]'
fence() {
    grep -vE '^(src/cli/|src/base/log\.c:)|^src/base/assert\.c:[0-9]+:[[:space:]]*abort\(\);' | grep -E "(^|[^_[:alnum:]>.])($words)"
}
check "only cli and base/log.c print and exit, only base/assert.c aborts" "$(fence <"$tmp/code")"
check "a print or exit elsewhere is found" "$([ "$(printf '%s\n' 'src/a/a.c:1: printf("");' 'src/a/a.c:2: if (x) exit(1);' \
    'src/a/a.c:3: snprintf(a, b, "");' 'src/a/a.c:4: x.abort();' 'src/cli/a.c:1: exit(1);' 'src/a/a.c:5: fputs(x, stderr);' |
    fence | wc -l)" = 3 ] || echo "it is not")"
printf '%s\n' '/* exit(1)' ' * exit(2) */ a("exit(3)\"", 1); // exit(4)' >"$tmp/quoted.c"
echo "$tmp/quoted.c" >"$tmp/quoted"
check "words in comments and strings do not count" "$(code "$tmp/quoted" | sed 's/.*: //' | grep exit)"
check "memory comes from base/mem.h" \
    "$(grep -v '^src/base/mem\.c:' "$tmp/code" | grep -E '(^|[^_[:alnum:]>.])(malloc|calloc|realloc|strdup|aligned_alloc|alloca)[[:space:]]*\(')"
check "nothing is left to do" "$(grep -vF tests/base/style.t "$tmp/files" |
    xargs grep -nIE '(^|[^[:alnum:]_])(TODO|FIXME|HACK|XXX)([^[:alnum:]_X]|$)' /dev/null)"
check "no path of one machine" "$(grep -vF tests/base/style.t "$tmp/files" |
    xargs grep -nIE '(^|[^[:alnum:]_.])/(home|root|work|Users)/[[:alnum:]_]' /dev/null)"
check "scripts are POSIX sh" "$(while read -r f; do
    sh -n "$f" 2>&1
    sed 's/#.*//' "$f" | grep -nE '^[[:space:]]*(local|source|declare)[[:space:]]|(^|[;&|]|if|while)[[:space:]]*\[\[[[:space:]]|<<<' |
        sed "s|^|$f:|"
done <"$tmp/scripts")"
if ls "$build"/src/loss/*.o "$build"/src/optim/*.o "$build"/src/engine/ops/*.o >"$tmp/objects" 2>/dev/null; then
    check "objects of engine/ops, loss and optim know no memory, files, ranks, clocks" \
        "$(undefined engine/ops loss optim)"
    check "this fence sees something: cli's objects print" "$([ -n "$(undefined cli)" ] || echo "it does not")"
else
    skip "needs the objects in $build (make)"
    skip "needs the objects in $build (make)"
fi
