/* Convolution by unfolding (im2col) and GEMM: the reference for every faster way.
 *
 *   y[r, oy, ox, o] = bias[o] + sum over kh, kw, c of x[r, oy s + kh - p, ox s + kw - p, c] weight[o, c, kh,
 * kw]
 *
 * The output is cut into chunks of whole lines, their number a function of the
 * shapes alone.  The input lines under a chunk are copied with their padding;
 * its patches become the rows of a matrix `cols`, columns in the order
 * (kh, kw, c): in NHWC the part of a patch on one line is one run of memory.
 * Weights are repacked to that order, (c_out, K).
 *
 *   forward:  y = cols W'      data: dcols = dy W, folded back      weight: dW += dy' cols
 *
 * Chunks follow one another in ascending order, so sums over them have a fixed order. */
#include "backend/unfold.h"
#include "base/simd.h"
#include <string.h>

/* Reals of one chunk of patches, half of a usual second-level cache in float (measured: 32 to 128 Ki alike,
 * 8 Ki a third slower for wide layers).  Runs are copied in whole blocks: what they write too much the next
 * run overwrites, and each array ends in a block of slack. */
enum { CHUNK = 64 * 1024, BLOCK = 8 };
/* Patches of a chunk, at least, where there are so many: every chunk reads all weights, or reads and writes
 * all their gradients. */
enum { LEAST = 256 };

/* What follows from the shapes. */
struct plan {
    size_t out_h, out_w;
    size_t run;        /* kernel * c_in: reals of a patch on one input line */
    size_t k;          /* reals of a patch */
    size_t lines, all; /* output lines of a chunk, of all images */
    size_t high, wide; /* of a padded image: lines, reals in a line */
    bool direct;       /* x itself is the matrix of patches */
};

static struct plan plan_of(const struct hn_conv *c)
{
    struct plan p = {.out_h = hn_conv_out(c->h, c->kernel, c->stride, c->padding),
                     .out_w = hn_conv_out(c->w, c->kernel, c->stride, c->padding),
                     .run = c->kernel * c->c_in,
                     .high = c->h + 2 * c->padding,
                     .wide = (c->w + 2 * c->padding) * c->c_in,
                     .direct = c->kernel == 1 && c->stride == 1 && c->padding == 0};

    p.k = c->kernel * p.run;
    p.all = c->rows * p.out_h;
    p.lines = CHUNK / (p.out_w * p.k);
    p.lines = p.lines * p.out_w < LEAST ? (LEAST + p.out_w - 1) / p.out_w : p.lines;
    p.lines = p.direct || p.lines > p.all ? p.all : p.lines;
    return p;
}

/* Scratch: weights, patches, padded lines. */
struct scratch {
    real *packed, *cols, *lines;
    size_t size;
};

static struct scratch scratch_of(const struct hn_conv *c, const struct plan *p, real *at)
{
    size_t packed = c->c_out * p->k, cols = p->lines * p->out_w * p->k + BLOCK;
    /* Images begin on new lines: within an image, a line more of output takes `stride` more of input, from
     * one image to the next less than kernel + stride. */
    size_t lines = p->lines * c->stride + (p->lines / p->out_h + 2) * (c->kernel + c->stride);

    return (struct scratch){at, at + packed, at + packed + cols, packed + cols + lines * p->wide + BLOCK};
}

size_t hn_unfold_scratch(const struct hn_conv *c)
{
    struct plan p = plan_of(c);

    return p.direct ? 0 : scratch_of(c, &p, NULL).size;
}

/* Where the patches of an output line begin, in lines of all padded images one after the other. */
static size_t top(const struct hn_conv *c, const struct plan *p, size_t line)
{
    return line / p->out_h * p->high + line % p->out_h * c->stride;
}

/* The padded lines under output lines first .. first+count-1. */
struct under {
    size_t first, count;
};

static struct under under(const struct hn_conv *c, const struct plan *p, size_t first, size_t count)
{
    size_t begin = top(c, p, first);

    return (struct under){begin, top(c, p, first + count - 1) + c->kernel - begin};
}

/* The line of x in a padded line, or NULL: it is padding alone. */
static const real *inside(const struct hn_conv *c, const struct plan *p, const real *x, size_t padded)
{
    size_t y = padded % p->high;

    if (y < c->padding || y - c->padding >= c->h)
        return NULL;
    return x + (padded / p->high * c->h + y - c->padding) * (c->w * c->c_in);
}

static void pad(const struct hn_conv *c, const struct plan *p, real *to, const real *x, struct under u)
{
    size_t side = c->padding * c->c_in, width = c->w * c->c_in;

    for (size_t i = u.first; i < u.first + u.count; i++, to += p->wide) {
        const real *from = inside(c, p, x, i);
        if (from == NULL) {
            memset(to, 0, p->wide * sizeof *to);
            continue;
        }
        memset(to, 0, side * sizeof *to);
        memcpy(to + side, from, width * sizeof *to);
        memset(to + side + width, 0, side * sizeof *to);
    }
}

/* n reals, rounded up to whole blocks. */
static inline void copy(real *restrict to, const real *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i += BLOCK)
        for (size_t j = 0; j < BLOCK; j++)
            to[i + j] = from[i + j];
}

