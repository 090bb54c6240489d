/* engine/ops/relu.c - y = max(x, 0), where NaN stays NaN.  dx = dy where y > 0, else 0 (also at x = 0). */
#include "base/simd.h"
#include "engine/ops/ops.h"

static hn_status shape(struct hn_op *op)
{
    op->out = op->in;
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    return (double)hn_op_out(op);
}

/* The comparisons are written so that a NaN is passed on: a diverged run must not look healthy.  In place or
 * not, no round of a loop needs another's result: said to the compiler, which otherwise takes its slow path
 * when arrays are one. */
HN_EACH_WIDTH static void forward(const struct hn_call *k)
{
    size_t n = k->rows * hn_op_out(k->op);
    const real *x = k->x[0];
    real *y = k->y;

#pragma GCC ivdep
    for (size_t i = 0; i < n; i++)
        y[i] = 0 > x[i] ? 0 : x[i];
}

HN_EACH_WIDTH static void backward(const struct hn_call *k)
{
    size_t n = k->rows * hn_op_out(k->op);
    const real *y = k->y, *dy = k->dy;
    real *dx = k->dx[0];

#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        real d = dy[i]; /* read in any case: a condition on it would keep the loop from vectorising */
        dx[i] = y[i] <= 0 ? 0 : d;
    }
}

const struct hn_op_kind hn_op_relu = {.name = "relu",
                                      .in_place = true,
                                      .reads_y = true,
                                      .shape = shape,
                                      .flops = flops,
                                      .forward = forward,
                                      .backward = backward};
