/* check/bench.h - how fast the parts of a training step are on this machine.
 *
 * Collective.  Each part measures what training really runs, against a bare
 * limit taken in the same call: noise hits both.  A row is one line for people
 * and one of JSON. */
#ifndef HN_CHECK_BENCH_H
#define HN_CHECK_BENCH_H

#include "base/threads.h"
#include "hardneg/train.h"

struct hn_bench_options {
    const char *encoder;           /* of steps */
    size_t width, batch;           /* of steps; pairs of the loss */
    size_t microbatches;           /* of steps; 0: the trainer's default */
    size_t repeats;                /* the median counts */
    size_t threads;                /* of each rank */
    const char *folder;            /* for files that are deleted again */
    const char *rows;              /* file to which rows are appended as JSON; or NULL */
    const char *command;           /* as typed */
    void (*row)(const char *line); /* gets each row as soon as it is there, on rank 0 */
};

struct hn_bench {
    hn_comm *comm;
    const struct hn_bench_options *options;
    hn_threads *threads;
};

/* NULL-terminated: "steps", "loss", ... */
const char *const *hn_bench_names(void);
/* HN_EUSAGE: no such part, or it makes no sense on these ranks. */
hn_status hn_bench_run(hn_comm *comm, const char *part, const struct hn_bench_options *options);

/* ---- inside ---- */
hn_status hn_bench_steps(struct hn_bench *b);
hn_status hn_bench_loss(struct hn_bench *b);
hn_status hn_bench_reduce(struct hn_bench *b);
hn_status hn_bench_views(struct hn_bench *b);
hn_status hn_bench_checkpoint(struct hn_bench *b);

/* Of `count` numbers, which it sorts. */
double hn_bench_median(double *value, size_t count);
/* Collective: what GEMMs of 1024 x 1024 x 1024 reach on all threads of all ranks at once, in 1e9 operations
 * per second. */
hn_status hn_bench_gemm(struct hn_bench *b, double *gflops);

/* A row: what was measured, the seconds of one, and pairs of name and number, the last name NULL.  Rank 0
 * alone does anything. */
struct hn_bench_value {
    const char *name;
    double value;
};
hn_status hn_bench_row(const struct hn_bench *b, const char *what, double seconds,
                       const struct hn_bench_value *value);

#endif
