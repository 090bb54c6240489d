/* loss/threshold.c - weight 1 for negatives from a cosine on, 0 below: w_ij = [c_ij >= a], c = s t
 * (H-SCL's indicator, stated on the cosine).  An anchor with no such negative falls back to all of them.
 *
 * The choice is a constant for the gradient:  D_ij = [c_ij >= a or fell back] e^(s_ij - m_i - lS_i). */
#include "backend/backend.h"
#include "loss/parts.h"
#include <math.h>

/* A NaN passes, so that it is seen. */
static bool passes(const hn_loss *l, real s)
{
    return !((double)s * l->o.temperature < l->o.threshold);
}

static void absorb(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line,
                   size_t count)
{
    struct hn_sums tile;
    size_t passed = 0, n = line->count;

    for (size_t j = 0; j < n; j++) {
        bool pass = sc->x[j] != -(real)INFINITY && passes(l, sc->x[j]);
        sc->z[j] = pass ? sc->x[j] : -(real)INFINITY;
        passed += pass;
    }
    hn_sums_of(&tile, sc, sc->x, sc->y, n, count, 0);
    hn_sums_merge(&a->all, &tile, 0);
    if (passed == 0)
        return;
    hn_sums_of(&tile, sc, sc->z, sc->y, n, passed, 0);
    hn_sums_merge(&a->sums, &tile, 0);
}

static int settle(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_pool *pool,
                  size_t row)
{
    (void)l, (void)sc, (void)pool, (void)row;
    if (a->sums.count > 0 || a->all.count == 0)
        return 0;
    a->sums = a->all;
    return HN_ROW_FELL_BACK;
}

static void coefficients(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    const struct hn_ends *e = &l->ends;
    const real *s = line->s, *max = e->max + line->first, *log_s = e->log_s + line->first;
    const real *b = e->b + line->first, *open = e->open + line->first;
    const real own_b = e->b[line->row], own_open = e->open[line->row];
    const size_t n = line->count;

    for (size_t j = 0; j < n; j++) {
        sc->x[j] = (s[j] - e->max[line->row]) - e->log_s[line->row];
        sc->y[j] = (s[j] - max[j]) - log_s[j];
    }
    hn_vexp(sc->x, sc->x, n);
    hn_vexp(sc->y, sc->y, n);
    for (size_t j = 0; j < n; j++) {
        bool pass = passes(l, s[j]);
        g[j] = (own_b != 0 && (pass || own_open != 0) ? own_b * sc->x[j] : 0) +
               (b[j] != 0 && (pass || open[j] != 0) ? b[j] * sc->y[j] : 0);
    }
}

const struct hn_hardener hn_threshold = {absorb, settle, coefficients};
