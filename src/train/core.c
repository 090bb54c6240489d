#include "train/core.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/tree.h"
#include "train/exchange.h"
#include "train/inject.h"
#include "train/pool.h"

struct hn_core {
    hn_net *net;
    hn_loss *loss;
    hn_optim *optim;
    hn_reducer *reducer;
    hn_gathered *gathered;
    struct hn_rank_exchange ranks;
    struct hn_exchange exchange;
    struct hn_range own;
    int64_t *label;
    bool needs_labels;
    struct hn_step_seconds seconds;
};

static hn_status check(const struct hn_core_options *o)
{
    if (o->microbatches == 0 || o->batch == 0 || o->batch % o->microbatches != 0)
        return hn_fail(HN_EUSAGE, "a batch of %zu samples cannot be cut into %zu equal microbatches",
                       o->batch, o->microbatches);
    if (o->tile == 0)
        return hn_fail(HN_EUSAGE, "a tile of the loss needs at least one row");
    return hn_loss_check(&o->loss);
}

struct hn_core_options hn_core_options_of(const struct hn_config *c)
{
    return (struct hn_core_options){.batch = c->batch,
                                    .microbatches = c->microbatches,
                                    .tile = c->tile,
                                    .reduce = (enum hn_reduce_algorithm)c->reduce,
                                    .norm_scope = (enum hn_norm_scope)c->norm_scope,
                                    .norm_per_view = c->norm_per_view,
                                    .activation_bytes = c->activation_bytes,
                                    .loss = c->loss,
                                    .optim = c->optim};
}

struct hn_net_options hn_core_net_options(const struct hn_core_options *o, struct hn_range own)
{
    return (struct hn_net_options){.views = 2,
                                   .samples = o->batch / o->microbatches,
                                   .microbatches = o->microbatches,
                                   .own = own,
                                   .norm_scope = o->norm_scope,
                                   .norm_per_view = o->norm_per_view,
                                   .activation_bytes = o->activation_bytes};
}

static hn_status make_net(hn_core *c, hn_graph *graph, const struct hn_core_options *o,
                          struct hn_threads *threads)
{
    struct hn_net_options options = hn_core_net_options(o, c->own);

    return hn_net_new(&c->net, graph, &options, threads);
}

/* One span per parameter: norms are taken tensor by tensor. */
static hn_status make_optim(hn_core *c, const struct hn_core_options *o, struct hn_threads *threads)
{
    size_t arrays = hn_net_arrays(c->net), spans = 0, count;
    struct hn_span *span = hn_calloc(arrays, sizeof *span);
    hn_status st;

    if (span == NULL)
        return HN_ENOMEM;
    for (size_t i = 0; i < arrays; i++) {
        const struct hn_array *a = hn_net_array(c->net, i);
        if (a->role != HN_RUNNING && a->role != HN_COUNTER)
            span[spans++] = (struct hn_span){a->offset, a->count, a->role != HN_WEIGHT};
    }
    hn_net_parameters(c->net, &count);
    st = hn_optim_new(&c->optim, &o->optim, count, span, spans, threads);
    hn_free(span);
    return st;
}

/* The part of new() that only this rank sees fail; afterwards all ranks agree. */
static hn_status make_local(hn_core *c, hn_graph *graph, const struct hn_core_options *o,
                            struct hn_threads *threads)
{
    hn_status st = check(o);

    if (st != HN_OK) {
        hn_graph_free(graph);
        return st;
    }
    if ((st = make_net(c, graph, o, threads)) != HN_OK || (st = make_optim(c, o, threads)) != HN_OK)
        return st;
    c->label = hn_calloc(c->own.count * (o->batch / o->microbatches) + 1, sizeof *c->label);
    c->needs_labels = o->labelled || hn_loss_needs_labels(&o->loss);
    return c->label ? HN_OK : HN_ENOMEM;
}

static hn_status make_shared(hn_core *c, hn_comm *comm, const struct hn_range *run,
                             const struct hn_core_options *o, struct hn_threads *threads)
{
    size_t dim = hn_net_output_size(c->net), parameters;
    hn_status st;

    hn_net_parameters(c->net, &parameters);
    if ((st = hn_reducer_new(&c->reducer, comm, o->microbatches, run, parameters, o->reduce)) != HN_OK ||
        (st = hn_gathered_new(&c->gathered, comm, o->batch, o->microbatches, run, dim, o->tile)) != HN_OK)
        return st;
    c->ranks = (struct hn_rank_exchange){c->reducer, hn_net_gradient(c->net)};
    c->exchange = hn_exchange_over_ranks(&c->ranks);
    return hn_loss_new(&c->loss, &o->loss, 2 * o->batch, dim, hn_gathered_largest_block(c->gathered),
                       threads);
}

