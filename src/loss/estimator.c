/* loss/estimator.c - the form of infonce, debiased, hard, scl and hard_scl.
 *
 *   E_i  = sum over Neg(i) of w_ij e^s_ij / sum of w_ij        R_i = K E_i,  K = 2n - 2
 *   N_iq = (R_i - tau K e^s_iq) / (1 - tau), clamped from below at K e^(-1/t)
 *   l_iq = -log(e^s_iq / (e^s_iq + N_iq))
 *
 * Neg(i): all rows but i and its other view, or (scl, hard_scl) the rows of
 * another class.  K is 2n - 2 there, too: the published code multiplies the
 * mean over other-class rows by it.  P(i): the other view, or the other rows of
 * the class.  An anchor counts when both are not empty.
 *
 * Lap 1 finds rho_i = log R_i; with view positives the pair follows at once,
 * label positives take a second sweep.  Lap 2:
 *   A_ij = B_i D_ij, j in Neg(i)     A_iq = -omega_i q_iq, q in P(i)     0 else
 *   G_ij = A_ij + A_ji (s_ij and s_ji are one number; all masks are symmetric) */
#include "loss/parts.h"
#include <math.h>

static double negatives_factor(const struct hn_pool *pool)
{
    return (double)pool->m - 2;
}

/* The columns that are no negatives of the row. */
static size_t kin(const hn_loss *l, uint32_t *list, const struct hn_line *line)
{
    return l->kind->other_class ? hn_same_class(list, line) : hn_own_sample(list, line);
}

/* ---- lap 1 ---- */

static void absorb(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line)
{
    size_t kin_count = kin(l, sc->list, line);

    hn_absorb_partner(a, line);
    if (kin_count == line->count)
        return;
    for (size_t j = 0; j < line->count; j++)
        sc->x[j] = line->s[j];
    for (size_t i = 0; i < kin_count; i++)
        sc->x[sc->list[i]] = -(real)INFINITY;
    sc->same = line->pool->label && !l->kind->other_class ? hn_same_class(sc->list, line) : 0;
    a->negatives += (double)(line->count - kin_count);
    l->hardener->absorb(l, sc, a, line, line->count - kin_count);
}

static void close_view(const hn_loss *l, struct hn_row_stat *stat, double positive, double k)
{
    double rho = log(k) + stat->max + (stat->log_s - stat->log_w);
    struct hn_pair pair =
        hn_pair_loss(rho - positive, log(k) - 1 / l->o.temperature - positive, k, l->o.tau_plus, l->o.clamp);

    if (pair.undefined) {
        *stat = (struct hn_row_stat){.flags = HN_ROW_UNDEFINED, .similarity = stat->similarity};
        return;
    }
    stat->loss = pair.loss;
    stat->q = pair.q;
    stat->b = pair.clamped ? 0 : pair.q;
    stat->positives = 1;
    stat->flags += pair.clamped ? HN_ROW_CLAMPED : 0;
}

static void close_row(const hn_loss *l, struct hn_scratch *sc, struct hn_row_stat *stat, struct hn_anchor *a,
                      const struct hn_pool *pool, size_t row)
{
    const struct hn_sums *s = &a->sums;
    int flags = l->hardener->settle ? l->hardener->settle(l, sc, a, pool, row) : 0;

    *stat = (struct hn_row_stat){.similarity = a->partner * l->o.temperature};
    if (s->count == 0)
        return;
    stat->flags = HN_ROW_COUNTS + flags;
    stat->max = s->max;
    stat->log_w = log(s->w);
    stat->log_s = log(s->s);
    stat->ess = s->w * s->w / s->t;
    stat->ess_share = stat->ess / a->negatives;
    stat->largest = 1 / s->w;
    stat->collision = s->same / s->w;
    if (l->o.positives == HN_POSITIVES_VIEW)
        close_view(l, stat, a->partner, negatives_factor(pool));
}

static bool label_positives(const hn_loss *l)
{
    return l->o.positives == HN_POSITIVES_LABEL;
}

static void absorb_again(const hn_loss *l, struct hn_scratch *sc, struct hn_row_stat *stat,
                         const struct hn_line *line)
{
    real max = (real)stat->max, above = (real)(log(negatives_factor(line->pool)) + stat->log_s - stat->log_w);
    double loss, q;
    (void)l;

    if (stat->flags == 0)
        return;
    size_t n = hn_classmates(sc->list, line);
    for (size_t i = 0; i < n; i++)
        sc->x[i] = above - (line->s[sc->list[i]] - max); /* rho - s_iq */
    hn_pair_sums(&loss, &q, sc->x, n, sc->y);
    stat->loss += loss;
    stat->b += q;
    stat->positives += (double)n;
}

static void close_again(struct hn_row_stat *stat)
{
    if (stat->positives > 0)
        stat->loss /= stat->positives;
}

/* ---- lap 2 ---- */

static void view_positive(const hn_loss *l, real *g, const struct hn_line *line)
{
    size_t partner = line->pool->partner[line->row];

    if (hn_has_column(line, partner))
        g[partner - line->first] = -(l->ends.q[line->row] + l->ends.q[partner]);
}

static void label_positive(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    const struct hn_ends *e = &l->ends;
    const real *max = e->max + line->first, *c = e->c + line->first, *omega = e->omega + line->first;
    const real log_k = (real)log(negatives_factor(line->pool));
    const size_t row = line->row, n = hn_classmates(sc->list, line);

    for (size_t i = 0; i < n; i++) {
        size_t j = sc->list[i];
        sc->x[i] = (log_k + e->c[row]) - (line->s[j] - e->max[row]);
        sc->y[i] = (log_k + c[j]) - (line->s[j] - max[j]);
    }
    hn_sigmoid(sc->x, n);
    hn_sigmoid(sc->y, n);
    for (size_t i = 0; i < n; i++)
        g[sc->list[i]] = -(e->omega[row] * sc->x[i] + omega[sc->list[i]] * sc->y[i]);
}

static void coefficients(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    l->hardener->coefficients(l, sc, g, line);
    size_t n = kin(l, sc->list, line);
    for (size_t i = 0; i < n; i++)
        g[sc->list[i]] = 0;
    if (label_positives(l))
        label_positive(l, sc, g, line);
    else
        view_positive(l, g, line);
}

const struct hn_form hn_estimator = {
    .absorb = absorb,
    .close = close_row,
    .second = label_positives,
    .absorb_again = absorb_again,
    .close_again = close_again,
    .coefficients = coefficients,
};
