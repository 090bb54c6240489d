/* Saving: rank 0 writes, all ranks learn whether it worked. */
#include "base/clock.h"
#include "base/mem.h"
#include "train/start.h"
#include "train/trainer.h"
#include <math.h>

static hn_status save(hn_trainer *t)
{
    struct hn_text versions = {0};
    hn_status st;

    t->state.step = (int64_t)t->step;
    t->state.updates = (int64_t)*hn_optim_updates(hn_core_optim(t->core));
    hn_start_versions(&versions);
    if ((st = hn_text_status(&versions)) == HN_OK) {
        struct hn_ckpt_text text[] = {
            {"config", t->config_text}, {"versions", versions.at}, {"data", t->data_identity}};
        st = hn_ckpt_save(t->dir.checkpoints, t->step, t->state.array, t->state.arrays, text,
                          sizeof text / sizeof *text);
    }
    hn_text_free(&versions);
    return st;
}

/* A state that is not finite would be resumed from for ever.  The replicas are equal, so the ranks see the
 * same. */
static hn_status check_finite(const hn_trainer *t)
{
    for (size_t i = 0; i < t->state.arrays; i++) {
        const struct hn_ckpt_array *a = &t->state.array[i];
        const real *x = a->data;
        size_t count = 1;
        if (a->integer)
            continue;
        for (int d = 0; d < a->rank; d++)
            count *= a->dim[d];
        for (size_t k = 0; k < count; k++)
            if (!isfinite(x[k]))
                return hn_fail(HN_EDIVERGED, "step %llu: %s is not finite; it is not saved, %s",
                               (unsigned long long)t->step, a->name, hn_trainer_saved(t));
    }
    return HN_OK;
}

const char *hn_trainer_saved(const hn_trainer *t)
{
    static _Thread_local char text[64];

    if (t->saved_step == HN_NOT_SAVED)
        return "nothing was saved yet";
    snprintf(text, sizeof text, "the last good state is step %llu", (unsigned long long)t->saved_step);
    return text;
}

static void tell(const hn_trainer *t)
{
    char path[1200];
    struct hn_train_progress p = {.what = HN_PROGRESS_SAVE, .step = t->step, .steps = t->steps, .path = path};

    snprintf(path, sizeof path, "%s/step-%08llu.h5", t->dir.checkpoints, (unsigned long long)t->step);
    if (t->options.progress)
        t->options.progress(t->options.ctx, &p);
}

hn_status hn_trainer_save(hn_trainer *t)
{
    hn_status st = HN_OK;

    if (t->saved_step == t->step)
        return HN_OK;
    if ((st = check_finite(t)) != HN_OK)
        return st;
    if (hn_trainer_leads(t))
        st = save(t);
    st = hn_comm_agree(t->session.comm, st);
    t->saved_at = hn_now();
    if (st != HN_OK)
        return st;
    t->saved_step = t->step;
    if (hn_trainer_leads(t)) {
        hn_ckpt_retire(t->dir.checkpoints, &t->session.config.ckpt);
        tell(t);
    }
    return HN_OK;
}
