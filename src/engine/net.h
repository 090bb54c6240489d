/* engine/net.h - inside a network: the program, where everything lies, and what runs it.
 *
 * Local.  plan.c writes a program of steps in waves and gives every tensor a
 * place; net.c allocates; wave.c runs.  Time is counted in steps, forward and
 * backward in one line: a place that is not needed any more is given away. */
#ifndef HN_ENGINE_NET_H
#define HN_ENGINE_NET_H

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
    struct hn_place *infer_value;  /* of each tensor in hn_net_infer: HN_PER_THREAD, or the input */
    struct hn_place *infer_saved, *infer_scratch; /* of each op */
    size_t microbatch_bytes, thread_bytes;
    size_t parameter_count; /* reals in the flat block, with padding */
    double flops;           /* of a row, forward and backward */
    void *block;
};

/* Sets the parameters' offsets and plans.  Sizes: rows of a microbatch, groups of rows with statistics of
 * their own. */
hn_status hn_plan_make(struct hn_plan *plan, hn_graph *graph, const struct hn_net_options *options);
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
    hn_graph *graph;
    struct hn_net_options options;
    struct hn_threads *threads;
    size_t rows, groups;
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
    size_t merges;
    struct hn_range *node; /* the cover of the own run and its sums */
    real **value;
    size_t nodes;
    struct hn_array *array; /* their names lie in names */
    char *names;
    size_t arrays;
    void *block;
    size_t bytes;
};

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
