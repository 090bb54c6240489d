/* engine/layout.c - what a network needs of memory and of work: one layout, counted for a plan, handed out
 * for a network. */
#include "backend/backend.h"
#include "base/mem.h"
#include "base/tree.h"
#include "engine/net.h"
#include <string.h>

/* ---- the tree over the own microbatches ---- */

bool hn_net_siblings(size_t n, const struct hn_range *node, size_t top)
{
    if (top < 2)
        return false;
    struct hn_range left = node[top - 2], parent = {left.first, left.count + node[top - 1].count};

    return hn_tree_is_node(n, parent) && hn_tree_split(parent.count) == left.count;
}

/* How deep the stack of a thread with this run gets. */
static size_t stack_depth(size_t n, struct hn_range run)
{
    struct hn_range node[HN_TREE_COVER];
    size_t top = 0, depth = 0;

    for (size_t k = 0; k < run.count; k++) {
        node[top++] = (struct hn_range){run.first + k, 1};
        depth = top > depth ? top : depth;
        for (; hn_net_siblings(n, node, top); top--)
            node[top - 2].count += node[top - 1].count;
    }
    return depth;
}

struct hn_range hn_net_run(const hn_net *net, size_t t)
{
    struct hn_range own = net->options.own;
    struct hn_range run = hn_share(own.count, net->crew, t);

    run.first += own.first;
    return run;
}

/* ---- memory ---- */

struct sizes {
    size_t rows_in, rows_out; /* reals of one microbatch's input and output */
    size_t parameters;
    size_t arrays, norms, row_width, track_width, name_bytes;
};

static struct sizes measure(const hn_net *net)
{
    const hn_graph *g = net->graph;
    struct sizes s = {.rows_in = net->rows * hn_shape_size(g->tensor[0]),
                      .rows_out = net->rows * hn_shape_size(g->tensor[g->output]),
                      .parameters = g->parameter_count};

    for (int i = 0; i < g->ops; i++) {
        const struct hn_op *op = &g->op[i];
        size_t width = net->groups * op->in.c;
        for (int j = 0; j < op->parameters; j++)
            s.name_bytes += strlen(op->name) + strlen(op->parameter[j].suffix) + 2;
        s.arrays += (size_t)op->parameters;
        if (op->kind->statistics) {
            s.norms++;
            s.arrays += 3;
            s.name_bytes += 3 * (strlen(op->name) + sizeof ".num_batches_tracked");
            s.row_width = width * 3 > s.row_width ? width * 3 : s.row_width;
            s.track_width += width * 2;
        }
    }
    return s;
}

static void layout_normed(hn_net *net, hn_carver *c)
{
    size_t norms = 0, at = 0;

    for (int i = 0; i < net->graph->ops; i++) {
        const struct hn_op *op = &net->graph->op[i];
        size_t channels = op->in.c, width = 2 * net->groups * channels;
        if (op->kind->statistics == NULL)
            continue;
        struct hn_normed n = {.op = i,
                              .moments = hn_carve(c, sizeof(double), width),
                              .sums = hn_carve(c, sizeof(double), width),
                              .track = hn_carve(c, sizeof(double), width),
                              .at = at,
                              .running_mean = hn_carve(c, sizeof(real), channels),
                              .running_var = hn_carve(c, sizeof(real), channels),
                              .batches = hn_carve(c, sizeof(int64_t), 1)};
        at += width;
        if (net->normed) {
            net->normed_of[i] = (int)norms;
            net->normed[norms++] = n;
        }
    }
    net->norms = norms;
}

/* A thread's run, counted among the own microbatches, and its stack; the gradient is the first slot of all.
 */
static void layout_slots(hn_net *net, hn_carver *c, size_t parameters)
{
    size_t carved = 0;

    net->gradient = hn_carve(c, sizeof *net->gradient, parameters);
    for (size_t t = 0; t < net->crew; t++) {
        struct hn_range run = hn_net_run(net, t);
        size_t depth = stack_depth(net->options.microbatches, run);
        real **slot = hn_carve(c, sizeof *slot, depth);
        if (net->slot) {
            net->slot[t] = slot;
            net->run[t] = (struct hn_range){run.first - net->options.own.first, run.count};
        }
        for (size_t i = 0; i < depth; i++) {
            real *block = carved++ == 0 ? net->gradient : hn_carve(c, sizeof *block, parameters);
            if (slot)
                slot[i] = block;
        }
    }
}

static void layout_rows(hn_net *net, hn_carver *c, const struct sizes *s)
{
    size_t own = net->options.own.count;

    net->input = hn_carve(c, s->rows_in * sizeof(real), own);
    net->output = hn_carve(c, s->rows_out * sizeof(real), own);
    net->doutput = hn_carve(c, s->rows_out * sizeof(real), own);
    net->dinput = hn_carve(c, s->rows_in * sizeof(real), net->options.want_dinput ? own : 0);
}

