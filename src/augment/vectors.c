/* augment/vectors.c - views of vectors: noise is added, then entries are masked. */
#include "augment/ops.h"

void hn_add_noise(real *x, size_t n, double deviation, hn_draws *d)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (real)((double)x[i] + deviation * hn_draw_normal(d));
}

void hn_mask(real *x, size_t n, double probability, hn_draws *d)
{
    for (size_t i = 0; i < n; i++)
        if (hn_draw_unit(d) < probability)
            x[i] = 0;
}
