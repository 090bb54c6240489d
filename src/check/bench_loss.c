/* The loss over a pool, both laps, against three bare GEMMs of the same tiles. */
#include "backend/backend.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/tree.h"
#include "check/bench.h"
#include "train/pool.h"
#include <math.h>
#include <stdio.h>

enum { DIM = 128, MICROBATCHES = 16, TILE = 512, REPEATS_MOST = 64 };

struct pool {
    hn_gathered *gathered;
    hn_loss *loss;
    real *rows, *dz, *tile; /* of the own rows; of the own rows; per thread */
    struct hn_range own;    /* microbatches */
    size_t own_rows;
};

/* Unit rows, neither all alike nor orthogonal. */
static void fill_rows(struct pool *p, size_t first)
{
    for (size_t i = 0; i < p->own_rows; i++) {
        real *z = p->rows + i * DIM;
        double sum = 0;
        for (size_t k = 0; k < DIM; k++) {
            z[k] = (real)sin((double)((first + i) * 131 + k * 17) * 0.7 + (double)k);
            sum += (double)z[k] * (double)z[k];
        }
        for (size_t k = 0; k < DIM; k++)
            z[k] *= (real)(1 / sqrt(sum));
    }
}

static hn_status open_pool(struct pool *p, const struct hn_bench *b, size_t n)
{
    struct hn_config c; /* HCL's loss, as a config has it by itself */
    size_t ranks = hn_comm_size(b->comm), threads = hn_threads_count(b->threads), largest;
    struct hn_range *run = hn_calloc(ranks, sizeof *run);
    hn_status st = hn_config_read(&c, "bench", "data: { path = \"none\"; };", NULL, 0);

    if ((st = hn_comm_agree(b->comm, run ? st : HN_ENOMEM)) != HN_OK)
        goto out;
    for (size_t r = 0; r < ranks; r++)
        run[r] = hn_share(MICROBATCHES, ranks, r);
    p->own = run[hn_comm_rank(b->comm)];
    p->own_rows = p->own.count * 2 * n / MICROBATCHES;
    if ((st = hn_gathered_new(&p->gathered, b->comm, n, MICROBATCHES, run, DIM, TILE)) == HN_OK)
        st = hn_loss_new(&p->loss, &c.loss, 2 * n, DIM, hn_gathered_largest_block(p->gathered), b->threads);
    if (st == HN_OK) {
        largest = hn_gathered_largest_block(p->gathered);
        p->rows = hn_calloc(p->own_rows * DIM, sizeof(real));
        p->dz = hn_calloc(p->own_rows * DIM, sizeof(real));
        p->tile = hn_calloc(threads * largest * largest, sizeof(real));
        st = p->rows && p->dz && p->tile ? HN_OK : HN_ENOMEM;
    }
    if (st == HN_OK)
        fill_rows(p, p->own.first * 2 * n / MICROBATCHES);
    st = hn_comm_agree(b->comm, st);
out:
    hn_free(run);
    return st;
}

static void close_pool(struct pool *p)
{
    hn_free(p->tile);
    hn_free(p->dz);
    hn_free(p->rows);
    hn_loss_free(p->loss);
    hn_gathered_free(p->gathered);
}

static double run_loss(struct pool *p)
{
    const struct hn_pool *pool = hn_gathered_pool(p->gathered);
    struct hn_range blocks = hn_gathered_own_blocks(p->gathered);
    struct hn_loss_summary summary;
    const struct hn_row_stat *stat;
    double start = hn_now();

    hn_gathered_rows(p->gathered, p->rows);
    hn_loss_lap1(p->loss, hn_gathered_own_stats(p->gathered), pool, blocks);
    stat = hn_gathered_stats(p->gathered, p->loss);
    hn_loss_lap2(p->loss, p->dz, stat, pool, blocks);
    hn_loss_summary(p->loss, &summary, stat, pool->m);
    return hn_now() - start;
}

struct bare {
    struct pool *p;
    size_t largest;
};

/* The GEMMs of one own block against all: similarities twice, gradient once. */
static void bare_block(void *ctx, size_t item, size_t thread)
{
    const struct bare *bare = ctx;
    const struct hn_pool *pool = hn_gathered_pool(bare->p->gathered);
    size_t own = hn_gathered_own_blocks(bare->p->gathered).first, a = own + item;
    size_t rows = pool->edge[a + 1] - pool->edge[a];
    const real *za = pool->z + pool->edge[a] * DIM;
    real *tile = bare->p->tile + thread * bare->largest * bare->largest;

    for (size_t k = 0; k < pool->blocks; k++) {
        const real *zb = pool->z + pool->edge[k] * DIM;
        size_t columns = pool->edge[k + 1] - pool->edge[k];
        for (int lap = 0; lap < 2; lap++)
            hn_gemm(false, true, rows, columns, DIM, 2, za, DIM, zb, DIM, 0, tile, columns);
        hn_gemm(false, false, rows, DIM, columns, 1, tile, columns, zb, DIM, k > 0,
                bare->p->dz + (pool->edge[a] - pool->edge[own]) * DIM, DIM);
    }
}

static double run_bare(struct hn_bench *b, struct pool *p)
{
    struct bare bare = {p, hn_gathered_largest_block(p->gathered)};
    double start = hn_now();

    hn_threads_each(b->threads, hn_gathered_own_blocks(p->gathered).count, bare_block, &bare);
    return hn_now() - start;
}

static hn_status one(struct hn_bench *b, size_t n)
{
    size_t before = hn_live_bytes(), repeats = b->options->repeats;
    double loss[REPEATS_MOST], bare[REPEATS_MOST], seconds, limit;
    struct pool p = {0};
    char what[48];
    hn_status st = open_pool(&p, b, n);

    if (st != HN_OK)
        goto out;
    double memory = (double)(hn_live_bytes() - before);
    run_loss(&p);
    for (size_t i = 0; i < repeats; i++) { /* in alternation */
        hn_comm_barrier(b->comm);
        loss[i] = run_loss(&p);
        bare[i] = run_bare(b, &p);
    }
    seconds = hn_bench_median(loss, repeats);
    limit = hn_bench_median(bare, repeats);
    snprintf(what, sizeof what, "loss n %zu", n);
    st = hn_bench_row(b, what, seconds,
                      (struct hn_bench_value[]){{"of 3 GEMMs", seconds / limit},
                                                {"GFLOP/s", 24e-9 * (double)(n * n) * DIM / seconds},
                                                {"MiB", memory / 1048576},
                                                {NULL, 0}});
out:
    close_pool(&p);
    return st;
}

hn_status hn_bench_loss(struct hn_bench *b)
{
    hn_status st = HN_OK;

    if (b->options->repeats > REPEATS_MOST)
        return hn_fail(HN_EUSAGE, "--repeats: at most %d", REPEATS_MOST);
    if (hn_comm_size(b->comm) > MICROBATCHES)
        return hn_fail(HN_EUSAGE, "bench loss: at most %d ranks", MICROBATCHES);
    for (size_t n = 512; st == HN_OK && n <= 4096; n *= 2)
        st = one(b, n);
    return st;
}