static void layout_state(hn_net *net, hn_carver *c, const struct sizes *s)
{
    size_t own = net->options.own.count, own_or_one = own ? own : 1;
    bool local = net->options.norm_scope == HN_NORM_MICROBATCH;

    net->row = hn_carve(c, s->row_width * sizeof(double), local ? 0 : own_or_one);
    net->track = hn_carve(c, s->track_width * sizeof(double), local ? own_or_one : 0);
    net->track_width = s->track_width;
    net->leaf = hn_carve(c, sizeof *net->leaf, own);
    net->normed = hn_carve(c, sizeof *net->normed, s->norms);
    net->normed_of = hn_carve(c, sizeof *net->normed_of, (size_t)net->graph->ops);
    layout_normed(net, c);
    net->run = hn_carve(c, sizeof *net->run, net->crew);
    net->slot = hn_carve(c, sizeof *net->slot, net->crew);
    net->array = hn_carve(c, sizeof *net->array, s->arrays);
    net->arrays = s->arrays;
    net->names = hn_carve(c, 1, s->name_bytes);
    net->thread_nodes = 0;
    for (size_t t = 0; t < net->crew; t++) {
        struct hn_range node[HN_TREE_COVER];
        net->thread_nodes += hn_tree_cover(net->options.microbatches, hn_net_run(net, t), node);
    }
    net->merge = hn_carve(c, sizeof *net->merge, net->thread_nodes);
    net->node = hn_carve(c, sizeof *net->node, net->thread_nodes + HN_TREE_COVER);
    net->value = hn_carve(c, sizeof *net->value, net->thread_nodes);
}

void hn_net_layout(hn_net *net, hn_carver *c, struct hn_net_plan *sizes)
{
    struct sizes s = measure(net);
    size_t at[6];

    at[0] = c->bytes;
    layout_state(net, c, &s);
    at[1] = c->bytes;
    net->parameters = hn_carve(c, sizeof(real), s.parameters);
    at[2] = c->bytes;
    layout_slots(net, c, s.parameters);
    at[3] = c->bytes;
    layout_rows(net, c, &s);
    at[4] = c->bytes;
    net->microbatch = hn_carve(c, net->plan.microbatch_bytes, net->options.own.count);
    at[5] = c->bytes;
    net->thread = hn_carve(c, net->plan.thread_bytes, net->crew);
    *sizes = (struct hn_net_plan){.state_bytes = at[1] - at[0],
                                  .parameter_bytes = at[2] - at[1],
                                  .gradient_bytes = at[3] - at[2],
                                  .row_bytes = at[4] - at[3],
                                  .activation_bytes = at[5] - at[4],
                                  .scratch_bytes = c->bytes - at[5],
                                  .bytes = c->bytes};
}

/* ---- planning ---- */

static hn_status check(const hn_graph *g, const struct hn_net_options *o)
{
    size_t rows;

    if (hn_graph_status(g) != HN_OK)
        return hn_graph_status(g); /* said when it happened */
    if (g->output < 1)
        return hn_fail(HN_EBUG, "a graph without a marked output");
    if (o->views == 0 || o->samples == 0 || !hn_mul(&rows, o->views, o->samples))
        return hn_fail(HN_EUSAGE, "a microbatch of %zu views of %zu samples", o->views, o->samples);
    if (o->microbatches == 0 || o->own.count > o->microbatches ||
        o->own.first > o->microbatches - o->own.count)
        return hn_fail(HN_EBUG, "microbatches %zu + %zu of %zu", o->own.first, o->own.count, o->microbatches);
    return HN_OK;
}

hn_status hn_net_prepare(hn_net *net, const hn_graph *graph, const struct hn_net_options *options,
                         size_t threads)
{
    hn_status st = check(graph, options);

    hn_backend_start();
    net->graph = graph;
    net->options = *options;
    net->crew = threads;
    net->rows = options->views * options->samples;
    net->groups = options->norm_per_view ? options->views : 1;
    return st == HN_OK ? hn_plan_make(&net->plan, graph, options, threads) : st;
}

/* What backward's and forward's exchanges carry, in doubles. */
static void count_statistics(const hn_net *net, struct hn_net_plan *out)
{
    for (size_t w = 0; w < net->plan.waves; w++)
        if (net->plan.wave[w].meets >= 0) {
            size_t c = net->graph->op[net->plan.wave[w].meets].in.c;
            out->exchanges++;
            out->exchanged += net->groups * c * (net->plan.wave[w].backward ? 2 : 3);
        }
    if (out->exchanges == 0 && net->norms > 0) {
        out->exchanges = 1;
        out->exchanged = net->track_width;
    }
}

hn_status hn_net_plan(struct hn_net_plan *out, const hn_graph *graph, const struct hn_net_options *options,
                      size_t threads)
{
    hn_net net = {0};
    hn_carver c = {0};
    hn_status st = hn_net_prepare(&net, graph, options, threads);

    if (st == HN_OK) {
        hn_net_layout(&net, &c, out);
        out->microbatch_bytes = net.plan.microbatch_bytes;
        out->thread_bytes = net.plan.thread_bytes;
        out->parameters = graph->parameter_count;
        out->forward_flops = net.plan.forward_flops;
        out->backward_flops = net.plan.backward_flops;
        out->again_flops = net.plan.again_flops;
        out->recompute = net.plan.recompute;
        out->segments = net.plan.segments;
        out->kept_bytes = net.plan.kept_bytes;
        count_statistics(&net, out);
        if (c.bytes == SIZE_MAX)
            st = hn_fail(HN_ENOMEM, "a network of these sizes needs more memory than can be addressed");
    }
    hn_plan_free(&net.plan);
    return st;
}
