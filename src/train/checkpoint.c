/* Saving: rank 0 copies the state, a thread of it writes (train/saver.h), all ranks learn whether it worked.
 *
 * One save is in flight at most.  What became of it rides on the exchange of wishes before the next step
 * (loop.c): saving_step and saved_step are the same on every rank at every time. */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "train/limits.h"
#include "train/start.h"
#include "train/trainer.h"

static hn_status new_image(hn_trainer *t, hn_ckpt_image **out)
{
    struct hn_text versions = {0};
    hn_status st;

    hn_start_versions(&versions);
    if ((st = hn_text_status(&versions)) == HN_OK) {
        struct hn_ckpt_text text[] = {
            {"config", t->config_text}, {"versions", versions.at}, {"data", t->data_identity}};
        st = hn_ckpt_image_new(out, t->state.array, t->state.arrays, text, sizeof text / sizeof *text);
    }
    hn_text_free(&versions);
    return st;
}

hn_status hn_trainer_open_saver(hn_trainer *t, bool will_save)
{
    hn_ckpt_image *image = NULL;
    hn_status st = new_image(t, &image);

    hn_ckpt_sweep(t->dir.path);
    hn_file_sweep_all(t->dir.checkpoints); /* the directory's lock is ours: nobody else writes here */
    if (st == HN_OK && will_save && (st = hn_ckpt_image_room(image, t->dir.path)) != HN_OK)
        hn_fail(st, "no room for even one checkpoint: %s", hn_error_text());
    if (st == HN_OK)
        return hn_saver_new(&t->saver, image, t->dir.checkpoints, &t->session.config.ckpt, t->dir.lock,
                            &t->dir.rows);
    hn_ckpt_image_free(image);
    return st;
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
    struct hn_train_progress p = {
        .what = HN_PROGRESS_SAVE, .step = t->saved_step, .steps = t->steps, .path = path};

    snprintf(path, sizeof path, "%s/step-%08llu.h5", t->dir.checkpoints, (unsigned long long)t->saved_step);
    if (t->options.progress)
        t->options.progress(t->options.ctx, &p);
}

/* Collective, without a word between the ranks. */
static void begin(hn_trainer *t)
{
    t->saving_step = t->step;
    t->saved_at = hn_now();
    if (!hn_trainer_leads(t))
        return;
    t->state.step = (int64_t)t->step;
    t->state.updates = (int64_t)*hn_optim_updates(hn_core_optim(t->core));
    hn_rundir_catch_up(&t->dir); /* who resumes from this save has the rows before it from the file alone */
    hn_saver_begin(t->saver, t->step);
}

enum hn_save_news hn_trainer_save_news(hn_trainer *t)
{
    if (hn_dirlock_lost(t->dir.lock))
        return HN_SAVE_LOST;
    if (!hn_trainer_leads(t) || t->saving_step == HN_NOT_SAVED || !hn_saver_ended(t->saver))
        return HN_SAVE_NO_NEWS;
    return hn_saver_status(t->saver) == HN_OK ? HN_SAVE_DONE : HN_SAVE_FAILED;
}

/* The longest so far says when to stop before an end of the job. */
static void note_seconds(hn_trainer *t)
{
    double seconds = hn_now() - t->saved_at;

    if (seconds <= t->save_seconds)
        return;
    t->save_seconds = seconds;
    hn_limits_set(t);
}

/* Collective, as the news of it were.  The saver, if it still writes, is let be: it knows. */
static hn_status end_lost(hn_trainer *t)
{
    t->lost = true;
    t->saving_step = HN_NOT_SAVED;
    return hn_comm_agree(t->session.comm, hn_dirlock_check(t->dir.lock));
}

/* Collective, with rank 0's news. */
static hn_status hear(hn_trainer *t, enum hn_save_news news)
{
    hn_status st = HN_OK;

    if (news == HN_SAVE_LOST)
        return end_lost(t);
    note_seconds(t);
    if (hn_trainer_leads(t))
        st = hn_saver_result(t->saver);
    if (news == HN_SAVE_FAILED) {
        st = hn_comm_agree(t->session.comm, st);
    } else {
        t->saved_step = t->saving_step;
        if (hn_trainer_leads(t))
            tell(t);
    }
    t->saving_step = HN_NOT_SAVED;
    return st == HN_EDIVERGED ? hn_fail(st, "%s, %s", hn_error_text(), hn_trainer_saved(t)) : st;
}

static hn_status wait_and_hear(hn_trainer *t)
{
    hn_comm_phase("saving");
    if (hn_trainer_leads(t))
        hn_saver_wait(t->saver);
    return hear(t, (enum hn_save_news)hn_comm_max(t->session.comm, hn_trainer_save_news(t)));
}

/* There will be another save. */
static hn_status forgive(const hn_trainer *t, uint64_t step, hn_status st)
{
    if (st == HN_OK || st == HN_EDIVERGED || t->lost)
        return st;
    if (hn_trainer_leads(t))
        hn_log(HN_LOG_WARN, "no checkpoint of step %llu: %s; training goes on, the next interval tries again",
               (unsigned long long)step, hn_error_text());
    return HN_OK;
}

hn_status hn_trainer_hear_save(hn_trainer *t, enum hn_save_news news)
{
    uint64_t step = t->saving_step;

    return news == HN_SAVE_NO_NEWS ? HN_OK : forgive(t, step, hear(t, news));
}

hn_status hn_trainer_end_save(hn_trainer *t)
{
    uint64_t step = t->saving_step;

    return step == HN_NOT_SAVED ? HN_OK : forgive(t, step, wait_and_hear(t));
}

hn_status hn_trainer_begin_save(hn_trainer *t)
{
    hn_status st = HN_OK;

    if (t->saving_step != t->step && t->saved_step != t->step && (st = hn_trainer_end_save(t)) == HN_OK)
        begin(t);
    return st;
}

hn_status hn_trainer_save(hn_trainer *t)
{
    hn_status st = hn_trainer_end_save(t);

    if (st != HN_OK || t->saved_step == t->step)
        return st;
    begin(t);
    return wait_and_hear(t);
}
