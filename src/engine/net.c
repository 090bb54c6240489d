#include "engine/net.h"
#include "base/mem.h"
#include "base/threads.h"
#include "base/tree.h"
#include "engine/wave.h"
#include <stdio.h>
#include <string.h>

/* ---- the tree over the own microbatches ---- */

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
static hn_status plan_merges(hn_net *net)
{
    size_t n = net->options.microbatches, count = 0;
    size_t *place = hn_calloc(net->thread_nodes + 1, sizeof *place);
    struct folding f = {net, hn_calloc(net->thread_nodes + 1, sizeof *f.value)};

    if (place && f.value) {
        for (size_t t = 0; t < net->crew; t++) {
            size_t mine = hn_tree_cover(n, hn_net_run(net, t), net->node + count);
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

static hn_status make_convolutions(const hn_net *net)
{
    hn_status st = HN_OK;

    for (int i = 0; i < net->owned->ops && st == HN_OK; i++) {
        struct hn_op *op = &net->owned->op[i];
        if (op->kind->conv == NULL)
            continue;
        struct hn_conv c = op->kind->conv(op, net->rows);
        st = hn_conv_new(&op->conv, &c, hn_conv_choose(&c), hn_threads_count(net->threads));
    }
    return st;
}

static hn_status build(hn_net *net, const struct hn_net_options *options)
{
    hn_carver c = {0};
    struct hn_net_plan sizes;
    hn_status st = hn_net_prepare(net, net->owned, options, hn_threads_count(net->threads));

    if (st != HN_OK)
        return st;
    hn_net_layout(net, &c, &sizes);
    net->bytes = sizes.bytes;
    st = hn_carver_start(&c, &net->block, "a network");
    if (st != HN_OK)
        return st;
    hn_net_layout(net, &c, &sizes);
    list_arrays(net);
    if ((st = plan_merges(net)) != HN_OK)
        return st;
    return make_convolutions(net);
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
    net->owned = graph;
    net->threads = threads;
    st = build(net, options);
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
    hn_graph_free(net->owned);
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
    *count = net->graph->parameter_count;
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
    return net->plan.forward_flops + net->plan.backward_flops;
}
