/* Pools for tests, and an oracle: the definitions of the losses written down for one process in long double,
 * O(m^2), without laps, tiles or shifts beyond the largest similarity. */
#ifndef HN_TESTS_LOSS_SETS_H
#define HN_TESTS_LOSS_SETS_H

#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "hardneg/loss.h"
#include "tap.h"

enum { SET_ROWS = 96, SET_DIM = 24 };

/* One pool with memory of its own. */
struct set {
    struct hn_pool pool;
    real z[SET_ROWS * SET_DIM];
    size_t partner[SET_ROWS], number[SET_ROWS], edge[SET_ROWS + 1];
    int64_t label[SET_ROWS];
};

static inline void set_use(struct set *s, size_t m, size_t d)
{
    s->pool = (struct hn_pool){m, d, s->z, s->partner, s->number, s->label, s->edge, s->pool.blocks};
}

/* Cuts the pool every `tile` rows; ragged: first a block of one row. */
static inline void set_cut(struct set *s, size_t tile, bool ragged)
{
    size_t m = s->pool.m, blocks = 0, at = 0;

    while (at < m) {
        s->edge[blocks++] = at;
        at += ragged && at == 0 ? 1 : tile;
    }
    s->edge[blocks] = m;
    s->pool.blocks = blocks;
}

/* n samples in a random order of rows, unit rows around a few centres, labels from `classes` values. */
static inline void set_random(struct set *s, size_t n, size_t d, uint64_t classes, uint64_t seed)
{
    hn_draws draws = hn_draws_for(seed, HN_DRAW_TEST, n, d);
    size_t row_of[SET_ROWS], m = 2 * n;

    for (size_t i = 0; i < m; i++)
        row_of[i] = i;
    for (size_t i = m - 1; i > 0; i--) {
        size_t j = (size_t)hn_draw_between(&draws, 0, i), r = row_of[i];
        row_of[i] = row_of[j];
        row_of[j] = r;
    }
    for (size_t i = 0; i < m; i++) {
        s->number[row_of[i]] = i;
        s->partner[row_of[i]] = row_of[(i + n) % m];
    }
    for (size_t a = 0; a < n; a++)
        s->label[row_of[a]] = s->label[row_of[a + n]] =
            (int64_t)hn_draw_between(&draws, 0, classes - 1) * 1000003 - 5;
    for (size_t i = 0; i < m; i++) {
        double norm = 0, x[SET_DIM];
        for (size_t k = 0; k < d; k++) {
            x[k] = hn_draw_normal(&draws) + (k == (size_t)(i % 3) % d);
            norm += x[k] * x[k];
        }
        for (size_t k = 0; k < d; k++)
            s->z[i * d + k] = (real)(x[k] / sqrt(norm));
    }
    set_use(s, m, d);
    set_cut(s, m, false);
}

/* ---- the library, with block ranges dealt to `owners` one after the other ---- */
struct result {
    struct hn_row_stat stat[SET_ROWS];
    real dz[SET_ROWS * SET_DIM];
    struct hn_loss_summary sum;
};

static inline void run_loss(struct result *r, const struct hn_loss_options *o, const struct set *s,
                            size_t owners, size_t threads)
{
    size_t largest = 0;
    hn_threads *crew = NULL;
    hn_loss *l = NULL;

    for (size_t k = 0; k < s->pool.blocks; k++)
        largest = s->edge[k + 1] - s->edge[k] > largest ? s->edge[k + 1] - s->edge[k] : largest;
    memset(r->dz, 0x7f, sizeof r->dz); /* whatever is there must not matter */
    if (hn_threads_new(&crew, threads) != HN_OK ||
        hn_loss_new(&l, o, s->pool.m, s->pool.dim, largest, crew) != HN_OK) {
        printf("# %s\n", hn_error_text());
        exit(1);
    }
    for (size_t k = 0; k < owners; k++) {
        size_t first = s->pool.blocks * k / owners, end = s->pool.blocks * (k + 1) / owners;
        hn_loss_lap1(l, r->stat + s->edge[first], &s->pool, (struct hn_range){first, end - first});
    }
    for (size_t k = 0; k < owners; k++) {
        size_t first = s->pool.blocks * k / owners, end = s->pool.blocks * (k + 1) / owners;
        hn_loss_lap2(l, r->dz + s->edge[first] * s->pool.dim, r->stat, &s->pool,
                     (struct hn_range){first, end - first});
    }
    hn_loss_summary(l, &r->sum, r->stat, s->pool.m);
    hn_loss_free(l);
    hn_threads_free(crew);
}

/* ---- the oracle ---- */
typedef long double wide;

struct truth {
    double loss, row[SET_ROWS]; /* NaN: left out */
    double dz[SET_ROWS * SET_DIM];
    size_t excluded, clamped, undefined;
};

