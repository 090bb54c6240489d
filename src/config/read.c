/* A config from a libconfig file, then --set, then what follows, then the checks. */
#include "base/mem.h"
#include "config/reading.h"
#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

enum { MOST_BYTES = 1 << 20 };

static hn_status read_whole(struct hn_text *out, const char *path)
{
    char piece[4096];
    size_t n;
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return hn_fail(HN_ENOINPUT, "%.300s: %s", path, strerror(errno));
    while ((n = fread(piece, 1, sizeof piece, f)) > 0 && out->length <= MOST_BYTES)
        hn_text_add_bytes(out, piece, n);
    int failed = ferror(f) ? errno : 0;
    fclose(f);
    if (failed)
        return hn_fail(HN_ENOINPUT, "%.300s: %s", path, strerror(failed));
    if (out->length > MOST_BYTES)
        return hn_fail(HN_EUSAGE, "%.300s: more than %d bytes: this is no config", path, MOST_BYTES);
    return hn_text_status(out);
}

/* ---- what libconfig found ---- */

static bool take_number(struct hn_number *n, const config_setting_t *s)
{
    int type = config_setting_type(s);

    n->whole = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
    if (n->whole)
        n->integer = config_setting_get_int64(s);
    else if (type == CONFIG_TYPE_FLOAT)
        n->real = config_setting_get_float(s);
    return n->whole || type == CONFIG_TYPE_FLOAT;
}

static void take_list(struct hn_value *v, const config_setting_t *s)
{
    v->kind = HN_VALUE_LIST;
    v->count = (size_t)config_setting_length(s);
    for (size_t i = 0; i < v->count; i++) {
        struct hn_number n;
        if (!take_number(&n, config_setting_get_elem(s, (unsigned)i)))
            v->kind = HN_VALUE_OTHER;
        else if (i < HN_KEY_LIST)
            v->number[i] = n;
    }
}

static void take(struct hn_value *v, const config_setting_t *s)
{
    *v = (struct hn_value){.kind = HN_VALUE_OTHER};
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_BOOL:
        v->kind = HN_VALUE_BOOL;
        v->yes = config_setting_get_bool(s);
        break;
    case CONFIG_TYPE_STRING:
        v->kind = HN_VALUE_TEXT;
        v->text = config_setting_get_string(s);
        break;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        take_list(v, s);
        break;
    default:
        if (take_number(&v->number[0], s))
            v->kind = HN_VALUE_NUMBER;
    }
}

static bool hexadecimal(const config_setting_t *s)
{
    if (config_setting_is_aggregate(s)) {
        for (int i = 0; i < config_setting_length(s); i++)
            if (hexadecimal(config_setting_get_elem(s, (unsigned)i)))
                return true;
        return false;
    }
    return config_setting_get_format(s) == CONFIG_FORMAT_HEX;
}

static hn_status take_key(struct hn_reading *r, const char *section, const config_setting_t *s)
{
    char name[160], place[HN_PLACE_TEXT];
    int line = (int)config_setting_source_line(s);
    struct hn_value v;

    snprintf(name, sizeof name, "%.70s%s%.70s", section, *section ? "." : "", config_setting_name(s));
    const struct hn_key *k = hn_key_find(name), *near = k ? NULL : hn_key_suggest(name);
    if (k == NULL)
        return hn_fail(HN_EUSAGE, "%s:%d: %s: no such key%s%s%s", r->file, line, name,
                       near ? " (did you mean " : "", near ? near->name : "", near ? "?)" : "");
    r->from[k - hn_keys].line = line;
    hn_reading_place(place, r, k);
    if (hexadecimal(s)) /* libconfig cuts them off at 32 bits */
        return hn_fail(HN_EUSAGE, "%s: write decimal numbers", place);
    take(&v, s);
    return hn_value_store(r->c, k, &v, place);
}

static bool is_section(const char *name)
{
    for (size_t i = 0; i < hn_key_section_count; i++)
        if (strcmp(hn_key_sections[i].name, name) == 0)
            return true;
    return false;
}

static hn_status take_section(struct hn_reading *r, const config_setting_t *s)
{
    const char *name = config_setting_name(s);
    int line = (int)config_setting_source_line(s), n = config_setting_length(s);
    hn_status st = HN_OK;

    if (is_section(name) && !config_setting_is_group(s))
        return hn_fail(HN_EUSAGE, "%s:%d: %s: is a section: write %s: { key = value; ... }", r->file, line,
                       name, name);
    if (!config_setting_is_group(s))
        return take_key(r, "", s);
    if (!is_section(name) && n == 0)
        return hn_fail(HN_EUSAGE, "%s:%d: %.70s: no such section", r->file, line, name);
    for (int i = 0; st == HN_OK && i < n; i++)
        st = take_key(r, name, config_setting_get_elem(s, (unsigned)i));
    return st;
}

/* libconfig's sentence, and what people usually did. */
static hn_status syntax(const struct hn_reading *r, const config_t *lc)
{
    const char *text = config_error_text(lc) ? config_error_text(lc) : "syntax error", *hint = "";

    if (strcmp(text, "syntax error") == 0)
        hint = " here or in the line above (name = value; a text in \"quotes\"; section: { ... };)";
    else if (strstr(text, "mismatched element"))
        hint = " (write 1.0 beside 0.5, or (0.5, 1) with round brackets)";
    return hn_fail(HN_EUSAGE, "%s:%d: %s%s", r->file, config_error_line(lc), text, hint);
}

hn_status hn_reading_file(struct hn_reading *r, const char *text, size_t length)
{
    struct hn_text wide = {0};
    config_t lc;
    hn_status st = hn_reading_widen(&wide, r->file, text, length);

    config_init(&lc);
    if (st == HN_OK && wide.at && !config_read_string(&lc, wide.at))
        st = syntax(r, &lc);
    const config_setting_t *root = config_root_setting(&lc);
    for (int i = 0; st == HN_OK && i < config_setting_length(root); i++)
        st = take_section(r, config_setting_get_elem(root, (unsigned)i));
    config_destroy(&lc);
    hn_text_free(&wide);
    return st;
}

hn_status hn_config_read(struct hn_config *out, const char *path, const char *text, const char *const *sets,
                         size_t count)
{
    struct hn_config c = {0};
    struct hn_reading r = {.c = &c};
    struct hn_text whole = {0};
    char file[304];
    hn_status st;

    snprintf(file, sizeof file, "%.300s", path ? path : "config");
    r.file = file;
    st = hn_reading_defaults(&r);
    if (st == HN_OK && text)
        st = hn_reading_file(&r, text, strlen(text));
    else if (st == HN_OK && (st = read_whole(&whole, path)) == HN_OK && whole.at)
        st = hn_reading_file(&r, whole.at, whole.length);
    for (size_t i = 0; st == HN_OK && i < count; i++)
        st = hn_reading_set(&r, sets[i]);
    if (st == HN_OK)
        st = hn_reading_follow(&r);
    if (st == HN_OK)
        st = hn_reading_check(&r);
    if (st == HN_OK)
        *out = c;
    hn_text_free(&whole);
    return st;
}

const char *hn_config_version(void)
{
    static char text[32]; /* of the header: the library does not tell */

    snprintf(text, sizeof text, "%d.%d.%d", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION);
    return text;
}
