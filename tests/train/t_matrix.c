/* Promise 2, in one process: weights and running statistics after some steps have the same bits for 1, 2, 3,
 * 4, 8 ranks and 1 or 2 threads, with every BatchNorm setting - encoder, pool, both laps, tree, Adam. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "engine/fake.h"
#include "hardneg/loss.h"
#include "hardneg/model.h"
#include "hardneg/optim.h"
#include "tap.h"

enum { BATCH = 24, SIDE = 8, STEPS = 3, DIM = 5, TILE = 4, ROWS = 2 * BATCH, STATE = 8192 };

struct setting {
    const char *name;
    bool norm, per_view;
    enum hn_norm_scope scope;
    size_t microbatches;
    const char *loss;
};

struct result {
    double loss[STEPS];
    size_t reals;
    real state[STATE];
    int64_t counters;
};

struct play {
    const struct setting *setting;
    size_t threads;
    struct result result[FAKE_RANKS];
    real z[ROWS * DIM];
    struct hn_row_stat stat[ROWS];
};

static int kind(const char *const *names, const char *name)
{
    for (int k = 0; names[k]; k++)
        if (strcmp(names[k], name) == 0)
            return k;
    return -1;
}

static hn_status build(hn_graph **graph, const struct setting *s)
{
    struct hn_model_options o = {.encoder = kind(hn_encoder_names(), "convnet"),
                                 .h = SIDE,
                                 .w = SIDE,
                                 .c = 1,
                                 .channels = {4, 6},
                                 .stages = 2,
                                 .norm = s->norm,
                                 .head_hidden = 8,
                                 .head_out = DIM,
                                 .head_norm = s->norm};

    return hn_model_build(graph, &o);
}

/* The pool's fixed arrays, as train/pool.c numbers them. */
struct numbering {
    size_t partner[ROWS], number[ROWS], edge[ROWS + 1], blocks, per_microbatch;
    int64_t label[ROWS];
};

static void number(struct numbering *p, size_t microbatches)
{
    size_t b = BATCH / microbatches, row = 0;

    p->per_microbatch = (2 * b + TILE - 1) / TILE;
    for (size_t k = 0; k < microbatches; k++) {
        for (size_t at = 0; at < 2 * b; at += TILE)
            p->edge[p->blocks++] = k * 2 * b + at;
        for (size_t view = 0; view < 2; view++)
            for (size_t a = 0; a < b; a++, row++) {
                p->partner[row] = view ? row - b : row + b;
                p->number[row] = view * BATCH + k * b + a;
                p->label[row] = (int64_t)((k * b + a) % 5);
            }
    }
    p->edge[p->blocks] = ROWS;
}

static void fill_input(hn_net *net, struct hn_range own, size_t samples, size_t step)
{
    for (size_t k = 0; k < own.count; k++)
        for (size_t view = 0; view < 2; view++)
            for (size_t a = 0; a < samples; a++) {
                uint64_t id = (own.first + k) * samples + a;
                hn_draws d = hn_draws_for(1, HN_DRAW_TEST, id, step * 2 + view);
                real *row = hn_net_input(net, k) + (view * samples + a) * SIDE * SIDE;
                for (size_t i = 0; i < SIDE * SIDE; i++)
                    row[i] = (real)(hn_draw_unit(&d) - 0.5 + 0.1 * (double)(id % 5) * (double)(i % 7));
            }
}

static void keep_state(hn_net *net, struct result *r)
{
    for (size_t i = 0; i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        if (a->role == HN_COUNTER) {
            r->counters += *a->counter;
        } else if (r->reals + a->count <= STATE) {
            memcpy(r->state + r->reals, a->value, a->count * sizeof(real));
            r->reals += a->count;
        }
    }
}

struct parts {
    hn_threads *threads;
    hn_net *net;
    hn_loss *loss;
    hn_optim *optim;
};

static bool open_parts(struct parts *p, const struct play *play, struct hn_range own)
{
    const struct setting *s = play->setting;
    struct hn_net_options net = {.views = 2,
                                 .samples = BATCH / s->microbatches,
                                 .microbatches = s->microbatches,
                                 .own = own,
                                 .norm_scope = s->scope,
                                 .norm_per_view = s->per_view};
    bool labels = strcmp(s->loss, "hard_scl") == 0, debias = strcmp(s->loss, "hard") == 0;
    struct hn_loss_options loss = {.kind = kind(hn_loss_names(), s->loss),
                                   .temperature = 0.5,
                                   .beta = strcmp(s->loss, "infonce") ? 1.0 : 0.0,
                                   .tau_plus = debias ? 0.1 : 0.0,
                                   .clamp = debias,
                                   .positives = labels ? HN_POSITIVES_LABEL : HN_POSITIVES_VIEW,
                                   .reduction = labels ? HN_REDUCTION_PAIRS : HN_REDUCTION_ANCHORS};
    struct hn_optim_options optim = {.kind = kind(hn_optim_names(), "adam"),
                                     .lr = 1e-2,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .eps = 1e-8,
                                     .clip = 1.0};
    struct hn_span whole = {0};
    hn_graph *graph = NULL;

    if (hn_threads_new(&p->threads, play->threads) != HN_OK || build(&graph, s) != HN_OK ||
        hn_net_new(&p->net, graph, &net, p->threads) != HN_OK)
        return false;
    hn_net_parameters(p->net, &whole.count);
    hn_net_initialise(p->net, 42);
    return hn_loss_new(&p->loss, &loss, ROWS, DIM, TILE, p->threads) == HN_OK &&
           hn_optim_new(&p->optim, &optim, whole.count, &whole, 1, p->threads) == HN_OK;
}

