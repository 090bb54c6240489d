/* loss/topk.c - weight 1 for the k negatives that are most similar, 0 for the others; k = 1 is what beta
 * tends to.
 *
 * The order is that of (dot product in double, lower view-major number).  A GEMM gives equal rows unequal
 * similarities, so those that rounding could have put in the wrong order are ranked by the dot product
 * itself; others are far enough apart to agree with it, and it is hardly ever computed.
 *
 * The choice is a constant for the gradient:  D_ij = [j chosen by i] e^(s_ij - m_i - lS_i). */
#include "backend/backend.h"
#include "loss/parts.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Twice the error of a sum of dim products (Higham, Accuracy and Stability, section 3.1), over t, with the
 * longest row. */
double hn_near_tie(const hn_loss *l, const struct hn_pool *pool)
{
    double longest = 0, eps = sizeof(real) == 4 ? FLT_EPSILON : DBL_EPSILON;

    for (size_t i = 0; i < pool->m; i++) {
        double square = 0;
        for (size_t k = 0; k < pool->dim; k++)
            square += (double)pool->z[i * pool->dim + k] * (double)pool->z[i * pool->dim + k];
        longest = square > longest ? square : longest;
    }
    return 2 * eps * ((double)pool->dim + 2) * longest / l->o.temperature;
}

/* A row's choice so far: a heap whose top comes last in the order. */
struct heap {
    const hn_loss *l;
    const struct hn_pool *pool;
    size_t row;
    struct hn_choice *at;
    size_t count;
};

/* The one dot product that ranks: in double, in order. */
static double dot_of(const struct heap *h, struct hn_choice *c)
{
    size_t d = h->pool->dim;
    const real *a = h->pool->z + h->row * d, *b = h->pool->z + c->column * d;

    if (isnan(c->dot)) {
        c->dot = 0;
        for (size_t k = 0; k < d; k++)
            c->dot += (double)a[k] * (double)b[k];
    }
    return c->dot;
}

/* Does a come after b in the order of choice? */
static bool behind(const struct heap *h, struct hn_choice *a, struct hn_choice *b)
{
    double apart = (double)a->s - (double)b->s;

    if (fabs(apart) > h->l->near)
        return apart < 0;
    double x = dot_of(h, a), y = dot_of(h, b);
    return x != y ? x < y : h->pool->number[a->column] > h->pool->number[b->column];
}

static void sink(const struct heap *h, size_t place)
{
    for (size_t child; (child = 2 * place + 1) < h->count; place = child) {
        if (child + 1 < h->count && behind(h, &h->at[child + 1], &h->at[child]))
            child++;
        if (!behind(h, &h->at[child], &h->at[place]))
            return;
        struct hn_choice c = h->at[place];
        h->at[place] = h->at[child];
        h->at[child] = c;
    }
}

static void offer(struct heap *h, struct hn_choice c)
{
    if (h->count == h->l->choices) {
        if (behind(h, &h->at[0], &c)) {
            h->at[0] = c;
            sink(h, 0);
        }
        return;
    }
    h->at[h->count++] = c;
    for (size_t i = h->count / 2; h->count == h->l->choices && i-- > 0;)
        sink(h, i);
}

static struct hn_choice *choice_of(const hn_loss *l, const struct hn_anchor *a)
{
    return l->choice + (size_t)(a - l->anchor) * l->choices;
}

static void absorb(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line,
                   size_t count)
{
    struct heap h = {l, line->pool, line->row, choice_of(l, a), a->chosen};
    (void)count;

    for (size_t j = 0; j < line->count; j++) {
        a->spoilt = a->spoilt || isnan(sc->x[j]);
        if (sc->x[j] > -(real)INFINITY)
            offer(&h, (struct hn_choice){sc->x[j], (uint32_t)(line->first + j), NAN});
    }
    a->chosen = h.count;
}

static int by_column(const void *a, const void *b)
{
    const struct hn_choice *x = a, *y = b;

    return (x->column > y->column) - (x->column < y->column);
}

/* A NaN has no place in an order: it makes the row's sums one. */
static int settle(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_pool *pool,
                  size_t row)
{
    struct hn_choice *c = choice_of(l, a);
    uint32_t *column = l->ends.chosen + row * l->choices;
    struct hn_sums *s = &a->sums;
    double n = (double)a->chosen;
    (void)sc;

    qsort(c, a->chosen, sizeof *c, by_column);
    for (size_t i = 0; i < l->choices; i++)
        column[i] = i < a->chosen ? c[i].column : HN_NO_COLUMN;
    *s = (struct hn_sums){
        .max = a->spoilt ? (double)NAN : -INFINITY, .w = n, .t = n, .count = a->spoilt ? 1 : n};
    for (size_t i = 0; i < a->chosen; i++)
        s->max = (double)c[i].s > s->max ? (double)c[i].s : s->max;
    for (size_t i = 0; i < a->chosen; i++)
        s->s += exp((double)c[i].s - s->max);
    for (size_t i = 0; i < a->chosen && pool->label; i++)
        s->same += pool->label[c[i].column] == pool->label[row];
    return 0;
}

/* Is `row` among the columns that `chooser` chose? */
static bool chose(const hn_loss *l, size_t chooser, uint32_t row)
{
    const uint32_t *column = l->ends.chosen + chooser * l->choices;
    size_t lo = 0, hi = l->choices;

    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (column[middle] < row)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < l->choices && column[lo] == row;
}

/* B_i D_ij / t of a chosen column. */
static real share(const hn_loss *l, size_t row, real s)
{
    const struct hn_ends *e = &l->ends;

    return e->b[row] != 0 ? e->b[row] * (real)exp((double)((s - e->max[row]) - e->log_s[row])) : 0;
}

static void coefficients(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    const uint32_t *own = l->ends.chosen + line->row * l->choices;
    (void)sc;

    for (size_t j = 0; j < line->count; j++)
        g[j] = chose(l, line->first + j, (uint32_t)line->row) ? share(l, line->first + j, line->s[j]) : 0;
    for (size_t i = 0; i < l->choices && own[i] != HN_NO_COLUMN; i++)
        if (hn_has_column(line, own[i]))
            g[own[i] - line->first] += share(l, line->row, line->s[own[i] - line->first]);
}

const struct hn_hardener hn_topk = {absorb, settle, coefficients};
