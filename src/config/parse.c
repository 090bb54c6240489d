/* Text to value, as a key's type wants it. */
#include "config/value.h"
#include <stdlib.h>
#include <string.h>

/* A decimal number at the head of text, blanks after it; *rest is what follows. */
static bool parse_number(struct hn_number *out, const char *text, const char **rest)
{
    size_t n = strspn(text, "+-.0123456789eE"), sign = strspn(text, "+-"); /* no nan, no hexadecimals */
    char *end;

    out->real = strtod(text, &end);
    if (n == 0 || end != text + n)
        return false;
    out->whole = sign + strspn(text + sign, "0123456789") == n;
    if (out->whole)
        out->integer = strtoll(text, NULL, 10); /* too many digits: the largest, outside of any range */
    *rest = end + strspn(end, " \t");
    return true;
}

static bool parse_list(struct hn_value *out, const char *text)
{
    bool bracket = *text == '[' || *text == '(';
    const char *close = *text == '(' ? ")" : "]";

    text += bracket;
    text += strspn(text, " \t");
    out->kind = HN_VALUE_LIST;
    out->count = 0;
    if (bracket ? *text == *close : *text == '\0')
        return !bracket || text[1] == '\0';
    for (;; text++) {
        struct hn_number n;
        text += strspn(text, " \t");
        if (!parse_number(&n, text, &text))
            return false;
        if (out->count < HN_KEY_LIST)
            out->number[out->count] = n;
        out->count++;
        if (*text != ',')
            break;
    }
    return bracket ? *text == *close && text[1] == '\0' : *text == '\0';
}

static const char *unquoted(const char *text, char *room)
{
    size_t n = strlen(text);

    if (n < 2 || text[0] != '"' || text[n - 1] != '"')
        return text;
    memcpy(room, text + 1, n - 2);
    room[n - 2] = '\0';
    return room;
}

void hn_value_parse(struct hn_value *out, const struct hn_key *k, const char *text, char *room)
{
    const char *rest;

    *out = (struct hn_value){.kind = HN_VALUE_TEXT, .text = text};
    switch (k->type) {
    case HN_KEY_NAME:
    case HN_KEY_TEXT:
        out->text = unquoted(text, room);
        break;
    case HN_KEY_BOOL:
        out->yes = strcmp(text, "true") == 0;
        if (out->yes || strcmp(text, "false") == 0)
            out->kind = HN_VALUE_BOOL;
        break;
    case HN_KEY_COUNTS:
    case HN_KEY_REALS:
        if (!parse_list(out, text))
            *out = (struct hn_value){.kind = HN_VALUE_TEXT, .text = text};
        break;
    case HN_KEY_COUNT:
    case HN_KEY_MIB:
    case HN_KEY_REAL:
        if (parse_number(&out->number[0], text, &rest) && *rest == '\0')
            out->kind = HN_VALUE_NUMBER;
        break;
    }
}
