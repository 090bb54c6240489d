/* Value to field: type, range, names. */
#include "config/value.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *wanted(const struct hn_key *k)
{
    switch (k->type) {
    case HN_KEY_BOOL:
        return "true or false";
    case HN_KEY_COUNT:
    case HN_KEY_MIB:
        return "a whole number";
    case HN_KEY_REAL:
        return "a number";
    case HN_KEY_NAME:
    case HN_KEY_TEXT:
        return "a text in quotes";
    case HN_KEY_COUNTS:
        return "a list of whole numbers, [1, 2]";
    case HN_KEY_REALS:
        return "a list of numbers, [0.5, 1.0]";
    }
    return "something else";
}

static void number_text(char text[HN_NUMBER_TEXT], const struct hn_number *n)
{
    if (n->whole)
        snprintf(text, HN_NUMBER_TEXT, "%lld", (long long)n->integer);
    else
        hn_real_text(text, n->real);
}

static hn_status wrong_type(const struct hn_key *k, const struct hn_value *v, const char *place)
{
    char number[HN_NUMBER_TEXT], shown[HN_SHOWN_TEXT];

    switch (v->kind) {
    case HN_VALUE_BOOL:
        return hn_fail(HN_EUSAGE, "%s: wants %s, not %s", place, wanted(k), v->yes ? "true" : "false");
    case HN_VALUE_NUMBER:
        number_text(number, &v->number[0]);
        return hn_fail(HN_EUSAGE, "%s: wants %s, not %s", place, wanted(k), number);
    case HN_VALUE_TEXT:
        return hn_fail(HN_EUSAGE, "%s: wants %s, not \"%s\"", place, wanted(k),
                       hn_text_shown(shown, v->text));
    case HN_VALUE_LIST:
        return hn_fail(HN_EUSAGE, "%s: wants %s, not a list", place, wanted(k));
    case HN_VALUE_OTHER:
        break;
    }
    return hn_fail(HN_EUSAGE, "%s: wants %s", place, wanted(k));
}

static hn_status check_number(const struct hn_key *k, const struct hn_number *n, const char *place)
{
    double lo = k->allowed.lo, hi = k->allowed.hi;
    char number[HN_NUMBER_TEXT];

    /* Whole numbers as such: past 2^53 two of them are one double. */
    if (n->whole ? n->integer >= (int64_t)ceil(lo) && n->integer <= (int64_t)floor(hi)
                 : n->real >= lo && n->real <= hi)
        return HN_OK;
    number_text(number, n);
    return hn_fail(HN_EUSAGE, "%s: %s is outside %.16g .. %.16g", place, number, k->allowed.lo,
                   k->allowed.hi);
}

static hn_status store_name(char *field, const struct hn_key *k, const char *text, const char *place)
{
    const char *const *names = k->allowed.names();
    struct hn_text list = {0};
    char shown[HN_SHOWN_TEXT];
    hn_status st;

    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0) {
            memcpy(field, &i, sizeof i);
            return HN_OK;
        }
    const char *near = hn_name_suggest(text, names);
    hn_names_list(&list, names);
    if ((st = hn_text_status(&list)) == HN_OK)
        st = hn_fail(HN_EUSAGE, "%s: \"%s\" is none of %s%s%s%s", place, hn_text_shown(shown, text), list.at,
                     near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    hn_text_free(&list);
    return st;
}

static hn_status store_text(char *field, const struct hn_key *k, const char *text, const char *place)
{
    size_t n = strlen(text);

    if (n >= k->bytes)
        return hn_fail(HN_EUSAGE, "%s: %zu bytes, the most is %zu", place, n, k->bytes - 1);
    memset(field, 0, k->bytes);
    memcpy(field, text, n);
    return HN_OK;
}

static hn_status store_list(struct hn_config *c, const struct hn_key *k, const struct hn_value *v,
                            const char *place)
{
    size_t count = v->kind == HN_VALUE_NUMBER ? 1 : v->count, n = k->allowed.most;
    double *reals = (double *)((char *)c + k->at);
    size_t *counts = (size_t *)((char *)c + k->at);
    hn_status st;

    if (count < k->allowed.least || count > n)
        return k->allowed.least == n ? hn_fail(HN_EUSAGE, "%s: wants %zu numbers, not %zu", place, n, count)
                                     : hn_fail(HN_EUSAGE, "%s: wants %zu to %zu numbers, not %zu", place,
                                               k->allowed.least, n, count);
    for (size_t i = 0; i < count; i++) {
        if (k->type == HN_KEY_COUNTS && !v->number[i].whole)
            return wrong_type(k, &(struct hn_value){.kind = HN_VALUE_NUMBER, .number = {v->number[i]}},
                              place);
        if ((st = check_number(k, &v->number[i], place)) != HN_OK)
            return st;
    }
    for (size_t i = 0; i < n; i++) {
        const struct hn_number *x = &v->number[i < count ? i : count ? count - 1 : 0];
        if (k->type == HN_KEY_REALS)
            reals[i] = x->whole ? (double)x->integer : x->real;
        else
            counts[i] = i < count ? (size_t)x->integer : 0;
    }
    if (k->type == HN_KEY_COUNTS)
        memcpy((char *)c + k->count_at, &count, sizeof count);
    return HN_OK;
}

hn_status hn_value_store(struct hn_config *c, const struct hn_key *k, const struct hn_value *v,
                         const char *place)
{
    char *field = (char *)c + k->at;
    const struct hn_number *n = &v->number[0];
    hn_status st;

    switch (k->type) {
    case HN_KEY_BOOL:
        if (v->kind != HN_VALUE_BOOL)
            break;
        memcpy(field, &v->yes, sizeof v->yes);
        return HN_OK;
    case HN_KEY_COUNT:
    case HN_KEY_MIB:
        if (v->kind != HN_VALUE_NUMBER || !n->whole)
            break;
        if ((st = check_number(k, n, place)) != HN_OK)
            return st;
        memcpy(field, &(uint64_t){(uint64_t)n->integer << (k->type == HN_KEY_MIB ? 20 : 0)},
               sizeof(uint64_t));
        return HN_OK;
    case HN_KEY_REAL:
        if (v->kind != HN_VALUE_NUMBER)
            break;
        if ((st = check_number(k, n, place)) != HN_OK)
            return st;
        memcpy(field, &(double){n->whole ? (double)n->integer : n->real}, sizeof(double));
        return HN_OK;
    case HN_KEY_NAME:
        return v->kind == HN_VALUE_TEXT ? store_name(field, k, v->text, place) : wrong_type(k, v, place);
    case HN_KEY_TEXT:
        return v->kind == HN_VALUE_TEXT ? store_text(field, k, v->text, place) : wrong_type(k, v, place);
    case HN_KEY_COUNTS:
    case HN_KEY_REALS:
        if (v->kind != HN_VALUE_LIST && v->kind != HN_VALUE_NUMBER)
            break;
        return store_list(c, k, v, place);
    }
    return wrong_type(k, v, place);
}