hn_status hn_core_new(hn_core **out, hn_comm *comm, struct hn_threads *threads, hn_graph *graph,
                      const struct hn_core_options *options)
{
    size_t ranks = hn_comm_size(comm);
    hn_core *c = hn_zalloc(sizeof *c);
    struct hn_range *run = hn_calloc(ranks, sizeof *run);
    hn_status st = HN_ENOMEM;

    if (c == NULL || run == NULL) {
        hn_graph_free(graph);
    } else {
        for (size_t r = 0; r < ranks; r++)
            run[r] = hn_share(options->microbatches, ranks, r);
        c->own = run[hn_comm_rank(comm)];
        st = make_local(c, graph, options, threads);
    }
    if ((st = hn_comm_agree(comm, st)) != HN_OK)
        goto out;
    if ((st = hn_comm_agree(comm, make_shared(c, comm, run, options, threads))) != HN_OK)
        goto out;
    *out = c;
    c = NULL;
out:
    hn_free(run);
    hn_core_free(c);
    return st;
}

void hn_core_free(hn_core *c)
{
    if (c == NULL)
        return;
    hn_loss_free(c->loss);
    hn_gathered_free(c->gathered);
    hn_reducer_free(c->reducer);
    hn_optim_free(c->optim);
    hn_net_free(c->net);
    hn_free(c->label);
    hn_free(c);
}

hn_net *hn_core_net(hn_core *c)
{
    return c->net;
}

hn_optim *hn_core_optim(hn_core *c)
{
    return c->optim;
}

hn_loss *hn_core_loss(hn_core *c)
{
    return c->loss;
}

struct hn_step_seconds hn_core_seconds(const hn_core *c)
{
    return c->seconds;
}

struct hn_range hn_core_own(const hn_core *c)
{
    return c->own;
}

int64_t *hn_core_labels(hn_core *c)
{
    return c->label;
}

void hn_core_forward(hn_core *c)
{
    double since = hn_now();

    hn_comm_phase("forward");
    hn_net_forward(c->net, &c->exchange);
    c->seconds.forward = hn_lap(&since);
}

void hn_core_backward(hn_core *c, struct hn_core_report *out)
{
    const struct hn_pool *pool = hn_gathered_pool(c->gathered);
    struct hn_range blocks = hn_gathered_own_blocks(c->gathered);
    struct hn_step_seconds *s = &c->seconds;
    const struct hn_row_stat *stat;
    double since = hn_now();

    hn_comm_phase("gathering the pool");
    if (c->needs_labels)
        hn_gathered_labels(c->gathered, c->label);
    hn_gathered_rows(c->gathered, hn_net_output(c->net));
    s->gather = hn_lap(&since);
    hn_comm_phase("loss");
    hn_loss_lap1(c->loss, hn_gathered_own_stats(c->gathered), pool, blocks);
    hn_inject_loss(&hn_gathered_own_stats(c->gathered)->loss);
    s->loss = hn_lap(&since);
    stat = hn_gathered_stats(c->gathered, c->loss);
    s->gather += hn_lap(&since);
    hn_loss_lap2(c->loss, hn_net_doutput(c->net), stat, pool, blocks);
    hn_inject_nan("gradient", hn_net_doutput(c->net));
    hn_loss_summary(c->loss, &out->loss, stat, pool->m);
    s->loss += hn_lap(&since);
    hn_comm_phase("backward");
    hn_net_backward(c->net, &c->exchange);
    s->backward = hn_lap(&since);
    hn_comm_phase("summing gradients");
    hn_reducer_wait(c->reducer);
    s->reduction = hn_lap(&since);
    out->grad_norm = hn_optim_clip(c->optim, hn_net_gradient(c->net));
    s->optimiser = hn_lap(&since);
}

void hn_core_update(hn_core *c, double lr)
{
    size_t count;
    real *parameter = hn_net_parameters(c->net, &count);
    double since = hn_now();

    hn_optim_update(c->optim, parameter, hn_net_gradient(c->net), lr);
    c->seconds.optimiser += hn_lap(&since);
}
