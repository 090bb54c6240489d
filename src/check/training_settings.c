#include "check/training_settings.h"
#include "check/stored.h"
#include <string.h>

static const char *const SETTINGS = "/settings";
static const double FAIR = 1e-4; /* what float is held to after several steps */

static hn_status text(const hn_store *file, const char *attr, char value[HN_SETTING])
{
    if (!hn_store_attr_text(file, SETTINGS, attr, value, HN_SETTING))
        return hn_fail(HN_EDATA, "%s has no text called %s", SETTINGS, attr);
    return HN_OK;
}

/* An attribute that may be missing. */
static double number(const hn_store *file, const char *attr, double otherwise)
{
    double value;

    return hn_store_attr_f64(file, SETTINGS, attr, &value) ? value : otherwise;
}

static hn_status sizes(const hn_store *file, const char *attr, size_t *value, size_t room, size_t *count)
{
    double number_of[HN_MODEL_STAGES];

    *count = hn_store_attr_f64s(file, SETTINGS, attr, number_of, room);
    for (size_t i = 0; i < *count; i++) {
        if (!(number_of[i] >= 1 && number_of[i] <= 1e9))
            return hn_fail(HN_EDATA, "%s: %s: %g is no size", SETTINGS, attr, number_of[i]);
        value[i] = (size_t)number_of[i];
    }
    if (*count == 0)
        return hn_fail(HN_EDATA, "%s has no sizes called %s (at most %zu)", SETTINGS, attr, room);
    return HN_OK;
}

static hn_status read_shapes(struct hn_training_settings *s, const hn_store *file)
{
    struct hn_array_info views, z;
    hn_status st;

    if ((st = hn_store_info(file, "/views", &views)) != HN_OK ||
        (st = hn_store_info(file, "/z", &z)) != HN_OK)
        return st;
    if (views.rank != 6 || views.dim[1] != 2 || views.count == 0)
        return hn_fail(HN_EDATA, "/views is not [step, 2, n, c, h, w]");
    if (z.rank != 4 || memcmp(z.dim, views.dim, 3 * sizeof *z.dim) != 0 || z.count == 0)
        return hn_fail(HN_EDATA, "/z is not [step, view, n, D] of the same step, view and n as /views");
    s->steps = views.dim[0];
    s->batch = s->core.batch = views.dim[2];
    s->model.c = views.dim[3];
    s->model.h = views.dim[4];
    s->model.w = views.dim[5];
    s->dim = z.dim[3];
    return HN_OK;
}

static hn_status read_stages(struct hn_training_settings *s, const hn_store *file)
{
    s->model.norm = number(file, "norm", 0) != 0;
    return sizes(file, strcmp(s->net, "mlp") == 0 ? "sizes" : "channels", s->model.channels, HN_MODEL_STAGES,
                 &s->model.stages);
}

static hn_status read_resnet(struct hn_training_settings *s, const hn_store *file)
{
    char stem[HN_SETTING];
    hn_status st = text(file, "stem", stem);

    if (st != HN_OK)
        return st;
    if (strcmp(stem, "cifar") != 0 && strcmp(stem, "imagenet") != 0)
        return hn_fail(HN_EDATA, "%s: stem is \"%s\", not cifar or imagenet", SETTINGS, stem);
    s->model.stem = strcmp(stem, "cifar") == 0 ? HN_STEM_CIFAR : HN_STEM_IMAGENET;
    s->model.norm = true;
    return hn_stored_size(file, SETTINGS, "width", &s->model.width);
}

static hn_status read_model(struct hn_training_settings *s, const hn_store *file)
{
    size_t head[2], count;
    hn_status st = text(file, "net", s->net);

    if (st != HN_OK)
        return st;
    s->model.encoder = hn_place_of(hn_encoder_names(), s->net);
    if (s->model.encoder < 0) {
        s->refused = "no such encoder in this program yet";
        return HN_OK;
    }
    st = hn_encoder_is_resnet(s->model.encoder) ? read_resnet(s, file) : read_stages(s, file);
    if (st != HN_OK || (st = sizes(file, "head", head, 2, &count)) != HN_OK)
        return st;
    if (count != 2)
        return hn_fail(HN_EDATA, "%s: head is not (hidden, out)", SETTINGS);
    s->model.head_hidden = head[0];
    s->model.head_out = head[1];
    s->model.head_norm = number(file, "head_norm", 1) != 0;
    return HN_OK;
}

