#include "check/loss_case.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static hn_status text(const hn_store *file, const char *group, const char *attr, char *value)
{
    if (!hn_store_attr_text(file, group, attr, value, HN_LOSS_CASE_NAME))
        return hn_fail(HN_EDATA, "%s has no text called %s", group, attr);
    return HN_OK;
}

/* Which loss, and whether this program has it. */
static hn_status read_kind(struct hn_loss_case *c, const hn_store *file, const char *group)
{
    char kind[HN_LOSS_CASE_NAME];
    hn_status st;

    if ((st = text(file, group, "kind", kind)) != HN_OK || (st = text(file, group, "loss", c->loss)) != HN_OK)
        return st;
    c->options.kind = hn_place_of(hn_loss_names(), c->loss);
    if (strcmp(kind, "towers") == 0)
        c->refused = "two towers (sentences) are not offered yet";
    else if (strcmp(kind, "graph") == 0)
        c->refused = "losses between graphs and their nodes are not offered yet";
    else if (strcmp(kind, "views") != 0)
        c->refused = "a kind of case that is not known";
    else if (c->options.kind < 0)
        c->refused = "a loss that is not offered yet";
    return HN_OK;
}

/* Threshold and k stand beside every case; only those that use them are held to them. */
static hn_status read_hardening(struct hn_loss_options *o, const hn_store *file, const char *group)
{
    char hardening[HN_LOSS_CASE_NAME];
    hn_status st = text(file, group, "hardening", hardening);

    if (st != HN_OK)
        return st;
    int place = hn_place_of(hn_hardening_names(), hardening);
    if (place < 0)
        return hn_fail(HN_EDATA, "%s: hardening %s", group, hardening);
    o->hardening = (enum hn_hardening)place;
    if (o->hardening == HN_HARDEN_THRESHOLD)
        return hn_stored_f64(file, group, "threshold", &o->threshold);
    return o->hardening == HN_HARDEN_TOPK ? hn_stored_size(file, group, "k", &o->topk) : HN_OK;
}

static hn_status read_options(struct hn_loss_case *c, const hn_store *file, const char *group)
{
    struct hn_loss_options *o = &c->options;
    char positives[HN_LOSS_CASE_NAME], reduction[HN_LOSS_CASE_NAME];
    size_t clamp, detach;
    hn_status st;

    if ((st = hn_stored_f64(file, group, "temperature", &o->temperature)) != HN_OK ||
        (st = hn_stored_f64(file, group, "beta", &o->beta)) != HN_OK ||
        (st = hn_stored_f64(file, group, "tau_plus", &o->tau_plus)) != HN_OK ||
        (st = hn_stored_size(file, group, "clamp", &clamp)) != HN_OK ||
        (st = hn_stored_size(file, group, "detach", &detach)) != HN_OK ||
        (st = text(file, group, "positives", positives)) != HN_OK ||
        (st = text(file, group, "reduction", reduction)) != HN_OK ||
        (st = read_hardening(o, file, group)) != HN_OK)
        return st;
    o->clamp = clamp != 0;
    o->detach = detach != 0;
    if (hn_place_of((const char *const[]){"view", "label", NULL}, positives) < 0 ||
        hn_place_of((const char *const[]){"anchors", "pairs", NULL}, reduction) < 0)
        return hn_fail(HN_EDATA, "%s: positives %s, reduction %s", group, positives, reduction);
    o->positives = strcmp(positives, "label") == 0 ? HN_POSITIVES_LABEL : HN_POSITIVES_VIEW;
    o->reduction = strcmp(reduction, "pairs") == 0 ? HN_REDUCTION_PAIRS : HN_REDUCTION_ANCHORS;
    if (hn_loss_check(o) != HN_OK)
        return hn_fail(HN_EDATA, "%s: %s", group, hn_error_text());
    if (!hn_store_attr_f64(file, group, "float32_error_grad", &c->float_error))
        c->float_error = 0;
    return HN_OK;
}

static hn_status read_number(const hn_store *file, const char *group, const char *name, double *value)
{
    struct hn_stored s = {0};
    hn_status st = hn_stored_read(&s, file, group, name);

    if (st == HN_OK && s.info.count != 1)
        st = hn_fail(HN_EDATA, "%s/%s is not one number", group, name);
    if (st == HN_OK)
        *value = s.v[0];
    hn_stored_free(&s);
    return st;
}

