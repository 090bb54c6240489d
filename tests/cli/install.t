# make install: what lands where, what it takes to use it, and that nothing stays after make uninstall.
. "$HN_TOP/tests/lib.sh"
plan 22

# As the make that runs the tests was called (its variables count), without its job server.
case ${MAKEFLAGS:-} in
*" -- "*) MAKEFLAGS="-- ${MAKEFLAGS#* -- }" ;;
*) MAKEFLAGS= ;;
esac
export MAKEFLAGS
unset MFLAGS MAKELEVEL
installs() { make -s -C "$HN_TOP" BUILD="$build" "$@"; }

# --- into a package's folder ---
try installs install DESTDIR="$tmp/root" PREFIX=/usr LIBDIR=/usr/lib/here
is "$rc" 0 "make install DESTDIR=... PREFIX=/usr LIBDIR=..."
missing=
for f in bin/hardneg bin/hardneg-double include/hardneg/hardneg.h lib/here/libhardneg.a lib/here/libhardneg.so \
    lib/here/libhardneg-double.so lib/here/pkgconfig/hardneg.pc share/man/man1/hardneg.1 \
    share/bash-completion/completions/hardneg share/hardneg/configs/tiny.cfg; do
    [ -s "$tmp/root/usr/$f" ] || missing="$missing $f"
done
is "$missing" "" "programs, headers, libraries, pkg-config files, manual, completion and configs are there"
is "$(grep -rlF "$tmp" "$tmp/root/usr/lib/here/pkgconfig")" "" "no file for pkg-config knows DESTDIR"
try installs uninstall DESTDIR="$tmp/root" PREFIX=/usr LIBDIR=/usr/lib/here
is "$rc, $(cd "$tmp/root" && find . ! -type d)" "0, " "make uninstall leaves no file"

# --- into a prefix of one's own ---
p=$tmp/prefix
try installs install PREFIX="$p"
is "$rc" 0 "make install PREFIX=..."
"$p/bin/hardneg" --version >"$tmp/out" 2>&1
ok $? "the installed program runs"

# --- the example: somebody else's MPI program, on its own communicator ---
cc=${CC:-cc}
pc() { PKG_CONFIG_PATH=$p/lib/pkgconfig pkg-config "$@"; }
# shellcheck disable=SC2046,SC2086 # flags are words
try $cc -Wall -Wextra -Werror -o "$tmp/example" "$p/share/hardneg/examples/global_loss.c" $(pc --cflags --libs hardneg) \
    -lm "-Wl,-rpath,$p/lib"
"$tmp/example" >"$tmp/on1" 2>"$tmp/out"
is "$rc, $(grep -c loss "$tmp/on1")" "0, 6" "examples/global_loss.c compiles without a warning and runs"
for n in 2 3; do
    try ranks $n "$tmp/example"
    cmp "$tmp/on1" "$tmp/out" >"$tmp/diff" 2>&1
    ok $? "on $n ranks it prints the same digits"
done
try ranks 2 "$tmp/example" loss.kind=hardd
is "$rc, $(cat "$tmp/out" | cut -c 1-40)" "64, global_loss: --set loss.kind=hardd: \"har" "a mistake is said once, by all ranks together"