/* As the reference files mean them: debiased and hard with the floor, labels as positives over pairs (supcon:
 * over anchors). */
static hn_status read_loss(struct hn_training_settings *s, const hn_store *file)
{
    struct hn_loss_options *o = &s->core.loss;
    hn_status st = text(file, "loss_kind", s->loss);

    if (st != HN_OK)
        return st;
    o->kind = hn_place_of(hn_loss_names(), s->loss);
    if (o->kind < 0 && s->refused == NULL)
        s->refused = "no such loss in this program yet";
    if (o->kind < 0)
        return HN_OK;
    bool supcon = strcmp(s->loss, "supcon") == 0;
    bool labels = supcon || strcmp(s->loss, "scl") == 0 || strcmp(s->loss, "hard_scl") == 0;
    o->beta = number(file, "loss_beta", 0);
    o->tau_plus = number(file, "loss_tau_plus", 0);
    o->clamp = o->tau_plus > 0;
    o->detach = number(file, "loss_detach", 0) != 0;
    o->positives = labels ? HN_POSITIVES_LABEL : HN_POSITIVES_VIEW;
    o->reduction = labels && !supcon ? HN_REDUCTION_PAIRS : HN_REDUCTION_ANCHORS;
    return hn_stored_f64(file, SETTINGS, "loss_t", &o->temperature);
}

static hn_status read_optimizer(struct hn_training_settings *s, const hn_store *file)
{
    struct hn_optim_options *o = &s->core.optim;
    double betas[2] = {0.9, 0.999};
    hn_status st = text(file, "optimizer_kind", s->optimizer);

    if (st != HN_OK)
        return st;
    if (hn_store_attr_f64s(file, SETTINGS, "optimizer_betas", betas, 2) == 1)
        return hn_fail(HN_EDATA, "%s: optimizer_betas is not (beta1, beta2)", SETTINGS);
    o->kind = hn_place_of(hn_optim_names(), s->optimizer);
    o->beta1 = betas[0];
    o->beta2 = betas[1];
    o->eps = number(file, "optimizer_eps", 1e-8);
    o->weight_decay = number(file, "optimizer_weight_decay", 0);
    o->momentum = number(file, "optimizer_momentum", 0);
    o->nesterov = number(file, "optimizer_nesterov", 0) != 0;
    o->trust = number(file, "optimizer_trust", 0);
    o->exclude = strcmp(s->optimizer, "lars") == 0 ? HN_EXCLUDE_BIAS_NORM : HN_EXCLUDE_NONE;
    if (o->kind < 0) {
        s->no_update = "no such optimiser in this program yet: the first step's gradient is compared";
        o->kind = 0; /* made, never asked for an update */
    }
    return HN_OK;
}

/* Deep networks: rounding alone sends some unit over a border of ReLU or pooling, and later steps go another
 * way. The file tells how far its own float32 run ended from the float64 one; some have no such run. */
static hn_status read_float32(struct hn_training_settings *s, const hn_store *file)
{
    static const char *const names[] = {"feature", "output"};
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < 2 && hn_stored_has(file, "/deviation/float32", names[i]); i++) {
        struct hn_stored strayed = {0};
        st = hn_stored_read(&strayed, file, "/deviation/float32", names[i]);
        if (st == HN_OK && strayed.info.count == 1 && strayed.v[0] > FAIR && sizeof(real) == 4)
            s->no_update = "in float the first step alone is a fair test of a network as deep as this";
        hn_stored_free(&strayed);
    }
    return st;
}

hn_status hn_training_settings_read(struct hn_training_settings *out, const hn_store *file)
{
    /* Loss blocks of a few rows: microbatches then have several. */
    struct hn_training_settings s = {
        .core = {.tile = 3, .reduce = HN_REDUCE_ORDERED, .norm_scope = HN_NORM_GLOBAL}};
    size_t joint = 0;
    hn_status st;

    if ((st = read_shapes(&s, file)) != HN_OK || (st = read_model(&s, file)) != HN_OK ||
        (st = read_loss(&s, file)) != HN_OK || (st = read_optimizer(&s, file)) != HN_OK ||
        (st = read_float32(&s, file)) != HN_OK ||
        (st = hn_stored_size(file, SETTINGS, "joint_bn", &joint)) != HN_OK)
        return st;
    s.core.norm_per_view = joint == 0;
    *out = s;
    return HN_OK;
}
