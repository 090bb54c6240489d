/* engine/ops/linear.c - y = x W' + b, as PyTorch's Linear.
 *
 *   x (rows, in)   weight W (out, in)   bias b (out)   y (rows, out)
 *   dx = dy W      dW = dy' x           db = sum of dy over rows, ascending, in double */
#include "engine/ops/ops.h"
#include <math.h>

static hn_status shape(struct hn_op *op)
{
    if (op->in.h != 1 || op->in.w != 1)
        return hn_fail(HN_EUSAGE, "linear: takes vectors, not %zu x %zu x %zu (flatten first)", op->in.h,
                       op->in.w, op->in.c);
    if (op->outputs == 0)
        return hn_fail(HN_EUSAGE, "linear: no outputs");
    op->out = (struct hn_shape){1, 1, op->outputs};
    /* PyTorch's default: uniform in +-1/sqrt(fan in), weight and bias. */
    double bound = 1.0 / sqrt((double)op->in.c);
    hn_op_parameter(op, "weight", HN_WEIGHT, 2, (size_t[]){op->outputs, op->in.c})->bound = bound;
    if (op->bias)
        hn_op_parameter(op, "bias", HN_BIAS, 1, &op->outputs)->bound = bound;
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    return 2.0 * (double)op->outputs * (double)op->in.c;
}

/* A convolution over one image of a pixel per row. */
static struct hn_conv problem(const struct hn_op *op, size_t rows)
{
    return (struct hn_conv){.rows = 1,
                            .h = 1,
                            .w = rows,
                            .c_in = op->in.c,
                            .c_out = op->outputs,
                            .kernel = 1,
                            .stride = 1,
                            .bias = op->bias};
}

const struct hn_op_kind hn_op_linear = {.name = "linear",
                                        .reads_x = true,
                                        .shape = shape,
                                        .flops = flops,
                                        .scratch = hn_op_conv_scratch,
                                        .conv = problem,
                                        .forward = hn_op_conv_forward,
                                        .backward = hn_op_conv_backward};
