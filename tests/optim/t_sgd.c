/* SGD and LARS against steps worked by hand, what is left out of weight decay, norms of zero, threads. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "hardneg/optim.h"
#include "tap.h"

enum { SGD = 2, LARS = 3, BIG = 70000 };
/* A weight of two numbers and a bias. */
static const struct hn_span two[2] = {{0, 2, false}, {8, 1, true}};

static hn_optim *make(const struct hn_optim_options *o, hn_threads *crew)
{
    hn_optim *optim = NULL;

    tap_status(hn_optim_new(&optim, o, 9, two, 2, crew), HN_OK, "an optimiser is made");
    return optim;
}

/* `steps` updates of w = (3, 4), bias 1 by the same gradient. */
static void run(const struct hn_optim_options *o, hn_threads *crew, const real g[9], int steps, real w[9])
{
    const real start[9] = {3, 4, 0, 0, 0, 0, 0, 0, 1};
    hn_optim *optim = make(o, crew);
    real gradient[9];

    memcpy(w, start, sizeof start);
    for (int k = 0; k < steps; k++) {
        memcpy(gradient, g, sizeof gradient);
        hn_optim_clip(optim, gradient);
        hn_optim_update(optim, w, gradient, o->lr);
    }
    hn_optim_free(optim);
}

static void at(const real w[9], double a, double b, double bias, const char *what)
{
    bool good = fabs((double)w[0] - a) < 20 * TAP_EPS && fabs((double)w[1] - b) < 20 * TAP_EPS &&
                fabs((double)w[8] - bias) < 20 * TAP_EPS;

    ok(good, "%s", what);
    if (!good)
        printf("# got %.9g %.9g %.9g, want %g %g %g\n", (double)w[0], (double)w[1], (double)w[8], a, b, bias);
}

static void sgd_by_hand(hn_threads *crew)
{
    struct hn_optim_options o = {.kind = SGD, .lr = 0.1, .momentum = 0.5, .weight_decay = 0.5};
    const real g[9] = {0, 2, 0, 0, 0, 0, 0, 0, 1};
    real w[9];

    run(&o, crew, g, 1, w);
    at(w, 2.85, 3.6, 0.85, "sgd: the first step has no damping, decay is added to the gradient");
    run(&o, crew, g, 2, w);
    at(w, 2.6325, 3.02, 0.6325, "sgd: the second goes on with half of the first");
    o.nesterov = true;
    run(&o, crew, g, 1, w);
    at(w, 2.775, 3.4, 0.775, "sgd: Nesterov's first step looks ahead");
    run(&o, crew, g, 2, w);
    at(w, 2.529375, 2.745, 0.529375, "sgd: and so does the second");
    o.nesterov = false;
    o.exclude = HN_EXCLUDE_BIAS_NORM;
    run(&o, crew, g, 2, w);
    at(w, 2.6325, 3.02, 0.75, "sgd: a bias left out of decay follows its gradient alone");
    o.exclude = HN_EXCLUDE_NONE;
    o.momentum = 0;
    run(&o, crew, g, 2, w);
    at(w, 2.7075, 3.22, 0.7075, "sgd without momentum");
}

static void lars_by_hand(hn_threads *crew)
{
    struct hn_optim_options o = {
        .kind = LARS, .lr = 2, .momentum = 0.5, .trust = 0.1, .exclude = HN_EXCLUDE_BIAS_NORM};
    const real g[9] = {6, 8, 0, 0, 0, 0, 0, 0, 2}, eightfold[9] = {48, 64, 0, 0, 0, 0, 0, 0, 16};
    real w[9], v[9];

    run(&o, crew, g, 1, w);
    at(w, 2.4, 3.2, -3, "lars: trust times |w| over |g|, the bias as with sgd");
    run(&o, crew, g, 2, w);
    at(w, 1.62, 2.16, -9, "lars: the rate lies inside the momentum");
    run(&o, crew, eightfold, 2, v);
    ok(v[0] == w[0] && v[1] == w[1] && v[8] != w[8],
       "lars: the gradient's length does not matter to a weight");
    o.clip = 1;
    run(&o, crew, eightfold, 1, v);
    at(v, 2.4, 3.2, 1 - 2 * 16 / (sqrt(48 * 48 + 64 * 64 + 16 * 16) + 1e-6), "lars: clipping comes before");
    o.clip = 0;
    o.eps = 10;
    run(&o, crew, g, 1, w);
    at(w, 2.7, 3.6, -3, "lars: eps is added to the norm of the gradient");
    o.eps = 0;
    o.weight_decay = 2;
    run(&o, crew, (const real[9]){0}, 1, w);
    at(w, 2.4, 3.2, 1, "lars: decay counts in the norm, the bias has none");
    o.weight_decay = 0;
    o.nesterov = true;
    run(&o, crew, g, 1, w);
    at(w, 2.1, 2.8, -5, "lars: Nesterov looks ahead");
    o.nesterov = false;
    o.exclude = HN_EXCLUDE_NONE;
    run(&o, crew, g, 1, w);
    at(w, 2.4, 3.2, 0.8, "lars with nothing left out scales a bias as well");
}

