/* The reference of all keys, as text for a terminal and for the README. */
#include "base/mem.h"
#include "config/value.h"
#include <string.h>

enum { WIDTH = 100, HEAD_WIDTH = 118, INDENT = 6 };

static const char head[] =
    "A config is a libconfig file: sections of keys, each with its value.\n"
    "\n"
    "    # a comment\n"
    "    loss: { kind = \"hard\"; temperature = 0.5; };\n"
    "    model: { channels = [32, 64]; norm = true; };\n"
    "\n"
    "--set section.key=value on the command line wins over the file; the last one wins over those before "
    "it.\n"
    "Keys that are not given keep their default.  A key marked \"fixed\" is part of the experiment and must "
    "be the\n"
    "same when a run is resumed; one marked \"free\" may change then.  Unknown keys, wrong types and\n"
    "contradictions are refused before anything runs.  A real number may be written without a point, a "
    "whole\n"
    "number must be; a single number stands for a list of one.\n";

/* Words of text, wrapped, further lines indented; column: what the first line has already. */
static void wrap(struct hn_text *t, const char *text, size_t column, size_t width)
{
    size_t gap = 0;

    while (*text) {
        size_t n = strcspn(text, " ");
        if (column + gap + n > width) {
            hn_text_add(t, "\n%*s", INDENT, "");
            column = INDENT;
        } else {
            hn_text_add_bytes(t, " ", gap);
            column += gap;
        }
        hn_text_add_bytes(t, text, n);
        column += n;
        text += n;
        gap = *text == ' ';
        text += strspn(text, " ");
    }
    hn_text_add(t, "\n");
}

static void add_range(struct hn_text *t, const struct hn_key *k, const char *one)
{
    const struct hn_key_allowed *a = &k->allowed;

    if (a->most == 0)
        hn_text_add(t, "%s", one);
    else if (a->least == a->most)
        hn_text_add(t, "%zu %ss", a->most, one);
    else
        hn_text_add(t, "%zu to %zu %ss", a->least, a->most, one);
    hn_text_add(t, " %.16g .. %.16g", a->lo, a->hi);
}

static void add_allowed(struct hn_text *t, const struct hn_key *k)
{
    switch (k->type) {
    case HN_KEY_BOOL:
        hn_text_add(t, "true or false");
        break;
    case HN_KEY_COUNT:
    case HN_KEY_MIB:
    case HN_KEY_COUNTS:
        add_range(t, k, "whole number");
        break;
    case HN_KEY_REAL:
    case HN_KEY_REALS:
        add_range(t, k, "number");
        break;
    case HN_KEY_NAME:
        hn_names_list(t, k->allowed.names());
        break;
    case HN_KEY_TEXT:
        hn_text_add(t, "text");
        break;
    }
}

/* "; 0 with infonce, scl; 0.5 with hard_scl" */
static void add_follows(struct hn_text *t, const struct hn_key *k, const char *open, const char *close)
{
    const char *last = NULL;

    for (size_t i = 0; i < hn_key_follow_count; i++) {
        const struct hn_key_follow *f = &hn_key_follows[i];
        if (strcmp(f->key, k->name) != 0)
            continue;
        if (last && strcmp(last, f->def) == 0)
            hn_text_add(t, ", %s", f->choice);
        else
            hn_text_add(t, "; %s%s%s with %s", open, f->def, close, f->choice);
        last = f->def;
    }
}

static void add_default(struct hn_text *t, const struct hn_key *k)
{
    bool quoted = k->type == HN_KEY_NAME || k->type == HN_KEY_TEXT;
    bool list = k->type == HN_KEY_COUNTS || k->type == HN_KEY_REALS;
    const char *open = quoted ? "\"" : list ? "[" : "", *close = quoted ? "\"" : list ? "]" : "";

    if (k->type == HN_KEY_TEXT && *k->def == '\0') {
        hn_text_add(t, "no default");
        return;
    }
    hn_text_add(t, "default %s%s%s", open, k->def, close);
    add_follows(t, k, open, close);
}

static const char *resume_word(const struct hn_key *k)
{
    switch (k->resume) {
    case HN_FIXED:
        return "fixed";
    case HN_FREE:
        return "free";
    case HN_FREE_UNLESS_COSINE:
        return "fixed with schedule cosine, else free";
    }
    return "";
}

/* "  key  (allowed; default; whether it may change)", then what it means. */
static hn_status add_key(struct hn_text *t, const struct hn_key *k)
{
    struct hn_text facts = {0};
    hn_status st;

    hn_text_add(&facts, "(");
    add_allowed(&facts, k);
    hn_text_add(&facts, "; ");
    add_default(&facts, k);
    hn_text_add(&facts, "; %s)", resume_word(k));
    if ((st = hn_text_status(&facts)) == HN_OK) {
        hn_text_add(t, "  %s  ", k->name);
        wrap(t, facts.at, strlen(k->name) + 4, HEAD_WIDTH);
        hn_text_add(t, "%*s", INDENT, "");
        wrap(t, k->help, INDENT, WIDTH);
    }
    hn_text_free(&facts);
    return st;
}

hn_status hn_config_help(char **text)
{
    struct hn_text t = {0};
    hn_status st = HN_OK;

    hn_text_add(&t, "%s", head);
    for (size_t s = 0; st == HN_OK && s < hn_key_section_count; s++) {
        hn_text_add(&t, "\n%s: %s\n", hn_key_sections[s].name, hn_key_sections[s].help);
        for (size_t i = 0; st == HN_OK && i < hn_key_count; i++)
            if (hn_key_in(&hn_keys[i], hn_key_sections[s].name))
                st = add_key(&t, &hn_keys[i]);
    }
    if (st == HN_OK && (st = hn_text_status(&t)) == HN_OK)
        *text = t.at;
    else
        hn_text_free(&t);
    return st;
}
