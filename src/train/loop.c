/* The loop around the steps: metrics, evaluations, checkpoints, and every way to stop. */
#include "base/clock.h"
#include "base/json.h"
#include "train/drift.h"
#include "train/limits.h"
#include "train/trainer.h"
#include <math.h>
#include <stdio.h>

/* What ranks ask for between two steps; the largest wish of any rank is everyone's.  Rank 0's news of the
 * save in flight ride on it: behind a wish to stop they may be lost, but then all wait for that save anyway.
 */
enum wish { GO_ON, SAVE_NOW, STOP_NOW };
enum { NEWS = HN_SAVE_LOST + 1 };

struct loop {
    hn_trainer *t;
    double interval_start; /* of the rows of metrics: time and steps since the last one */
    uint64_t interval_steps;
    struct hn_step_seconds interval; /* added up */
    double saving;                   /* seconds that saves held training up, in the interval */
};

static enum wish own_wish(const hn_trainer *t)
{
    const struct hn_config *c = &t->session.config;

    if (hn_comm_stopping())
        return STOP_NOW;
    if (!hn_trainer_leads(t)) /* one clock decides */
        return GO_ON;
    if (c->ckpt.every_minutes > 0 && hn_now() - t->saved_at >= 60.0 * c->ckpt.every_minutes)
        return SAVE_NOW;
    return GO_ON;
}

static bool epoch_due(const hn_trainer *t, uint64_t every)
{
    return every > 0 && t->step % (every * t->per_epoch) == 0;
}

static bool save_due(const hn_trainer *t)
{
    const struct hn_ckpt_options *o = &t->session.config.ckpt;

    return (o->every_steps > 0 && t->step % o->every_steps == 0) || epoch_due(t, o->every_epochs);
}

/* Evaluations come every so many epochs, which may be a fraction: after the step in which a multiple is
 * reached. */
static bool eval_due(const hn_trainer *t)
{
    double every = t->session.config.eval.every_epochs * (double)t->per_epoch;

    return every > 0 && floor((double)t->step / every) > floor((double)(t->step - 1) / every);
}

/* Also before every save, so that none holds a state that has drifted. */
static bool compare_due(const hn_trainer *t, uint64_t end)
{
    size_t every = t->session.config.check_every;

    return every > 0 && (t->step % every == 0 || save_due(t) || t->step == end);
}

static void add_seconds(struct hn_step_seconds *sum, const struct hn_step_seconds *s)
{
    sum->input += s->input;
    sum->forward += s->forward;
    sum->gather += s->gather;
    sum->loss += s->loss;
    sum->backward += s->backward;
    sum->reduction += s->reduction;
    sum->optimiser += s->optimiser;
}

/* Of a mean step since the last row. */
static void write_seconds(const struct loop *l, hn_json *j)
{
    const struct hn_step_seconds *s = &l->interval;
    double steps = (double)l->interval_steps;

    hn_json_number(j, "s_input", s->input / steps);
    hn_json_number(j, "s_forward", s->forward / steps);
    hn_json_number(j, "s_gather", s->gather / steps);
    hn_json_number(j, "s_loss", s->loss / steps);
    hn_json_number(j, "s_backward", s->backward / steps);
    hn_json_number(j, "s_reduction", s->reduction / steps);
    hn_json_number(j, "s_optimiser", s->optimiser / steps);
    hn_json_number(j, "s_saving", l->saving / steps);
}

/* What the negatives look like.  Shares are of the anchors that count. */
static void write_negatives(const struct hn_loss_summary *s, hn_json *j)
{
    double anchors = s->anchors > 0 ? (double)s->anchors : 1;

    hn_json_integer(j, "anchors", (int64_t)s->anchors);
    hn_json_integer(j, "excluded", (int64_t)s->excluded);
    hn_json_integer(j, "clamped", (int64_t)s->clamped);
    hn_json_number(j, "clamped_share", (double)s->clamped / anchors);
    hn_json_integer(j, "undefined", (int64_t)s->undefined);
    hn_json_integer(j, "fell_back", (int64_t)s->fell_back);
    hn_json_number(j, "fell_back_share", (double)s->fell_back / anchors);
    if (s->ess > 0) { /* supcon has no weights */
        hn_json_number(j, "ess", s->ess);
        hn_json_number(j, "ess_share", s->ess_share);
        hn_json_number(j, "largest_weight", s->largest_weight);
        if (!isnan(s->collision))
            hn_json_number(j, "collision", s->collision);
    }
    hn_json_number(j, "alignment", s->alignment);
    if (isfinite(s->uniformity))
        hn_json_number(j, "uniformity", s->uniformity);
}