struct oracle {
    const struct hn_loss_options *o;
    const struct set *s;
    const wide *z, *weight_z; /* similarities from z; weights from weight_z (held fixed: detach) */
    bool other_class, tilted, supcon;
    enum hn_hardening hardening;
};

static inline wide oracle_dot(const struct oracle *q, const wide *z, size_t i, size_t j)
{
    size_t d = q->s->pool.dim;
    wide sum = 0;

    for (size_t k = 0; k < d; k++)
        sum += z[i * d + k] * z[j * d + k];
    return sum / (wide)q->o->temperature;
}

static inline bool oracle_negative(const struct oracle *q, size_t i, size_t j)
{
    if (q->other_class)
        return q->s->label[i] != q->s->label[j];
    return j != i && j != q->s->partner[i];
}

static inline bool oracle_positive(const struct oracle *q, size_t i, size_t j)
{
    if (q->o->positives == HN_POSITIVES_LABEL)
        return j != i && q->s->label[i] == q->s->label[j];
    return j == q->s->partner[i];
}

static inline bool oracle_passes(const struct oracle *q, size_t i, size_t j)
{
    return oracle_dot(q, q->z, i, j) * (wide)q->o->temperature >= (wide)q->o->threshold;
}

/* Does negative j of i carry weight? */
static inline bool oracle_carries(const struct oracle *q, size_t i, size_t j)
{
    size_t m = q->s->pool.m, before = 0, passing = 0;
    wide own = oracle_dot(q, q->z, i, j);

    if (q->hardening != HN_HARDEN_THRESHOLD && q->hardening != HN_HARDEN_TOPK)
        return true;
    for (size_t k = 0; k < m; k++) {
        if (!oracle_negative(q, i, k))
            continue;
        wide other = oracle_dot(q, q->z, i, k);
        passing += oracle_passes(q, i, k);
        before += other > own || (other == own && q->s->number[k] < q->s->number[j]);
    }
    return q->hardening == HN_HARDEN_TOPK ? before < q->o->topk : passing == 0 || oracle_passes(q, i, j);
}

/* Log of the weighted mean of e^s over the negatives; share of weight u[j] and of weighted mass v[j].
 * -INFINITY without negatives. */
static inline wide oracle_log_mean(const struct oracle *q, size_t i, wide *u, wide *v)
{
    wide beta = q->tilted ? (wide)q->o->beta : 0, most = -INFINITY, top = -INFINITY, w = 0, mass = 0;
    size_t m = q->s->pool.m;

    for (size_t j = 0; j < m; j++)
        if (oracle_negative(q, i, j)) {
            most = fmaxl(most, beta * oracle_dot(q, q->weight_z, i, j));
            top = fmaxl(top, oracle_dot(q, q->z, i, j));
        }
    for (size_t j = 0; j < m; j++) {
        u[j] = v[j] = 0;
        if (!oracle_negative(q, i, j) || !oracle_carries(q, i, j))
            continue;
        u[j] = expl(beta * oracle_dot(q, q->weight_z, i, j) - most);
        v[j] = u[j] * expl(oracle_dot(q, q->z, i, j) - top);
        w += u[j];
        mass += v[j];
    }
    for (size_t j = 0; j < m; j++) {
        u[j] /= w;
        v[j] /= mass;
    }
    return top + logl(mass / w);
}

/* The loss of one pair; *q = dl/drho, *p = -dl/ds; false when undefined. */
static inline bool oracle_pair(const struct oracle *q, wide log_mean, wide s, wide *l, wide *drho, wide *ds,
                               bool *clamped)
{
    wide k = (wide)q->s->pool.m - 2, tau = (wide)q->o->tau_plus, t = (wide)q->o->temperature;
    wide r = k * expl(log_mean - s), n = (r - tau * k) / (1 - tau); /* divided by e^s */
    wide floor = k * expl(-1 / t - s), dn = r / (1 - tau);

    *clamped = q->o->clamp && tau > 0 && n < floor;
    if (*clamped) {
        n = floor;
        dn = 0;
    }
    if (1 + n <= 0)
        return false;
    *l = log1pl(n);
    *drho = dn / (1 + n);
    *ds = *clamped ? n / (1 + n) : dn / (1 + n);
    return true;
}

/* supcon, straight from its definition: row of A, row loss; false without a positive. */
static inline bool oracle_supcon(const struct oracle *q, size_t i, wide *A, wide *row)
{
    size_t m = q->s->pool.m;
    wide top = -INFINITY, sum = 0, count = 0;

    *row = 0;
    for (size_t j = 0; j < m; j++) {
        A[j] = 0;
        if (j != i)
            top = fmaxl(top, oracle_dot(q, q->z, i, j));
    }
    for (size_t j = 0; j < m; j++) {
        sum += j == i ? 0 : expl(oracle_dot(q, q->z, i, j) - top);
        count += oracle_positive(q, i, j);
    }
    for (size_t j = 0; j < m && count > 0; j++) {
        wide s = oracle_dot(q, q->z, i, j);
        A[j] = j == i ? 0 : expl(s - top) / sum - (oracle_positive(q, i, j) ? 1 / count : 0);
        *row += oracle_positive(q, i, j) ? (top + logl(sum) - s) / count : 0;
    }
    return count > 0;
}

