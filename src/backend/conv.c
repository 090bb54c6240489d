/* Convolution by unfolding (im2col) and GEMM: the reference for every faster way.
 *
 *   y[r, oy, ox, o] = bias[o] + sum over kh, kw, c of x[r, oy s + kh - p, ox s + kw - p, c] weight[o, c, kh,
 * kw]
 *
 * The output is cut into chunks of whole lines, their number a function of the
 * shapes alone.  A chunk's patches become the rows of a matrix `cols`, columns
 * in the order (kh, kw, c): in NHWC the part of a patch on one input line is
 * one run of memory.  Weights are repacked to that order, (c_out, K).
 *
 *   forward:  y = cols W'      data: dcols = dy W, folded back      weight: dW += dy' cols
 *
 * Chunks follow one another in ascending order, so sums over them have a fixed order. */
#include "backend/backend.h"
#include <string.h>

/* Reals of one chunk of patches, half of a usual second-level cache in float (measured: 32 to 128 Ki alike,
 * 8 Ki a third slower for wide layers). */
enum { CHUNK = 64 * 1024 };

/* What follows from the shapes. */
struct plan {
    size_t out_h, out_w;
    size_t run;        /* kernel * c_in: reals of a patch on one input line */
    size_t k;          /* reals of a patch */
    size_t lines, all; /* output lines of a chunk, of all images */
    bool direct;       /* x itself is the matrix of patches */
};

size_t hn_conv_out(size_t n, size_t kernel, size_t stride, size_t padding)
{
    return (n + 2 * padding - kernel) / stride + 1;
}

static struct plan plan_of(const struct hn_conv *c)
{
    struct plan p = {.out_h = hn_conv_out(c->h, c->kernel, c->stride, c->padding),
                     .out_w = hn_conv_out(c->w, c->kernel, c->stride, c->padding),
                     .run = c->kernel * c->c_in,
                     .direct = c->kernel == 1 && c->stride == 1 && c->padding == 0};

    p.k = c->kernel * p.run;
    p.all = c->rows * p.out_h;
    p.lines = CHUNK / (p.out_w * p.k);
    p.lines = p.lines < 1 ? 1 : p.lines;
    p.lines = p.direct || p.lines > p.all ? p.all : p.lines;
    return p;
}

size_t hn_conv_scratch(const struct hn_conv *c)
{
    struct plan p = plan_of(c);

    return p.direct ? 0 : c->c_out * p.k + p.lines * p.out_w * p.k;
}

/* Where the patch of output pixel (oy, ox) meets input line kh of its image: reals [skip, skip + count) of
 * its run lie at image + offset, the others are padding. */
struct piece {
    size_t skip, count, offset;
};

static inline struct piece piece_of(const struct hn_conv *c, size_t oy, size_t ox, size_t kh)
{
    size_t iy = oy * c->stride + kh, ix = ox * c->stride; /* both `padding` too large */
    size_t low = ix < c->padding ? c->padding - ix : 0, end = c->padding + c->w;
    size_t high = end > ix + c->kernel ? c->kernel : end > ix ? end - ix : 0;

    if (iy < c->padding || iy - c->padding >= c->h || low >= high)
        return (struct piece){0, 0, 0};
    return (struct piece){low * c->c_in, (high - low) * c->c_in,
                          ((iy - c->padding) * c->w + ix + low - c->padding) * c->c_in};
}

static void unfold(const struct hn_conv *c, const struct plan *p, real *cols, const real *x, size_t first,
                   size_t count)
{
    for (size_t line = first; line < first + count; line++) {
        const real *image = x + line / p->out_h * (c->h * c->w * c->c_in);
        size_t oy = line % p->out_h;
        for (size_t ox = 0; ox < p->out_w; ox++)
            for (size_t kh = 0; kh < c->kernel; kh++, cols += p->run) {
                struct piece r = piece_of(c, oy, ox, kh);
                if (r.count < p->run)
                    memset(cols, 0, p->run * sizeof *cols);
                memcpy(cols + r.skip, image + r.offset, r.count * sizeof *cols);
            }
    }
}

/* The transpose of unfold: patches are added back to where they came from. */
static void fold(const struct hn_conv *c, const struct plan *p, real *dx, const real *cols, size_t first,
                 size_t count)
{
    for (size_t line = first; line < first + count; line++) {
        real *image = dx + line / p->out_h * (c->h * c->w * c->c_in);
        size_t oy = line % p->out_h;
        for (size_t ox = 0; ox < p->out_w; ox++)
            for (size_t kh = 0; kh < c->kernel; kh++, cols += p->run) {
                struct piece r = piece_of(c, oy, ox, kh);
                real *restrict to = image + r.offset;
                const real *restrict from = cols + r.skip;
                for (size_t i = 0; i < r.count; i++)
                    to[i] += from[i];
            }
    }
}

