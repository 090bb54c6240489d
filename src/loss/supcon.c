/* loss/supcon.c - supervised contrastive loss (Khosla et al., NeurIPS 2020, eq. 2, L_out), without the
 * published code's factor temperature / base_temperature:
 *
 *   l_iq = -log(e^s_iq / sum over j != i of e^s_ij)      row loss: mean over P(i)
 *
 * The sum runs over positives and negatives alike, so an anchor counts as soon as it has a positive.
 * Z_i = log of the sum = m_i + lS_i, from one sweep.  Lap 2:
 *   A_ij = omega_i |P(i)| e^(s_ij - Z_i) - omega_i [j in P(i)],  j != i,  omega_i = 1 / (|A| |P(i)|) */
#include "loss/parts.h"
#include <math.h>

static void absorb(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line)
{
    size_t own = line->row - line->first, n = hn_positives(l, sc->list, line);
    bool self = hn_has_column(line, line->row);
    for (size_t i = 0; i < n; i++)
        a->positive_sum += (double)line->s[sc->list[i]];
    a->positives += (double)n;
    hn_absorb_partner(a, line);
    if (line->count == (size_t)self)
        return;
    for (size_t j = 0; j < line->count; j++)
        sc->x[j] = line->s[j];
    if (self)
        sc->x[own] = -(real)INFINITY;
    sc->same = 0;
    l->hardener->absorb(l, sc, a, line, line->count - self);
}

static void close_row(const hn_loss *l, struct hn_scratch *sc, struct hn_row_stat *stat, struct hn_anchor *a,
                      const struct hn_pool *pool, size_t row)
{
    const struct hn_sums *s = &a->sums;
    (void)sc, (void)pool, (void)row;

    *stat = (struct hn_row_stat){.similarity = a->partner * l->o.temperature};
    if (a->positives == 0)
        return;
    stat->flags = HN_ROW_COUNTS;
    stat->max = s->max;
    stat->log_s = log(s->s);
    stat->loss = s->max + stat->log_s - a->positive_sum / a->positives;
    stat->b = stat->positives = a->positives;
}

static void coefficients(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    const real *omega = l->ends.omega + line->first, own = l->ends.omega[line->row];

    l->hardener->coefficients(l, sc, g, line);
    size_t n = hn_positives(l, sc->list, line);
    for (size_t i = 0; i < n; i++)
        g[sc->list[i]] -= own + omega[sc->list[i]];
    if (hn_has_column(line, line->row))
        g[line->row - line->first] = 0;
}

const struct hn_form hn_supcon = {
    .absorb = absorb,
    .close = close_row,
    .coefficients = coefficients,
};