static void write_step(struct loop *l, const struct hn_step_report *r, double pairs_per_s)
{
    hn_trainer *t = l->t;
    struct hn_text line = {0};
    hn_json *j = hn_json_new();

    hn_json_string(j, "kind", "step");
    hn_json_integer(j, "step", (int64_t)r->step);
    hn_json_number(j, "epoch", (double)r->step / (double)t->per_epoch);
    hn_json_number(j, "loss", r->loss);
    hn_json_number(j, "lr", r->lr);
    hn_json_number(j, "grad_norm", r->grad_norm);
    if (t->state.skips > 0)
        hn_json_integer(j, "skipped", t->state.skips);
    write_negatives(&r->summary, j);
    hn_json_number(j, "pairs_per_s", pairs_per_s);
    write_seconds(l, j);
    if (hn_json_line(j, &line) == HN_OK)
        hn_rundir_row(&t->dir, &line);
    hn_json_free(j);
    hn_text_free(&line);
}

static void note_step(struct loop *l, const struct hn_step_report *r)
{
    hn_trainer *t = l->t;
    double seconds = hn_now() - l->interval_start;
    double pairs = (double)(++l->interval_steps * t->session.config.batch) / fmax(seconds, 1e-9);
    bool logged = t->step % t->session.config.log_every == 0 || t->step == t->steps;
    uint64_t end = t->options.steps && t->options.steps < t->steps ? t->options.steps : t->steps;
    struct hn_train_progress p = {.what = HN_PROGRESS_STEP,
                                  .step = t->step,
                                  .steps = t->steps,
                                  .epoch = (t->step - 1) / t->per_epoch + 1,
                                  .epochs = t->session.config.epochs,
                                  .loss = r->loss,
                                  .lr = r->lr,
                                  .grad_norm = r->grad_norm,
                                  .pairs_per_s = pairs,
                                  .seconds_left = (double)((end - t->step) * t->session.config.batch) / pairs,
                                  .logged = logged};

    if (!hn_trainer_leads(t))
        return;
    add_seconds(&l->interval, &r->seconds);
    if (logged)
        write_step(l, r, pairs);
    if (t->options.progress)
        t->options.progress(t->options.ctx, &p);
    if (logged) {
        l->interval_start = hn_now();
        l->interval_steps = 0;
        l->interval = (struct hn_step_seconds){0};
        l->saving = 0;
    }
}

static hn_status evaluate(struct loop *l)
{
    hn_trainer *t = l->t;
    struct hn_knn_result knn;
    struct hn_text line = {0};
    double start = hn_now();
    hn_json *j;
    hn_status st = hn_trainer_judge(t, &knn);

    if (st != HN_OK || !hn_trainer_leads(t))
        goto out;
    j = hn_json_new();
    hn_json_string(j, "kind", "eval");
    hn_json_integer(j, "step", (int64_t)t->step);
    hn_json_number(j, "epoch", (double)t->step / (double)t->per_epoch);
    hn_json_integer(j, "k", (int64_t)t->session.config.eval.k);
    hn_json_number(j, "knn_top1", knn.top1);
    hn_json_number(j, "knn_top5", knn.top5);
    if (hn_json_line(j, &line) == HN_OK)
        hn_rundir_row(&t->dir, &line);
    hn_json_free(j);
    hn_text_free(&line);
    if (t->options.progress) {
        struct hn_train_progress p = {.what = HN_PROGRESS_EVAL,
                                      .step = t->step,
                                      .steps = t->steps,
                                      .epoch = (t->step - 1) / t->per_epoch + 1,
                                      .epochs = t->session.config.epochs,
                                      .knn = knn};
        t->options.progress(t->options.ctx, &p);
    }
out:
    l->interval_start += hn_now() - start; /* the rate counts training alone */
    return st;
}

static hn_status save_on_the_way(struct loop *l)
{
    double start = hn_now();
    hn_status st = hn_trainer_begin_save(l->t);

    l->saving += hn_now() - start;
    return st;
}

/* After the last step: the state saved, or the reason why not as status. */
static hn_status finish(hn_trainer *t, hn_status done)
{
    bool back; /* then it is a saved one */
    hn_status st = hn_drift_check(t, &back);

    if (st != HN_OK || (st = hn_trainer_save(t)) == HN_EDIVERGED || t->lost)
        return st;
    if (st != HN_OK)
        return hn_fail(HN_EIO, "the last checkpoint could not be written: %s", hn_error_text());
    if (done == HN_STOPPED) {
        hn_limits_tell(t);
        return hn_fail(HN_STOPPED,
                       "stopped on request after step %llu of %llu, saved; the same command goes on",
                       (unsigned long long)t->step, (unsigned long long)t->steps);
    }
    if (t->state.skips > 0 && hn_trainer_leads(t))
        hn_log(HN_LOG_WARN, "%lld of %llu updates were skipped: loss or gradient were not finite",
               (long long)t->state.skips, (unsigned long long)t->step);
    return done;
}