static hn_status read_results(struct hn_loss_case *c, const hn_store *file, const char *group)
{
    static const char *const names[] = {"excluded", "clamped", "undefined"};
    size_t *const counts[] = {&c->excluded, &c->clamped, &c->undefined};
    hn_status st = read_number(file, group, "loss", &c->loss_value);

    for (size_t i = 0; st == HN_OK && i < 3; i++) {
        double number = 0;
        st = read_number(file, group, names[i], &number);
        if (st == HN_OK && !(number >= 0 && number <= (double)(2 * c->n)))
            st = hn_fail(HN_EDATA, "%s/%s is %g of %zu rows", group, names[i], number, 2 * c->n);
        if (st == HN_OK)
            *counts[i] = (size_t)number;
    }
    return st;
}

static hn_status read_arrays(struct hn_loss_case *c, const hn_store *file, const char *group)
{
    char path[HN_STORED_NAME];
    struct hn_array_info label;
    hn_status st;

    if ((st = hn_stored_read(&c->z, file, group, "z")) != HN_OK ||
        (st = hn_stored_read(&c->grad, file, group, "grad")) != HN_OK ||
        (st = hn_stored_read(&c->row, file, group, "row_loss")) != HN_OK)
        return st;
    snprintf(path, sizeof path, "%s/label", group);
    if ((st = hn_store_info(file, path, &label)) != HN_OK)
        return st;
    c->n = c->z.info.dim[0] / 2;
    c->dim = c->z.info.dim[1];
    if (c->z.info.rank != 2 || c->z.info.count == 0 || c->z.info.dim[0] % 2 != 0 || c->grad.info.rank != 2 ||
        memcmp(c->grad.info.dim, c->z.info.dim, 2 * sizeof *c->z.info.dim) != 0 ||
        c->row.info.count != 2 * c->n || label.count != c->n)
        return hn_fail(HN_EDATA, "%s: z, grad, row_loss and label are not of one batch of two views", group);
    if ((c->label = hn_calloc(c->n, sizeof *c->label)) == NULL)
        return HN_ENOMEM;
    return hn_store_read(file, path, HN_I64, c->label, c->n);
}

hn_status hn_loss_case_read(struct hn_loss_case *out, const hn_store *file, const char *group)
{
    struct hn_loss_case c = {0};
    hn_status st = read_kind(&c, file, group);

    if (st == HN_OK && c.refused == NULL && (st = read_options(&c, file, group)) == HN_OK &&
        (st = read_arrays(&c, file, group)) == HN_OK)
        st = read_results(&c, file, group);
    if (st != HN_OK)
        hn_loss_case_free(&c);
    else
        *out = c;
    return st;
}

void hn_loss_case_free(struct hn_loss_case *c)
{
    hn_stored_free(&c->z);
    hn_stored_free(&c->grad);
    hn_stored_free(&c->row);
    hn_free(c->label);
    c->label = NULL;
}

/* ---- the pool ---- */

/* Number v stands in row v * step mod m: a permutation when step and m have no common divisor. */
static size_t stride(size_t m)
{
    size_t step = (size_t)((double)m * 0.62) + 1;

    for (;; step++) {
        size_t a = step, b = m;
        while (b != 0) {
            size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1)
            return step;
    }
}

/* Sizes 1, 4, 2, 5, 3 and so on, times a unit that makes about eight blocks of the pool. */
static size_t cut(size_t *edge, size_t m, size_t *largest)
{
    size_t unit = m / 24 + 1, blocks = 0, at = 0;

    *largest = 0;
    while (at < m) {
        size_t rows = (blocks * 3 % 5 + 1) * unit;
        rows = rows < m - at ? rows : m - at;
        *largest = rows > *largest ? rows : *largest;
        edge[blocks++] = at;
        at += rows;
    }
    edge[blocks] = m;
    return blocks;
}

