#include "train/pool.h"
#include "base/mem.h"
#include "base/tree.h"

struct hn_gathered {
    hn_comm *comm;
    size_t samples; /* of a microbatch */
    size_t batch;
    size_t *row_bytes, *label_bytes, *stat_bytes, *choice_bytes; /* per rank */
    struct hn_range own_blocks, own_rows;
    size_t largest_block;
    real *z;
    size_t *partner, *number, *edge;
    int64_t *sample_label, *label;
    struct hn_row_stat *stat;
    struct hn_pool pool;
    void *block;
};

static size_t blocks_of(size_t rows, size_t tile)
{
    return (rows + tile - 1) / tile;
}

static void layout(hn_gathered *g, hn_carver *c, size_t ranks, size_t rows, size_t blocks, size_t dim)
{
    g->row_bytes = hn_carve(c, sizeof(size_t), ranks);
    g->label_bytes = hn_carve(c, sizeof(size_t), ranks);
    g->stat_bytes = hn_carve(c, sizeof(size_t), ranks);
    g->choice_bytes = hn_carve(c, sizeof(size_t), ranks);
    g->z = hn_carve(c, sizeof(real), rows * dim);
    g->partner = hn_carve(c, sizeof(size_t), rows);
    g->number = hn_carve(c, sizeof(size_t), rows);
    g->edge = hn_carve(c, sizeof(size_t), blocks + 1);
    g->sample_label = hn_carve(c, sizeof(int64_t), g->batch);
    g->label = hn_carve(c, sizeof(int64_t), rows);
    g->stat = hn_carve(c, sizeof(struct hn_row_stat), rows);
}

/* Who is whose other view, and the view-major number of every row. */
static void number_rows(hn_gathered *g, size_t microbatches)
{
    size_t b = g->samples, row = 0;

    for (size_t k = 0; k < microbatches; k++)
        for (size_t view = 0; view < 2; view++)
            for (size_t a = 0; a < b; a++, row++) {
                g->partner[row] = view == 0 ? row + b : row - b;
                g->number[row] = view * g->batch + k * b + a;
            }
}

static void cut_blocks(hn_gathered *g, size_t microbatches, size_t tile)
{
    size_t rows = 2 * g->samples, n = 0;

    for (size_t k = 0; k < microbatches; k++)
        for (size_t at = 0; at < rows; at += tile)
            g->edge[n++] = k * rows + at;
    g->edge[n] = microbatches * rows;
    g->largest_block = rows < tile ? rows : tile;
}

size_t hn_gathered_bytes(size_t batch, size_t microbatches, size_t ranks, size_t dim, size_t tile)
{
    hn_gathered g = {.batch = batch};
    hn_carver c = {0};

    layout(&g, &c, ranks, 2 * batch, microbatches * blocks_of(2 * (batch / microbatches), tile), dim);
    return c.bytes;
}

hn_status hn_gathered_new(hn_gathered **out, hn_comm *comm, size_t batch, size_t microbatches,
                          const struct hn_range *run, size_t dim, size_t tile)
{
    hn_gathered *g = hn_zalloc(sizeof *g);
    hn_status st = HN_ENOMEM;
    hn_carver c = {0};
    size_t ranks = hn_comm_size(comm), rank = hn_comm_rank(comm), rows = 2 * batch;

    if (g == NULL)
        goto out;
    g->comm = comm;
    g->batch = batch;
    g->samples = batch / microbatches;
    size_t per = blocks_of(2 * g->samples, tile), blocks = microbatches * per;
    layout(g, &c, ranks, rows, blocks, dim);
    if ((st = hn_carver_start(&c, &g->block, "the pool of embeddings")) != HN_OK)
        goto out;
    layout(g, &c, ranks, rows, blocks, dim);
    for (size_t r = 0; r < ranks; r++) {
        size_t samples = run[r].count * g->samples;
        g->row_bytes[r] = 2 * samples * dim * sizeof(real);
        g->label_bytes[r] = samples * sizeof(int64_t);
        g->stat_bytes[r] = 2 * samples * sizeof(struct hn_row_stat);
    }
    g->own_blocks = (struct hn_range){run[rank].first * per, run[rank].count * per};
    g->own_rows = (struct hn_range){run[rank].first * 2 * g->samples, run[rank].count * 2 * g->samples};
    if (g->own_rows.count == 0)
        g->own_blocks.first = g->own_rows.first = 0;
    number_rows(g, microbatches);
    cut_blocks(g, microbatches, tile);
    g->pool = (struct hn_pool){.m = rows,
                               .dim = dim,
                               .z = g->z,
                               .partner = g->partner,
                               .number = g->number,
                               .edge = g->edge,
                               .blocks = blocks};
    *out = g;
    g = NULL;
    st = HN_OK;
out:
    hn_gathered_free(g);
    return st;
}

void hn_gathered_free(hn_gathered *g)
{
    if (g == NULL)
        return;
    hn_free(g->block);
    hn_free(g);
}

const struct hn_pool *hn_gathered_pool(const hn_gathered *g)
{
    return &g->pool;
}

struct hn_range hn_gathered_own_blocks(const hn_gathered *g)
{
    return g->own_blocks;
}

size_t hn_gathered_largest_block(const hn_gathered *g)
{
    return g->largest_block;
}

void hn_gathered_rows(hn_gathered *g, const real *own)
{
    hn_comm_gather(g->comm, own, g->z, g->row_bytes);
}

void hn_gathered_labels(hn_gathered *g, const int64_t *own)
{
    hn_comm_gather(g->comm, own, g->sample_label, g->label_bytes);
    for (size_t row = 0; row < g->pool.m; row++)
        g->label[row] = g->sample_label[g->number[row] % g->batch];
    g->pool.label = g->label;
}

struct hn_row_stat *hn_gathered_own_stats(hn_gathered *g)
{
    return g->stat + g->own_rows.first;
}

static void gather_choices(hn_gathered *g, uint32_t *columns, size_t per_row)
{
    for (size_t r = 0; r < hn_comm_size(g->comm); r++)
        g->choice_bytes[r] = g->stat_bytes[r] / sizeof *g->stat * per_row * sizeof *columns;
    hn_comm_gather(g->comm, columns + g->own_rows.first * per_row, columns, g->choice_bytes);
}

const struct hn_row_stat *hn_gathered_stats(hn_gathered *g, hn_loss *l)
{
    uint32_t *columns;
    size_t per_row = hn_loss_choices(l, &columns);

    hn_comm_gather(g->comm, g->stat + g->own_rows.first, g->stat, g->stat_bytes);
    if (per_row > 0)
        gather_choices(g, columns, per_row);
    return g->stat;
}
