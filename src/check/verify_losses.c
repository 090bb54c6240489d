/* check/verify_losses.c - losses and their gradients against reference values (losses.h5's layout):
 * /cases/NAME, one group per case.
 *
 * The rows of a case stand in an order of their own, in blocks of uneven sizes
 * that are spread unevenly over the ranks (some own none); rows and statistics
 * are gathered as in training, each rank compares the gradient of its own rows. */
#include "base/mem.h"
#include "check/loss_case.h"
#include "check/verify_beta.h"
#include <stdio.h>

enum { NAME = 128 };

static bool recognise(const hn_store *file)
{
    char name[NAME], path[NAME + 16], kind[HN_LOSS_CASE_NAME];
    bool group;

    if (!hn_store_member(file, "/cases", 0, name, sizeof name, &group) || !group)
        return false;
    snprintf(path, sizeof path, "/cases/%s", name);
    return hn_store_attr_text(file, path, "kind", kind, sizeof kind) &&
           hn_store_attr_text(file, path, "loss", kind, sizeof kind);
}

/* One case on its way: what all ranks hold, and this rank's part. */
struct run {
    struct hn_verify *v;
    const struct hn_loss_case *c;
    struct hn_loss_pool p;
    struct hn_range blocks, rows; /* own */
    hn_loss *loss;
    struct hn_row_stat *stat; /* of the whole pool */
    real *dz;                 /* own rows */
    size_t *bytes;            /* per rank, for gathering */
};

/* Shares 2, 1, 0, 3, 2, 1, 0, 3 and so on of the blocks. */
static struct hn_range blocks_of(const struct run *r, size_t rank)
{
    static const size_t share[] = {2, 1, 0, 3};
    size_t before = 0, own = 0, total = 0;

    for (size_t k = 0; k < hn_comm_size(r->v->comm); k++) {
        before += k < rank ? share[k % 4] : 0;
        own += k == rank ? share[k % 4] : 0;
        total += share[k % 4];
    }
    size_t first = r->p.pool.blocks * before / total;
    return (struct hn_range){first, r->p.pool.blocks * (before + own) / total - first};
}

static hn_status prepare(struct run *r)
{
    hn_status st = hn_loss_pool_new(&r->p, r->c);

    if (st != HN_OK)
        return st;
    r->blocks = blocks_of(r, hn_comm_rank(r->v->comm));
    r->rows = hn_loss_pool_rows(&r->p, r->blocks);
    r->stat = hn_calloc(r->p.pool.m, sizeof *r->stat);
    r->dz = hn_calloc(r->rows.count * r->c->dim + 1, sizeof *r->dz);
    r->bytes = hn_calloc(hn_comm_size(r->v->comm), sizeof *r->bytes);
    if (r->stat == NULL || r->dz == NULL || r->bytes == NULL)
        return HN_ENOMEM;
    return hn_loss_new(&r->loss, &r->c->options, r->p.pool.m, r->c->dim, r->p.largest, r->v->threads);
}

static void gather(struct run *r, void *all, size_t row_bytes)
{
    for (size_t k = 0; k < hn_comm_size(r->v->comm); k++)
        r->bytes[k] = hn_loss_pool_rows(&r->p, blocks_of(r, k)).count * row_bytes;
    hn_comm_gather(r->v->comm, (char *)all + r->rows.first * row_bytes, all, r->bytes);
}

static struct hn_loss_off compute(struct run *r)
{
    const struct hn_pool *pool = &r->p.pool;
    struct hn_loss_summary sum;
    uint32_t *columns;
    size_t choices;

    hn_loss_pool_fill(&r->p, r->c, r->blocks);
    gather(r, r->p.z, r->c->dim * sizeof(real));
    hn_loss_lap1(r->loss, r->stat + r->rows.first, pool, r->blocks);
    gather(r, r->stat, sizeof *r->stat);
    if ((choices = hn_loss_choices(r->loss, &columns)) > 0)
        gather(r, columns, choices * sizeof *columns);
    hn_loss_lap2(r->loss, r->dz, r->stat, pool, r->blocks);
    hn_loss_summary(r->loss, &sum, r->stat, pool->m);
    return hn_loss_case_off(r->c, &r->p, &sum, r->stat, r->dz, r->blocks);
}

static void note(struct run *r, const char *name, const char *what, double deviation, double tolerance)
{
    char kind[HN_LOSS_CASE_NAME + 16];

    snprintf(kind, sizeof kind, "%s: %s", r->c->loss, what);
    hn_verify_note(r->v, kind, name, deviation, tolerance);
}

static hn_status run_case(struct hn_verify *v, const struct hn_loss_case *c, const char *name)
{
    struct run r = {.v = v, .c = c};
    hn_status st = hn_comm_agree(v->comm, prepare(&r));

    if (st == HN_OK) {
        struct hn_loss_off off = compute(&r);
        note(&r, name, "loss", off.loss, hn_loss_case_tolerance());
        note(&r, name, "rows", off.rows, hn_loss_case_tolerance());
        note(&r, name, "gradient", off.gradient, hn_loss_case_gradient_tolerance(c));
        note(&r, name, "counts", off.counts, 0);
    }
    hn_loss_free(r.loss);
    hn_free(r.bytes);
    hn_free(r.dz);
    hn_free(r.stat);
    hn_loss_pool_free(&r.p);
    return st;
}

static hn_status read_and_run(struct hn_verify *v, const char *name)
{
    struct hn_loss_case c = {0};
    char group[NAME + 16];
    hn_status st;

    snprintf(group, sizeof group, "/cases/%s", name);
    st = hn_comm_agree(v->comm, hn_loss_case_read(&c, v->file, group));
    if (st == HN_OK && c.refused)
        hn_verify_skip(v, c.loss, name, c.refused);
    else if (st == HN_OK)
        st = run_case(v, &c, name);
    hn_loss_case_free(&c);
    return st;
}

/* /schedules/NAME: beta per epoch, its settings as attributes of the group. */
static hn_status compare_schedule(struct hn_verify *v, const char *name)
{
    struct hn_loss_options o = {0};
    char group[NAME + 16], kind[HN_LOSS_CASE_NAME];
    hn_status st;

    snprintf(group, sizeof group, "/schedules/%s", name);
    if (!hn_store_attr_text(v->file, group, "name", kind, sizeof kind))
        return hn_fail(HN_EDATA, "%s has no text called name", group);
    int place = hn_place_of(hn_beta_schedule_names(), kind);
    if (place < 0) {
        hn_verify_skip(v, "schedule of beta", name, "no such schedule in this program yet");
        return HN_OK;
    }
    o.beta_schedule = (enum hn_beta_schedule)place;
    if ((st = hn_stored_f64(v->file, group, "beta", &o.beta)) != HN_OK ||
        (st = hn_stored_f64(v->file, group, "beta_end", &o.beta_end)) != HN_OK)
        return st;
    return hn_verify_beta(v, &o, name, group, "beta");
}

static hn_status run(struct hn_verify *v)
{
    char name[NAME];
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && hn_store_member(v->file, "/cases", i, name, sizeof name, NULL); i++)
        st = read_and_run(v, name);
    for (size_t i = 0; st == HN_OK && hn_store_member(v->file, "/schedules", i, name, sizeof name, NULL); i++)
        st = compare_schedule(v, name);
    return st;
}

const struct hn_verify_kind hn_verify_losses = {"losses", recognise, run};
