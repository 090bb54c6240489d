/* check/verify_schedules.c - learning rates per step against reference values (schedules.h5's layout): one
 * array per schedule, its settings as attributes, entry s the rate of step s.  The deviation is the largest
 * difference over the base rate.  Every rank does everything. */
#include "check/stored.h"
#include "check/verify_beta.h"
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
    {"constant", HN_SCHEDULE_CONSTANT, false, false},   {"cosine", HN_SCHEDULE_COSINE, false, true},
    {"warmup_cosine", HN_SCHEDULE_COSINE, true, false}, {"step", HN_SCHEDULE_STEP, false, false},
    {"multistep", HN_SCHEDULE_MULTISTEP, false, false},
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

/* The reference counts in steps: here an epoch has one. */
static hn_status drops(const hn_store *file, const char *path, struct hn_optim_options *o)
{
    double milestone[HN_MILESTONES];

    if (o->schedule == HN_SCHEDULE_STEP)
        return hn_stored_size(file, path, "every", &o->step_epochs);
    o->milestones = hn_store_attr_f64s(file, path, "milestones", milestone, HN_MILESTONES);
    for (size_t i = 0; i < o->milestones; i++)
        o->milestone[i] = (size_t)milestone[i];
    return o->milestones ? HN_OK
                         : hn_fail(HN_EDATA, "%s has no milestones (at most %d)", path, HN_MILESTONES);
}

static hn_status settings(const hn_store *file, const char *name, const struct form *form,
                          struct hn_optim_options *o, size_t *total)
{
    size_t warmup;
    char path[NAME + 1];
    hn_status st;

    snprintf(path, sizeof path, "/%s", name);
    o->schedule = form->kind;
    if ((st = hn_stored_f64(file, path, "base", &o->lr)) != HN_OK ||
        (st = hn_stored_size(file, path, "total", total)) != HN_OK)
        return st;
    if (form->warmup) {
        if ((st = hn_stored_size(file, path, "warmup", &warmup)) != HN_OK)
            return st;
        o->warmup_epochs = (double)warmup;
        return hn_stored_f64(file, path, "start", &o->warmup_start);
    }
    if (form->kind == HN_SCHEDULE_STEP || form->kind == HN_SCHEDULE_MULTISTEP) {
        st = drops(file, path, o);
        return st == HN_OK ? hn_stored_f64(file, path, "gamma", &o->gamma) : st;
    }
    return form->floor ? hn_stored_f64(file, path, "floor", &o->floor) : HN_OK;
}

static hn_status compare(struct hn_verify *v, const char *name, const struct form *form)
{
    struct hn_optim_options o = {0};
    struct hn_stored want = {0};
    size_t total = 0;
    double worst = 0;
    hn_status st = settings(v->file, name, form, &o, &total);

    if (st != HN_OK || (st = hn_stored_read(&want, v->file, "", name)) != HN_OK)
        return st;
    for (uint64_t s = 0; s < want.info.count; s++) {
        double off = fabs(hn_schedule_at(&o, s, 1, total) - want.v[s]) / o.lr;
        worst = off <= worst ? worst : off;
    }
    hn_verify_note(v, "schedule", name, worst, TOLERANCE);
    hn_stored_free(&want);
    return HN_OK;
}

/* SimCLR's two rates by batch size (Chen et al. 2020, appendix B.1): 0.3 batch / 256 and 0.075 sqrt(batch).
 */
static hn_status compare_scaling(struct hn_verify *v, const char *name)
{
    static const struct hn_optim_options rules[] = {{.lr = 0.3, .lr_scaling = HN_LR_LINEAR, .lr_batch = 256},
                                                    {.lr = 0.075, .lr_scaling = HN_LR_SQRT, .lr_batch = 1}};
    struct hn_stored batch = {0};
    char group[NAME + 1];
    hn_status st;

    snprintf(group, sizeof group, "/%s", name);
    st = hn_stored_read(&batch, v->file, group, "batch");
    for (size_t k = 0; st == HN_OK && k < 2; k++) {
        struct hn_stored want = {0};
        double worst = 0;
        const char *rule = hn_lr_scaling_names()[rules[k].lr_scaling];
        if ((st = hn_stored_read(&want, v->file, group, rule)) != HN_OK)
            break;
        for (size_t i = 0; i < want.info.count && i < batch.info.count; i++) {
            double got = rules[k].lr * hn_lr_scale(&rules[k], (size_t)batch.v[i]);
            double off = fabs(got - want.v[i]) / want.v[i];
            worst = off <= worst ? worst : off;
        }
        hn_verify_note(v, "schedule", rule, worst, TOLERANCE);
        hn_stored_free(&want);
    }
    hn_stored_free(&batch);
    return st;
}

/* HCL's annealing: /beta_anneal_down/NAME, beta per epoch. */
static hn_status compare_beta(struct hn_verify *v, const char *group)
{
    struct hn_loss_options o = {.beta_schedule = HN_BETA_HCL_DOWN};
    char name[NAME], path[2 * NAME + 2];
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && hn_store_member(v->file, group, i, name, sizeof name, NULL); i++) {
        snprintf(path, sizeof path, "%s/%s", group, name);
        if ((st = hn_stored_f64(v->file, path, "beta", &o.beta)) == HN_OK)
            st = hn_verify_beta(v, &o, name, group, name);
    }
    return st;
}

static hn_status run(struct hn_verify *v)
{
    char name[NAME];
    bool group;

    for (size_t i = 0; hn_store_member(v->file, "/", i, name, sizeof name, &group); i++) {
        const struct form *form = group ? NULL : form_of(name);
        hn_status st = HN_OK;
        if (group && strcmp(name, "batch_scaling") == 0)
            st = compare_scaling(v, name);
        else if (group && strcmp(name, "beta_anneal_down") == 0)
            st = compare_beta(v, "/beta_anneal_down");
        else if (form == NULL)
            hn_verify_skip(v, "schedule", name, "no such schedule in this program yet");
        else
            st = compare(v, name, form);
        if (st != HN_OK)
            return st;
    }
    return HN_OK;
}

const struct hn_verify_kind hn_verify_schedules = {"schedules", recognise, run};
