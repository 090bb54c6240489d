/* Any text at all gives a config or one line, and never a crash: run under the sanitizers. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/philox.h"
#include "hardneg/config.h"
#include "tap.h"

/* libconfig's scanner leaves a text behind when its parser gives up. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig_yylex";
}

enum { TRIES = 3000, ROOM = 16384 };
static const double seconds = 1.5; /* so slow machines try fewer */

static const char *const pieces[] = {
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ";",
    ":",
    "=",
    ",",
    "\"",
    "\\",
    "/*",
    "*/",
    "#",
    "//",
    "\n",
    "@include ",
    "@include \"/tmp\"",
    "1e999",
    "-1",
    "99999999999999999999",
    "0x7fffffffffff",
    "1L",
    ".5",
    "true",
    "[[",
    "((1",
    "\\x00",
    "\\xff",
    "loss",
    "run: { seed = 1; }",
    "= {",
    "\xff\xfe",
    "1.0",
    "\"hard\"",
    "+",
    "-",
    ".",
    "e",
    "L",
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

static size_t below(hn_draws *d, size_t n)
{
    return (size_t)hn_draw_between(d, 0, n - 1);
}

/* Replaces `cut` bytes at `at` by text. */
static size_t splice(char *s, size_t n, size_t at, size_t cut, const char *text, size_t length)
{
    if (at + cut > n || n - cut + length + 1 > ROOM)
        return n;
    memmove(s + at + length, s + at + cut, n - at - cut);
    memcpy(s + at, text, length);
    n = n - cut + length;
    s[n] = '\0';
    return n;
}

static size_t mutate(char *s, size_t n, hn_draws *d)
{
    size_t at = below(d, n + 1), other = below(d, n + 1), span = below(d, 40);
    const char *piece = pieces[below(d, PIECES)];
    char byte = (char)(1 + below(d, 255)), copy[64];

    switch (below(d, 7)) {
    case 0:
        return splice(s, n, at, at < n, &byte, 1);
    case 1:
        return splice(s, n, at, 0, piece, strlen(piece));
    case 2:
        return splice(s, n, at, span < n - at ? span : n - at, "", 0);
    case 3:
        return splice(s, n, at, 0, copy, (size_t)snprintf(copy, sizeof copy, "%.*s", (int)span, s + other));
    case 4:
        s[at] = '\0'; /* cut off */
        return at;
    default: /* another digit */
        at += strcspn(s + at, "0123456789");
        return splice(s, n, at, at < n, &"0123456789"[below(d, 10)], 1);
    }
}

int main(void)
{
    static char s[ROOM];
    const char *const set = "data.path=x.h5";
    hn_draws d = hn_draws_for(10, HN_DRAW_TEST, 0, 0);
    struct hn_config c;
    double start = hn_now();
    char *text;
    int good = 0, bad = 0, strange = 0, tries = 0;

    tap_plan(4);
    ok(hn_config_read(&c, "f.cfg", "", &set, 1) == HN_OK && hn_config_dump(&c, &text) == HN_OK, "a config");
    for (; tries < TRIES && hn_now() - start < seconds; tries++) {
        size_t n =
            (size_t)snprintf(s, sizeof s, "%s", text + (below(&d, 8) == 0 ? below(&d, strlen(text)) : 0));
        for (size_t i = 1 + below(&d, 4); i > 0; i--)
            n = mutate(s, n, &d);
        hn_status st = hn_config_read(&c, "f.cfg", s, NULL, 0);
        good += st == HN_OK;
        bad += st == HN_EUSAGE;
        if ((st != HN_OK && st != HN_EUSAGE) ||
            (st == HN_EUSAGE &&
             (strncmp(hn_error_text(), "f.cfg:", 6) != 0 || strchr(hn_error_text(), '\n')))) {
            strange++;
            printf("# status %d: %s\n", (int)st, hn_error_text());
        }
    }
    printf("# %d tried, %d were configs, %d were refused\n", tries, good, bad);
    ok(strange == 0, "every text gives a config or one line with its place");
    ok(good > tries / 50 && bad > tries / 4, "of both kinds");
    hn_config_text_free(text);
    ok(hn_live_blocks() == 0, "no memory is left behind");
    return tap_done();
}
