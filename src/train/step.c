/* One training step: the page to read first.
 *
 *   samples -> two views -> embeddings -> pool of all ranks -> loss and its
 *   gradient, in two laps -> gradient of the weights, summed over the tree ->
 *   update.
 *
 * What a rank computes here has the same bits however many there are. */
#include "base/clock.h"
#include "train/finite.h"
#include "train/inject.h"
#include "train/trainer.h"

/* Both views of own sample i, into their rows of its microbatch's input: the second is its partner's.  Both
 * are drawn for sample i, so that two samples with one partner see different views of it. */
static void make_views(void *ctx, size_t i, size_t worker)
{
    hn_trainer *t = ctx;
    const struct hn_session *s = &t->session;
    hn_net *net = hn_core_net(t->core);
    size_t samples = s->config.batch / s->config.microbatches, size = hn_net_input_size(net);
    const struct hn_batch *batch = t->batch;
    size_t at = i * hn_dataset_info(s->data)->sample_bytes;
    real *input = hn_net_input(net, i / samples);

    for (int view = 0; view < 2; view++)
        hn_augment_view(s->augment, input + ((size_t)view * samples + i % samples) * size,
                        (view == 0 ? batch->bytes : batch->partner_bytes) + at, batch->epoch, batch->id[i],
                        view, t->scratch + worker * t->scratch_bytes);
}

static double rate(const hn_trainer *t)
{
    const struct hn_optim_options *o = &t->session.config.optim;

    return hn_schedule_at(o, t->step, t->per_epoch, t->steps) * hn_lr_scale(o, t->session.config.batch);
}

/* By the epoch alone, so a resumed run goes on with the same. */
static double beta(const hn_trainer *t)
{
    return hn_beta_at(&t->session.config.loss, t->step / t->per_epoch + 1, t->session.config.epochs);
}

hn_status hn_trainer_step(hn_trainer *t, struct hn_step_report *report)
{
    struct hn_core_report core;
    double since = hn_now(), input;
    bool skip;
    hn_status st;

    hn_comm_step(t->step + 1);
    hn_inject_at(t->step + 1, hn_comm_rank(t->session.comm));
    hn_comm_phase("reading samples");
    hn_inject_hang();
    st = hn_prefetch_next(t->prefetch, &t->batch); /* all that can fail on one rank alone */
    if ((st = hn_comm_agree(t->session.comm, st)) != HN_OK)
        return st;
    for (size_t i = 0; i < t->batch->samples; i++)
        hn_core_labels(t->core)[i] = t->batch->label[i];
    hn_threads_each(t->session.threads, t->batch->samples, make_views, t);
    hn_inject_nan("input", hn_net_input(hn_core_net(t->core), 0));
    input = hn_lap(&since);
    hn_loss_set_beta(hn_core_loss(t->core), beta(t));
    hn_finite_keep(t);
    hn_core_forward(t->core);         /* wave by wave: rows of unit length */
    hn_core_backward(t->core, &core); /* pool, lap 1, lap 2, gradient up the tree */
    if ((st = hn_finite_check(t, &core, &skip)) != HN_OK)
        return st;
    *report = (struct hn_step_report){.step = t->step + 1,
                                      .loss = core.loss.loss,
                                      .grad_norm = core.grad_norm,
                                      .lr = rate(t),
                                      .skipped = skip,
                                      .summary = core.loss};
    hn_comm_phase("updating the weights");
    if (!skip)
        hn_core_update(t->core, report->lr);
    hn_inject_bit(hn_net_parameters(hn_core_net(t->core), &(size_t){0}));
    report->seconds = hn_core_seconds(t->core);
    report->seconds.input = input;
    t->step++;
    return HN_OK;
}