static void step(struct fake_rank *rank, struct play *play, struct parts *p, const struct numbering *n,
                 size_t t, struct result *r)
{
    size_t samples = BATCH / play->setting->microbatches, count;
    struct hn_range own = rank->own,
                    blocks = {own.first * n->per_microbatch * (own.count > 0), own.count * n->per_microbatch};
    struct hn_pool pool = {ROWS, DIM, play->z, n->partner, n->number, n->label, n->edge, n->blocks};
    struct hn_row_stat mine[ROWS];
    struct hn_loss_summary summary;

    fill_input(p->net, own, samples, t);
    hn_net_forward(p->net, &rank->exchange);
    fake_gather(rank, hn_net_output(p->net), own.count * 2 * samples * DIM * sizeof(real), play->z);
    hn_loss_lap1(p->loss, mine, &pool, blocks);
    fake_gather(rank, mine, own.count * 2 * samples * sizeof *mine, play->stat);
    hn_loss_lap2(p->loss, hn_net_doutput(p->net), play->stat, &pool, blocks);
    hn_loss_summary(p->loss, &summary, play->stat, ROWS);
    hn_net_backward(p->net, &rank->exchange);
    fake_wait(rank);
    hn_optim_clip(p->optim, hn_net_gradient(p->net));
    real *parameters = hn_net_parameters(p->net, &count);
    hn_optim_update(p->optim, parameters, hn_net_gradient(p->net), 1e-2);
    r->loss[t] = summary.loss;
}

static void train(struct fake_rank *rank, void *ctx)
{
    struct play *play = ctx;
    struct result *r = &play->result[rank->rank];
    struct parts p = {0};
    struct numbering n = {0};

    number(&n, play->setting->microbatches);
    if (!open_parts(&p, play, rank->own)) {
        printf("# %s\n", hn_error_text()); /* the others would wait for ever */
        exit(1);
    }
    fake_root(rank, hn_net_gradient(p.net));
    for (size_t t = 0; t < STEPS; t++)
        step(rank, play, &p, &n, t, r);
    keep_state(p.net, r);
    hn_optim_free(p.optim);
    hn_loss_free(p.loss);
    hn_net_free(p.net);
    hn_threads_free(p.threads);
}

/* Every rank of a world of `ranks` against `want`; the first run fills it. */
static int differs(const struct setting *s, size_t ranks, size_t threads, struct result *want)
{
    struct play *play = calloc(1, sizeof *play);
    struct fake_world w;
    int bad = 0;

    play->setting = s;
    play->threads = threads;
    fake_world_start(&w, ranks, s->microbatches);
    fake_world_run(&w, train, play);
    bad += w.wrong != 0;
    fake_world_end(&w);
    if (want->reals == 0)
        *want = play->result[0];
    for (size_t r = 0; r < ranks; r++)
        bad += memcmp(&play->result[r], want, sizeof *want) != 0;
    free(play);
    return bad;
}

static const struct setting settings[] = {
    {"no BatchNorm, hard_scl", false, false, HN_NORM_GLOBAL, 8, "hard_scl"},
    {"global, per view, hard", true, true, HN_NORM_GLOBAL, 8, "hard"},
    {"global, both views, hard_scl", true, false, HN_NORM_GLOBAL, 8, "hard_scl"},
    {"microbatch, per view, hard", true, true, HN_NORM_MICROBATCH, 8, "hard"},
    {"microbatch, both views, infonce", true, false, HN_NORM_MICROBATCH, 8, "infonce"},
    {"global, per view, 6 microbatches, hard", true, true, HN_NORM_GLOBAL, 6, "hard"},
};
static const size_t world[] = {1, 2, 3, 4, 8};

int main(void)
{
    size_t cases = sizeof settings / sizeof *settings, worlds = sizeof world / sizeof *world;
    struct result *want = calloc(cases, sizeof *want);

    tap_plan((int)cases * 2 + 2);
    for (size_t c = 0; c < cases; c++) {
        int bad = 0;
        for (size_t k = 0; k < worlds; k++)
            for (size_t threads = 1; threads <= 2; threads++)
                bad += differs(&settings[c], world[k], threads, &want[c]);
        ok(bad == 0, "%s: the same bits on 1, 2, 3, 4, 8 ranks and 1, 2 threads", settings[c].name);
        ok(want[c].reals > 100 && want[c].loss[0] != want[c].loss[STEPS - 1], "%s: and it trains",
           settings[c].name);
    }
    ok(memcmp(want[1].state, want[5].state, sizeof want[1].state) != 0,
       "another cut into microbatches gives other bits (so equal ones mean something)");
    free(want);
    ok(hn_live_blocks() == 0, "nothing is left");
    return tap_done();
}
