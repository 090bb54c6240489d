/* loss/lap1.c - the scalars of the own rows, tile by tile.
 *
 * Each (row, tile) is reduced alone and folded into the row in ascending order
 * of blocks, so a row's bits depend on the block edges and on nothing else. */
#include "backend/backend.h"
#include "loss/parts.h"
#include <string.h>

struct lap {
    hn_loss *l;
    const struct hn_pool *pool;
    struct hn_range rows; /* the own */
    struct hn_row_stat *stat;
};

static struct hn_line line_of(const struct hn_pool *pool, size_t own, size_t i, size_t other,
                              const real *tile)
{
    size_t count = hn_block_rows(pool, other);

    return (struct hn_line){pool, pool->edge[own] + i, pool->edge[other], count, tile + i * count};
}

/* e^(-2 |z_i - z_j|^2) = e^(4 (c_ij - 1)) of unit rows; each pair of a view once, by its earlier row. */
static void spread(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line)
{
    const struct hn_pool *pool = line->pool;
    const size_t *number = pool->number + line->first, n = pool->m / 2;
    const bool view = pool->number[line->row] >= n;
    const real factor = (real)(4 * l->o.temperature);
    size_t from = line->row < line->first ? 0 : line->row - line->first + 1, kept = 0;

    for (size_t j = from; j < line->count; j++) {
        sc->y[kept] = factor * line->s[j] - 4;
        kept += (number[j] >= n) == view;
    }
    hn_vexp(sc->y, sc->y, kept);
    a->spread += hn_lane_sum(sc->y, kept);
}

static void compute(const struct hn_walk *w, struct hn_scratch *sc, size_t lo, size_t hi)
{
    hn_tile(w->l, sc, w->pool, lo, hi);
}

static void first_sweep(const struct hn_walk *w, struct hn_scratch *sc, size_t own, size_t other)
{
    const real *tile = hn_tile_of(sc, w->pool, own, other);

    for (size_t i = 0; i < hn_block_rows(w->pool, own); i++) {
        struct hn_line line = line_of(w->pool, own, i, other, tile);
        w->l->kind->form->absorb(w->l, sc, &w->l->anchor[line.row], &line);
        if (other >= own)
            spread(w->l, sc, &w->l->anchor[line.row], &line);
    }
}

static void second_sweep(const struct hn_walk *w, struct hn_scratch *sc, size_t own, size_t other)
{
    struct lap *lap = w->ctx;
    const real *tile = hn_tile_of(sc, w->pool, own, other);

    for (size_t i = 0; i < hn_block_rows(w->pool, own); i++) {
        struct hn_line line = line_of(w->pool, own, i, other, tile);
        w->l->kind->form->absorb_again(w->l, sc, &lap->stat[line.row - lap->rows.first], &line);
    }
}

static void close_row(void *ctx, size_t item, size_t thread)
{
    struct lap *lap = ctx;
    const struct hn_pool *pool = lap->pool;
    size_t row = lap->rows.first + item;
    struct hn_anchor *a = &lap->l->anchor[row];

    lap->l->kind->form->close(lap->l, &lap->l->scratch[thread], &lap->stat[item], a, pool, row);
    lap->stat[item].spread[pool->number[row] >= pool->m / 2] = a->spread;
}

void hn_loss_lap1(hn_loss *l, struct hn_row_stat *stat, const struct hn_pool *pool, struct hn_range blocks)
{
    const struct hn_form *form = l->kind->form;
    size_t first = pool->edge[blocks.first], end = pool->edge[blocks.first + blocks.count];
    struct lap lap = {l, pool, {first, end - first}, stat};
    struct hn_walk walk = {l, pool, blocks, &lap, compute, first_sweep};

    l->labelled = pool->label != NULL;
    if (l->choices > 0)
        l->near = hn_near_tie(l, pool);
    memset(l->anchor + first, 0, lap.rows.count * sizeof *l->anchor);
    hn_walk(&walk);
    hn_threads_each(l->threads, lap.rows.count, close_row, &lap);
    if (!form->second || !form->second(l))
        return;
    walk.add = second_sweep;
    hn_walk(&walk);
    for (size_t i = 0; i < lap.rows.count; i++)
        form->close_again(&stat[i]);
}
