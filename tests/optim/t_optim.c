/* Updates against PyTorch's formulas written out in double, clipping, and that threads change no bit. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "hardneg/optim.h"
#include "tap.h"

enum { COUNT = 70000, SPANS = 4, STEPS = 5 };
/* With gaps that must stay as they are, and a tensor longer than one piece. */
static const struct hn_span spans[SPANS] = {
    {0, 7, true}, {16, 1, true}, {32, 60001, false}, {60064, 9000, false}};

static hn_optim *make(const struct hn_optim_options *o, hn_threads *crew)
{
    hn_optim *optim = NULL;

    tap_status(hn_optim_new(&optim, o, COUNT, spans, SPANS, crew), HN_OK, "an optimiser is made");
    return optim;
}

static void draw(real *x, uint64_t what)
{
    hn_draws d = hn_draws_for(5, HN_DRAW_TEST, what, 0);

    for (size_t i = 0; i < COUNT; i++)
        x[i] = (real)(hn_draw_unit(&d) * 2 - 1);
}

/* PyTorch's single-tensor Adam and AdamW, in double. */
static void reference(const struct hn_optim_options *o, bool decoupled, double *w, double *m, double *v,
                      double g, double lr, int k)
{
    if (decoupled)
        *w *= 1 - lr * o->weight_decay;
    else
        g += o->weight_decay * *w;
    *m = o->beta1 * *m + (1 - o->beta1) * g;
    *v = o->beta2 * *v + (1 - o->beta2) * g * g;
    *w -= lr / (1 - pow(o->beta1, k)) * *m / (sqrt(*v) / sqrt(1 - pow(o->beta2, k)) + o->eps);
}

static void updates(int kind, hn_threads *crew)
{
    struct hn_optim_options o = {.kind = kind, .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-3, .weight_decay = 0.3};
    hn_optim *optim = make(&o, crew);
    real *w = hn_calloc(COUNT, sizeof *w), *g = hn_calloc(COUNT, sizeof *g);
    double *rw = hn_calloc(COUNT, sizeof *rw), *rm = hn_calloc(COUNT, sizeof *rm),
           *rv = hn_calloc(COUNT, sizeof *rv);
    double worst = 0, moved = 0;

    draw(w, 1);
    for (size_t i = 0; i < COUNT; i++)
        rw[i] = (double)w[i];
    for (int k = 1; k <= STEPS; k++) {
        double lr = 0.01 * k;
        draw(g, (uint64_t)(k + 10));
        hn_optim_update(optim, w, g, lr);
        for (size_t s = 0; s < SPANS; s++)
            for (size_t i = spans[s].offset; i < spans[s].offset + spans[s].count; i++)
                reference(&o, kind == 1, &rw[i], &rm[i], &rv[i], (double)g[i], lr, k);
    }
    for (size_t i = 0; i < COUNT; i++) {
        double d = fabs((double)w[i] - rw[i]) + fabs((double)hn_optim_state(optim, 0)[i] - rm[i]) +
                   fabs((double)hn_optim_state(optim, 1)[i] - rv[i]);
        worst = d <= worst ? worst : d;
    }
    draw(g, 1);
    for (size_t i = 0; i < COUNT; i++)
        moved += g[i] != w[i];
    ok(worst < 40 * TAP_EPS, "%s: %d updates are PyTorch's", hn_optim_names()[kind], STEPS);
    if (!(worst < 40 * TAP_EPS))
        printf("# off by %g\n", worst);
    ok(moved <= 69009 && moved > 68000, "only the parameters themselves move");
    ok(*hn_optim_updates(optim) == STEPS && hn_optim_states(optim) == 2 &&
           strcmp(hn_optim_state_name(optim, 0), "exp_avg") == 0 &&
           strcmp(hn_optim_state_name(optim, 1), "exp_avg_sq") == 0,
       "its state has PyTorch's names");
    hn_optim_free(optim);
    hn_free(w), hn_free(g), hn_free(rw), hn_free(rm), hn_free(rv);
}

