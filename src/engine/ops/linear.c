/* engine/ops/linear.c - y = x W' + b, as PyTorch's Linear.
 *
 *   x (rows, in)   weight W (out, in)   bias b (out)   y (rows, out)
 *   dx = dy W      dW = dy' x           db = sum of dy over rows, ascending, in double */
#include "backend/backend.h"
#include "engine/ops/ops.h"
#include <math.h>
#include <string.h>

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

static size_t scratch(const struct hn_op *op, size_t rows)
{
    (void)rows;
    return op->outputs * sizeof(double);
}

static void forward(const struct hn_call *k)
{
    size_t in = k->op->in.c, out = k->op->outputs;

    for (size_t r = 0; k->w[1] && r < k->rows; r++)
        memcpy(k->y + r * out, k->w[1], out * sizeof(real));
    hn_gemm(false, true, k->rows, out, in, 1, k->x[0], in, k->w[0], in, k->w[1] ? 1 : 0, k->y, out);
}

static void bias_gradient(real *db, const real *dy, double *restrict sum, size_t rows, size_t out)
{
    for (size_t o = 0; o < out; o++)
        sum[o] = 0.0;
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < out; o++)
            sum[o] += (double)dy[r * out + o];
    for (size_t o = 0; o < out; o++)
        db[o] = (real)sum[o];
}

static void backward(const struct hn_call *k)
{
    size_t in = k->op->in.c, out = k->op->outputs;

    hn_gemm(true, false, out, in, k->rows, 1, k->dy, out, k->x[0], in, 0, k->dw[0], in);
    if (k->dw[1])
        bias_gradient(k->dw[1], k->dy, k->scratch, k->rows, out);
    if (k->dx[0])
        hn_gemm(false, false, k->rows, in, out, 1, k->dy, out, k->w[0], in, 0, k->dx[0], in);
}

const struct hn_op_kind hn_op_linear = {.name = "linear",
                                        .reads_x = true,
                                        .shape = shape,
                                        .flops = flops,
                                        .scratch = scratch,
                                        .forward = forward,
                                        .backward = backward};
