#include "engine/net.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "base/threads.h"
#include "base/tree.h"
#include "engine/wave.h"
#include <stdio.h>
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

/* The run of thread t, as microbatches of the whole batch. */
static struct hn_range thread_run(const hn_net *net, size_t t)
{
    struct hn_range own = net->options.own;
    struct hn_range run = hn_share(own.count, hn_threads_count(net->threads), t);

    run.first += own.first;
    return run;
}

struct folding {
    hn_net *net;
    real **value;
};

static void note_merge(void *ctx, size_t left, size_t right)
{
    struct folding *f = ctx;

    f->net->merge[f->net->merges++] = (struct hn_merge){f->value[left], f->value[right]};
}

/* Writes down which additions turn the threads' nodes into the cover of the own run. */
static hn_status plan_merges(hn_net *net, size_t nodes)
{
    size_t n = net->options.microbatches, count = 0;
    size_t *place = hn_calloc(nodes + 1, sizeof *place);
    struct folding f = {net, hn_calloc(nodes + 1, sizeof *f.value)};

    if (place && f.value) {
        for (size_t t = 0; t < hn_threads_count(net->threads); t++) {
            size_t mine = hn_tree_cover(n, thread_run(net, t), net->node + count);
            for (size_t i = 0; i < mine; i++)
                f.value[count++] = net->slot[t][i];
        }
        net->nodes = hn_tree_fold(n, net->node, place, count, note_merge, &f);
        for (size_t i = 0; i < net->nodes; i++)
            net->value[i] = f.value[place[i]];
    }
    hn_status st = place && f.value ? HN_OK : HN_ENOMEM;
    hn_free(place);
    hn_free(f.value);
    return st;
}

/* ---- statistics ---- */

void hn_normed_move(const hn_net *net, const struct hn_normed *n, const double *track)
{
    const double momentum = 0.1;
    size_t c = net->graph->op[n->op].in.c;

    for (size_t g = 0; g < net->groups; g++, track += 2 * c) {
        for (size_t j = 0; j < c; j++) {
            n->running_mean[j] = (real)((1.0 - momentum) * (double)n->running_mean[j] + momentum * track[j]);
            n->running_var[j] =
                (real)((1.0 - momentum) * (double)n->running_var[j] + momentum * track[c + j]);
        }
        ++*n->batches;
    }
}

/* ---- memory ---- */

struct sizes {
    size_t threads, own, rows_in, rows_out; /* reals of one microbatch's input and output */
    size_t slots, nodes, parameters;        /* slots beside the gradient */
    size_t arrays, norms, row_width, track_width, name_bytes;
};

static struct sizes measure(const hn_net *net)
{
    const hn_graph *g = net->graph;
    struct sizes s = {.threads = hn_threads_count(net->threads), .own = net->options.own.count};

