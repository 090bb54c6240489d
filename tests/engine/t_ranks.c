/* The same bits on any number of ranks and threads: engines in threads, with a fake exchange. */
#include "backend/backend.h"
#include "base/mem.h"
#include "fake.h"
#include "nets.h"
#include "tap.h"

enum { STEPS = 3, MOST = 40000 };

struct setting {
    const char *name;
    bool norm, per_view;
    enum hn_norm_scope scope;
};

/* What a run leaves behind, as plain bytes: outputs of the last step, gradient, parameters, state. */
struct result {
    real number[MOST];
    size_t count;
    int64_t batches;
};

struct experiment {
    struct setting setting;
    size_t microbatches, threads, squeezed; /* see squeeze() */
    struct result *result;                  /* of each rank */
    real output[MOST];                      /* of the whole batch, every rank writes its part */
    size_t grown;                           /* blocks allocated inside a step, all ranks */
};

static void keep(struct result *r, const real *from, size_t count)
{
    if (r->count + count <= MOST)
        memcpy(r->number + r->count, from, count * sizeof *from);
    r->count += count;
}

static void step(struct fake_rank *rank, hn_net *net, const struct hn_net_options *o, size_t number)
{
    size_t count;
    real *w = hn_net_parameters(net, &count);

    fill_inputs(net, o, number);
    hn_net_forward(net, &rank->exchange);
    fill_doutputs(net, o);
    hn_net_backward(net, &rank->exchange);
    fake_wait(rank);
    for (size_t i = 0; i < count; i++)
        w[i] -= (real)0.05 * hn_net_gradient(net)[i];
}

static void keep_all(struct result *r, hn_net *net)
{
    size_t count;
    const real *w = hn_net_parameters(net, &count);

    keep(r, w, count);
    keep(r, hn_net_gradient(net), count);
    for (size_t i = 0; i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        if (a->role == HN_RUNNING)
            keep(r, a->value, a->count);
        else if (a->role == HN_COUNTER)
            r->batches += *a->counter;
    }
}

static void live(struct fake_rank *rank, void *ctx)
{
    struct experiment *e = ctx;
    struct hn_net_options o = {.views = 2,
                               .samples = 2,
                               .microbatches = e->microbatches,
                               .own = rank->own,
                               .norm_scope = e->setting.scope,
                               .norm_per_view = e->setting.per_view};
    hn_threads *threads = NULL;
    hn_net *net = NULL;
    hn_graph *g = every_op(e->setting.norm);

    squeeze(&o, g, e->threads, e->squeezed);
    if (hn_threads_new(&threads, e->threads) != HN_OK || hn_net_new(&net, g, &o, threads) != HN_OK) {
        printf("Bail out! rank %zu: %s\n", rank->rank, hn_error_text());
        exit(1);
    }
    hn_net_initialise(net, 5);
    fake_root(rank, hn_net_gradient(net));
    pthread_barrier_wait(&rank->world->barrier);
    size_t before = hn_total_blocks();
    for (size_t i = 0; i < STEPS; i++)
        step(rank, net, &o, i);
    size_t grown = hn_total_blocks() - before, rows = o.views * o.samples * hn_net_output_size(net);
    memcpy(e->output + o.own.first * rows, hn_net_output(net), o.own.count * rows * sizeof(real));
    keep_all(&e->result[rank->rank], net);
    pthread_barrier_wait(&rank->world->barrier);
    if (rank->rank == 0)
        e->grown = grown;
    hn_net_free(net);
    hn_threads_free(threads);
}

/* Plays the setting with that many ranks and threads each; returns how many calls differed between ranks. */
static size_t play(struct experiment *e, size_t ranks)
{
    struct fake_world w;

    memset(e->result, 0, FAKE_RANKS * sizeof *e->result);
    memset(e->output, 0, sizeof e->output);
    fake_world_start(&w, ranks, e->microbatches);
    fake_world_run(&w, live, e);
    size_t wrong = w.wrong;
    fake_world_end(&w);
    return wrong;
}

static bool same(const struct experiment *a, const struct experiment *b, size_t ranks)
{
    bool equal = memcmp(a->output, b->output, sizeof a->output) == 0 && a->result->count < MOST;

    for (size_t r = 0; r < ranks; r++)
        equal = equal && memcmp(&a->result[0], &b->result[r], sizeof *a->result) == 0;
    return equal;
}

static void matrix(struct setting setting, size_t microbatches, struct experiment *one,
                   struct experiment *other)
{
    static const size_t ranks[] = {1, 2, 3, 4, 8};
    size_t wrong = 0, different = 0, grown;

    one->setting = other->setting = setting;
    one->microbatches = other->microbatches = microbatches;
    one->threads = 1;
    wrong += play(one, 1);
    grown = one->grown;
    for (size_t i = 0; i < 5; i++)
        for (size_t threads = 1; threads <= 3; threads++) {
            other->threads = threads;
            wrong += play(other, ranks[i]);
            grown += other->grown;
            if (!same(one, other, ranks[i])) {
                printf("# differs: %zu ranks, %zu threads\n", ranks[i], threads);
                different++;
            }
        }
    ok(different == 0 && wrong == 0,
       "%s, %zu microbatches: the same bits on 1, 2, 3, 4, 8 ranks x 1, 2, 3 threads", setting.name,
       microbatches);
    ok(grown == 0, "no step allocates");
    int64_t batches = setting.norm ? 3 * STEPS * (setting.per_view ? 2 : 1) : 0;
    ok(one->result->batches == batches, "running statistics moved %d times", (int)batches);
}

/* Each rank with less and less memory, so that they choose unlike ways. */
static void with_less_memory(struct setting setting, struct experiment *one, struct experiment *other)
{
    static const size_t times[] = {1, 3, 99};
    size_t wrong = 0, different = 0;

    one->setting = other->setting = setting;
    one->microbatches = other->microbatches = 5;
    one->threads = 1;
    wrong += play(one, 1);
    for (size_t i = 0; i < 3; i++)
        for (size_t ranks = 1; ranks <= 3; ranks++) {
            other->threads = 1 + (ranks + i) % 2;
            other->squeezed = times[i];
            wrong += play(other, ranks);
            wrong += other->grown;
            if (!same(one, other, ranks)) {
                printf("# differs: %zu ranks, %zu threads, squeezed %zu times\n", ranks, other->threads,
                       times[i]);
                different++;
            }
        }
    other->squeezed = 0;
    ok(different == 0 && wrong == 0, "%s: the same bits when backward runs forward again", setting.name);
}

int main(void)
{
    static const struct setting settings[] = {{"no norm", false, false, HN_NORM_GLOBAL},
                                              {"global per view", true, true, HN_NORM_GLOBAL},
                                              {"global over both", true, false, HN_NORM_GLOBAL},
                                              {"microbatch per view", true, true, HN_NORM_MICROBATCH},
                                              {"microbatch over both", true, false, HN_NORM_MICROBATCH}};
    static const size_t sizes[] = {8, 6, 5, 1};
    struct experiment *one = calloc(1, sizeof *one), *other = calloc(1, sizeof *other);

    tap_plan(5 * 4 * 3 + 5 + 1);
    hn_backend_start();
    one->result = calloc(FAKE_RANKS, sizeof *one->result);
    other->result = calloc(FAKE_RANKS, sizeof *other->result);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 4; j++)
            matrix(settings[i], sizes[j], one, other);
    for (size_t i = 0; i < 5; i++)
        with_less_memory(settings[i], one, other);
    free(one->result);
    free(other->result);
    free(one);
    free(other);
    ok(hn_live_blocks() == 0, "nothing is left");
    return tap_done();
}
