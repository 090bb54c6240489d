/* hardneg/engine.h - a network as a static graph, run in waves over microbatches.
 *
 * Local and rank-blind: what it needs from other microbatches it asks of an
 * hn_exchange, which the caller implements.  A microbatch is views x samples
 * rows: all rows of view 1, then all of view 2.  Activations are NHWC (or flat
 * vectors); parameters have PyTorch's names and layouts.
 *
 *   hn_net_new -> hn_net_initialise (or fill the arrays) -> per step: fill
 *   hn_net_input, hn_net_forward, fill hn_net_doutput, hn_net_backward, read
 *   hn_net_gradient -> hn_net_free.
 *
 * new() validates, plans and allocates; nothing after it fails or allocates. */
#ifndef HARDNEG_ENGINE_H
#define HARDNEG_ENGINE_H

#include "hardneg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hn_threads; /* base/threads.h */

/* How a wave's end meets the other microbatches.  Only the main thread calls these. */
struct hn_exchange {
    void *ctx;
    /* row: (own microbatches, width) doubles in, row 0 = the tree's root over all microbatches out.
     * Every rank calls it equally often, also one that owns no microbatch (then row has room for one). */
    void (*stats)(void *ctx, enum hn_combine how, double *row, size_t width);
    /* The own part of parameters [first, first + count) is complete: node[i] are the cover of the own run
     * (base/tree.h), value[i] their sums, whole parameter blocks.  May start a reduction, never blocks, may
     * be NULL (one rank).  Called for ranges that cover the block once per backward, in the same order on
     * every rank. */
    void (*gradient)(void *ctx, size_t first, size_t count, const struct hn_range *node, real *const *value,
                     size_t nodes);
    /* Called often during backward, between ops, so that started reductions move on; may be NULL. */
    void (*poll)(void *ctx);
};

typedef struct hn_graph hn_graph; /* built by the model room: engine/graph.h */
typedef struct hn_net hn_net;
struct hn_array; /* below */

enum hn_norm_scope { HN_NORM_GLOBAL, HN_NORM_MICROBATCH };

struct hn_net_options {
    size_t views, samples; /* of one microbatch */
    size_t microbatches;   /* S, of the global batch */
    struct hn_range own;   /* the microbatches of this rank; may be empty */
    enum hn_norm_scope norm_scope;
    bool norm_per_view; /* BatchNorm statistics of each view apart */
    bool want_dinput;   /* backward also makes the gradient of the input */
    /* What activations and scratch of this rank may take; 0: no limit.  When they do not fit, backward runs
     * parts of forward again, in the cheapest way that fits: the same bits, the same exchanges. */
    size_t activation_bytes;
};

/* The arrays that a net of this graph has, in the same order, without values; one block, hn_free it. */
hn_status hn_graph_arrays(struct hn_array **out, size_t *count, const hn_graph *graph);
size_t hn_graph_feature_size(const hn_graph *graph); /* numbers per row, as hn_net_feature_size */
size_t hn_graph_output_size(const hn_graph *graph);
void hn_graph_free(hn_graph *graph); /* for a graph that no net took over; takes NULL */

enum hn_recompute {
    HN_RECOMPUTE_NONE,
    /* Inputs of segments are kept; backward runs one segment at a time again, for all own microbatches. */
    HN_RECOMPUTE_SEGMENTS,
    /* Nothing is kept but the input: whole microbatches one after the other, where none needs another's
     * statistics. */
    HN_RECOMPUTE_MICROBATCHES
};