static void clipping(hn_threads *crew)
{
    struct hn_optim_options o = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = 2};
    hn_optim *optim = make(&o, crew);
    real *g = hn_calloc(COUNT, sizeof *g), *h = hn_calloc(COUNT, sizeof *h);
    double square = 0, worst = 0;

    draw(g, 3);
    draw(h, 3);
    for (size_t s = 0; s < SPANS; s++)
        for (size_t i = spans[s].offset; i < spans[s].offset + spans[s].count; i++)
            square += (double)g[i] * (double)g[i];
    double before = hn_optim_clip(optim, g);
    for (size_t i = 32; i < 60033; i++)
        worst = fmax(worst, fabs((double)g[i] - (double)h[i] * 2 / (sqrt(square) + 1e-6)));
    ok(fabs(before - sqrt(square)) < 1e-12 * before, "the norm is that of all tensors together");
    ok(worst < 4 * TAP_EPS && fabs(hn_optim_clip(optim, g) - 2) < 1e-4,
       "a gradient that is too long is shortened to the limit");
    g[40] = (real)NAN;
    ok(isnan(hn_optim_clip(optim, g)), "a NaN shows in the norm");
    g[40] = (real)INFINITY;
    ok(isinf(hn_optim_clip(optim, g)), "and so does an infinity");
    memset(g, 0, COUNT * sizeof *g);
    g[0] = 1;
    ok(hn_optim_clip(optim, g) == 1 && g[0] == 1, "a short gradient stays as it is");
    hn_optim_free(optim);
    hn_free(g), hn_free(h);
}

static void trajectory(real *w, double *norm, hn_threads *crew)
{
    struct hn_optim_options o = {
        .kind = 1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01, .clip = 3};
    hn_optim *optim = make(&o, crew);
    real *g = hn_calloc(COUNT, sizeof *g);

    draw(w, 1);
    for (int k = 0; k < 3; k++) {
        draw(g, (uint64_t)(k + 20));
        norm[k] = hn_optim_clip(optim, g);
        hn_optim_update(optim, w, g, 0.1);
    }
    hn_optim_free(optim);
    hn_free(g);
}

static void threads_change_nothing(hn_threads *crew)
{
    real *a = hn_calloc(COUNT, sizeof *a), *b = hn_calloc(COUNT, sizeof *b);
    double na[3], nb[3];
    hn_threads *one = NULL;

    tap_status(hn_threads_new(&one, 1), HN_OK, "a crew of one");
    trajectory(a, na, one);
    trajectory(b, nb, crew);
    ok(memcmp(a, b, COUNT * sizeof *a) == 0 && memcmp(na, nb, sizeof na) == 0,
       "one thread or three: the same bits");
    hn_threads_free(one);
    hn_free(a), hn_free(b);
}

static void refusals(hn_threads *crew)
{
    struct hn_optim_options o = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}, bad = o;
    hn_optim *optim = NULL;

    bad.kind = 4;
    tap_status(hn_optim_new(&optim, &bad, COUNT, spans, SPANS, crew), HN_EUSAGE,
               "an unknown kind is refused");
    bad = o;
    bad.beta2 = 1;
    tap_status(hn_optim_new(&optim, &bad, COUNT, spans, SPANS, crew), HN_EUSAGE, "beta2 = 1 is refused");
    bad = o;
    bad.eps = NAN;
    tap_status(hn_optim_new(&optim, &bad, COUNT, spans, SPANS, crew), HN_EUSAGE,
               "eps that is no number is refused");
    tap_status(hn_optim_new(&optim, &o, 100, spans, SPANS, crew), HN_EBUG,
               "parameters outside the block are refused");
}

