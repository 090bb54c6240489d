/* engine/ops/maxpool.c - the largest value of each window, as PyTorch's MaxPool2d.
 *
 *   x (rows, h, w, c)   y (rows, out_h, out_w, c)   saved: which cell of the window won, int32, shaped like y
 *   y[r,i,j,c] = max over u, v of x[r, i*stride + u - padding, j*stride + v - padding, c], inside the image
 *
 * The first of equal values wins, rows before columns; a NaN wins and stays.
 * dx gets dy at the winner.  Cells are visited in the outer loops, channels in
 * the inner one, so that it vectorises. */
#include "base/simd.h"
#include "engine/ops/ops.h"
#include <string.h>

static hn_status shape(struct hn_op *op)
{
    size_t k = op->kernel, pad = op->padding;

    if (k == 0 || k > 1024 || op->stride == 0 || pad > k / 2)
        return hn_fail(HN_EUSAGE, "maxpool: kernel %zu, stride %zu, padding %zu", k, op->stride, pad);
    if (op->in.h + 2 * pad < k || op->in.w + 2 * pad < k)
        return hn_fail(HN_EUSAGE, "maxpool: a kernel of %zu does not fit into %zu x %zu with padding %zu", k,
                       op->in.h, op->in.w, pad);
    op->out = (struct hn_shape){(op->in.h + 2 * pad - k) / op->stride + 1,
                                (op->in.w + 2 * pad - k) / op->stride + 1, op->in.c};
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    return (double)hn_op_out(op) * (double)(op->kernel * op->kernel);
}

static size_t saved(const struct hn_op *op, size_t rows)
{
    return rows * hn_op_out(op) * sizeof(int32_t);
}

/* Cells u in lo .. hi-1 of the window at output place i lie inside the image; u is at first + u. */
struct cells {
    ptrdiff_t first;
    size_t lo, hi;
};

static struct cells cells(size_t i, size_t size, const struct hn_op *op)
{
    ptrdiff_t first = (ptrdiff_t)(i * op->stride) - (ptrdiff_t)op->padding;
    ptrdiff_t lo = first < 0 ? -first : 0, hi = (ptrdiff_t)size - first;

    return (struct cells){first, (size_t)lo, hi < (ptrdiff_t)op->kernel ? (size_t)hi : op->kernel};
}

/* One cell of a window, all channels. */
static void visit(real *restrict best, int32_t *restrict winner, const real *restrict x, size_t c,
                  int32_t cell)
{
    for (size_t j = 0; j < c; j++) {
        bool wins = x[j] > best[j] || x[j] != x[j];
        best[j] = wins ? x[j] : best[j];
        winner[j] = wins ? cell : winner[j];
    }
}

static void window(real *y, int32_t *winner, const real *x, const struct hn_op *op, struct cells down,
                   struct cells right)
{
    size_t c = op->in.c;
    bool first = true;

    for (size_t u = down.lo; u < down.hi; u++)
        for (size_t v = right.lo; v < right.hi; v++) {
            int32_t cell = (int32_t)(u * op->kernel + v);
            const real *at =
                x +
                ((size_t)(down.first + (ptrdiff_t)u) * op->in.w + (size_t)(right.first + (ptrdiff_t)v)) * c;
            if (first) {
                memcpy(y, at, c * sizeof(real));
                for (size_t j = 0; j < c; j++)
                    winner[j] = cell;
                first = false;
            } else {
                visit(y, winner, at, c, cell);
            }
        }
}

HN_EACH_WIDTH static void forward(const struct hn_call *k)
{
    const struct hn_op *op = k->op;
    size_t c = op->in.c;
    int32_t *winner = k->saved;
    real *y = k->y;

    for (size_t r = 0; r < k->rows; r++)
        for (size_t i = 0; i < op->out.h; i++)
            for (size_t j = 0; j < op->out.w; j++, y += c, winner += c)
                window(y, winner, k->x[0] + r * hn_op_in(op), op, cells(i, op->in.h, op),
                       cells(j, op->in.w, op));
}

/* The gradient of one cell of a window, all channels. */
static void spread(real *restrict dx, const real *restrict dy, const int32_t *restrict winner, size_t c,
                   int32_t cell)
{
    for (size_t j = 0; j < c; j++) {
        real d = dy[j]; /* read in any case: a condition on it would keep the loop from vectorising */
        dx[j] += winner[j] == cell ? d : 0;
    }
}

static void spread_window(real *dx, const real *dy, const int32_t *winner, const struct hn_op *op,
                          struct cells down, struct cells right)
{
    for (size_t u = down.lo; u < down.hi; u++)
        for (size_t v = right.lo; v < right.hi; v++)
            spread(
                dx + ((size_t)(down.first + (ptrdiff_t)u) * op->in.w + (size_t)(right.first + (ptrdiff_t)v)) *
                         op->in.c,
                dy, winner, op->in.c, (int32_t)(u * op->kernel + v));
}

HN_EACH_WIDTH static void backward(const struct hn_call *k)
{
    const struct hn_op *op = k->op;
    size_t c = op->in.c;
    const int32_t *winner = k->saved;
    const real *dy = k->dy;

    memset(k->dx[0], 0, k->rows * hn_op_in(op) * sizeof(real));
    for (size_t r = 0; r < k->rows; r++)
        for (size_t i = 0; i < op->out.h; i++)
            for (size_t j = 0; j < op->out.w; j++, dy += c, winner += c)
                spread_window(k->dx[0] + r * hn_op_in(op), dy, winner, op, cells(i, op->in.h, op),
                              cells(j, op->in.w, op));
}

const struct hn_op_kind hn_op_maxpool = {.name = "maxpool",
                                         .shape = shape,
                                         .flops = flops,
                                         .saved = saved,
                                         .forward = forward,
                                         .backward = backward};
