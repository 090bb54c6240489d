/* nets.h - small networks for the tests of the engine. */
#ifndef HN_TESTS_ENGINE_NETS_H
#define HN_TESTS_ENGINE_NETS_H

#include "base/threads.h"
#include "engine/graph.h"
#include <math.h>

/* Numbers in -1 .. 1 without order: the i-th of series s. */
static inline double noise(size_t s, size_t i)
{
    double x = sin((double)(s * 7919 + i) * 12.9898 + 4.1) * 43758.5453;

    return 2.0 * (x - floor(x)) - 1.0;
}

/* Every op there is, a fork and its sum, in-place and other ReLUs: 6 x 6 x 2 -> 5. */
static inline hn_graph *every_op(bool norm)
{
    hn_graph *g = NULL;
    int x, fork;

    if (hn_graph_new(&g, (struct hn_shape){6, 6, 2}) != HN_OK)
        return NULL;
    x = hn_graph_conv2d(g, "encoder.0", 0, 4, 3, 1, 1, !norm);
    if (norm)
        x = hn_graph_batchnorm(g, "encoder.1", x);
    x = fork = hn_graph_relu(g, x);
    x = hn_graph_conv2d(g, "encoder.3", x, 4, 3, 1, 1, !norm);
    if (norm)
        x = hn_graph_batchnorm(g, "encoder.4", x);
    x = hn_graph_add(g, x, fork);
    x = hn_graph_relu(g, x);
    x = hn_graph_maxpool(g, x, 3, 2, 1);
    x = fork = hn_graph_conv2d(g, "encoder.6", x, 10, 3, 2, 1, true);
    x = hn_graph_add(g, hn_graph_avgpool(g, x), hn_graph_avgpool(g, fork));
    int feature = x = hn_graph_flatten(g, x);
    x = hn_graph_linear(g, "projector.0", x, 11, !norm);
    if (norm)
        x = hn_graph_batchnorm(g, "projector.1", x);
    x = hn_graph_relu(g, x);
    x = hn_graph_linear(g, "projector.3", x, 5, true);
    x = hn_graph_l2norm(g, x);
    hn_graph_mark(g, feature, x);
    return g;
}

/* Fills the inputs of the own microbatches from their number in the whole batch. */
static inline void fill_inputs(hn_net *net, const struct hn_net_options *o, size_t series)
{
    size_t size = o->views * o->samples * hn_net_input_size(net);

    for (size_t k = 0; k < o->own.count; k++)
        for (size_t i = 0; i < size; i++)
            hn_net_input(net, k)[i] = (real)noise(series, (o->own.first + k) * size + i);
}

/* Lowers o->activation_bytes `times` times to what is just too little for the plan before, as long as there
 * is a plan. */
static inline struct hn_net_plan squeeze(struct hn_net_options *o, const hn_graph *g, size_t threads,
                                         size_t times)
{
    struct hn_net_plan p = {0};

    hn_net_plan(&p, g, o, threads);
    for (size_t i = 0; i < times; i++) {
        struct hn_net_plan next;
        struct hn_net_options tighter = *o;
        tighter.activation_bytes = p.activation_bytes + p.scratch_bytes - 1;
        if (hn_net_plan(&next, g, &tighter, threads) != HN_OK)
            break;
        p = next;
        *o = tighter;
    }
    return p;
}

/* loss = sum of output * (target + output/2); its gradient goes to doutput, the own part is returned. */
static inline double fill_doutputs(hn_net *net, const struct hn_net_options *o)
{
    size_t size = o->views * o->samples * hn_net_output_size(net);
    double loss = 0.0;

    for (size_t i = 0; i < o->own.count * size; i++) {
        double y = (double)hn_net_output(net)[i], target = noise(99, o->own.first * size + i);
        loss += y * (target + target * y / 2);
        hn_net_doutput(net)[i] = (real)(target + target * y);
    }
    return loss;
}

#endif