static void schedules(void)
{
    struct hn_optim_options o = {.lr = 0.4, .warmup_epochs = 3, .warmup_start = 0.25, .floor = 0.1};

    ok(fabs(hn_schedule_at(&o, 0, 1, 9) - 0.2) < 1e-15 && hn_schedule_at(&o, 2, 1, 9) == 0.4 &&
           hn_schedule_at(&o, 100, 1, 9) == 0.4,
       "constant: from the start's share to the rate, then that");
    o.schedule = HN_SCHEDULE_COSINE;
    ok(fabs(hn_schedule_at(&o, 1, 1, 9) - 0.3) < 1e-15 && hn_schedule_at(&o, 3, 1, 9) == 0.4 &&
           fabs(hn_schedule_at(&o, 6, 1, 9) - 0.25) < 1e-15 && hn_schedule_at(&o, 9, 1, 9) == 0.1,
       "cosine: half way down in the middle, the floor at the end");
    o.warmup_epochs = 0.5;
    ok(fabs(hn_schedule_at(&o, 1, 6, 18) - 0.3) < 1e-15 && hn_schedule_at(&o, 3, 6, 18) == 0.4,
       "half an epoch of warm-up");
    o.warmup_epochs = 4;
    ok(hn_schedule_at(&o, 4, 1, 4) == 0.1, "a run that is all warm-up");
    o.warmup_epochs = 0;
    ok(hn_schedule_at(&o, 0, 1, 0) == 0.1, "a run of nothing");
    ok(strcmp(hn_schedule_names()[HN_SCHEDULE_COSINE], "cosine") == 0 &&
           strcmp(hn_schedule_names()[HN_SCHEDULE_MULTISTEP], "multistep") == 0 &&
           hn_schedule_names()[4] == NULL,
       "schedules have names");
}

static void drops(void)
{
    struct hn_optim_options o = {.lr = 8, .gamma = 0.5, .schedule = HN_SCHEDULE_STEP, .step_epochs = 2};

    ok(hn_schedule_at(&o, 19, 10, 99) == 8 && hn_schedule_at(&o, 20, 10, 99) == 4 &&
           hn_schedule_at(&o, 39, 10, 99) == 4 && hn_schedule_at(&o, 40, 10, 99) == 2,
       "step: half after every two epochs of ten steps");
    o.schedule = HN_SCHEDULE_MULTISTEP;
    o.milestone[0] = 1, o.milestone[1] = 4, o.milestones = 2;
    ok(hn_schedule_at(&o, 9, 10, 99) == 8 && hn_schedule_at(&o, 10, 10, 99) == 4 &&
           hn_schedule_at(&o, 39, 10, 99) == 4 && hn_schedule_at(&o, 1000, 10, 99) == 2,
       "multistep: half after epochs 1 and 4");
    o.warmup_epochs = 2;
    ok(hn_schedule_at(&o, 9, 10, 99) == 4 && hn_schedule_at(&o, 19, 10, 99) == 8 &&
           hn_schedule_at(&o, 20, 10, 99) == 4,
       "epochs count from the start of the run, the warm-up rises to the whole rate");
    o.lr_batch = 64;
    ok(hn_lr_scale(&o, 256) == 1, "a rate that does not scale");
    o.lr_scaling = HN_LR_LINEAR;
    ok(hn_lr_scale(&o, 256) == 4 && hn_lr_scale(&o, 32) == 0.5, "one that grows with the batch");
    o.lr_scaling = HN_LR_SQRT;
    ok(hn_lr_scale(&o, 256) == 2 && hn_lr_scale(&o, 4) == 0.25, "or with its root");
}

int main(void)
{
    hn_threads *crew = NULL;

    tap_plan(36);
    tap_status(hn_threads_new(&crew, 3), HN_OK, "a crew of three");
    updates(0, crew);
    updates(1, crew);
    clipping(crew);
    threads_change_nothing(crew);
    refusals(crew);
    schedules();
    drops();
    hn_threads_free(crew);
    ok(hn_live_blocks() == 0, "every block is freed");
    return tap_done();
}
