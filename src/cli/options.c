#include "cli/options.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hn_option *find(const struct hn_option *option, const char *name, size_t length,
                                    char letter)
{
    for (; option->name; option++)
        if (letter ? option->letter == letter
                   : strlen(option->name) == length && !strncmp(option->name, name, length))
            return option;
    return NULL;
}

static hn_status take_count(const struct hn_option *o, const char *text)
{
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || strchr(text, '-'))
        return hn_fail(HN_EUSAGE, "--%s: \"%s\" is not a whole number", o->name, text);
    *(uint64_t *)o->value = value;
    return HN_OK;
}

static hn_status take_real(const struct hn_option *o, const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (*text == '\0' || *end != '\0' || !isfinite(value))
        return hn_fail(HN_EUSAGE, "--%s: \"%s\" is not a number", o->name, text);
    *(double *)o->value = value;
    return HN_OK;
}

static hn_status take(const struct hn_option *o, const char *text)
{
    struct hn_list *list = o->value;

    switch (o->kind) {
    case HN_OPT_FLAG:
        *(bool *)o->value = true;
        return HN_OK;
    case HN_OPT_TEXT:
        *(const char **)o->value = text;
        return HN_OK;
    case HN_OPT_LIST:
        if (list->count == HN_LIST_MOST)
            return hn_fail(HN_EUSAGE, "--%s: given more than %d times", o->name, HN_LIST_MOST);
        list->item[list->count++] = text;
        return HN_OK;
    case HN_OPT_COUNT:
        return take_count(o, text);
    case HN_OPT_REAL:
        return take_real(o, text);
    }
    return HN_OK;
}

/* One option that starts at argv[*i]: --name, --name=value, --name value, -o value, -ovalue. */
static hn_status parse_one(const struct hn_option *option, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *value = NULL;
    const struct hn_option *o;

    if (word[1] == '-') {
        size_t length = strcspn(word + 2, "=");
        o = find(option, word + 2, length, 0);
        if (word[2 + length] == '=')
            value = word + 2 + length + 1;
    } else {
        o = find(option, NULL, 0, word[1]);
        if (word[2] != '\0')
            value = word + 2;
    }
    if (o == NULL)
        return hn_fail(HN_EUSAGE, "%s: no such option", word);
    if (o->kind == HN_OPT_FLAG && value != NULL)
        return hn_fail(HN_EUSAGE, "%s: takes no value", word);
    if (o->kind != HN_OPT_FLAG && value == NULL) {
        if (*i + 1 >= argc)
            return hn_fail(HN_EUSAGE, "%s: needs a value (%s)", word, o->arg);
        value = argv[++*i];
    }
    return take(o, value);
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

hn_status hn_options_parse(const struct hn_option *option, int argc, char **argv, const char **operand,
                           size_t most, size_t *operands, bool *help)
{
    size_t count = 0;
    bool only_operands = false;
    hn_status st;

    *help = asks_help(argc, argv);
    for (int i = 0; i < argc && !*help; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            if ((st = parse_one(option, argc, argv, &i)) != HN_OK)
                return st;
        } else if (count == most) {
            return hn_fail(HN_EUSAGE, "\"%s\" is one operand too many", argv[i]);
        } else {
            operand[count++] = argv[i];
        }
    }
    *operands = count;
    return HN_OK;
}

void hn_options_describe(const struct hn_option *option, struct hn_text *out)
{
    for (const struct hn_option *o = option; o->name; o++) {
        char left[80];
        int n = o->letter ? snprintf(left, sizeof left, "-%c, --%s", o->letter, o->name)
                          : snprintf(left, sizeof left, "    --%s", o->name);
        if (o->arg)
            snprintf(left + n, sizeof left - (size_t)n, " %s", o->arg);
        hn_text_add(out, "  %-28s %s\n", left, o->help);
    }
    hn_text_add(out, "  %-28s %s\n", "-h, --help", "this text");
}
