/* Field to text that libconfig reads back. */
#include "config/value.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hn_real_text(char text[HN_NUMBER_TEXT], double x)
{
    int digits = 1;

    do
        snprintf(text, HN_NUMBER_TEXT, "%.*g", digits, x);
    while (strtod(text, NULL) != x && ++digits <= 17);
    if (x == floor(x) && fabs(x) < 1e17) /* 200.0 rather than 2e+02 */
        snprintf(text, HN_NUMBER_TEXT, "%.1f", x);
}

const char *hn_text_shown(char room[HN_SHOWN_TEXT], const char *text)
{
    size_t n = strlen(text) > 60 ? 57 : strlen(text);

    for (size_t i = 0; i < n; i++)
        room[i] = (unsigned char)text[i] < 32 || text[i] == 127 ? '?' : text[i];
    snprintf(room + n, HN_SHOWN_TEXT - n, "%s", text[n] ? "..." : "");
    return room;
}

int hn_value_place(const struct hn_key *k, const struct hn_config *c)
{
    int place;

    memcpy(&place, (const char *)c + k->at, sizeof place);
    return place;
}

const char *hn_value_name(const struct hn_key *k, const struct hn_config *c)
{
    const char *const *names = k->allowed.names();
    int place = hn_value_place(k, c);

    for (int i = 0; names[i]; i++)
        if (i == place)
            return names[i];
    return "";
}

void hn_names_list(struct hn_text *t, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        hn_text_add(t, "%s%s", i ? ", " : "", names[i]);
}

static void write_text(struct hn_text *t, const char *text)
{
    hn_text_add_bytes(t, "\"", 1);
    for (; *text; text++) {
        unsigned char ch = (unsigned char)*text;
        if (ch == '"' || ch == '\\')
            hn_text_add(t, "\\%c", ch);
        else if (ch < 32 || ch == 127)
            hn_text_add(t, "\\x%02x", ch);
        else
            hn_text_add_bytes(t, text, 1);
    }
    hn_text_add_bytes(t, "\"", 1);
}

static void write_real(struct hn_text *t, double x)
{
    char text[HN_NUMBER_TEXT];

    hn_real_text(text, x);
    hn_text_add(t, "%s", text);
}

static void write_list(struct hn_text *t, const struct hn_key *k, const struct hn_config *c)
{
    const double *reals = (const double *)((const char *)c + k->at);
    const size_t *counts = (const size_t *)((const char *)c + k->at);
    size_t n = k->allowed.most;

    if (k->type == HN_KEY_COUNTS)
        memcpy(&n, (const char *)c + k->count_at, sizeof n);
    else /* what the last one stands for need not be written */
        while (n > k->allowed.least && reals[n - 1] == reals[n - 2])
            n--;
    hn_text_add(t, "[");
    for (size_t i = 0; i < n; i++) {
        hn_text_add(t, "%s", i ? ", " : "");
        if (k->type == HN_KEY_REALS)
            write_real(t, reals[i]);
        else
            hn_text_add(t, "%zu", counts[i]);
    }
    hn_text_add(t, "]");
}

void hn_value_write(struct hn_text *t, const struct hn_key *k, const struct hn_config *c)
{
    const char *field = (const char *)c + k->at;
    uint64_t count;
    double x;
    bool yes;

    switch (k->type) {
    case HN_KEY_BOOL:
        memcpy(&yes, field, sizeof yes);
        hn_text_add(t, "%s", yes ? "true" : "false");
        break;
    case HN_KEY_COUNT:
    case HN_KEY_MIB:
        memcpy(&count, field, sizeof count);
        hn_text_add(t, "%llu", (unsigned long long)(count >> (k->type == HN_KEY_MIB ? 20 : 0)));
        break;
    case HN_KEY_REAL:
        memcpy(&x, field, sizeof x);
        write_real(t, x);
        break;
    case HN_KEY_NAME:
        write_text(t, hn_value_name(k, c));
        break;
    case HN_KEY_TEXT:
        write_text(t, field);
        break;
    case HN_KEY_COUNTS:
    case HN_KEY_REALS:
        write_list(t, k, c);
        break;
    }
}
