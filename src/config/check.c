/* What single keys cannot know: contradictions between them.  One function per section. */
#include "config/reading.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The sentence stands at the key that is most likely the one to change. */
__attribute__((format(printf, 3, 4))) static hn_status complain(const struct hn_reading *r, const char *key,
                                                                const char *format, ...)
{
    char place[HN_PLACE_TEXT], text[400];
    va_list ap;

    hn_reading_place(place, r, hn_key_find(key));
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return hn_fail(HN_EUSAGE, "%s: %s", place, text);
}

/* Of two keys that contradict each other, the one that was given last. */
static const char *later(const struct hn_reading *r, const char *a, const char *b)
{
    const struct hn_origin *x = &r->from[hn_key_find(a) - hn_keys], *y = &r->from[hn_key_find(b) - hn_keys];

    if ((x->set != NULL) != (y->set != NULL))
        return x->set ? a : b;
    return x->line >= y->line ? a : b;
}

static hn_status check_batch(const struct hn_reading *r)
{
    const struct hn_config *c = r->c;
    const char *key = later(r, "batch.microbatches", "batch.size");

    if (c->microbatches > c->batch)
        return complain(r, key, "%zu microbatches of a batch of %zu samples", c->microbatches, c->batch);
    if (c->batch % c->microbatches)
        return complain(r, key, "a batch of %zu samples cannot be cut into %zu equal microbatches", c->batch,
                        c->microbatches);
    if (c->norm_scope == HN_NORM_MICROBATCH && c->norm_per_view && c->batch == c->microbatches &&
        (c->model.norm || (c->model.head_norm && c->model.head_hidden > 0)))
        return complain(
            r, "batchnorm.scope",
            "a microbatch of one sample has no variance per view (fewer batch.microbatches, scope "
            "\"global\" or per_view false)");
    return HN_OK;
}

static bool anything_given(const struct hn_reading *r)
{
    for (size_t i = 0; i < hn_key_count; i++)
        if (r->from[i].line > 0)
            return true;
    return false;
}

static hn_status check_data(const struct hn_reading *r)
{
    if (r->c->data.path[0] == '\0')
        return hn_fail(HN_EUSAGE,
                       "%s: %s: data.path, the data set to train on, is missing; write data: { path = "
                       "\"FILE.h5\"; }; or --set data.path=FILE.h5 (hardneg import makes one)",
                       r->file, anything_given(r) ? "incomplete" : "no key at all");
    if (r->c->data.split == HN_UNLABELED && r->c->data.positives == HN_PAIR_LABEL)
        return complain(r, later(r, "data.split", "data.positives"),
                        "the split \"unlabeled\" has no labels, which data.positives \"label\" needs");
    if (r->c->data.split == HN_UNLABELED && hn_loss_needs_labels(&r->c->loss))
        return complain(r, later(r, "data.split", "loss.kind"),
                        "the split \"unlabeled\" has no labels, which loss.kind \"%s\" needs",
                        hn_value_name(hn_key_find("loss.kind"), r->c));
    return HN_OK;
}

/* Is it what the table says when nobody says anything? */
static bool at_default(const struct hn_reading *r, const char *key)
{
    const struct hn_key *k = hn_key_find(key);
    struct hn_config table = {0};

    return hn_reading_defaults(&(struct hn_reading){.c = &table, .file = r->file}) == HN_OK &&
           memcmp((const char *)&table + k->at, (const char *)r->c + k->at, k->bytes) == 0;
}

