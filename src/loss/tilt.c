/* loss/tilt.c - weights of the negatives that grow with the similarity: w_ij = e^(beta s_ij)
 * (HCL section 3, H-SCL eq. 9; their codes' `imp`), and beta = 0: all alike.
 *
 *   x = s_ij - m_i     u = e^(beta x - lW_i)   share of the weight
 *                      v = u e^(x - c_i) = e^((1 + beta) x - lS_i)   share of the weighted mass
 *   weights constant   D_ij = v
 *   differentiated     D_ij = (1 + beta) v - beta u = u (1 + (1 + beta) (e^(x - c_i) - 1))
 *
 * The last form, with expm1: in the first, terms of beta u cancel where e^s is near its mean. */
#include "backend/backend.h"
#include "loss/parts.h"
#include <math.h>

static void exponentials(real *y, const real *x, size_t n, real factor)
{
    for (size_t j = 0; j < n; j++)
        y[j] = factor * x[j];
    hn_vexp(y, y, n);
}

/* Part of the weight that lies on the anchor's class: y holds weights, x is -inf where none counts. */
static double weight_of_class(const struct hn_scratch *sc, const real *x, const real *y)
{
    double sum = 0;

    for (size_t i = 0; i < sc->same; i++) {
        size_t j = sc->list[i];
        if (x[j] != -(real)INFINITY)
            sum += y ? (double)y[j] : 1;
    }
    return sum;
}

void hn_sums_of(struct hn_sums *out, const struct hn_scratch *sc, real *x, real *y, size_t n, size_t count,
                double beta)
{
    real max = hn_largest(x, n);

    out->max = (double)max;
    out->count = (double)count;
    for (size_t j = 0; j < n; j++)
        x[j] -= max;
    if (beta == 0) { /* 0 times the -inf of the others is no number */
        out->w = out->t = (double)count;
        out->same = weight_of_class(sc, x, NULL);
    } else {
        exponentials(y, x, n, (real)beta);
        out->w = hn_lane_sum(y, n);
        out->t = hn_lane_square_sum(y, n);
        out->same = weight_of_class(sc, x, y);
    }
    if (beta == 1) { /* e^(2x) is what t adds up */
        out->s = out->t;
        return;
    }
    exponentials(y, x, n, (real)(1 + beta));
    out->s = hn_lane_sum(y, n);
}

static void absorb(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line,
                   size_t count)
{
    struct hn_sums tile;

    hn_sums_of(&tile, sc, sc->x, sc->y, line->count, count, l->o.beta);
    hn_sums_merge(&a->sums, &tile, l->o.beta);
}

/* ---- weights constant ---- */

static void constant(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line, real beta)
{
    const struct hn_ends *e = &l->ends;
    const real *s = line->s, *max = e->max + line->first, *log_s = e->log_s + line->first;
    const real *b = e->b + line->first, factor = 1 + beta;
    const real own_max = e->max[line->row], own_log_s = e->log_s[line->row], own_b = e->b[line->row];
    const size_t n = line->count;
    real *x = sc->x, *y = sc->y;

    for (size_t j = 0; j < n; j++) {
        x[j] = factor * (s[j] - own_max) - own_log_s;
        y[j] = factor * (s[j] - max[j]) - log_s[j];
    }
    hn_vexp(x, x, n);
    hn_vexp(y, y, n);
    /* An anchor left out has b = 0 and no scalars: its exponentials mean nothing. */
    for (size_t j = 0; j < n; j++)
        g[j] = (own_b != 0 ? own_b * x[j] : 0) + (b[j] != 0 ? b[j] * y[j] : 0);
}

static void plain_coefficients(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    constant(l, sc, g, line, 0);
}

static void constant_coefficients(const hn_loss *l, struct hn_scratch *sc, real *g,
                                  const struct hn_line *line)
{
    constant(l, sc, g, line, (real)l->o.beta);
}

/* ---- weights differentiated ---- */

/* g[j] += b D, u and e as computed: u = x, e^(..) - 1 = y. */
static void tilt_row(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    const struct hn_ends *e = &l->ends;
    const real *s = line->s, beta = (real)l->o.beta;
    const real max = e->max[line->row], log_w = e->log_w[line->row], c = e->c[line->row];
    const real b = e->b[line->row];
    const size_t n = line->count;
    real *u = sc->x, *v = sc->y;

    for (size_t j = 0; j < n; j++) {
        u[j] = beta * (s[j] - max) - log_w;
        v[j] = (s[j] - max) - c;
    }
    hn_vexp(u, u, n);
    hn_vexpm1(v, v, n);
    for (size_t j = 0; j < n; j++)
        g[j] = b != 0 ? b * (u[j] * (1 + (1 + beta) * v[j])) : 0;
}

static void tilt_columns(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    const struct hn_ends *e = &l->ends;
    const real *s = line->s, beta = (real)l->o.beta;
    const real *max = e->max + line->first, *log_w = e->log_w + line->first, *c = e->c + line->first;
    const real *b = e->b + line->first;
    const size_t n = line->count;
    real *u = sc->x, *v = sc->y;

    for (size_t j = 0; j < n; j++) {
        u[j] = beta * (s[j] - max[j]) - log_w[j];
        v[j] = (s[j] - max[j]) - c[j];
    }
    hn_vexp(u, u, n);
    hn_vexpm1(v, v, n);
    for (size_t j = 0; j < n; j++)
        g[j] += b[j] != 0 ? b[j] * (u[j] * (1 + (1 + beta) * v[j])) : 0;
}

static void tilt_coefficients(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line)
{
    tilt_row(l, sc, g, line);
    tilt_columns(l, sc, g, line);
}

const struct hn_hardener hn_plain = {absorb, NULL, plain_coefficients};
const struct hn_hardener hn_tilt_constant = {absorb, NULL, constant_coefficients};
const struct hn_hardener hn_tilt = {absorb, NULL, tilt_coefficients};
