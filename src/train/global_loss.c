/* The loss over the ranks of a communicator, for programs with networks of their own: the pool and both laps
 * of a training step, with the caller's rows in the place of the network's output. */
#include "base/mem.h"
#include "hardneg/train.h"
#include "train/pool.h"
#include "train/session.h"
#include <math.h>
#include <string.h>

struct hn_global_loss {
    hn_comm *comm;
    hn_threads *threads;
    hn_gathered *gathered;
    hn_loss *loss;
    size_t samples, part, dim; /* own samples, those of a microbatch, numbers of a row */
    bool needs_labels;
    real *row, *drow; /* own rows in the pool's order: per microbatch view 1, then view 2 */
};

static hn_status check(const struct hn_config *c, size_t samples, size_t dim)
{
    if (c->microbatches == 0 || c->batch % c->microbatches != 0)
        return hn_fail(HN_EUSAGE, "a batch of %zu samples cannot be cut into %zu equal microbatches",
                       c->batch, c->microbatches);
    if (samples % (c->batch / c->microbatches) != 0)
        return hn_fail(HN_EUSAGE,
                       "%zu samples are no whole number of microbatches of %zu (batch.size / "
                       "batch.microbatches)",
                       samples, c->batch / c->microbatches);
    if (dim == 0 || c->tile == 0)
        return hn_fail(HN_EUSAGE, "rows need at least one number, tiles at least one row");
    return hn_loss_check(&c->loss);
}

/* Collective.  What decides numbers is the same everywhere; threads and paths need not be. */
static hn_status compare(hn_comm *comm, const struct hn_config *config, size_t dim)
{
    struct hn_config c = {.batch = config->batch,
                          .microbatches = config->microbatches,
                          .tile = config->tile,
                          .loss = config->loss};
    char *text = NULL;
    hn_status st = hn_comm_agree(comm, hn_config_dump(&c, &text));

    if (st == HN_OK && (st = hn_comm_same(comm, "the options of the loss", text, strlen(text))) == HN_OK)
        st = hn_comm_same(comm, "the dimension of its rows", &dim, sizeof dim);
    hn_config_text_free(text);
    return st;
}

/* Collective.  Who holds which microbatches; run: one per rank. */
static hn_status find_runs(struct hn_range *run, hn_comm *comm, const struct hn_config *c, size_t samples)
{
    size_t ranks = hn_comm_size(comm), part = c->batch / c->microbatches, total = 0;
    size_t *held = hn_calloc(ranks, sizeof *held), *bytes = hn_calloc(ranks, sizeof *bytes);
    hn_status st = hn_comm_agree(comm, held && bytes ? HN_OK : HN_ENOMEM);

    if (st != HN_OK)
        goto out;
    for (size_t r = 0; r < ranks; r++)
        bytes[r] = sizeof *held;
    hn_comm_gather(comm, &samples, held, bytes);
    for (size_t r = 0; r < ranks; r++) {
        run[r] = (struct hn_range){total / part, held[r] / part};
        total += held[r];
    }
    if (total != c->batch)
        st = hn_fail(HN_EUSAGE, "the ranks hold %zu samples in all, but batch.size is %zu", total, c->batch);
out:
    hn_free(bytes);
    hn_free(held);
    return st;
}

static hn_status make(hn_global_loss *g, const struct hn_config *c, const struct hn_range *run,
                      size_t threads)
{
    size_t count;
    hn_status st;

    if (!hn_mul(&count, 2 * g->samples, g->dim))
        return hn_fail(HN_ENOMEM, "%zu samples of %zu numbers are too many", g->samples, g->dim);
    g->row = hn_calloc(count + 1, sizeof *g->row);
    g->drow = hn_calloc(count + 1, sizeof *g->drow);
    if (g->row == NULL || g->drow == NULL)
        return HN_ENOMEM;
    if ((st = hn_threads_new(&g->threads, threads)) != HN_OK ||
        (st = hn_gathered_new(&g->gathered, g->comm, c->batch, c->microbatches, run, g->dim, c->tile)) !=
            HN_OK)
        return st;
    return hn_loss_new(&g->loss, &c->loss, 2 * c->batch, g->dim, hn_gathered_largest_block(g->gathered),
                       g->threads);
}