static hn_status check_blur(const struct hn_reading *r)
{
    static const char *const of_blur[] = {"augment.blur_probability", "augment.blur_kernel",
                                          "augment.blur_sigma"};
    const struct hn_augment_options *a = &r->c->augment;

    if (a->blur_sigma[0] > a->blur_sigma[1])
        return complain(r, "augment.blur_sigma", "least %g is more than most %g", a->blur_sigma[0],
                        a->blur_sigma[1]);
    if (a->blur_kernel > 0 && a->blur_kernel % 2 == 0)
        return complain(r, "augment.blur_kernel", "%zu is even: a blur needs a middle", a->blur_kernel);
    if (a->blur != HN_BLUR_NONE && a->size > 0 && a->blur_kernel > a->size)
        return complain(r, later(r, "augment.blur_kernel", "augment.size"),
                        "a blur of %zu pixels is larger than views of %zu (augment.size)", a->blur_kernel,
                        a->size);
    for (size_t i = 0; a->blur == HN_BLUR_NONE && i < sizeof of_blur / sizeof *of_blur; i++)
        if (!at_default(r, of_blur[i]))
            return complain(r, later(r, of_blur[i], "augment.blur"),
                            "%s belongs to blur opencv and torchvision, not to none",
                            hn_key_short(hn_key_find(of_blur[i])));
    return HN_OK;
}

static hn_status check_augment(const struct hn_reading *r)
{
    const struct hn_augment_options *a = &r->c->augment;

    if (a->crop_scale[0] > a->crop_scale[1])
        return complain(r, "augment.crop_scale", "least %g is more than most %g", a->crop_scale[0],
                        a->crop_scale[1]);
    if (a->crop_ratio[0] > a->crop_ratio[1])
        return complain(r, "augment.crop_ratio", "least %g is more than most %g", a->crop_ratio[0],
                        a->crop_ratio[1]);
    return check_blur(r);
}

/* Sizes that the other kinds of encoder read; they would be ignored in silence. */
static hn_status check_encoder(const struct hn_reading *r)
{
    static const char *const of_resnets[] = {"model.width", "model.stem"};
    const struct hn_model_options *m = &r->c->model;
    const char *kind = hn_value_name(hn_key_find("model.encoder"), r->c);
    bool resnet = hn_encoder_is_resnet(m->encoder);

    if (resnet && !m->norm)
        return complain(r, later(r, "model.norm", "model.encoder"), "%s always has BatchNorm", kind);
    if (resnet && !at_default(r, "model.channels"))
        return complain(r, later(r, "model.channels", "model.encoder"),
                        "channels belong to mlp and convnet, not to %s (model.width)", kind);
    for (size_t i = 0; !resnet && i < sizeof of_resnets / sizeof *of_resnets; i++)
        if (!at_default(r, of_resnets[i]))
            return complain(r, later(r, of_resnets[i], "model.encoder"), "%s belongs to resnets, not to %s",
                            hn_key_short(hn_key_find(of_resnets[i])), kind);
    return HN_OK;
}

static hn_status check_model(const struct hn_reading *r)
{
    const struct hn_model_options *m = &r->c->model;

    if (m->head_out == 0 && m->head_hidden > 0)
        return complain(r, later(r, "model.head_hidden", "model.head_out"),
                        "a hidden layer of %zu without a head (model.head_out 0)", m->head_hidden);
    return check_encoder(r);
}

/* Values that only some hardenings, or schedules of beta, read. */
static hn_status check_hardening(const struct hn_reading *r)
{
    const struct hn_loss_options *l = &r->c->loss;
    const char *hardening = hn_value_name(hn_key_find("loss.hardening"), r->c);
    bool tilt = l->hardening == HN_HARDEN_TILT;

    if (l->beta > 0 && !tilt)
        return complain(r, later(r, "loss.beta", "loss.hardening"),
                        "beta %g belongs to hardening tilt, not to %s", l->beta, hardening);
    if (l->detach && !tilt)
        return complain(r, later(r, "loss.detach", "loss.hardening"),
                        "detach belongs to hardening tilt: the choice of %s is a constant anyway", hardening);
    if (l->threshold != 0 && l->hardening != HN_HARDEN_THRESHOLD)
        return complain(r, later(r, "loss.threshold", "loss.hardening"),
                        "threshold %g belongs to hardening threshold, not to %s", l->threshold, hardening);
    if (l->topk > 0 && l->hardening != HN_HARDEN_TOPK)
        return complain(r, later(r, "loss.topk", "loss.hardening"),
                        "topk %zu belongs to hardening topk, not to %s", l->topk, hardening);
    if (l->beta_schedule != HN_BETA_CONSTANT && !tilt)
        return complain(r, later(r, "loss.beta_schedule", "loss.hardening"),
                        "a schedule of beta belongs to hardening tilt, not to %s", hardening);
    if (l->beta_end > 0 && l->beta_schedule != HN_BETA_LINEAR && l->beta_schedule != HN_BETA_COSINE)
        return complain(r, later(r, "loss.beta_end", "loss.beta_schedule"),
                        "the last beta %g belongs to schedules linear and cosine, not to %s", l->beta_end,
                        hn_value_name(hn_key_find("loss.beta_schedule"), r->c));
    return HN_OK;
}

