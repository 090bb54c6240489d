#!/bin/sh
# The house stands: every #include of src/ and include/ goes to a room that tests/layers.txt allows.
#
# A room is a folder of src/ with its public header include/hardneg/ROOM.h.  The list names each room once, with
# the rooms it may include, all of them declared above it.
top=${HN_TOP:-.}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# What is wrong with the list $1 itself.
check_list() {
    awk '
    !/^[a-z]+:/ { print FILENAME ":" FNR ": not \"room: rooms\""; next }
    {
        room = $1; sub(":", "", room)
        if (room in seen) print FILENAME ":" FNR ": " room " is there twice"
        for (i = 2; i <= NF; i++)
            if (!($i in seen)) print FILENAME ":" FNR ": " room " leans on " $i ", which is not declared above it"
        seen[room] = 1
    }' "$1"
}

# Includes of the tree $1 that the list $2 forbids.
check_tree() {
    (cd "$1" && grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' -r src include) |
    awk -v list="$2" '
    BEGIN {
        while ((getline line < list) > 0) {
            n = split(line, word, /[: ]+/)
            for (i = 1; i <= n; i++) may[word[1], word[i]] = 1
            known[word[1]] = 1
        }
    }
    # "src/room/..." or "room/..." -> room; "include/hardneg/room.h" or "hardneg/room.h" -> room
    function room_of(path) {
        sub(/^src\//, "", path); sub(/^include\//, "", path)
        if (path ~ /^hardneg\//) { sub(/^hardneg\//, "", path); sub(/\.h$/, "", path); return path }
        if (path !~ /\//) return "?"
        sub(/\/.*/, "", path); return path
    }
    {
        split($0, part, ":"); file = part[1]; line = part[2]
        wanted = $0; sub(/^[^"]*"/, "", wanted); sub(/".*/, "", wanted)
        from = room_of(file); to = room_of(wanted); place = file ":" line ": "
        if (file == "include/hardneg/hardneg.h") { # for users: it includes all public headers, and nothing else
            if (wanted !~ /^hardneg\//) print place wanted " in the umbrella header"
        } else if (to == "?" || wanted ~ /\.\./) print place "\"" wanted "\" is not written from src/"
        else if (wanted == "hardneg/hardneg.h") print place "the umbrella header is for users"
        else if (!(from in known)) print place "room " from " is not in the list"
        else if (!(to in known)) print place wanted " is in no room of the list"
        else if (!((from, to) in may)) print place from " may not include " to " (" wanted ")"
        else if (file ~ /^include\// && wanted !~ /^hardneg\//) print place "a public header includes a private one"
        else if ((from == "config" || from == "cli") && wanted !~ /^hardneg\// && to != from && to != "base" &&
                 !(from == "cli" && (to == "train" || to == "check")))
            print place from " knows the other rooms by their public headers only, not " wanted
    }'
}

n=0
# check WHAT WHY: passes when WHY, the complaints, is empty
check() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        echo "$2" | sed 's/^/# /'
    fi
}

# bad WHAT WORDS COMPLAINTS: passes when one of the complaints has the words
bad() {
    case $3 in
    *"$2"*) check "$1" "" ;;
    *) check "$1" "no complaint with: $2; only: $3" ;;
    esac
}

# tree FILE TEXT: a house of one file
tree() {
    rm -rf "$tmp/src" "$tmp/include"
    mkdir -p "$tmp/src/base" "$tmp/src/comm" "$tmp/src/config" "$tmp/src/attic" "$tmp/include/hardneg"
    printf '%s\n' "$2" >"$tmp/$1"
    check_tree "$tmp" "$tmp/list"
}

echo 1..17
check "the list is in order" "$(check_list "$top/tests/layers.txt")"
check "every room of src/ is in the list" "$(for d in "$top"/src/*/; do
    room=$(basename "$d")
    grep -q "^$room:" "$top/tests/layers.txt" || echo "$room is not"
done)"
check "every include obeys it" "$(check_tree "$top" "$top/tests/layers.txt")"

# The checks above can fail.
printf 'base:\ncomm: base\nconfig: base comm\n' >"$tmp/list"
check "a good list is taken" "$(check_list "$tmp/list")"
check "a good include is taken" "$(tree src/comm/a.c '#include "base/mem.h"')"
check "a good public header too" "$(tree include/hardneg/comm.h '#include "hardneg/base.h"')"
bad "an upward include is found" "base may not include comm" "$(tree src/base/a.c '#include "comm/ranks.h"')"
bad "also of a public header" "base may not include comm" "$(tree src/base/a.c '  #  include "hardneg/comm.h"')"
bad "also in a public header" "base may not include comm" "$(tree include/hardneg/base.h '#include "hardneg/comm.h"')"
bad "a room that is not in the list" "room attic is not in the list" "$(tree src/attic/a.c '#include "base/mem.h"')"
bad "an include of such a room" "is in no room" "$(tree src/comm/a.c '#include "attic/box.h"')"
bad "an include without its room" "not written from src/" "$(tree src/comm/a.c '#include "ranks.h"')"
bad "a public header that shows a private one" "includes a private one" \
    "$(tree include/hardneg/comm.h '#include "base/mem.h"')"
bad "a private header in config" "by their public headers only" "$(tree src/config/a.c '#include "comm/ranks.h"')"
printf 'base: comm\ncomm: base\n' >"$tmp/list"
bad "a forward reference in the list" "not declared above it" "$(check_list "$tmp/list")"
printf 'base:\ncomm: base\nbase:\n' >"$tmp/list"
bad "a room that is listed twice" "is there twice" "$(check_list "$tmp/list")"
printf 'base:\ncomm base\n' >"$tmp/list"
bad "a line that is no line of the list" "not \"room: rooms\"" "$(check_list "$tmp/list")"
