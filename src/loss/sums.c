/* loss/sums.c - maxima and sums over a row of a tile, and over tiles, in fixed orders. */
#include "loss/parts.h"
#include <math.h>

enum { LANES = 8 };

/* Column j belongs to lane j mod 8.  NaN is passed over: the sums carry it. */
real hn_largest(const real *x, size_t n)
{
    real lane[LANES];
    size_t j = 0;

    for (size_t k = 0; k < LANES; k++)
        lane[k] = -(real)INFINITY;
    for (; j + LANES <= n; j += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] = x[j + k] > lane[k] ? x[j + k] : lane[k];
    for (; j < n; j++)
        lane[j % LANES] = x[j] > lane[j % LANES] ? x[j] : lane[j % LANES];
    for (size_t k = 1; k < LANES; k++)
        lane[0] = lane[k] > lane[0] ? lane[k] : lane[0];
    return lane[0];
}

/* Columns ascending within each lane (j mod 8), then the lanes in order. */
double hn_lane_sum(const real *x, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t j = 0;

    for (; j + LANES <= n; j += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)x[j + k];
    for (; j < n; j++)
        lane[j % LANES] += (double)x[j];
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

double hn_lane_square_sum(const real *x, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t j = 0;

    for (; j + LANES <= n; j += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)x[j + k] * (double)x[j + k];
    for (; j < n; j++)
        lane[j % LANES] += (double)x[j] * (double)x[j];
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

/* When m grows by delta:  W *= e^(-beta delta),  S *= e^(-(1 + beta) delta). */
static void lower(struct hn_sums *s, double max, double beta)
{
    double delta = max - s->max;

    double down = exp(-beta * delta);

    s->w *= down;
    s->same *= down;
    s->t *= exp(-2 * beta * delta);
    s->s *= exp(-(1 + beta) * delta);
    s->max = max;
}

void hn_sums_merge(struct hn_sums *all, const struct hn_sums *tile, double beta)
{
    struct hn_sums more = *tile;

    if (tile->count == 0)
        return;
    if (all->count == 0) {
        *all = *tile;
        return;
    }
    if (more.max > all->max)
        lower(all, more.max, beta);
    else
        lower(&more, all->max, beta);
    all->w += more.w;
    all->same += more.same;
    all->s += more.s;
    all->t += more.t;
    all->count += more.count;
}