/* Values that only some losses read; elsewhere they would be ignored in silence. */
static hn_status check_loss(const struct hn_reading *r)
{
    const struct hn_loss_options *l = &r->c->loss;
    const char *kind = hn_value_name(hn_key_find("loss.kind"), r->c);
    bool hard = strcmp(kind, "hard") == 0, hard_scl = strcmp(kind, "hard_scl") == 0;
    bool debiased = strcmp(kind, "debiased") == 0, scl = strcmp(kind, "scl") == 0;
    bool supcon = strcmp(kind, "supcon") == 0;

    if (l->tau_plus > 0 && !hard && !debiased)
        return complain(r, later(r, "loss.tau_plus", "loss.kind"),
                        "tau_plus %g belongs to debiased and hard, not to %s", l->tau_plus, kind);
    if (l->clamp && !hard && !debiased)
        return complain(r, later(r, "loss.clamp", "loss.kind"),
                        "the clamp belongs to debiased and hard, not to %s", kind);
    if (l->hardening != HN_HARDEN_NONE && !hard && !hard_scl)
        return complain(r, later(r, "loss.hardening", "loss.kind"),
                        "hardening \"%s\" belongs to hard and hard_scl: %s weighs all negatives alike",
                        hn_value_name(hn_key_find("loss.hardening"), r->c), kind);
    if (l->beta > 0 && !hard && !hard_scl)
        return complain(r, later(r, "loss.beta", "loss.kind"),
                        "beta %g belongs to hard and hard_scl, not to %s", l->beta, kind);
    if (l->detach && !hard && !hard_scl)
        return complain(r, later(r, "loss.detach", "loss.kind"),
                        "detach belongs to hard and hard_scl, not to %s", kind);
    if (l->positives == HN_POSITIVES_LABEL && !scl && !hard_scl && !supcon)
        return complain(r, later(r, "loss.positives", "loss.kind"),
                        "positives \"label\" belong to scl, hard_scl and supcon, not to %s", kind);
    if (supcon && l->reduction == HN_REDUCTION_PAIRS)
        return complain(r, later(r, "loss.reduction", "loss.kind"),
                        "supcon is a mean over anchors: reduction \"pairs\" belongs to the other losses");
    if (l->hardening == HN_HARDEN_TOPK && l->topk == 0)
        return complain(r, later(r, "loss.topk", "loss.hardening"),
                        "topk 0: at least one negative is chosen");
    if (hn_loss_check(l) != HN_OK)
        return complain(r, "loss.kind", "%s", hn_error_text());
    return HN_OK;
}

/* Values that only some optimisers read. */
static hn_status check_optim_kind(const struct hn_reading *r)
{
    const struct hn_optim_options *o = &r->c->optim;
    const char *kind = hn_value_name(hn_key_find("optim.kind"), r->c);
    bool adam = strcmp(kind, "adam") == 0 || strcmp(kind, "adamw") == 0, lars = strcmp(kind, "lars") == 0;

    if (adam && (o->momentum > 0 || o->nesterov))
        return complain(r, later(r, o->nesterov ? "optim.nesterov" : "optim.momentum", "optim.kind"),
                        "%s belongs to sgd and lars, not to %s (which has optim.beta1)",
                        o->nesterov ? "Nesterov's momentum" : "momentum", kind);
    if (o->nesterov && o->momentum == 0)
        return complain(r, later(r, "optim.nesterov", "optim.momentum"),
                        "Nesterov's momentum, but momentum 0");
    if (lars != (o->trust > 0))
        return complain(
            r, later(r, "optim.trust", "optim.kind"),
            lars ? "lars with trust %g would not move a weight" : "trust %g belongs to lars alone", o->trust);
    if (!adam && (o->beta1 > 0 || o->beta2 > 0))
        return complain(r, later(r, o->beta1 > 0 ? "optim.beta1" : "optim.beta2", "optim.kind"),
                        "beta1 and beta2 belong to adam and adamw, not to %s (which has optim.momentum)",
                        kind);
    if (adam ? o->eps == 0 : !lars && o->eps > 0)
        return complain(r, later(r, "optim.eps", "optim.kind"),
                        adam ? "%s divides by zero with eps %g where a gradient is zero"
                             : "%s knows no eps: %g belongs to adam, adamw and lars",
                        kind, o->eps);
    return HN_OK;
}