static inline void oracle_supcon_rows(const struct oracle *q, struct truth *out, wide *A)
{
    size_t m = q->s->pool.m;
    wide sum = 0, anchors = 0, row;

    out->excluded = out->clamped = out->undefined = 0;
    for (size_t i = 0; i < m; i++) {
        bool counts = oracle_supcon(q, i, A + i * m, &row);
        out->row[i] = counts ? (double)row : NAN;
        out->excluded += !counts;
        sum += row;
        anchors += counts;
    }
    for (size_t i = 0; i < m * m; i++)
        A[i] /= anchors > 0 ? anchors : 1;
    out->loss = anchors > 0 ? (double)(sum / anchors) : 0;
}

/* Loss and row losses; A (m, m) = dL/ds with independent entries. */
static inline void oracle_rows(const struct oracle *q, struct truth *out, wide *A)
{
    size_t m = q->s->pool.m;
    wide sum = 0, pairs = 0, u[SET_ROWS], v[SET_ROWS], beta = q->tilted ? (wide)q->o->beta : 0,
         scale[SET_ROWS];
    bool by_pairs = q->o->reduction == HN_REDUCTION_PAIRS;

    if (q->supcon) {
        oracle_supcon_rows(q, out, A);
        return;
    }
    out->excluded = out->clamped = out->undefined = 0;
    for (size_t i = 0; i < m; i++) {
        wide mean = oracle_log_mean(q, i, u, v), row = 0, drho_sum = 0, count = 0;
        bool undefined = false, any_clamped = false, negatives = false;
        for (size_t j = 0; j < m; j++) {
            A[i * m + j] = 0;
            negatives = negatives || oracle_negative(q, i, j);
        }
        for (size_t j = 0; j < m && negatives; j++) {
            wide l, drho, ds;
            bool clamped;
            if (!oracle_positive(q, i, j))
                continue;
            if (!oracle_pair(q, mean, oracle_dot(q, q->z, i, j), &l, &drho, &ds, &clamped)) {
                undefined = true;
                continue;
            }
            row += l;
            count += 1;
            drho_sum += drho;
            any_clamped = any_clamped || clamped;
            A[i * m + j] -= ds;
        }
        scale[i] = 0;
        out->row[i] = NAN;
        out->undefined += undefined;
        if (undefined || count == 0) {
            out->excluded++;
            continue;
        }
        out->clamped += any_clamped;
        out->row[i] = (double)(row / count);
        for (size_t j = 0; j < m; j++)
            A[i * m + j] += drho_sum * (q->o->detach || beta == 0 ? v[j] : (1 + beta) * v[j] - beta * u[j]);
        scale[i] = by_pairs ? 1 : 1 / count;
        sum += row * scale[i];
        pairs += by_pairs ? count : 1;
    }
    for (size_t i = 0; i < m * m; i++)
        A[i] *= pairs > 0 ? scale[i / m] / pairs : 0;
    out->loss = pairs > 0 ? (double)(sum / pairs) : 0;
}

static inline struct oracle oracle_of(const struct hn_loss_options *o, const struct set *s)
{
    const char *name = hn_loss_names()[o->kind];
    bool weighs = strncmp(name, "hard", 4) == 0;

    return (struct oracle){.o = o,
                           .s = s,
                           .other_class = strcmp(name, "scl") == 0 || strcmp(name, "hard_scl") == 0,
                           .tilted = weighs && o->hardening == HN_HARDEN_TILT,
                           .hardening = weighs ? o->hardening : HN_HARDEN_NONE,
                           .supcon = strcmp(name, "supcon") == 0};
}

static inline void oracle_run(struct truth *out, const struct hn_loss_options *o, const struct set *s)
{
    static wide z[SET_ROWS * SET_DIM], A[SET_ROWS * SET_ROWS];
    struct oracle q = oracle_of(o, s);
    size_t m = s->pool.m, d = s->pool.dim;

    for (size_t i = 0; i < m * d; i++)
        z[i] = (wide)s->z[i];
    q.z = q.weight_z = z;
    oracle_rows(&q, out, A);
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < d; k++) {
            wide sum = 0;
            for (size_t j = 0; j < m; j++)
                if (j != i)
                    sum += (A[i * m + j] + A[j * m + i]) * z[j * d + k];
            out->dz[i * d + k] = (double)(sum / (wide)o->temperature);
        }
}

static inline int kind_of(const char *name)
{
    for (int k = 0; hn_loss_names()[k]; k++)
        if (strcmp(hn_loss_names()[k], name) == 0)
            return k;
    printf("# no loss %s\n", name);
    exit(1);
}

#endif
