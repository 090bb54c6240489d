/* engine/net.h - inside a network: the program, where everything lies, and what runs it.
 *
 * Local.  plan.c writes a program of steps in waves and gives every tensor a
 * place; net.c allocates; wave.c runs.  Time is counted in steps, forward and
 * backward in one line: a place that is not needed any more is given away. */
#ifndef HN_ENGINE_NET_H
#define HN_ENGINE_NET_H

#include "base/mem.h"
#include "engine/op.h"

/* Where bytes lie: a home and an offset in it. */
enum hn_home {
    HN_NOWHERE,
    HN_INPUT, /* what the caller sees; of the current microbatch */
    HN_OUTPUT,
    HN_DOUTPUT,
    HN_DINPUT,
    HN_PER_MICROBATCH, /* lives across a wave's border */
    HN_PER_THREAD      /* lives inside one wave, while it works on one microbatch */
};
struct hn_place {
    enum hn_home home;
    size_t offset; /* bytes */
};

/* What a step does with its op.  Ops whose statistics are global take two steps each way, in two waves. */
enum hn_phase { HN_FORWARD, HN_PARTIAL, HN_APPLY, HN_BACK, HN_BACK_PARTIAL, HN_BACK_APPLY };

struct hn_step {
    int op;
    enum hn_phase phase;
    bool returning; /* in backward, also when it runs forward again */
    struct hn_place scratch;
    struct hn_place row;                 /* statistics of one microbatch alone; NOWHERE: the exchange's row */
    struct hn_place extra[HN_OP_INPUTS]; /* dx of a later contribution, before it is added; else NOWHERE */
};

/* Steps first .. first+count-1; then, when `meets` is an op, the exchange of its statistics. */
struct hn_wave {
    size_t first, count;
    bool backward;
    int meets;
    struct hn_range parameters; /* whose gradient is complete after it; backward only */
};

struct hn_plan {
    struct hn_step *step;
    size_t steps;
    struct hn_wave *wave;
    size_t waves, forward_waves;
    struct hn_place *value, *grad; /* of each tensor */
    struct hn_place *saved;        /* of each op */
    struct hn_place *second_value,
        *second_saved;            /* the same for backward: of what is run again, or as above */
    struct hn_place *infer_value; /* of each tensor in hn_net_infer: HN_PER_THREAD, or the input */
    struct hn_place *infer_saved, *infer_scratch; /* of each op */
    size_t microbatch_bytes, thread_bytes;
    double forward_flops, backward_flops, again_flops; /* of a row */
    enum hn_recompute recompute;
    size_t segments, kept_from, kept_bytes; /* kept_from: the first op of the segment that is not run again */
    void *block;
};

hn_status hn_plan_make(struct hn_plan *plan, const hn_graph *graph, const struct hn_net_options *options,
                       size_t threads);
void hn_plan_free(struct hn_plan *plan);

/* An op with statistics, and what all microbatches share of it. */
struct hn_normed {
    int op;
    double *moments; /* (groups, 2, c); scope global */
    double *sums;    /* (groups, 2, c): the root of backward's sums; scope global */
    double *track;   /* (groups, 2, c): what moves the running statistics */
    size_t at;       /* scope microbatch: its place in a row of net->track */
    real *running_mean, *running_var;
    int64_t *batches;
};

/* value[left] += value[right] when the threads' nodes are folded. */
struct hn_merge {
    real *left;
    const real *right;
};

struct hn_net {
    const hn_graph *graph;
    hn_graph *owned; /* the same; NULL while only a plan is made */
    struct hn_net_options options;
    struct hn_threads *threads;
    size_t crew;         /* how many threads */
    size_t rows, groups; /* of a microbatch; runs of rows with statistics of their own */
    struct hn_plan plan;
    real *parameters, *gradient;
    real *input, *output, *doutput, *dinput;
    char *microbatch, *thread; /* (own, microbatch_bytes), (threads, thread_bytes) */
    struct hn_normed *normed;  /* in op order */
    size_t norms;
    int *normed_of;      /* of each op: place in normed, or -1 */
    double *row, *track; /* (own or 1, width) */
    size_t track_width;
    struct hn_range *leaf; /* for folding rows without an exchange */
    /* The tree over the own microbatches: each thread's run and its stack of partial gradients. */
    struct hn_range *run;
    real ***slot; /* slot[thread][depth]: whole parameter blocks; slot[0][0] is the gradient */
    struct hn_merge *merge;
    size_t merges, thread_nodes; /* thread_nodes: how many the threads' stacks end with, all together */
    struct hn_range *node;       /* the cover of the own run and its sums */
    real **value;
    size_t nodes;
    struct hn_array *array; /* their names lie in names */
    char *names;
    size_t arrays;
    void *block;
    size_t bytes;
};

/* Checks, plans and sets what does not need memory; hn_plan_free(&net->plan) in any case. */
hn_status hn_net_prepare(hn_net *net, const hn_graph *graph, const struct hn_net_options *options,
                         size_t threads);
/* A layout in the sense of hn_carver; sizes: bytes by kind, the rest zero. */
void hn_net_layout(hn_net *net, hn_carver *c, struct hn_net_plan *sizes);
/* The run of thread t, as microbatches of the whole batch. */
struct hn_range hn_net_run(const hn_net *net, size_t t);
/* Are the two last of `top` nodes (of a tree over n leaves) siblings, so that they can be added? */
bool hn_net_siblings(size_t n, const struct hn_range *node, size_t top);
/* Moves running statistics by track (groups, 2, c), one group after the other. */
void hn_normed_move(const hn_net *net, const struct hn_normed *n, const double *track);

/* Values of one microbatch behind a statistic of op. */
static inline size_t hn_net_batch_values(const hn_net *net, const struct hn_op *op)
{
    return net->rows / net->groups * op->in.h * op->in.w;
}

#endif
