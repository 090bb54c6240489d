/* engine/wave.c - a wave: every thread takes its run of the own microbatches one by one and does all steps of
 * the wave on each; then, on the main thread, comes the exchange.
 *
 * Gradients: a microbatch's are its leaf of the tree (base/tree.h).  A thread
 * keeps a stack of nodes; a leaf is written on top, and while the two topmost
 * nodes are siblings they are added, left + right, in place.  Afterwards the
 * threads' stacks, side by side, are folded on: a list of additions that was
 * made when the network was built.  No order depends on the threads. */
#include "engine/wave.h"
#include "base/pulse.h"
#include "base/simd.h"
#include "base/threads.h"
#include "base/tree.h"
#include <string.h>

struct work {
    hn_net *net;
    const struct hn_exchange *exchange;
    const struct hn_wave *wave;
};

static void *at(const hn_net *net, struct hn_place p, size_t k, size_t thread)
{
    size_t row_in = hn_net_input_size(net), row_out = hn_net_output_size(net);

    switch (p.home) {
    case HN_INPUT:
        return net->input + k * net->rows * row_in;
    case HN_OUTPUT:
        return net->output + k * net->rows * row_out;
    case HN_DOUTPUT:
        return net->doutput + k * net->rows * row_out;
    case HN_DINPUT:
        return net->dinput + k * net->rows * row_in;
    case HN_PER_MICROBATCH:
        return net->microbatch + k * net->plan.microbatch_bytes + p.offset;
    case HN_PER_THREAD:
        return net->thread + thread * net->plan.thread_bytes + p.offset;
    case HN_NOWHERE:
        break;
    }
    return NULL;
}

/* left += right. */
HN_EACH_WIDTH static void add(real *restrict left, const real *restrict right, size_t n)
{
    for (size_t i = 0; i < n; i++)
        left[i] += right[i];
}

/* What does not depend on the direction. */
static struct hn_call prepare(const hn_net *net, const struct hn_step *s, size_t k, size_t thread)
{
    const struct hn_op *op = &net->graph->op[s->op];
    struct hn_call call = {.op = op, .rows = net->rows, .groups = net->groups};

    const struct hn_place *value = s->returning ? net->plan.second_value : net->plan.value;
    const struct hn_place *saved = s->returning ? net->plan.second_saved : net->plan.saved;

    for (int j = 0; j < op->inputs; j++)
        call.x[j] = at(net, value[op->x[j]], k, thread);
    call.y = at(net, value[op->y], k, thread);
    for (int j = 0; j < op->parameters; j++)
        call.w[j] = net->parameters + op->parameter[j].offset;
    call.saved = at(net, saved[s->op], k, thread);
    call.scratch = at(net, s->scratch, k, thread);
    if (op->kind->statistics) {
        const struct hn_normed *n = &net->normed[net->normed_of[s->op]];
        bool global = net->options.norm_scope == HN_NORM_GLOBAL;
        call.moments = global ? n->moments : call.saved;
        size_t width = net->groups * op->in.c * (s->phase == HN_PARTIAL ? 3 : 2);
        call.row = global ? net->row + k * width : at(net, s->row, k, thread);
        call.track = global ? n->track : net->track + k * net->track_width + n->at;
    }
    return call;
}

static void step_forward(const hn_net *net, const struct hn_step *s, size_t k, size_t thread)
{
    struct hn_call call = prepare(net, s, k, thread);

    hn_pulse();
    if (s->phase == HN_PARTIAL)
        call.op->kind->statistics->partial(&call);
    else if (s->phase == HN_APPLY)
        call.op->kind->statistics->apply(&call);
    else
        call.op->kind->forward(&call);
}

static void step_backward(const hn_net *net, const struct hn_step *s, size_t k, size_t thread, real *leaf)
{
    struct hn_call call = prepare(net, s, k, thread);
    const struct hn_op *op = call.op;
    size_t in = net->rows * hn_op_in(op);

    hn_pulse();
    call.dy = at(net, net->plan.grad[op->y], k, thread);
    for (int j = 0; j < op->parameters; j++)
        call.dw[j] = leaf + op->parameter[j].offset;
    for (int j = 0; j < op->inputs; j++) {
        bool later = s->extra[j].home != HN_NOWHERE;
        call.dx[j] = at(net, later ? s->extra[j] : net->plan.grad[op->x[j]], k, thread);
    }
    if (s->phase == HN_BACK_PARTIAL) {
        op->kind->statistics->partial_back(&call);
    } else if (s->phase == HN_BACK_APPLY) {
        call.row = net->normed[net->normed_of[s->op]].sums;
        op->kind->statistics->apply_back(&call,
                                         (double)(hn_net_batch_values(net, op) * net->options.microbatches));
    } else {
        op->kind->backward(&call);
    }
    for (int j = 0; j < op->inputs; j++)
        if (s->extra[j].home != HN_NOWHERE)
            add(at(net, net->plan.grad[op->x[j]], k, thread), call.dx[j], in);
}

