/* engine/ops/flatten.c - an image as one vector in PyTorch's order: y[r, c*h*w + p] = x[r, p, c], p = pixel.
 */
#include "engine/ops/ops.h"

static hn_status shape(struct hn_op *op)
{
    op->out = (struct hn_shape){1, 1, hn_op_in(op)};
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    (void)op;
    return 0.0;
}

static void forward(const struct hn_call *k)
{
    size_t pixels = k->op->in.h * k->op->in.w, c = k->op->in.c, size = pixels * c;

    for (size_t r = 0; r < k->rows; r++)
        for (size_t j = 0; j < c; j++)
            for (size_t p = 0; p < pixels; p++)
                k->y[r * size + j * pixels + p] = k->x[0][r * size + p * c + j];
}

static void backward(const struct hn_call *k)
{
    size_t pixels = k->op->in.h * k->op->in.w, c = k->op->in.c, size = pixels * c;

    for (size_t r = 0; r < k->rows; r++)
        for (size_t p = 0; p < pixels; p++)
            for (size_t j = 0; j < c; j++)
                k->dx[0][r * size + p * c + j] = k->dy[r * size + j * pixels + p];
}

const struct hn_op_kind hn_op_flatten = {
    .name = "flatten", .shape = shape, .flops = flops, .forward = forward, .backward = backward};
