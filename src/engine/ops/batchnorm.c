/* engine/ops/batchnorm.c - BatchNorm over rows and pixels, per channel, as PyTorch's BatchNorm1d and 2d.
 *
 *   x, y (rows, h, w, c)   weight g, bias b (c)   n values behind each statistic
 *   mean = sum x / n    var = sum (x - mean)^2 / n    rstd = 1/sqrt(var + EPS)
 *   y = (x - mean) rstd g + b
 *   db = sum dy         dg = sum dy xhat, xhat = (x - mean) rstd
 *   dx = g rstd (dy - sum dy / n - xhat sum (dy xhat) / n)
 *   running = (1 - MOMENTUM) running + MOMENTUM (mean, or var n/(n-1)); moved by the engine, once per step
 *
 * Sums are over all microbatches (scope global: partial, the exchange, settle,
 * apply) or over this one (forward).  With groups, each run of rows (a view)
 * has statistics of its own.  Sums run in double, values ascending, the mean
 * before the squares.  dg and db of a microbatch are its own sums. */
#include "base/simd.h"
#include "engine/ops/ops.h"
#include <math.h>

static const double EPS = 1e-5;
enum { LANES = 16 }; /* channels whose sums stay in registers: a cache line of floats */

static hn_status shape(struct hn_op *op)
{
    op->out = op->in;
    hn_op_parameter(op, "weight", HN_NORM_WEIGHT, 1, &op->in.c)->fill = 1.0;
    hn_op_parameter(op, "bias", HN_NORM_BIAS, 1, &op->in.c);
    return HN_OK;
}

static double flops(const struct hn_op *op)
{
    return 8.0 * (double)hn_op_out(op);
}

/* What a group's loops need: its values as n x c. */
struct group {
    size_t n, c, first; /* first: place of its first value */
};

static struct group group(const struct hn_call *k, size_t g)
{
    size_t n = k->rows / k->groups * k->op->in.h * k->op->in.w, c = k->op->in.c;

    return (struct group){n, c, g * n * c};
}

/* mean[0 .. lanes) += the sum of lanes neighbouring channels over n values; with lanes a constant the sums
 * stay in registers. */
static inline void add_up(double *out, const real *x, size_t n, size_t c, size_t lanes)
{
    double sum[LANES] = {0};

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < lanes; j++)
            sum[j] += (double)x[i * c + j];
    for (size_t j = 0; j < lanes; j++)
        out[j] = sum[j];
}

static inline void add_squares(double *out, const real *x, const double *mean, size_t n, size_t c,
                               size_t lanes)
{
    double sum[LANES] = {0}, m[LANES];

    for (size_t j = 0; j < lanes; j++)
        m[j] = mean[j];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < lanes; j++) {
            double d = (double)x[i * c + j] - m[j];
            sum[j] += d * d;
        }
    for (size_t j = 0; j < lanes; j++)
        out[j] = sum[j];
}

static inline void add_products(double *out, const real *dy, const real *x, const double *mean, size_t n,
                                size_t c, size_t lanes)
{
    double sum[LANES] = {0}, m[LANES];

    for (size_t j = 0; j < lanes; j++)
        m[j] = mean[j];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < lanes; j++)
            sum[j] += (double)dy[i * c + j] * ((double)x[i * c + j] - m[j]);
    for (size_t j = 0; j < lanes; j++)
        out[j] = sum[j];
}

HN_EACH_WIDTH static void partial(const struct hn_call *k)
{
    for (size_t g = 0; g < k->groups; g++) {
        struct group s = group(k, g);
        const real *x = k->x[0] + s.first;
        for (size_t at = 0; at < s.c; at += LANES) {
            size_t lanes = s.c - at < LANES ? s.c - at : LANES;
            double mean[LANES], squares[LANES];
            if (lanes == LANES)
                add_up(mean, x + at, s.n, s.c, LANES);
            else
                add_up(mean, x + at, s.n, s.c, lanes);
            for (size_t j = 0; j < lanes; j++)
                mean[j] /= (double)s.n;
            if (lanes == LANES)
                add_squares(squares, x + at, mean, s.n, s.c, LANES);
            else
                add_squares(squares, x + at, mean, s.n, s.c, lanes);
            for (size_t j = 0; j < lanes; j++) {
                double *row = k->row + 3 * (g * s.c + at + j);
                row[0] = (double)s.n;
                row[1] = mean[j];
                row[2] = squares[j];
            }
        }
    }
}

static void settle(const struct hn_call *k)
{
    size_t c = k->op->in.c;

    for (size_t g = 0; g < k->groups; g++)
        for (size_t j = 0; j < c; j++) {
            const double *row = k->row + 3 * (g * c + j);
            double *moments = k->moments + 2 * g * c, *track = k->track + 2 * g * c;
            moments[j] = row[1];
            moments[c + j] = 1.0 / sqrt(row[2] / row[0] + EPS);
            track[j] = row[1];
            track[c + j] = row[2] / (row[0] - 1.0);
        }
}