static void zero_norms(hn_threads *crew)
{
    struct hn_optim_options o = {.kind = LARS, .lr = 2, .momentum = 0.5, .trust = 0.1};
    const real tiny = sizeof(real) == 4 ? (real)1e-44 : (real)1e-160;
    real w[9] = {0, 0, 0, 0, 0, 0, 0, 0, 4}, g[9] = {6, 8, 0, 0, 0, 0, 0, 0, 0};
    hn_optim *optim = make(&o, crew);

    hn_optim_update(optim, w, g, o.lr);
    ok(w[0] == -12 && w[1] == -16, "a weight of zeros takes its first step by the plain rate");
    ok(w[8] == 4, "a gradient of zero moves nothing");
    hn_optim_free(optim);
    run(&o, crew, (const real[9]){tiny}, 3, w);
    ok(isfinite(w[0]) && w[1] == 4 && w[8] == 1, "a gradient that is all but zero leaves numbers");
}

static void trajectory(int kind, real *w, hn_threads *crew)
{
    static const struct hn_span spans[3] = {{0, 60001, false}, {60016, 1, true}, {60032, 9000, false}};
    struct hn_optim_options o = {.kind = kind,
                                 .momentum = 0.9,
                                 .nesterov = true,
                                 .trust = 0.01,
                                 .weight_decay = 0.01,
                                 .exclude = HN_EXCLUDE_BIAS_NORM};
    real *g = hn_calloc(BIG, sizeof *g);
    hn_optim *optim = NULL;

    tap_status(hn_optim_new(&optim, &o, BIG, spans, 3, crew), HN_OK, "an optimiser is made");
    for (uint64_t k = 0; k < 4; k++) {
        hn_draws d = hn_draws_for(6, HN_DRAW_TEST, k, 0);
        for (size_t i = 0; i < BIG; i++)
            (k ? g : w)[i] = (real)(hn_draw_unit(&d) * 2 - 1);
        if (k)
            hn_optim_update(optim, w, g, 0.1);
    }
    ok(hn_optim_states(optim) == 1 && strcmp(hn_optim_state_name(optim, 0), "momentum_buffer") == 0,
       "its state has PyTorch's name");
    hn_optim_free(optim);
    hn_free(g);
}

static void threads_change_nothing(hn_threads *crew, hn_threads *one)
{
    real *a = hn_calloc(BIG, sizeof *a), *b = hn_calloc(BIG, sizeof *b);

    for (int kind = SGD; kind <= LARS; kind++) {
        trajectory(kind, a, one);
        trajectory(kind, b, crew);
        ok(memcmp(a, b, BIG * sizeof *a) == 0, "%s: one thread or three: the same bits",
           hn_optim_names()[kind]);
    }
    hn_free(a), hn_free(b);
}

static void refusals(hn_threads *crew)
{
    const struct hn_optim_options bad[] = {{.kind = SGD, .momentum = 1}, {.kind = LARS, .trust = NAN}};
    hn_optim *optim = NULL;

    for (size_t i = 0; i < 2; i++)
        tap_status(hn_optim_new(&optim, &bad[i], 9, two, 2, crew), HN_EUSAGE, "%s is refused",
                   i ? "a trust that is no number" : "a momentum of 1");
}

int main(void)
{
    hn_threads *crew = NULL, *one = NULL;

    tap_plan(48);
    tap_status(hn_threads_new(&crew, 3), HN_OK, "a crew of three");
    tap_status(hn_threads_new(&one, 1), HN_OK, "a crew of one");
    sgd_by_hand(crew);
    lars_by_hand(crew);
    zero_norms(crew);
    threads_change_nothing(crew, one);
    refusals(crew);
    hn_threads_free(crew);
    hn_threads_free(one);
    ok(hn_live_blocks() == 0, "every block is freed");
    return tap_done();
}
