/* engine/op.h - what an op is: one table per kind, one struct per op of a graph, one struct per call.
 *
 * Local.  A kind is one file in engine/ops: formula, forward, backward, the
 * table last.  Building checks shapes and may fail; the calls are hot, see one
 * microbatch only, write whole results (never add to them) and return nothing.
 * Adding a kind: its file, a line in ops/ops.h, a builder in graph.c. */
#ifndef HN_ENGINE_OP_H
#define HN_ENGINE_OP_H

#include "backend/backend.h"
#include "engine/graph.h"

enum { HN_OP_INPUTS = 2, HN_OP_PARAMETERS = 2 };

struct hn_parameter {
    const char *suffix; /* "weight": the array is called NAME.weight */
    enum hn_array_role role;
    int rank;
    size_t dim[4], count;
    /* Initial values: normal of this deviation, if it is above 0; else uniform in -bound .. bound; or `fill`.
     */
    double deviation, bound, fill;
    size_t offset; /* in the flat block */
};

struct hn_op {
    const struct hn_op_kind *kind;
    char *name; /* "encoder.0"; NULL for ops without parameters */
    int inputs, x[HN_OP_INPUTS], y;
    struct hn_shape in, out; /* of a row; all inputs have one shape */
    size_t outputs, kernel, stride, padding;
    bool bias;
    hn_conv_job *conv; /* of ops with a convolution, in a network; else NULL */
    int parameters;
    struct hn_parameter parameter[HN_OP_PARAMETERS];
};

/* One call: the tensors of one microbatch, rows x (h, w, c). */
struct hn_call {
    const struct hn_op *op;
    size_t rows;
    const real *x[HN_OP_INPUTS];
    real *y;
    const real *w[HN_OP_PARAMETERS];
    const real *dy;
    real *dx[HN_OP_INPUTS]; /* NULL: nobody needs it */
    real *dw[HN_OP_PARAMETERS];
    void *saved; /* from forward to backward; zero or what the last step left before that */
    void *scratch;
    /* Ops with statistics.  Rows fall into `groups` runs of equal length, each with statistics of its own. */
    size_t groups;
    double *row;     /* what this microbatch adds to an exchange, or the root over all */
    double *moments; /* (groups, 2, c): mean and 1/sqrt(var + eps) as used */
    double *track;   /* (groups, 2, c): mean and unbiased variance, for the running statistics */
    const real *running_mean, *running_var;
};

/* An op with statistics over rows: what surrounds the exchange of a global scope. */
struct hn_op_statistics {
    void (*partial)(const struct hn_call *); /* x -> row: triples (count, mean, M2), (groups, c) of them */
    void (*settle)(const struct hn_call *);  /* row, the root -> moments, track */
    void (*apply)(const struct hn_call *);   /* x, moments -> y */
    void (*partial_back)(const struct hn_call *); /* x, dy, moments -> row: (groups, 2, c) sums; dw */
    /* x, dy, moments, row: the root, every sum over `count` values -> dx */
    void (*apply_back)(const struct hn_call *, double count);
};

struct hn_op_kind {
    const char *name;
    bool in_place;                           /* y may lie where x does, and dx where dy does */
    bool reads_x, reads_y;                   /* backward does */
    hn_status (*shape)(struct hn_op *op);    /* checks `in` and settings; sets out and parameters */
    double (*flops)(const struct hn_op *op); /* forward, one row; multiply-add = 2 */
    size_t (*saved)(const struct hn_op *op, size_t rows);   /* bytes; NULL: none */
    size_t (*scratch)(const struct hn_op *op, size_t rows); /* bytes; NULL: none */
    /* The convolution that the backend does for it (op->conv is made before the calls); NULL: none. */
    struct hn_conv (*conv)(const struct hn_op *op, size_t rows);
    void (*forward)(const struct hn_call *);   /* training; statistics of this microbatch alone */
    void (*backward)(const struct hn_call *);  /* dy -> dx, dw */
    void (*infer)(const struct hn_call *);     /* NULL: forward, with `saved` to scribble in */
    const struct hn_op_statistics *statistics; /* NULL: nothing to exchange */
};

/* The graph as plan.c and net.c read it. */
struct hn_graph {
    hn_status status;
    struct hn_shape *tensor;
    int *producer; /* of each tensor: an op, or -1 for the input */
    int tensors;
    struct hn_op *op;
    int ops;
    size_t room; /* of the three arrays */
    int feature, output;
    size_t parameter_count; /* reals in the flat block, with padding */
};

static inline size_t hn_shape_size(struct hn_shape s)
{
    return s.h * s.w * s.c;
}

/* Numbers in one row of the op's input and output. */
static inline size_t hn_op_in(const struct hn_op *op)
{
    return hn_shape_size(op->in);
}

static inline size_t hn_op_out(const struct hn_op *op)
{
    return hn_shape_size(op->out);
}

/* For shape(): adds a parameter with its dimensions; initial values as below. */
struct hn_parameter *hn_op_parameter(struct hn_op *op, const char *suffix, enum hn_array_role role, int rank,
                                     const size_t *dim);

#endif