/* The patches under `count` output lines. */
HN_EACH_WIDTH static void unfold(const struct hn_conv *c, const struct plan *p, const struct scratch *s,
                                 const real *x, size_t first, size_t count)
{
    struct under u = under(c, p, first, count);
    real *to = s->cols;

    pad(c, p, s->lines, x, u);
    for (size_t line = first; line < first + count; line++) {
        const real *from = s->lines + (top(c, p, line) - u.first) * p->wide;
        for (size_t ox = 0; ox < p->out_w; ox++, from += c->stride * c->c_in)
            for (size_t kh = 0; kh < c->kernel; kh++, to += p->run)
                copy(to, from + kh * p->wide, p->run);
    }
}

static void add(real *restrict to, const real *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* The transpose of unfold: patches are added back to where they came from. */
HN_EACH_WIDTH static void fold(const struct hn_conv *c, const struct plan *p, const struct scratch *s,
                               real *dx, size_t first, size_t count)
{
    struct under u = under(c, p, first, count);
    const real *from = s->cols;

    memset(s->lines, 0, u.count * p->wide * sizeof *s->lines);
    for (size_t line = first; line < first + count; line++) {
        real *to = s->lines + (top(c, p, line) - u.first) * p->wide;
        for (size_t ox = 0; ox < p->out_w; ox++, to += c->stride * c->c_in)
            for (size_t kh = 0; kh < c->kernel; kh++, from += p->run)
                add(to + kh * p->wide, from, p->run);
    }
    for (size_t i = 0; i < u.count; i++) {
        real *to = (real *)inside(c, p, dx, u.first + i);
        if (to)
            add(to, s->lines + i * p->wide + c->padding * c->c_in, c->w * c->c_in);
    }
}

/* (n, s) to (s, n), or back; fast where s is a constant. */
static inline void transpose(real *restrict to, const real *restrict from, size_t n, size_t s, bool back)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < s; j++)
            if (back)
                to[i * s + j] = from[j * n + i];
            else
                to[j * n + i] = from[i * s + j];
}

/* (c_out, c_in, kernel * kernel) to (c_out, kernel * kernel, c_in), or back. */
static void repack(const struct hn_conv *c, real *to, const real *from, bool back)
{
    size_t n = c->c_in, s = c->kernel * c->kernel;

    for (size_t o = 0; o < c->c_out; o++, to += n * s, from += n * s)
        if (s == 9 && back)
            transpose(to, from, n, 9, true);
        else if (s == 9)
            transpose(to, from, n, 9, false);
        else
            transpose(to, from, n, s, back);
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

void hn_unfold_forward(const struct hn_conv *c, real *y, const real *x, const real *weight, const real *bias,
                       real *scratch)
{
    struct plan p = plan_of(c);
    struct scratch s = scratch_of(c, &p, scratch);

    if (!p.direct)
        repack(c, s.packed, weight, false);
    for (size_t first = 0, count; first < p.all; first += count) {
        count = lines_at(&p, first);
        size_t m = count * p.out_w;
        real *at = y + first * p.out_w * c->c_out;
        start(at, bias, m, c->c_out);
        if (!p.direct)
            unfold(c, &p, &s, x, first, count);
        hn_gemm(false, true, m, c->c_out, p.k, 1, p.direct ? x : s.cols, p.k, p.direct ? weight : s.packed,
                p.k, 1, at, c->c_out);
    }
}

void hn_unfold_backward_data(const struct hn_conv *c, real *dx, const real *dy, const real *weight,
                             real *scratch)
{
    struct plan p = plan_of(c);
    struct scratch s = scratch_of(c, &p, scratch);

    if (p.direct) {
        hn_gemm(false, false, p.all * p.out_w, c->c_in, c->c_out, 1, dy, c->c_out, weight, c->c_in, 0, dx,
                c->c_in);
        return;
    }
    repack(c, s.packed, weight, false);
    memset(dx, 0, c->rows * c->h * c->w * c->c_in * sizeof *dx);
    for (size_t first = 0, count; first < p.all; first += count) {
        count = lines_at(&p, first);
        size_t m = count * p.out_w;
        memset(s.cols, 0, m * p.k * sizeof *s.cols);
        hn_gemm(false, false, m, p.k, c->c_out, 1, dy + first * p.out_w * c->c_out, c->c_out, s.packed, p.k,
                1, s.cols, p.k);
        fold(c, &p, &s, dx, first, count);
    }
}

void hn_unfold_backward_weight(const struct hn_conv *c, real *dweight, const real *dy, const real *x,
                               real *scratch)
{
    struct plan p = plan_of(c);
    struct scratch s = scratch_of(c, &p, scratch);
    real *packed = p.direct ? dweight : s.packed;

    memset(packed, 0, c->c_out * p.k * sizeof *packed);
    for (size_t first = 0, count; first < p.all; first += count) {
        count = lines_at(&p, first);
        if (!p.direct)
            unfold(c, &p, &s, x, first, count);
        hn_gemm(true, false, c->c_out, p.k, count * p.out_w, 1, dy + first * p.out_w * c->c_out, c->c_out,
                p.direct ? x : s.cols, p.k, 1, packed, p.k);
    }
    if (!p.direct)
        repack(c, dweight, packed, true);
}
