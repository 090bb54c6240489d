/* engine/ops/avgpool.c - the mean over all pixels: x (rows, h, w, c), y (rows, c).
 *
 *   y[r,c] = 1/(h w) sum over pixels, ascending, in double      dx[r,p,c] = dy[r,c]/(h w) */
#include "engine/ops/ops.h"

static hn_status shape(struct hn_op *op)
{
    op->out = (struct hn_shape){1, 1, op->in.c};
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    return (double)hn_op_in(op);
}

static size_t scratch(const struct hn_op *op, size_t rows)
{
    (void)rows;
    return op->in.c * sizeof(double);
}

static void forward(const struct hn_call *k)
{
    size_t pixels = k->op->in.h * k->op->in.w, c = k->op->in.c;
    double *restrict sum = k->scratch;

    for (size_t r = 0; r < k->rows; r++) {
        const real *x = k->x[0] + r * pixels * c;
        for (size_t j = 0; j < c; j++)
            sum[j] = 0.0;
        for (size_t p = 0; p < pixels; p++)
            for (size_t j = 0; j < c; j++)
                sum[j] += (double)x[p * c + j];
        for (size_t j = 0; j < c; j++)
            k->y[r * c + j] = (real)(sum[j] / (double)pixels);
    }
}

static void backward(const struct hn_call *k)
{
    size_t pixels = k->op->in.h * k->op->in.w, c = k->op->in.c;

    for (size_t r = 0; r < k->rows; r++) {
        const real *restrict dy = k->dy + r * c;
        real *restrict dx = k->dx[0] + r * pixels * c;
        for (size_t p = 0; p < pixels; p++)
            for (size_t j = 0; j < c; j++)
                dx[p * c + j] = dy[j] / (real)pixels;
    }
}

const struct hn_op_kind hn_op_avgpool = {.name = "avgpool",
                                         .shape = shape,
                                         .flops = flops,
                                         .scratch = scratch,
                                         .forward = forward,
                                         .backward = backward};