hn_status hn_global_loss_new(hn_global_loss **out, hn_comm *comm, const struct hn_config *config,
                             size_t samples, size_t dim)
{
    hn_global_loss *g = hn_zalloc(sizeof *g);
    struct hn_range *run = hn_calloc(hn_comm_size(comm), sizeof *run);
    struct hn_binding binding;
    hn_status st = g && run ? check(config, samples, dim) : HN_ENOMEM;

    if ((st = hn_comm_agree(comm, st)) != HN_OK || (st = compare(comm, config, dim)) != HN_OK ||
        (st = find_runs(run, comm, config, samples)) != HN_OK)
        goto out;
    *g = (hn_global_loss){.comm = comm,
                          .samples = samples,
                          .part = config->batch / config->microbatches,
                          .dim = dim,
                          .needs_labels = hn_loss_needs_labels(&config->loss)};
    if ((st = hn_binding_find(&binding, comm, config->threads, run[hn_comm_rank(comm)].count)) != HN_OK ||
        (st = hn_comm_agree(comm, make(g, config, run, binding.threads))) != HN_OK)
        goto out;
    *out = g;
    g = NULL;
out:
    hn_free(run);
    hn_global_loss_free(g);
    return st;
}

void hn_global_loss_free(hn_global_loss *g)
{
    if (g == NULL)
        return;
    hn_loss_free(g->loss);
    hn_gathered_free(g->gathered);
    hn_threads_free(g->threads);
    hn_free(g->drow);
    hn_free(g->row);
    hn_free(g);
}

/* The caller's rows of both views <-> one microbatch after the other, view 1 and view 2 of each. */
static void pack(const hn_global_loss *g, const real *z1, const real *z2)
{
    size_t run = g->part * g->dim;

    for (size_t at = 0; at < g->samples * g->dim; at += run) {
        memcpy(g->row + 2 * at, z1 + at, run * sizeof(real));
        memcpy(g->row + 2 * at + run, z2 + at, run * sizeof(real));
    }
}

static void unpack(const hn_global_loss *g, real *dz1, real *dz2)
{
    size_t run = g->part * g->dim;

    for (size_t at = 0; at < g->samples * g->dim; at += run) {
        memcpy(dz1 + at, g->drow + 2 * at, run * sizeof(real));
        memcpy(dz2 + at, g->drow + 2 * at + run, run * sizeof(real));
    }
}

hn_status hn_global_loss_step(hn_global_loss *g, const real *z1, const real *z2, const int64_t *label,
                              real *dz1, real *dz2, struct hn_loss_summary *out)
{
    const struct hn_pool *pool = hn_gathered_pool(g->gathered);
    struct hn_range blocks = hn_gathered_own_blocks(g->gathered);
    const struct hn_row_stat *stat;
    hn_status st = HN_OK;

    if (g->needs_labels) {
        if (label == NULL && g->samples > 0)
            st = hn_fail(HN_EUSAGE, "this loss needs a label for each sample");
        if ((st = hn_comm_agree(g->comm, st)) != HN_OK)
            return st;
        hn_gathered_labels(g->gathered, label);
    }
    pack(g, z1, z2);
    hn_gathered_rows(g->gathered, g->row);
    hn_loss_lap1(g->loss, hn_gathered_own_stats(g->gathered), pool, blocks);
    stat = hn_gathered_stats(g->gathered, g->loss);
    hn_loss_lap2(g->loss, g->drow, stat, pool, blocks);
    unpack(g, dz1, dz2);
    hn_loss_summary(g->loss, out, stat, pool->m);
    if (!isfinite(out->loss)) /* the same bits on every rank, so all leave here */
        return hn_fail(HN_EDIVERGED, "the loss is not finite: a row that is not?");
    return HN_OK;
}
