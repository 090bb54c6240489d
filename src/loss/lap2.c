/* loss/lap2.c - the full gradient of the own rows, from the scalars of all:
 *
 *   dL/dz_i = (1/t) sum_j G_ij z_j,   G_ij = A_ij + A_ji,   A_ij = dL/ds_ij
 *
 * A tile of s is recomputed, G formed from the scalars of both ends, and
 * multiplied with the block's rows; 1/t is inside G.  G is stored as the tile
 * is (lower block, higher block), and dz of a block is the sum over blocks
 * 0, 1, ... in this order: the same bits whoever owns the block. */
#include "backend/backend.h"
#include "loss/parts.h"
#include <string.h>

/* Gathered doubles to the numbers the tiles work with; omega_i from the tally. */
static void prepare(hn_loss *l, const struct hn_row_stat *all, size_t m, struct hn_tally tally)
{
    const struct hn_ends *e = &l->ends;

    for (size_t i = 0; i < m; i++) {
        const struct hn_row_stat *r = &all[i];
        bool counts = ((int)r->flags & HN_ROW_COUNTS) != 0;
        double pairs =
            l->o.reduction == HN_REDUCTION_PAIRS ? tally.pairs : (double)tally.anchors * r->positives;
        double omega = counts ? 1 / (pairs * l->o.temperature) : 0;
        e->max[i] = (real)r->max;
        e->log_w[i] = (real)r->log_w;
        e->log_s[i] = (real)r->log_s;
        e->c[i] = (real)(r->log_s - r->log_w);
        e->b[i] = (real)(omega * r->b);
        e->omega[i] = (real)omega;
        e->q[i] = (real)(omega * r->q);
        e->open[i] = (real)(((int)r->flags & HN_ROW_FELL_BACK) != 0);
    }
}

/* G of the tile into sc->other. */
static void coefficients(const struct hn_walk *w, struct hn_scratch *sc, size_t lo, size_t hi)
{
    const struct hn_pool *pool = w->pool;
    size_t columns = hn_block_rows(pool, hi);

    hn_tile(w->l, sc, pool, lo, hi);
    for (size_t i = 0; i < hn_block_rows(pool, lo); i++) {
        struct hn_line line = {pool, pool->edge[lo] + i, pool->edge[hi], columns, sc->tile + i * columns};
        w->l->kind->form->coefficients(w->l, sc, sc->other + i * columns, &line);
    }
}

static void push(const struct hn_walk *w, struct hn_scratch *sc, size_t own, size_t other)
{
    const struct hn_pool *pool = w->pool;
    size_t d = pool->dim, hi = own < other ? other : own;
    real *dz = (real *)w->ctx + (pool->edge[own] - pool->edge[w->own.first]) * d;

    hn_gemm(own > other, false, hn_block_rows(pool, own), d, hn_block_rows(pool, other), 1, sc->other,
            hn_block_rows(pool, hi), pool->z + pool->edge[other] * d, d, other > 0, dz, d);
}

void hn_loss_lap2(hn_loss *l, real *dz, const struct hn_row_stat *all, const struct hn_pool *pool,
                  struct hn_range blocks)
{
    struct hn_walk walk = {l, pool, blocks, dz, coefficients, push};
    struct hn_tally tally = hn_loss_tally(all, pool->m);

    if (blocks.count == 0)
        return;
    if (tally.anchors == 0) {
        size_t rows = pool->edge[blocks.first + blocks.count] - pool->edge[blocks.first];
        memset(dz, 0, rows * pool->dim * sizeof *dz);
        return;
    }
    prepare(l, all, pool->m, tally);
    hn_walk(&walk);
}
