/* engine/ops/conv2d.c - convolution as PyTorch's Conv2d (cross-correlation, zero padding).
 *
 *   x (rows, h, w, c_in)   weight (c_out, c_in, kernel, kernel)   bias (c_out)   y (rows, out_h, out_w,
 * c_out) y[r,i,j,o] = bias[o] + sum over c, u, v of x[r, i*stride + u - padding, j*stride + v - padding, c] *
 * weight[o,c,u,v]
 *
 * The backend does the work; each of its calls sees the whole microbatch. */
#include "engine/ops/ops.h"
#include <math.h>

static struct hn_conv problem(const struct hn_op *op, size_t rows)
{
    return (struct hn_conv){.rows = rows,
                            .h = op->in.h,
                            .w = op->in.w,
                            .c_in = op->in.c,
                            .c_out = op->outputs,
                            .kernel = op->kernel,
                            .stride = op->stride,
                            .padding = op->padding,
                            .bias = op->bias};
}

static hn_status shape(struct hn_op *op)
{
    size_t k = op->kernel, pad = op->padding;

    if (op->outputs == 0 || k == 0 || op->stride == 0 || pad >= k)
        return hn_fail(HN_EUSAGE, "conv2d: %zu channels, kernel %zu, stride %zu, padding %zu", op->outputs, k,
                       op->stride, pad);
    if (op->in.h + 2 * pad < k || op->in.w + 2 * pad < k)
        return hn_fail(HN_EUSAGE, "conv2d: a kernel of %zu does not fit into %zu x %zu with padding %zu", k,
                       op->in.h, op->in.w, pad);
    op->out = (struct hn_shape){hn_conv_out(op->in.h, k, op->stride, pad),
                                hn_conv_out(op->in.w, k, op->stride, pad), op->outputs};
    /* PyTorch's default, kaiming_uniform with a = sqrt 5: uniform in +-1/sqrt(fan in), weight and bias. */
    double bound = 1.0 / sqrt((double)(op->in.c * k * k));
    hn_op_parameter(op, "weight", HN_WEIGHT, 4, (size_t[]){op->outputs, op->in.c, k, k})->bound = bound;
    if (op->bias)
        hn_op_parameter(op, "bias", HN_BIAS, 1, &op->outputs)->bound = bound;
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    return 2.0 * (double)hn_op_out(op) * (double)(op->in.c * op->kernel * op->kernel);
}

size_t hn_op_conv_scratch(const struct hn_op *op, size_t rows)
{
    struct hn_conv c = op->kind->conv(op, rows);

    return hn_conv_scratch(&c, hn_conv_choose(&c)) * sizeof(real);
}

void hn_op_conv_forward(const struct hn_call *k)
{
    hn_conv_forward(k->op->conv, k->y, k->x[0], k->w[0], k->w[1], k->scratch);
}

void hn_op_conv_backward(const struct hn_call *k)
{
    hn_conv_backward_weight(k->op->conv, k->dw[0], k->dw[1], k->dy, k->x[0], k->scratch);
    if (k->dx[0])
        hn_conv_backward_data(k->op->conv, k->dx[0], k->dy, k->w[0], k->scratch);
}

const struct hn_op_kind hn_op_conv2d = {.name = "conv2d",
                                        .reads_x = true,
                                        .shape = shape,
                                        .flops = flops,
                                        .scratch = hn_op_conv_scratch,
                                        .conv = problem,
                                        .forward = hn_op_conv_forward,
                                        .backward = hn_op_conv_backward};
