/* engine/ops/l2norm.c - each row to unit length: x, y (rows, d), saved: inv (rows), double.
 *
 *   y = x * inv,   inv = 1/max(|x|, EPS)
 *   dx = inv * (dy - y <y, dy>); where |x| <= EPS, y is linear: dx = inv * dy
 *
 * Sums run in double, ascending: a row gives the same bits in whatever microbatch. */
#include "engine/ops/ops.h"
#include <math.h>

static const double EPS = 1e-12; /* PyTorch's normalize */

static hn_status shape(struct hn_op *op)
{
    op->out = op->in;
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    return 3.0 * (double)hn_op_out(op);
}

static size_t saved(const struct hn_op *op, size_t rows)
{
    (void)op;
    return rows * sizeof(double);
}

static void forward(const struct hn_call *k)
{
    size_t d = hn_op_in(k->op);
    double *inv = k->saved;

    for (size_t r = 0; r < k->rows; r++) {
        const real *restrict x = k->x[0] + r * d;
        real *restrict y = k->y + r * d;
        double sum = 0.0;
        for (size_t j = 0; j < d; j++)
            sum += (double)x[j] * (double)x[j];
        double norm = sqrt(sum);
        inv[r] = 1.0 / (norm <= EPS ? EPS : norm); /* NaN stays NaN */
        for (size_t j = 0; j < d; j++)
            y[j] = (real)((double)x[j] * inv[r]);
    }
}

static void backward(const struct hn_call *k)
{
    size_t d = hn_op_in(k->op);
    const double *inv = k->saved;

    for (size_t r = 0; r < k->rows; r++) {
        const real *restrict y = k->y + r * d, *restrict dy = k->dy + r * d;
        real *restrict dx = k->dx[0] + r * d;
        double along = 0.0;
        for (size_t j = 0; inv[r] != 1.0 / EPS && j < d; j++)
            along += (double)y[j] * (double)dy[j];
        for (size_t j = 0; j < d; j++)
            dx[j] = (real)(((double)dy[j] - (double)y[j] * along) * inv[r]);
    }
}

const struct hn_op_kind hn_op_l2norm = {.name = "l2norm",
                                        .reads_y = true,
                                        .shape = shape,
                                        .flops = flops,
                                        .saved = saved,
                                        .forward = forward,
                                        .backward = backward};