static void step(const hn_net *net, const struct hn_step *s, size_t k, size_t thread, real *leaf)
{
    if (s->phase >= HN_BACK)
        step_backward(net, s, k, thread, leaf);
    else
        step_forward(net, s, k, thread);
}

static void run_forward(void *ctx, size_t thread)
{
    const struct work *w = ctx;
    const hn_net *net = w->net;
    struct hn_range run = net->run[thread];

    for (size_t k = run.first; k < run.first + run.count; k++)
        for (size_t s = 0; s < w->wave->count; s++)
            step_forward(net, &net->plan.step[w->wave->first + s], k, thread);
}

static void run_backward(void *ctx, size_t thread)
{
    const struct work *w = ctx;
    const hn_net *net = w->net;
    struct hn_range run = net->run[thread], part = w->wave->parameters, node[HN_TREE_COVER];
    void (*poll)(void *) = thread == 0 && w->exchange ? w->exchange->poll : NULL;
    size_t top = 0;

    for (size_t k = run.first; k < run.first + run.count; k++) {
        for (size_t s = 0; s < w->wave->count; s++) {
            step(net, &net->plan.step[w->wave->first + s], k, thread, net->slot[thread][top]);
            if (poll)
                poll(w->exchange->ctx);
        }
        node[top++] = (struct hn_range){net->options.own.first + k, 1};
        for (; hn_net_siblings(net->options.microbatches, node, top); top--) {
            add(net->slot[thread][top - 2] + part.first, net->slot[thread][top - 1] + part.first, part.count);
            node[top - 2].count += node[top - 1].count;
        }
    }
}

/* The list of additions, each thread on its part of every block. */
static void run_merges(void *ctx, size_t thread)
{
    const struct work *w = ctx;
    const hn_net *net = w->net;
    struct hn_range all = w->wave->parameters;
    struct hn_range part = hn_share(all.count, hn_threads_count(net->threads), thread);

    for (size_t m = 0; part.count > 0 && m < net->merges; m++)
        add(net->merge[m].left + all.first + part.first, net->merge[m].right + all.first + part.first,
            part.count);
}

/* Rows of the own microbatches in, row 0 = the root out. */
static void exchange_rows(hn_net *net, const struct hn_exchange *exchange, enum hn_combine how, double *row,
                          size_t width)
{
    size_t own = net->options.own.count;

    if (exchange && exchange->stats) {
        exchange->stats(exchange->ctx, how, row, width);
        return;
    }
    for (size_t k = 0; k < own; k++)
        net->leaf[k] = (struct hn_range){k, 1};
    hn_combine_rows(how, row, width, net->options.microbatches, net->leaf, own);
}

static void meet(hn_net *net, const struct hn_exchange *exchange, const struct hn_wave *w)
{
    const struct hn_op *op = &net->graph->op[w->meets];
    struct hn_normed *n = &net->normed[net->normed_of[w->meets]];
    size_t width = net->groups * op->in.c * (w->backward ? 2 : 3);

    exchange_rows(net, exchange, w->backward ? HN_SUM : HN_CHAN, net->row, width);
    if (w->backward) {
        memcpy(n->sums, net->row, width * sizeof *n->sums);
        return;
    }
    struct hn_call call = {.op = op,
                           .rows = net->rows,
                           .groups = net->groups,
                           .row = net->row,
                           .moments = n->moments,
                           .track = n->track};
    op->kind->statistics->settle(&call);
    hn_normed_move(net, n, n->track);
}

/* Scope microbatch: the running statistics follow the mean over all microbatches. */
static void track_all(hn_net *net, const struct hn_exchange *exchange)
{
    exchange_rows(net, exchange, HN_SUM, net->track, net->track_width);
    for (size_t j = 0; j < net->track_width; j++)
        net->track[j] /= (double)net->options.microbatches;
    for (size_t i = 0; i < net->norms; i++)
        hn_normed_move(net, &net->normed[i], net->track + net->normed[i].at);
}

void hn_wave_forward(hn_net *net, const struct hn_exchange *exchange)
{
    for (size_t i = 0; i < net->plan.forward_waves; i++) {
        struct work w = {net, exchange, &net->plan.wave[i]};
        hn_threads_run(net->threads, run_forward, &w);
        if (w.wave->meets >= 0)
            meet(net, exchange, w.wave);
    }
    if (net->norms > 0 && net->options.norm_scope == HN_NORM_MICROBATCH)
        track_all(net, exchange);
}

void hn_wave_backward(hn_net *net, const struct hn_exchange *exchange)
{
    for (size_t i = net->plan.forward_waves; i < net->plan.waves; i++) {
        struct work w = {net, exchange, &net->plan.wave[i]};
        struct hn_range part = w.wave->parameters;
        hn_threads_run(net->threads, run_backward, &w);
        if (net->merges > 0 && part.count > 0)
            hn_threads_run(net->threads, run_merges, &w);
        if (part.count > 0 && exchange && exchange->gradient)
            exchange->gradient(exchange->ctx, part.first, part.count, net->node, net->value, net->nodes);
        if (w.wave->meets >= 0)
            meet(net, exchange, w.wave);
    }
}
