#include "train/exchange.h"

static void stats(void *ctx, enum hn_combine how, double *row, size_t width)
{
    struct hn_rank_exchange *e = ctx;

    hn_reducer_stats(e->reducer, how, row, width);
}

/* The reducer knows the run's cover itself, so the nodes say nothing new to it. */
static void gradient(void *ctx, size_t first, size_t count, const struct hn_range *node, real *const *value,
                     size_t nodes)
{
    struct hn_rank_exchange *e = ctx;

    (void)node;
    (void)nodes;
    hn_reducer_start(e->reducer, first, count, value, e->root);
}

static void poll(void *ctx)
{
    struct hn_rank_exchange *e = ctx;

    hn_reducer_poll(e->reducer);
}

struct hn_exchange hn_exchange_over_ranks(struct hn_rank_exchange *e)
{
    return (struct hn_exchange){.ctx = e, .stats = stats, .gradient = gradient, .poll = poll};
}
