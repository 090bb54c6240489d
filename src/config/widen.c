/* The text of a config, made safe for libconfig: see reading.h.  It walks over strings and comments the way
 * libconfig's scanner does. */
#include "config/reading.h"
#include <ctype.h>
#include <string.h>

/* Does ch, behind `before`, go on with a word: a name (letters, digits, _ * -) or a number (1.5e-3)? */
static bool goes_on(char first, char before, char ch)
{
    bool name = isalpha((unsigned char)first) || first == '*';

    if (isalnum((unsigned char)ch) || ch == '_' || ch == '*' || ch == '.')
        return true;
    return name ? ch == '-' : (ch == '-' || ch == '+') && (before == 'e' || before == 'E');
}

/* Bytes of the string literal at text, closing quote included. */
static size_t string_length(const char *text, const char *end)
{
    const char *p = text + 1;

    while (p < end && *p != '"')
        p += *p == '\\' && p + 1 < end ? 2 : 1;
    return (size_t)((p < end ? p + 1 : end) - text);
}

/* Bytes of the comment at text; 0: none starts here. */
static size_t comment_length(const char *text, const char *end)
{
    const char *close;

    if (*text == '#' || (*text == '/' && text + 1 < end && text[1] == '/')) {
        close = memchr(text, '\n', (size_t)(end - text));
        return (size_t)((close ? close : end) - text);
    }
    if (*text != '/' || text + 1 >= end || text[1] != '*')
        return 0;
    close = memmem(text + 2, (size_t)(end - text) - 2, "*/", 2);
    return (size_t)((close ? close + 2 : end) - text);
}

/* Bytes of the name or number at text, signs in front not included; *whole: it is a decimal integer. */
static size_t word_length(const char *text, const char *end, bool *whole)
{
    const char *p = text;

    *whole = true;
    for (; p < end && goes_on(*text, p > text ? p[-1] : ' ', *p); p++)
        *whole = *whole && isdigit((unsigned char)*p);
    return (size_t)(p - text);
}

static int line_of(const char *text, const char *at)
{
    int line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

hn_status hn_reading_widen(struct hn_text *out, const char *file, const char *text, size_t length)
{
    const char *end = text + length, *zero = memchr(text, '\0', length);

    if (zero)
        return hn_fail(HN_EUSAGE, "%s:%d: a byte 0: this is no text file", file, line_of(text, zero));
    for (const char *p = text; p < end;) {
        bool whole = false;
        size_t n = *p == '"' ? string_length(p, end) : comment_length(p, end);

        if (n == 0)
            n = word_length(p, end, &whole);
        if (n == 0 && *p == '@')
            return hn_fail(HN_EUSAGE, "%s:%d: @include is not supported: one file holds the whole config",
                           file, line_of(text, p));
        hn_text_add_bytes(out, p, n ? n : 1);
        if (n > 0 && whole)
            hn_text_add_bytes(out, "L", 1);
        p += n ? n : 1;
    }
    return hn_text_status(out);
}
