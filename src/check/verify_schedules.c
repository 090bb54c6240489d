/* check/verify_schedules.c - learning rates per step against reference values (schedules.h5's layout): one
 * array per schedule, its settings as attributes, entry s the rate of step s.  The deviation is the largest
 * difference over the base rate.  Every rank does everything. */
#include "check/stored.h"
#include "check/verify.h"
#include "hardneg/optim.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 128 };
static const double TOLERANCE = 1e-12;

/* A schedule is known by its name's beginning; its attributes become options. */
struct form {
    const char *begins;
    int kind;
    bool warmup, floor;
};
static const struct form forms[] = {
    {"constant", HN_SCHEDULE_CONSTANT, false, false},
    {"cosine", HN_SCHEDULE_COSINE, false, true},
    {"warmup_cosine", HN_SCHEDULE_COSINE, true, false},
};

static const struct form *form_of(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strncmp(name, forms[i].begins, strlen(forms[i].begins)) == 0)
            return &forms[i];
    return NULL;
}

static bool recognise(const hn_store *file)
{
    char name[NAME];
    bool group;
    double number;

    for (size_t i = 0; hn_store_member(file, "/", i, name, sizeof name, &group); i++) {
        char path[NAME + 1];
        snprintf(path, sizeof path, "/%s", name);
        if (!group && hn_store_attr_f64(file, path, "base", &number) &&
            hn_store_attr_f64(file, path, "total", &number))
            return true;
    }
    return false;
}

static hn_status settings(const hn_store *file, const char *name, const struct form *form,
                          struct hn_optim_options *o, size_t *warmup, size_t *total)
{
    char path[NAME + 1];
    hn_status st;

    snprintf(path, sizeof path, "/%s", name);
    o->schedule = form->kind;
    if ((st = hn_stored_f64(file, path, "base", &o->lr)) != HN_OK ||
        (st = hn_stored_size(file, path, "total", total)) != HN_OK)
        return st;
    if (form->warmup && ((st = hn_stored_size(file, path, "warmup", warmup)) != HN_OK ||
                         (st = hn_stored_f64(file, path, "start", &o->warmup_start)) != HN_OK))
        return st;
    return form->floor ? hn_stored_f64(file, path, "floor", &o->floor) : HN_OK;
}

static hn_status compare(struct hn_verify *v, const char *name, const struct form *form)
{
    struct hn_optim_options o = {0};
    struct hn_stored want = {0};
    size_t warmup = 0, total = 0;
    double worst = 0;
    hn_status st = settings(v->file, name, form, &o, &warmup, &total);

    if (st != HN_OK || (st = hn_stored_read(&want, v->file, "", name)) != HN_OK)
        return st;
    for (uint64_t s = 0; s < want.info.count; s++) {
        double off = fabs(hn_schedule_at(&o, s, warmup, total) - want.v[s]) / o.lr;
        worst = off <= worst ? worst : off;
    }
    hn_verify_note(v, "schedule", name, worst, TOLERANCE);
    hn_stored_free(&want);
    return HN_OK;
}

static hn_status run(struct hn_verify *v)
{
    char name[NAME];
    bool group;

    for (size_t i = 0; hn_store_member(v->file, "/", i, name, sizeof name, &group); i++) {
        const struct form *form = group ? NULL : form_of(name);
        hn_status st = HN_OK;
        if (form == NULL)
            hn_verify_skip(v, "schedule", name, "no such schedule in this program yet");
        else
            st = compare(v, name, form);
        if (st != HN_OK)
            return st;
    }
    return HN_OK;
}

const struct hn_verify_kind hn_verify_schedules = {"schedules", recognise, run};
