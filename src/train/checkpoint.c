/* Saving: rank 0 writes, all ranks learn whether it worked. */
#include "base/clock.h"
#include "train/start.h"
#include "train/trainer.h"

static hn_status save(hn_trainer *t)
{
    struct hn_text versions = {0};
    hn_status st;

    t->state.step = (int64_t)t->step;
    t->state.updates = (int64_t)*hn_optim_updates(hn_core_optim(t->core));
    hn_start_versions(&versions);
    if ((st = hn_text_status(&versions)) == HN_OK) {
        struct hn_ckpt_text text[] = {{"config", t->config_text}, {"versions", versions.at}};
        st = hn_ckpt_save(t->dir.checkpoints, t->step, t->state.array, t->state.arrays, text, 2);
    }
    hn_text_free(&versions);
    return st;
}

hn_status hn_trainer_checkpoint(hn_trainer *t)
{
    hn_status st = HN_OK;

    if (t->saved_step == t->step && t->step > 0)
        return HN_OK;
    if (hn_trainer_leads(t))
        st = save(t);
    st = hn_comm_agree(t->session.comm, st);
    t->save_failed = st != HN_OK;
    t->saved_at = hn_now();
    if (st != HN_OK) {
        if (hn_trainer_leads(t))
            hn_log(HN_LOG_WARN,
                   "no checkpoint of step %llu: %s; training goes on, the next interval tries again",
                   (unsigned long long)t->step, hn_error_text());
        return st;
    }
    t->saved_step = t->step;
    if (hn_trainer_leads(t)) {
        hn_ckpt_retire(t->dir.checkpoints, &t->session.config.ckpt);
        if (t->options.progress) {
            char path[1200];
            snprintf(path, sizeof path, "%s/step-%08llu.h5", t->dir.checkpoints, (unsigned long long)t->step);
            struct hn_train_progress p = {
                .what = HN_PROGRESS_SAVE, .step = t->step, .steps = t->steps, .path = path};
            t->options.progress(t->options.ctx, &p);
        }
    }
    return HN_OK;
}

hn_status hn_trainer_save(hn_trainer *t)
{
    return hn_trainer_checkpoint(t);
}