# --- what the libraries show ---
nm -D --defined-only "$p/lib/libhardneg.so" | awk '{ print $3 }' | sort >"$tmp/shown"
{ grep -oh '\bhn_[a-z0-9_]*(' "$p"/include/hardneg/*.h | tr -d '('; echo hn_real_is_float; } | sort -u >"$tmp/declared"
is "$(comm -23 "$tmp/shown" "$tmp/declared")" "" "the shared library shows what the public headers declare and nothing else"
is "$(grep -c . "$tmp/shown" | awk '{ print ($1 > 100) }')" 1 "and there is a lot of it"
is "$(nm -g --defined-only "$p/lib/libhardneg.a" | awk 'NF == 3 && $3 !~ /^hn_/ { print $3 }')" "" \
    "every name in the static library begins with hn_"
is "$(readelf -d "$p/lib/libhardneg.so" | sed -n 's/.*soname: \[\(.*\)\].*/\1/p')" \
    "libhardneg.so.$("$p/bin/hardneg" --version | sed -n '1s/^hardneg \([0-9]*\.[0-9]*\)\..*/\1/p')" "its soname has the version"

# --- a program of somebody else ---
cat >"$tmp/user.c" <<'END'
#include <hardneg/hardneg.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    hn_comm *comm;
    char *text;
    MPI_Init(&argc, &argv);
    if (hn_comm_new(&comm, MPI_COMM_WORLD, NULL) != HN_OK || hn_config_help(&text) != HN_OK)
        return 1;
    printf("%d bytes, %d ranks\n", (int)sizeof(real), (int)hn_comm_size(comm));
    hn_config_text_free(text);
    hn_comm_free(comm);
    MPI_Finalize();
    return 0;
}
END
# shellcheck disable=SC2046,SC2086 # flags are words
{
    try $cc -o "$tmp/shared" "$tmp/user.c" $(pc --cflags --libs hardneg) "-Wl,-rpath,$p/lib"
    is "$rc, $("$tmp/shared" 2>&1)" "0, 4 bytes, 1 ranks" "a program compiles, links with the shared library and runs"
    try $cc -o "$tmp/double" "$tmp/user.c" $(pc --cflags --libs hardneg-double) "-Wl,-rpath,$p/lib"
    is "$rc, $("$tmp/double" 2>&1)" "0, 8 bytes, 1 ranks" "and with the double one"
    try $cc -o "$tmp/mixed" "$tmp/user.c" -DHN_REAL=double $(pc --cflags --libs hardneg)
    is "$rc, $(grep -o 'undefined reference to .hn_real_is_double' "$tmp/out" | head -n 1 | tr -d '\140')" \
        "1, undefined reference to hn_real_is_double" "a program with another real than the library does not link"
    rm -f "$p"/lib/*.so*
    try $cc -o "$tmp/static" "$tmp/user.c" $(pc --cflags hardneg) $(pc --static --libs hardneg)
    is "$rc, $("$tmp/static" 2>&1)" "0, 4 bytes, 1 ranks" "and the static library does with pkg-config --static"
}

# --- the manual ---
page=$p/share/man/man1/hardneg.1
if command -v man >"$tmp/which" 2>&1; then
    LC_ALL=C MANWIDTH=80 man --warnings -l "$page" >"$tmp/page" 2>"$tmp/out"
    is "$?, $(cat "$tmp/out")" "0, " "man shows the manual without a warning"
elif command -v groff >"$tmp/which" 2>&1; then
    groff -man -ww -Tascii "$page" >"$tmp/page" 2>"$tmp/out"
    is "$?, $(cat "$tmp/out")" "0, " "groff takes the manual without a warning"
else
    count=$((count + 1))
    echo "ok $count # SKIP neither man nor groff"
fi
missing=
for word in $("$hardneg" train --help-config | sed -n 's/^  \([a-z]*\.[a-z_0-9]*\)  (.*/\1/p') \
    $("$hardneg" --help | sed -n '/^  train/,/^$/s/^  \([a-z]*\) .*/\1/p') $("$hardneg" train --help | grep -o '\-\-[a-z-]*'); do
    sed 's/\\-/-/g' "$page" | grep -q -- "^.[A-Z]*.*$word" || missing="$missing $word"
done
is "$missing" "" "every verb, every option of train and every key is in it"
is "$(sed -n '/^.SH EXIT/,/^.SH FILES/s/^.B //p' "$page" | tr '\n' ' ')" "0 1 64 65 66 69 70 71 73 74 75 79 " "and every exit code"

if command -v bash >"$tmp/which" 2>&1; then
    bash -c '. "$1"; COMP_WORDS=(hardneg train --res); COMP_CWORD=2; _hardneg; echo "${COMPREPLY[*]}"' - \
        "$p/share/bash-completion/completions/hardneg" >"$tmp/out" 2>&1
    is "$(cat "$tmp/out")" "--resume" "bash completes an option"
else
    count=$((count + 1))
    echo "ok $count # SKIP no bash"
fi
done_testing