/* Schedules that drop. */
static hn_status check_drops(const struct hn_reading *r)
{
    const struct hn_optim_options *o = &r->c->optim;
    bool step = o->schedule == HN_SCHEDULE_STEP, multistep = o->schedule == HN_SCHEDULE_MULTISTEP;

    if (step != (o->step_epochs > 0))
        return complain(r, later(r, "optim.step_epochs", "optim.schedule"),
                        step ? "schedule step wants optim.step_epochs, the epochs from one drop to the next"
                             : "step_epochs belongs to schedule step alone");
    if (multistep != (o->milestones > 0))
        return complain(r, later(r, "optim.milestones", "optim.schedule"),
                        multistep
                            ? "schedule multistep wants optim.milestones, the epochs after which it drops"
                            : "milestones belong to schedule multistep alone");
    for (size_t i = 1; i < o->milestones; i++)
        if (o->milestone[i] <= o->milestone[i - 1])
            return complain(r, "optim.milestones", "%zu does not come after %zu", o->milestone[i],
                            o->milestone[i - 1]);
    if (!step && !multistep && o->gamma != 1)
        return complain(r, later(r, "optim.gamma", "optim.schedule"),
                        "gamma %g belongs to schedules step and multistep", o->gamma);
    return HN_OK;
}

static hn_status check_optim(const struct hn_reading *r)
{
    const struct hn_optim_options *o = &r->c->optim;

    if (o->warmup_epochs > (double)r->c->epochs)
        return complain(r, later(r, "optim.warmup_epochs", "run.epochs"),
                        "a warm-up of %g epochs in a run of %llu", o->warmup_epochs,
                        (unsigned long long)r->c->epochs);
    if (o->schedule == HN_SCHEDULE_COSINE && o->floor > o->lr)
        return complain(r, later(r, "optim.floor", "optim.lr"), "the last rate %g is above the first, %g",
                        o->floor, o->lr);
    if (o->schedule != HN_SCHEDULE_COSINE && o->floor > 0)
        return complain(r, later(r, "optim.floor", "optim.schedule"),
                        "the last rate %g belongs to schedule cosine, not to %s", o->floor,
                        hn_value_name(hn_key_find("optim.schedule"), r->c));
    if (o->lr_scaling == HN_LR_AS_GIVEN && o->lr_batch != 256)
        return complain(r, later(r, "optim.lr_batch", "optim.lr_scaling"),
                        "lr_batch belongs to lr_scaling linear and sqrt, not to none");
    if (o->warmup_epochs == 0 && o->warmup_start > 0)
        return complain(r, later(r, "optim.warmup_start", "optim.warmup_epochs"),
                        "a warm-up that starts at %g of the rate, but takes no epochs "
                        "(optim.warmup_epochs)",
                        o->warmup_start);
    return HN_OK;
}

hn_status hn_reading_check(const struct hn_reading *r)
{
    static hn_status (*const checks[])(const struct hn_reading *) = {
        check_batch,     check_data,       check_augment, check_model, check_loss,
        check_hardening, check_optim_kind, check_drops,   check_optim};
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < sizeof checks / sizeof checks[0]; i++)
        st = checks[i](r);
    return st;
}
