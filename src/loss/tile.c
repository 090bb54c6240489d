/* loss/tile.c - similarities of two blocks, the same bits whoever reads them.
 *
 * A tile is always one GEMM of (lower block, higher block): GEMMs of swapped
 * operands differ in last bits.  The owner of the higher block reads it
 * transposed; a tile of a block with itself is read above the diagonal only. */
#include "backend/backend.h"
#include "base/pulse.h"
#include "loss/parts.h"

size_t hn_block_rows(const struct hn_pool *pool, size_t block)
{
    return pool->edge[block + 1] - pool->edge[block];
}

static void mirror(real *tile, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            tile[i * n + j] = tile[j * n + i];
}

void hn_tile(const hn_loss *l, struct hn_scratch *sc, const struct hn_pool *pool, size_t lo, size_t hi)
{
    size_t rows = hn_block_rows(pool, lo), columns = hn_block_rows(pool, hi), d = pool->dim;
    const real *a = pool->z + pool->edge[lo] * d, *b = pool->z + pool->edge[hi] * d;

    hn_pulse();
    hn_gemm(false, true, rows, columns, d, (real)(1 / l->o.temperature), a, d, b, d, 0, sc->tile, columns);
    if (lo == hi)
        mirror(sc->tile, rows);
}

/* y (n, m) = x (m, n) transposed, in squares that stay in cache. */
static void turn(real *restrict y, const real *restrict x, size_t m, size_t n)
{
    enum { SQUARE = 16 };

    for (size_t i0 = 0; i0 < m; i0 += SQUARE)
        for (size_t j0 = 0; j0 < n; j0 += SQUARE)
            for (size_t j = j0; j < n && j < j0 + SQUARE; j++)
                for (size_t i = i0; i < m && i < i0 + SQUARE; i++)
                    y[j * m + i] = x[i * n + j];
}

const real *hn_tile_of(struct hn_scratch *sc, const struct hn_pool *pool, size_t own, size_t other)
{
    if (own <= other)
        return sc->tile;
    turn(sc->other, sc->tile, hn_block_rows(pool, other), hn_block_rows(pool, own));
    return sc->other;
}