/* Samples that cannot be read end the run, but cost no step that was made. */
static hn_status keep_state(hn_trainer *t, hn_status why)
{
    char text[1024];
    bool back;

    if ((why != HN_EDATA && why != HN_EIO) || t->step == 0)
        return why;
    snprintf(text, sizeof text, "%s", hn_error_text());
    if (hn_drift_check(t, &back) != HN_OK)
        return hn_fail(why, "%s; and %s", text, hn_error_text());
    (void)hn_trainer_save(t); /* when that fails, too, the words below say so */
    return hn_fail(why, "%s (after step %llu; %s)", text, (unsigned long long)t->step, hn_trainer_saved(t));
}

/* Once each: anchors are left out; all are, so that the batch teaches nothing. */
static void warn_anchors(hn_trainer *t, const struct hn_step_report *r)
{
    if (r->summary.excluded > 0 && r->summary.anchors > 0 && !t->warned_excluded && hn_trainer_leads(t)) {
        t->warned_excluded = true;
        hn_log(HN_LOG_WARN,
               "step %llu: %zu of %zu anchors were left out (no positive, no negative or no logarithm); "
               "metrics.jsonl counts them in every step",
               (unsigned long long)t->step, r->summary.excluded, r->summary.excluded + r->summary.anchors);
    }
    if (r->summary.anchors > 0 || t->warned_anchors || !hn_trainer_leads(t))
        return;
    t->warned_anchors = true;
    hn_log(HN_LOG_WARN,
           "step %llu: every anchor was left out (no positive or no negative in the batch), so nothing was "
           "learned from it",
           (unsigned long long)t->step);
}

/* One step and what follows it. */
static hn_status advance(struct loop *l, uint64_t end)
{
    hn_trainer *t = l->t;
    struct hn_step_report report;
    bool back;
    hn_status st = hn_trainer_step(t, &report);

    if (st != HN_OK)
        return st;
    warn_anchors(t, &report);
    note_step(l, &report);
    if (compare_due(t, end) && ((st = hn_drift_check(t, &back)) != HN_OK || back))
        return st;
    if (t->step < end && save_due(t) && (st = save_on_the_way(l)) != HN_OK)
        return st;
    return t->evaluates && eval_due(t) ? evaluate(l) : HN_OK;
}

/* An evaluation that was due at the step gone on from, and was stopped, or ended with its run. */
static hn_status catch_up(struct loop *l)
{
    hn_trainer *t = l->t;
    int64_t judged;

    if (t->step == 0 || !t->evaluates || !eval_due(t))
        return HN_OK;
    judged = hn_comm_max(t->session.comm, hn_trainer_leads(t) ? (int64_t)t->dir.judged : 0);
    return (uint64_t)judged == t->step ? HN_OK : evaluate(l);
}

hn_status hn_trainer_run(hn_trainer *t)
{
    uint64_t end = t->options.steps && t->options.steps < t->steps ? t->options.steps : t->steps;
    struct loop l = {.t = t, .interval_start = hn_now()};
    bool back;
    hn_status st;

    hn_limits_set(t);
    if ((st = catch_up(&l)) != HN_OK)
        return st == HN_STOPPED ? finish(t, st) : st;
    if (t->step >= end && hn_trainer_leads(t))
        hn_log(HN_LOG_INFO, "step %llu is done already: nothing to do", (unsigned long long)t->step);
    while (t->step < end) {
        int64_t said = hn_comm_max(t->session.comm, own_wish(t) * NEWS + hn_trainer_save_news(t));
        enum wish wish = (enum wish)(said / NEWS);
        if ((st = hn_trainer_hear_save(t, (enum hn_save_news)(said % NEWS))) != HN_OK)
            return st;
        if (wish == STOP_NOW)
            return finish(t, HN_STOPPED);
        if (wish == SAVE_NOW &&
            ((st = hn_drift_check(t, &back)) != HN_OK || (st = save_on_the_way(&l)) != HN_OK))
            return st;
        if ((st = advance(&l, end)) != HN_OK)
            return st == HN_STOPPED ? finish(t, st) : keep_state(t, st);
    }
    return finish(t, HN_OK);
}
