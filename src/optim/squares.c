/* Sums of squares in double: eight lanes, so that they vectorise; then the lanes in order. */
#include "optim/kinds.h"

/* Of x + factor y, or of x alone when y is NULL, which the callers fix. */
static inline __attribute__((always_inline)) double squares(const real *x, const real *y, real factor,
                                                            size_t n)
{
    enum { LANES = 8 };
    size_t i = 0;
    double lane[LANES] = {0}, sum = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) {
            double v = (double)(y ? x[i + k] + factor * y[i + k] : x[i + k]);
            lane[k] += v * v;
        }
    for (; i < n; i++) {
        double v = (double)(y ? x[i] + factor * y[i] : x[i]);
        lane[i % LANES] += v * v;
    }
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

double hn_optim_square(const real *x, size_t n)
{
    return squares(x, NULL, 0, n);
}

double hn_optim_square_decayed(const real *g, const real *w, real l2, size_t n)
{
    return squares(g, w, l2, n);
}
