/* engine/infer.c - evaluation: running statistics, one worker, its own memory. */
#include "base/pulse.h"
#include "engine/net.h"
#include <string.h>

struct place {
    const hn_net *net;
    const real *input;
    size_t worker;
};

static void *at(const struct place *a, struct hn_place p)
{
    return p.home == HN_PER_THREAD ? a->net->thread + a->worker * a->net->plan.thread_bytes + p.offset : NULL;
}

static const real *value(const struct place *a, int tensor)
{
    return tensor == 0 ? a->input : at(a, a->net->plan.infer_value[tensor]);
}

static void run(const struct place *a, int i)
{
    const hn_net *net = a->net;
    const struct hn_op *op = &net->graph->op[i];
    struct hn_call call = {.op = op,
                           .rows = net->rows,
                           .groups = 1,
                           .y = at(a, net->plan.infer_value[op->y]),
                           .saved = at(a, net->plan.infer_saved[i]),
                           .scratch = at(a, net->plan.infer_scratch[i])};

    hn_pulse();
    for (int j = 0; j < op->inputs; j++)
        call.x[j] = value(a, op->x[j]);
    for (int j = 0; j < op->parameters; j++)
        call.w[j] = net->parameters + op->parameter[j].offset;
    if (op->kind->statistics) {
        const struct hn_normed *n = &net->normed[net->normed_of[i]];
        call.running_mean = n->running_mean;
        call.running_var = n->running_var;
    }
    (op->kind->infer ? op->kind->infer : op->kind->forward)(&call);
}

void hn_net_infer(hn_net *net, size_t worker, const real *input, real *feature, real *output)
{
    const hn_graph *g = net->graph;
    struct place a = {net, input, worker};
    int last = g->producer[output ? g->output : g->feature];

    for (int i = 0; i <= last; i++)
        run(&a, i);
    if (feature)
        memcpy(feature, value(&a, g->feature), net->rows * hn_net_feature_size(net) * sizeof(real));
    if (output)
        memcpy(output, value(&a, g->output), net->rows * hn_net_output_size(net) * sizeof(real));
}