/* y = (x - mean) scale + shift over n values; the three arrays hold c numbers each. */
HN_EACH_WIDTH static void scale_and_shift(real *restrict y, const real *restrict x, const real *restrict mean,
                                          const real *restrict scale, const real *restrict shift, size_t n,
                                          size_t c)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++)
            y[i * c + j] = (x[i * c + j] - mean[j]) * scale[j] + shift[j];
}

static void apply(const struct hn_call *k)
{
    size_t c = k->op->in.c;
    real *mean = k->scratch, *scale = mean + c;

    for (size_t g = 0; g < k->groups; g++) {
        const double *moments = k->moments + 2 * g * c;
        struct group s = group(k, g);
        for (size_t j = 0; j < c; j++) {
            mean[j] = (real)moments[j];
            scale[j] = (real)(moments[c + j] * (double)k->w[0][j]);
        }
        scale_and_shift(k->y + s.first, k->x[0] + s.first, mean, scale, k->w[1], s.n, c);
    }
}

static void infer(const struct hn_call *k)
{
    size_t c = k->op->in.c;
    real *scale = k->scratch;

    for (size_t j = 0; j < c; j++)
        scale[j] = (real)((double)k->w[0][j] / sqrt((double)k->running_var[j] + EPS));
    scale_and_shift(k->y, k->x[0], k->running_mean, scale, k->w[1], k->rows * k->op->in.h * k->op->in.w, c);
}

HN_EACH_WIDTH static void partial_back(const struct hn_call *k)
{
    size_t c = k->op->in.c;

    for (size_t g = 0; g < k->groups; g++) {
        struct group s = group(k, g);
        const real *x = k->x[0] + s.first, *dy = k->dy + s.first;
        const double *mean = k->moments + 2 * g * c, *rstd = mean + c;
        double *sum_dy = k->row + 2 * g * c, *sum_dyx = sum_dy + c;
        for (size_t at = 0; at < c; at += LANES) {
            size_t lanes = c - at < LANES ? c - at : LANES;
            if (lanes == LANES) {
                add_up(sum_dy + at, dy + at, s.n, c, LANES);
                add_products(sum_dyx + at, dy + at, x + at, mean + at, s.n, c, LANES);
            } else {
                add_up(sum_dy + at, dy + at, s.n, c, lanes);
                add_products(sum_dyx + at, dy + at, x + at, mean + at, s.n, c, lanes);
            }
        }
        for (size_t j = 0; j < c; j++)
            sum_dyx[j] *= rstd[j];
    }
    for (size_t j = 0; j < c; j++) {
        double dg = 0.0, db = 0.0;
        for (size_t g = 0; g < k->groups; g++) {
            db += k->row[2 * g * c + j];
            dg += k->row[2 * g * c + c + j];
        }
        k->dw[0][j] = (real)dg;
        k->dw[1][j] = (real)db;
    }
}

/* dx = scale (dy - a - (x - mean) b) over n values. */
HN_EACH_WIDTH static void input_gradient(real *restrict dx, const real *restrict dy, const real *restrict x,
                                         const real *restrict mean, const real *restrict scale,
                                         const real *restrict a, const real *restrict b, size_t n, size_t c)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < c; j++)
            dx[i * c + j] = scale[j] * (dy[i * c + j] - a[j] - (x[i * c + j] - mean[j]) * b[j]);
}

static void apply_back(const struct hn_call *k, double count)
{
    size_t c = k->op->in.c;
    real *mean = k->scratch, *scale = mean + c, *a = scale + c, *b = a + c;

    if (k->dx[0] == NULL)
        return;
    for (size_t g = 0; g < k->groups; g++) {
        struct group s = group(k, g);
        const double *moments = k->moments + 2 * g * c, *sums = k->row + 2 * g * c;
        for (size_t j = 0; j < c; j++) {
            mean[j] = (real)moments[j];
            scale[j] = (real)(moments[c + j] * (double)k->w[0][j]);
            a[j] = (real)(sums[j] / count);
            b[j] = (real)(sums[c + j] / count * moments[c + j]);
        }
        input_gradient(k->dx[0] + s.first, k->dy + s.first, k->x[0] + s.first, mean, scale, a, b, s.n, c);
    }
}

/* Statistics of this microbatch alone: nothing is exchanged in between. */
static void forward(const struct hn_call *k)
{
    partial(k);
    settle(k);
    apply(k);
}

static void backward(const struct hn_call *k)
{
    partial_back(k);
    apply_back(k, (double)group(k, 0).n);
}

static size_t scratch(const struct hn_op *op, size_t rows)
{
    (void)rows;
    return 4 * op->in.c * sizeof(real);
}

static const struct hn_op_statistics statistics = {partial, settle, apply, partial_back, apply_back};

const struct hn_op_kind hn_op_batchnorm = {.name = "batchnorm",
                                           .reads_x = true,
                                           .shape = shape,
                                           .flops = flops,
                                           .scratch = scratch,
                                           .forward = forward,
                                           .backward = backward,
                                           .infer = infer,
                                           .statistics = &statistics};
