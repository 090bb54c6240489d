/* Values that come as text: the table's defaults, those that follow from other keys, and --set. */
#include "base/mem.h"
#include "config/reading.h"
#include <stdio.h>
#include <string.h>

bool hn_reading_given(const struct hn_reading *r, const struct hn_key *k)
{
    const struct hn_origin *from = &r->from[k - hn_keys];

    return from->set || from->line > 0;
}

void hn_reading_place(char text[HN_PLACE_TEXT], const struct hn_reading *r, const struct hn_key *k)
{
    const struct hn_origin *from = &r->from[k - hn_keys];
    char shown[HN_SHOWN_TEXT];

    if (from->set)
        snprintf(text, HN_PLACE_TEXT, "--set %s", hn_text_shown(shown, from->set));
    else if (from->line > 0)
        snprintf(text, HN_PLACE_TEXT, "%s:%d: %s", r->file, from->line, k->name);
    else
        snprintf(text, HN_PLACE_TEXT, "%s: %s", r->file, k->name);
}

static hn_status store(struct hn_reading *r, const struct hn_key *k, const char *text)
{
    char place[HN_PLACE_TEXT], *room = hn_zalloc(strlen(text) + 1);
    struct hn_value v;
    hn_status st;

    if (room == NULL)
        return HN_ENOMEM;
    hn_value_parse(&v, k, text, room);
    hn_reading_place(place, r, k);
    st = hn_value_store(r->c, k, &v, place);
    hn_free(room);
    return st;
}

hn_status hn_reading_defaults(struct hn_reading *r)
{
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < hn_key_count; i++)
        st = store(r, &hn_keys[i], hn_keys[i].def);
    return st;
}

hn_status hn_reading_set(struct hn_reading *r, const char *set)
{
    const char *equals = strchr(set, '=');
    char name[160], shown[HN_SHOWN_TEXT];

    if (equals == NULL)
        return hn_fail(HN_EUSAGE, "--set %s: wants section.key=value", hn_text_shown(shown, set));
    snprintf(name, sizeof name, "%.*s", equals - set > 150 ? 150 : (int)(equals - set), set);
    const struct hn_key *k = hn_key_find(name), *near = k ? NULL : hn_key_suggest(name);
    if (k == NULL)
        return hn_fail(HN_EUSAGE, "--set %s: no such key%s%s%s", hn_text_shown(shown, set),
                       near ? " (did you mean " : "", near ? near->name : "", near ? "?)" : "");
    r->from[k - hn_keys].set = set;
    return store(r, k, equals + 1);
}

/* ---- defaults that follow from other keys ---- */

static size_t divisor_up_to_16(size_t batch)
{
    size_t s = 16;

    while (batch % s)
        s--;
    return s;
}

hn_status hn_reading_follow(struct hn_reading *r)
{
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < hn_key_follow_count; i++) {
        const struct hn_key_follow *f = &hn_key_follows[i];
        const struct hn_key *k = hn_key_find(f->key);
        if (strcmp(f->choice, hn_value_name(hn_key_find(f->chooser), r->c)) == 0 && !hn_reading_given(r, k))
            st = store(r, k, f->def);
    }
    if (r->c->model.head_out == 0 && !hn_reading_given(r, hn_key_find("model.head_hidden")))
        r->c->model.head_hidden = 0;
    if (r->c->microbatches == 0)
        r->c->microbatches = divisor_up_to_16(r->c->batch);
    return st;
}
