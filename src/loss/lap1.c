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
    struct hn_range blocks;
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

static void first_sweep(struct lap *lap, struct hn_scratch *sc, size_t own)
{
    const struct hn_form *form = lap->l->kind->form;

    memset(sc->anchor, 0, hn_block_rows(lap->pool, own) * sizeof *sc->anchor);
    for (size_t other = 0; other < lap->pool->blocks; other++) {
        const real *tile = hn_tile_of(lap->l, sc, lap->pool, own, other);
        for (size_t i = 0; i < hn_block_rows(lap->pool, own); i++) {
            struct hn_line line = line_of(lap->pool, own, i, other, tile);
            form->absorb(lap->l, sc, &sc->anchor[i], &line);
            if (other >= own)
                spread(lap->l, sc, &sc->anchor[i], &line);
        }
    }
}

static void second_sweep(struct lap *lap, struct hn_scratch *sc, size_t own, struct hn_row_stat *stat)
{
    const struct hn_form *form = lap->l->kind->form;

    for (size_t other = 0; other < lap->pool->blocks; other++) {
        const real *tile = hn_tile_of(lap->l, sc, lap->pool, own, other);
        for (size_t i = 0; i < hn_block_rows(lap->pool, own); i++) {
            struct hn_line line = line_of(lap->pool, own, i, other, tile);
            form->absorb_again(lap->l, sc, &stat[i], &line);
        }
    }
    for (size_t i = 0; i < hn_block_rows(lap->pool, own); i++)
        form->close_again(&stat[i]);
}

static void one_block(void *ctx, size_t item, size_t thread)
{
    struct lap *lap = ctx;
    struct hn_scratch *sc = &lap->l->scratch[thread];
    const struct hn_form *form = lap->l->kind->form;
    size_t own = lap->blocks.first + item;
    struct hn_row_stat *stat = lap->stat + (lap->pool->edge[own] - lap->pool->edge[lap->blocks.first]);

    first_sweep(lap, sc, own);
    for (size_t i = 0; i < hn_block_rows(lap->pool, own); i++) {
        size_t row = lap->pool->edge[own] + i;
        form->close(lap->l, sc, &stat[i], &sc->anchor[i], lap->pool, row);
        stat[i].spread[lap->pool->number[row] >= lap->pool->m / 2] = sc->anchor[i].spread;
    }
    if (form->second && form->second(lap->l))
        second_sweep(lap, sc, own, stat);
}

void hn_loss_lap1(hn_loss *l, struct hn_row_stat *stat, const struct hn_pool *pool, struct hn_range blocks)
{
    struct lap lap = {l, pool, blocks, stat};

    l->labelled = pool->label != NULL;
    if (l->choices > 0)
        l->near = hn_near_tie(l, pool);
    hn_threads_each(l->threads, blocks.count, one_block, &lap);
}
