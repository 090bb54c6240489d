/* check/loss_case.h - one stored case of a loss (the layout of losses.h5).  Local. */
#ifndef HN_CHECK_LOSS_CASE_H
#define HN_CHECK_LOSS_CASE_H

#include "check/stored.h"
#include "hardneg/loss.h"

enum { HN_LOSS_CASE_NAME = 64 };

struct hn_loss_case {
    char loss[HN_LOSS_CASE_NAME];
    const char *refused; /* why this program cannot run it; NULL: it can, and all below is set */
    struct hn_loss_options options;
    size_t n, dim;                 /* samples, dimension */
    struct hn_stored z, grad, row; /* view-major: (2n, dim), (2n, dim), (2n): NaN where left out */
    int64_t *label;                /* (n) */
    double loss_value;             /* of the whole batch */
    size_t excluded, clamped, undefined;
    double float_error; /* of a float gradient, relative; 0 when not said */
};

/* group: "/cases/NAME".  HN_EDATA when something is missing or of another shape. */
hn_status hn_loss_case_read(struct hn_loss_case *out, const hn_store *file, const char *group);
void hn_loss_case_free(struct hn_loss_case *c);

/* The case as a pool: rows in an order of their own, blocks of uneven sizes; all memory in one block. */
struct hn_loss_pool {
    struct hn_pool pool;
    size_t *row_of; /* of each view-major number */
    size_t largest; /* rows of the largest block */
    real *z;        /* the pool's, still zero: rows are filled by who owns them */
    void *block;
};
hn_status hn_loss_pool_new(struct hn_loss_pool *out, const struct hn_loss_case *c);
void hn_loss_pool_free(struct hn_loss_pool *p);
/* Fills the rows of blocks with the case's. */
void hn_loss_pool_fill(struct hn_loss_pool *p, const struct hn_loss_case *c, struct hn_range blocks);
/* Pool rows of a run of blocks. */
struct hn_range hn_loss_pool_rows(const struct hn_loss_pool *p, struct hn_range blocks);

/* How far results are from the case, each in the unit of its tolerance below. */
struct hn_loss_off {
    double loss, rows, gradient; /* relative to max(1, loss); the same; to max(largest entry, 0.1) */
    double counts;               /* excluded, clamped, undefined: how many are wrong in all */
};
/* dz: the rows of blocks; all: of the whole pool. */
struct hn_loss_off hn_loss_case_off(const struct hn_loss_case *c, const struct hn_loss_pool *p,
                                    const struct hn_loss_summary *sum, const struct hn_row_stat *all,
                                    const real *dz, struct hn_range blocks);
double hn_loss_case_tolerance(void); /* of loss and rows */
double hn_loss_case_gradient_tolerance(const struct hn_loss_case *c);

#endif