/* (c_out, c_in, kernel * kernel) to (c_out, kernel * kernel, c_in), or back. */
static void repack(const struct hn_conv *c, real *to, const real *from, bool back)
{
    size_t n = c->c_in, s = c->kernel * c->kernel;

    for (size_t o = 0; o < c->c_out; o++, to += n * s, from += n * s)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < s; j++)
                if (back)
                    to[i * s + j] = from[j * n + i];
                else
                    to[j * n + i] = from[i * s + j];
}

static size_t lines_at(const struct plan *p, size_t first)
{
    return p->all - first < p->lines ? p->all - first : p->lines;
}

/* y (n, width) = bias in every row, or 0.  GEMMs are then added to it: OpenBLAS's own zeroing goes line by
 * line, slowly where lines are short (7 % of a training step of small images). */
static void start(real *y, const real *bias, size_t n, size_t width)
{
    if (bias == NULL)
        memset(y, 0, n * width * sizeof *y);
    for (size_t i = 0; bias && i < n; i++)
        memcpy(y + i * width, bias, width * sizeof *y);
}

void hn_conv_forward(const struct hn_conv *c, real *y, const real *x, const real *weight, const real *bias,
                     real *scratch)
{
    struct plan p = plan_of(c);
    real *packed = scratch, *cols = scratch + c->c_out * p.k;

    if (!p.direct)
        repack(c, packed, weight, false);
    for (size_t first = 0, count; first < p.all; first += count) {
        count = lines_at(&p, first);
        size_t m = count * p.out_w;
        real *at = y + first * p.out_w * c->c_out;
        start(at, bias, m, c->c_out);
        if (!p.direct)
            unfold(c, &p, cols, x, first, count);
        hn_gemm(false, true, m, c->c_out, p.k, 1, p.direct ? x : cols, p.k, p.direct ? weight : packed, p.k,
                1, at, c->c_out);
    }
}

void hn_conv_backward_data(const struct hn_conv *c, real *dx, const real *dy, const real *weight,
                           real *scratch)
{
    struct plan p = plan_of(c);
    real *packed = scratch, *cols = scratch + c->c_out * p.k;

    if (p.direct) {
        hn_gemm(false, false, p.all * p.out_w, c->c_in, c->c_out, 1, dy, c->c_out, weight, c->c_in, 0, dx,
                c->c_in);
        return;
    }
    repack(c, packed, weight, false);
    memset(dx, 0, c->rows * c->h * c->w * c->c_in * sizeof *dx);
    for (size_t first = 0, count; first < p.all; first += count) {
        count = lines_at(&p, first);
        memset(cols, 0, count * p.out_w * p.k * sizeof *cols);
        hn_gemm(false, false, count * p.out_w, p.k, c->c_out, 1, dy + first * p.out_w * c->c_out, c->c_out,
                packed, p.k, 1, cols, p.k);
        fold(c, &p, dx, cols, first, count);
    }
}

/* Sums of the columns of dy (n, width), in double, rows ascending. */
static void column_sums(real *sum, const real *dy, size_t n, size_t width)
{
    enum { BLOCK = 64 };
    double part[BLOCK];

    for (size_t j = 0; j < width; j += BLOCK) {
        size_t some = width - j < BLOCK ? width - j : BLOCK;
        memset(part, 0, sizeof part);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < some; k++)
                part[k] += (double)dy[i * width + j + k];
        for (size_t k = 0; k < some; k++)
            sum[j + k] = (real)part[k];
    }
}

void hn_conv_backward_weight(const struct hn_conv *c, real *dweight, real *dbias, const real *dy,
                             const real *x, real *scratch)
{
    struct plan p = plan_of(c);
    real *packed = p.direct ? dweight : scratch, *cols = scratch + c->c_out * p.k;

    memset(packed, 0, c->c_out * p.k * sizeof *packed);
    for (size_t first = 0, count; first < p.all; first += count) {
        count = lines_at(&p, first);
        if (!p.direct)
            unfold(c, &p, cols, x, first, count);
        hn_gemm(true, false, c->c_out, p.k, count * p.out_w, 1, dy + first * p.out_w * c->c_out, c->c_out,
                p.direct ? x : cols, p.k, 1, packed, p.k);
    }
    if (!p.direct)
        repack(c, dweight, packed, true);
    if (dbias)
        column_sums(dbias, dy, p.all * p.out_w, c->c_out);
}