hn_status hn_loss_pool_new(struct hn_loss_pool *out, const struct hn_loss_case *c)
{
    size_t m = 2 * c->n, *partner = NULL, *number = NULL, *edge = NULL;
    int64_t *label = NULL;
    struct hn_loss_pool p = {0};
    hn_carver carver = {0};

    for (int pass = 0; pass < 2; pass++) {
        p.z = hn_carve(&carver, sizeof(real) * c->dim, m);
        p.row_of = hn_carve(&carver, sizeof(size_t), m);
        partner = hn_carve(&carver, sizeof(size_t), m);
        number = hn_carve(&carver, sizeof(size_t), m);
        edge = hn_carve(&carver, sizeof(size_t), m + 1);
        label = hn_carve(&carver, sizeof(int64_t), m);
        if (pass == 0 && hn_carver_start(&carver, &p.block, "a case of a loss") != HN_OK)
            return HN_ENOMEM;
    }
    for (size_t v = 0, step = stride(m); v < m; v++)
        p.row_of[v] = v * step % m;
    for (size_t v = 0; v < m; v++) {
        number[p.row_of[v]] = v;
        partner[p.row_of[v]] = p.row_of[(v + c->n) % m];
        label[p.row_of[v]] = c->label[v % c->n];
    }
    p.pool = (struct hn_pool){m, c->dim, p.z, partner, number, label, edge, cut(edge, m, &p.largest)};
    *out = p;
    return HN_OK;
}

void hn_loss_pool_free(struct hn_loss_pool *p)
{
    hn_free(p->block);
    p->block = NULL;
}

struct hn_range hn_loss_pool_rows(const struct hn_loss_pool *p, struct hn_range blocks)
{
    size_t first = p->pool.edge[blocks.first];

    return (struct hn_range){first, p->pool.edge[blocks.first + blocks.count] - first};
}

void hn_loss_pool_fill(struct hn_loss_pool *p, const struct hn_loss_case *c, struct hn_range blocks)
{
    struct hn_range rows = hn_loss_pool_rows(p, blocks);

    for (size_t i = rows.first; i < rows.first + rows.count; i++)
        for (size_t k = 0; k < c->dim; k++)
            p->z[i * c->dim + k] = (real)c->z.v[p->pool.number[i] * c->dim + k];
}

/* ---- how far off ---- */

/* The larger; a NaN beats all. */
static double worse(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static double row_off(const struct hn_row_stat *r, double want)
{
    bool counts = ((int)r->flags & HN_ROW_COUNTS) != 0;

    if (isnan(want) || !counts)
        return isnan(want) && !counts ? 0 : INFINITY;
    return fabs(r->loss - want) / fmax(1, want);
}

static double apart(size_t a, size_t b)
{
    return (double)(a > b ? a - b : b - a);
}

struct hn_loss_off hn_loss_case_off(const struct hn_loss_case *c, const struct hn_loss_pool *p,
                                    const struct hn_loss_summary *sum, const struct hn_row_stat *all,
                                    const real *dz, struct hn_range blocks)
{
    struct hn_range own = hn_loss_pool_rows(p, blocks);
    struct hn_loss_off off = {.loss = fabs(sum->loss - c->loss_value) / fmax(1, c->loss_value),
                              .counts = apart(sum->excluded, c->excluded) + apart(sum->clamped, c->clamped) +
                                        apart(sum->undefined, c->undefined)};
    double largest = 0.1;

    for (size_t i = 0; i < p->pool.m; i++)
        off.rows = worse(off.rows, row_off(&all[i], c->row.v[p->pool.number[i]]));
    for (size_t i = 0; i < c->grad.info.count; i++)
        largest = fmax(largest, fabs(c->grad.v[i]));
    for (size_t i = 0; i < own.count * c->dim; i++) {
        const double *want = c->grad.v + p->pool.number[own.first + i / c->dim] * c->dim;
        off.gradient = worse(off.gradient, fabs((double)dz[i] - want[i % c->dim]) / largest);
    }
    return off;
}

double hn_loss_case_tolerance(void)
{
    return sizeof(real) == 4 ? 1e-5 : 1e-9;
}

/* At large beta and small t single precision itself loses digits: the file says how many. */
double hn_loss_case_gradient_tolerance(const struct hn_loss_case *c)
{
    return sizeof(real) == 4 ? fmax(1e-4, 5 * c->float_error) : 1e-9;
}
