/* May a saved run go on with another config?  What the table calls fixed must be the same. */
#include "config/value.h"
#include <string.h>

static bool may_change(const struct hn_key *k, const struct hn_config *before, const struct hn_config *now)
{
    if (k->resume == HN_FREE_UNLESS_COSINE)
        return before->optim.schedule != HN_SCHEDULE_COSINE && now->optim.schedule != HN_SCHEDULE_COSINE &&
               before->loss.beta_schedule == HN_BETA_CONSTANT && now->loss.beta_schedule == HN_BETA_CONSTANT;
    return k->resume == HN_FREE;
}

/* Appends "; loss.beta was 1.0, now 0.5" when the key differs. */
static hn_status add_difference(struct hn_text *list, const struct hn_key *k, const struct hn_config *before,
                                const struct hn_config *now)
{
    struct hn_text was = {0}, is = {0};
    hn_status st;

    hn_value_write(&was, k, before);
    hn_value_write(&is, k, now);
    if ((st = hn_text_status(&was)) == HN_OK && (st = hn_text_status(&is)) == HN_OK && strcmp(was.at, is.at))
        hn_text_add(list, "%s%s was %s, now %s", list->length ? "; " : "", k->name, was.at, is.at);
    hn_text_free(&was);
    hn_text_free(&is);
    return st;
}

hn_status hn_config_resumable(const struct hn_config *before, const struct hn_config *now)
{
    struct hn_text list = {0};
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < hn_key_count; i++)
        if (!may_change(&hn_keys[i], before, now))
            st = add_difference(&list, &hn_keys[i], before, now);
    if (st == HN_OK)
        st = hn_text_status(&list);
    if (st == HN_OK && list.length)
        st = hn_fail(HN_EUSAGE, "a resumed run may not change: %.900s%s", list.at,
                     list.length > 900 ? " ..." : "");
    hn_text_free(&list);
    return st;
}