/* What hn_net_new would allocate and a step would do.  Bytes are this rank's. */
struct hn_net_plan {
    size_t bytes;            /* in all, the sum of these six: */
    size_t parameter_bytes;  /* one flat block */
    size_t gradient_bytes;   /* the gradient, and partial sums of each thread's tree */
    size_t row_bytes;        /* input, output and their gradients of the own microbatches */
    size_t activation_bytes; /* own.count x microbatch_bytes: what lives across a wave's border */
    size_t scratch_bytes;    /* threads x thread_bytes: what lives inside a wave */
    size_t state_bytes;      /* statistics, running ones included, names and lists */
    size_t microbatch_bytes, thread_bytes;
    size_t parameters; /* reals in the flat block, with padding: what is reduced over ranks in a step */
    size_t exchanges, exchanged; /* calls of hn_exchange.stats in a step; doubles of a microbatch in them */
    double forward_flops, backward_flops; /* of a row, multiply-add = 2 */
    enum hn_recompute recompute;
    size_t segments;    /* 1: nothing is run again */
    size_t kept_bytes;  /* of a microbatch: inputs of segments that are run again */
    double again_flops; /* of a row: what is run again, beside forward and backward */
};
/* Pure planning: nothing of the network's size is allocated.  The graph stays the caller's.  Fails as
 * hn_net_new would, but for memory that is not there. */
hn_status hn_net_plan(struct hn_net_plan *out, const hn_graph *graph, const struct hn_net_options *options,
                      size_t threads);

/* Takes the graph over, also on failure.  threads: borrowed, must outlive the net. */
hn_status hn_net_new(hn_net **out, hn_graph *graph, const struct hn_net_options *options,
                     struct hn_threads *threads);
void hn_net_free(hn_net *net);
/* Initial values as PyTorch draws them, from (seed, name, element). */
void hn_net_initialise(hn_net *net, uint64_t seed);

/* Named state: first the parameters in order, then running statistics. */
enum hn_array_role {
    HN_WEIGHT, /* two or more dimensions */
    HN_BIAS,
    HN_NORM_WEIGHT,
    HN_NORM_BIAS,
    HN_RUNNING, /* running_mean, running_var */
    HN_COUNTER  /* num_batches_tracked: int64 */
};
struct hn_array {
    const char *name;
    enum hn_array_role role;
    int rank;
    size_t dim[4];
    size_t count;
    size_t offset;    /* of a parameter in hn_net_parameters() and hn_net_gradient() */
    real *value;      /* NULL for HN_COUNTER */
    int64_t *counter; /* HN_COUNTER alone */
};
size_t hn_net_arrays(const hn_net *net);
const struct hn_array *hn_net_array(const hn_net *net, size_t i);
/* The flat block of parameters and its length (with padding that stays zero). */
real *hn_net_parameters(hn_net *net, size_t *count);
/* Where the whole gradient must end: the root that the exchange writes back (with one rank it is there after
 * backward). */
real *hn_net_gradient(hn_net *net);

/* Input of own microbatch k (0 .. own.count-1): (views * samples, input size), to be filled by the caller. */
real *hn_net_input(hn_net *net, size_t k);
size_t hn_net_input_size(const hn_net *net);   /* numbers per row */
size_t hn_net_feature_size(const hn_net *net); /* before the head */
size_t hn_net_output_size(const hn_net *net);  /* D */

/* Collective as far as the exchange is: training mode; output rows of the own microbatches, in order. */
void hn_net_forward(hn_net *net, const struct hn_exchange *exchange);
const real *hn_net_output(const hn_net *net); /* (own.count * views * samples, D) */
/* doutput: the same shape, to be filled before backward. */
real *hn_net_doutput(hn_net *net);
void hn_net_backward(hn_net *net, const struct hn_exchange *exchange);
/* After backward, with want_dinput (else NULL): gradient of the input of own microbatch k, shaped like it. */
const real *hn_net_dinput(const hn_net *net, size_t k);

/* Evaluation mode (running statistics), local: one block of exactly views * samples rows of input
 * (pad the last) on one worker of the crew; blocks on different workers may run at the same time.
 * feature: (rows, feature size) as they come, or NULL; output: unit rows (rows, D), or NULL. */
void hn_net_infer(hn_net *net, size_t worker, const real *input, real *feature, real *output);

/* The linear algebra underneath, "OpenBLAS 0.3.21 (Zen)": part of a run's identity. */
const char *hn_engine_describe(void);

size_t hn_net_bytes(const hn_net *net);            /* memory held: hn_net_plan's bytes */
double hn_net_flops_per_sample(const hn_net *net); /* forward and backward of one view, multiply-add = 2 */

#ifdef __cplusplus
}
#endif

#endif