    s.rows_in = net->rows * hn_shape_size(g->tensor[0]);
    s.rows_out = net->rows * hn_shape_size(g->tensor[g->output]);
    s.parameters = net->plan.parameter_count;
    for (size_t t = 0; t < s.threads; t++) {
        struct hn_range node[HN_TREE_COVER], run = thread_run(net, t);
        s.slots += stack_depth(net->options.microbatches, run);
        s.nodes += hn_tree_cover(net->options.microbatches, run, node);
    }
    s.slots -= s.slots > 0;
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
static void layout_slots(hn_net *net, hn_carver *c, const struct sizes *s)
{
    size_t carved = 0;

    for (size_t t = 0; t < s->threads; t++) {
        struct hn_range run = thread_run(net, t);
        size_t depth = stack_depth(net->options.microbatches, run);
        real **slot = hn_carve(c, sizeof *slot, depth);
        if (net->slot) {
            net->slot[t] = slot;
            net->run[t] = (struct hn_range){run.first - net->options.own.first, run.count};
        }
        for (size_t i = 0; i < depth; i++) {
            real *block = carved++ == 0 ? net->gradient : hn_carve(c, sizeof *block, s->parameters);
            if (slot)
                slot[i] = block;
        }
    }
}

/* Run twice: counting, then handing out. */
static void layout(hn_net *net, hn_carver *c, const struct sizes *s)
{
    size_t ops = (size_t)net->graph->ops, own_or_one = s->own ? s->own : 1;
    bool local = net->options.norm_scope == HN_NORM_MICROBATCH;

    net->parameters = hn_carve(c, sizeof(real), s->parameters);
    net->gradient = hn_carve(c, sizeof(real), s->parameters);
    net->input = hn_carve(c, s->rows_in * sizeof(real), s->own);
    net->output = hn_carve(c, s->rows_out * sizeof(real), s->own);
    net->doutput = hn_carve(c, s->rows_out * sizeof(real), s->own);
    net->dinput = hn_carve(c, s->rows_in * sizeof(real), net->options.want_dinput ? s->own : 0);
    net->microbatch = hn_carve(c, net->plan.microbatch_bytes, s->own);
    net->thread = hn_carve(c, net->plan.thread_bytes, s->threads);
    net->row = hn_carve(c, s->row_width * sizeof(double), local ? 0 : own_or_one);
    net->track = hn_carve(c, s->track_width * sizeof(double), local ? own_or_one : 0);
    net->track_width = s->track_width;
    net->leaf = hn_carve(c, sizeof *net->leaf, s->own);
    net->normed = hn_carve(c, sizeof *net->normed, s->norms);
    net->normed_of = hn_carve(c, sizeof *net->normed_of, ops);
    layout_normed(net, c);
    net->run = hn_carve(c, sizeof *net->run, s->threads);
    net->slot = hn_carve(c, sizeof *net->slot, s->threads);
    layout_slots(net, c, s);
    net->merge = hn_carve(c, sizeof *net->merge, s->nodes);
    net->node = hn_carve(c, sizeof *net->node, s->nodes + HN_TREE_COVER);
    net->value = hn_carve(c, sizeof *net->value, s->nodes);
    net->array = hn_carve(c, sizeof *net->array, s->arrays);
    net->arrays = s->arrays;
    net->names = hn_carve(c, 1, s->name_bytes);
}

/* ---- named arrays ---- */

static char *name_array(char **names, const char *op, const char *suffix)
{
    size_t bytes = strlen(op) + strlen(suffix) + 2;
    char *name = *names;

    snprintf(name, bytes, "%s.%s", op, suffix);
    *names += bytes;
    return name;
}

static struct hn_array parameter_array(hn_net *net, char **names, const struct hn_op *op,
                                       const struct hn_parameter *p)
{
    struct hn_array a = {.name = name_array(names, op->name, p->suffix),
                         .role = p->role,
                         .rank = p->rank,
                         .count = p->count,
                         .offset = p->offset,
                         .value = net->parameters + p->offset};

    memcpy(a.dim, p->dim, sizeof a.dim);
    return a;
}

static void list_arrays(hn_net *net)
{
    char *names = net->names;
    struct hn_array *a = net->array;

    for (int i = 0; i < net->graph->ops; i++)
        for (int j = 0; j < net->graph->op[i].parameters; j++)
            *a++ = parameter_array(net, &names, &net->graph->op[i], &net->graph->op[i].parameter[j]);
    for (size_t i = 0; i < net->norms; i++) {
        const struct hn_normed *n = &net->normed[i];
        const struct hn_op *op = &net->graph->op[n->op];
        size_t c = op->in.c;
        *a++ = (struct hn_array){
            name_array(&names, op->name, "running_mean"), HN_RUNNING, 1, {c}, c, 0, n->running_mean, NULL};
        *a++ = (struct hn_array){
            name_array(&names, op->name, "running_var"), HN_RUNNING, 1, {c}, c, 0, n->running_var, NULL};
        *a++ = (struct hn_array){
            name_array(&names, op->name, "num_batches_tracked"), HN_COUNTER, 0, {0}, 1, 0, NULL, n->batches};
    }
}

/* ---- life ---- */

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

static hn_status build(hn_net *net)
{
    hn_carver c = {0};
    struct sizes s;
    hn_status st = check(net->graph, &net->options);

    if (st == HN_OK)
        st = hn_plan_make(&net->plan, net->graph, &net->options);
    if (st != HN_OK)
        return st;
    s = measure(net);
    layout(net, &c, &s);
    net->bytes = c.bytes;
    st = hn_carver_start(&c, &net->block, "a network");
    if (st != HN_OK)
        return st;
    layout(net, &c, &s);
    list_arrays(net);
    return plan_merges(net, s.nodes);
}

hn_status hn_net_new(hn_net **out, hn_graph *graph, const struct hn_net_options *options,
                     struct hn_threads *threads)
{
    hn_net *net = hn_zalloc(sizeof *net);
    hn_status st;

    if (net == NULL) {
        hn_graph_free(graph);
        return HN_ENOMEM;
    }
    hn_backend_start();
    net->graph = graph;
    net->options = *options;
    net->threads = threads;
    net->rows = options->views * options->samples;
    net->groups = options->norm_per_view ? options->views : 1;
    st = build(net);
    if (st != HN_OK) {
        hn_net_free(net);
        return st;
    }
    *out = net;
    return HN_OK;
}

void hn_net_free(hn_net *net)
{
    if (net == NULL)
        return;
    hn_plan_free(&net->plan);
    hn_free(net->block);
    hn_graph_free(net->graph);
    hn_free(net);
}

/* ---- what the caller sees ---- */

size_t hn_net_arrays(const hn_net *net)
{
    return net->arrays;
}

const struct hn_array *hn_net_array(const hn_net *net, size_t i)
{
    return &net->array[i];
}

real *hn_net_parameters(hn_net *net, size_t *count)
{
    *count = net->plan.parameter_count;
    return net->parameters;
}

real *hn_net_gradient(hn_net *net)
{
    return net->gradient;
}

real *hn_net_input(hn_net *net, size_t k)
{
    return net->input + k * net->rows * hn_net_input_size(net);
}

size_t hn_net_input_size(const hn_net *net)
{
    return hn_shape_size(net->graph->tensor[0]);
}

size_t hn_net_feature_size(const hn_net *net)
{
    return hn_shape_size(net->graph->tensor[net->graph->feature]);
}

size_t hn_net_output_size(const hn_net *net)
{
    return hn_shape_size(net->graph->tensor[net->graph->output]);
}

void hn_net_forward(hn_net *net, const struct hn_exchange *exchange)
{
    hn_wave_forward(net, exchange);
}

const real *hn_net_output(const hn_net *net)
{
    return net->output;
}

real *hn_net_doutput(hn_net *net)
{
    return net->doutput;
}

void hn_net_backward(hn_net *net, const struct hn_exchange *exchange)
{
    hn_wave_backward(net, exchange);
}

const real *hn_net_dinput(const hn_net *net, size_t k)
{
    return net->options.want_dinput ? net->dinput + k * net->rows * hn_net_input_size(net) : NULL;
}

size_t hn_net_bytes(const hn_net *net)
{
    return net->bytes;
}

double hn_net_flops_per_sample(const hn_net *net)
{
    return net->plan.flops;
}
