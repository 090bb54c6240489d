/* augment/resize.c - resizing with a triangle filter and antialiasing, in integers.
 *
 *   n -> m samples of an axis:  s = n/m,  r = max(s, 1),  output x has its centre at c = (x + 0.5) s;
 *   taps trunc(c - r + 0.5) .. trunc(c + r + 0.5) - 1 within 0 .. n-1;
 *   weight of tap t: max(0, 1 - |(t - c + 0.5) (1/r)|), divided by their sum, to 22 bits;
 *   value = (2^21 + sum weight * value) >> 22, clipped.
 *
 * Pillow 12, src/libImaging/Resample.c.  The width comes first and is rounded to
 * 8 bits before the height; an axis whose length stays is left alone.  Weights
 * are never negative and add up to 2^22 or nearly, so a sum stays below 2^31. */
#include "augment/ops.h"
#include "base/mem.h"
#include <math.h>
#include <string.h>

enum { BITS = 22 };

struct axis {
    size_t taps;     /* room per output sample */
    uint32_t *first; /* (m) */
    uint32_t *count; /* (m) */
    int32_t *weight; /* (m, taps) */
};

static size_t most_taps(size_t n, size_t m)
{
    return n > m ? 2 * ((n + m - 1) / m) + 1 : 3;
}

static void carve_axis(struct axis *a, hn_carver *c, size_t n, size_t m)
{
    a->taps = most_taps(n, m);
    a->first = hn_carve(c, sizeof *a->first, m);
    a->count = hn_carve(c, sizeof *a->count, m);
    a->weight = hn_carve(c, m * sizeof *a->weight, a->taps);
}

static void layout(hn_carver *carver, struct axis *across, struct axis *down, unsigned char **rows,
                   size_t out_h, size_t out_w, size_t h, size_t w, size_t c)
{
    carve_axis(across, carver, w, out_w);
    carve_axis(down, carver, h, out_h);
    *rows = hn_carve(carver, out_w * c, h);
}

size_t hn_resize_scratch(size_t out_h, size_t out_w, size_t h, size_t w, size_t c)
{
    hn_carver count = {0};
    struct axis across, down;
    unsigned char *rows;

    layout(&count, &across, &down, &rows, out_h, out_w, h, w, c);
    return count.bytes;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Taps and weights of every output sample. */
static void weigh(struct axis *a, size_t n, size_t m)
{
    double scale = (double)n / (double)m, reach = fmax(scale, 1.0), narrow = 1.0 / reach;

    for (size_t x = 0; x < m; x++) {
        double centre = ((double)x + 0.5) * scale, sum = 0.0;
        double low = centre - reach + 0.5, high = centre + reach + 0.5;
        size_t first = low > 0.0 ? (size_t)low : 0, end = high < (double)n ? (size_t)high : n;
        int32_t *weight = a->weight + x * a->taps;

        for (size_t t = first; t < end; t++)
            sum += triangle(((double)t - centre + 0.5) * narrow);
        for (size_t t = first; t < end; t++)
            weight[t - first] =
                (int32_t)(0.5 + triangle(((double)t - centre + 0.5) * narrow) / sum * (double)(1 << BITS));
        a->first[x] = (uint32_t)first;
        a->count[x] = (uint32_t)(end - first);
    }
}

static inline unsigned char to_byte(int32_t sum)
{
    sum >>= BITS;
    return (unsigned char)(sum > 255 ? 255 : sum);
}

/* One row, from left to right; c is a constant where this is called. */
static inline void across_row(unsigned char *restrict out, const unsigned char *restrict in,
                              const struct axis *a, size_t m, size_t c)
{
    for (size_t x = 0; x < m; x++) {
        const int32_t *weight = a->weight + x * a->taps;
        const unsigned char *from = in + a->first[x] * c;
        int32_t sum[HN_CHANNELS];

        for (size_t k = 0; k < c; k++)
            sum[k] = 1 << (BITS - 1);
        for (size_t t = 0; t < a->count[x]; t++)
            for (size_t k = 0; k < c; k++)
                sum[k] += weight[t] * from[t * c + k];
        for (size_t k = 0; k < c; k++)
            out[x * c + k] = to_byte(sum[k]);
    }
}

/* h rows of `step` bytes from in to rows of m pixels. */
static void across_all(unsigned char *out, const unsigned char *in, size_t step, const struct axis *a,
                       size_t h, size_t m, size_t c)
{
    for (size_t y = 0; y < h; y++, out += m * c, in += step)
        switch (c) {
        case 1:
            across_row(out, in, a, m, 1);
            break;
        case 2:
            across_row(out, in, a, m, 2);
            break;
        case 3:
            across_row(out, in, a, m, 3);
            break;
        default:
            across_row(out, in, a, m, HN_CHANNELS);
        }
}

/* One output row of n bytes from `taps` rows `step` bytes apart, a stretch at a time. */
static void down_row(unsigned char *restrict out, const unsigned char *restrict in, size_t step,
                     const int32_t *weight, size_t taps, size_t n)
{
    enum { STRETCH = 64 };
    int32_t sum[STRETCH];

    for (size_t at = 0; at < n; at += STRETCH) {
        size_t length = n - at < STRETCH ? n - at : STRETCH;
        for (size_t i = 0; i < STRETCH; i++)
            sum[i] = 1 << (BITS - 1);
        for (size_t t = 0; t < taps; t++)
            for (size_t i = 0; i < length; i++)
                sum[i] += weight[t] * in[t * step + at + i];
        for (size_t i = 0; i < length; i++)
            out[at + i] = to_byte(sum[i]);
    }
}

void hn_resize(unsigned char *out, size_t out_h, size_t out_w, const unsigned char *in, size_t in_w, size_t c,
               struct hn_box box, void *scratch)
{
    hn_carver carver = {.block = scratch};
    struct axis across, down;
    unsigned char *rows;
    const unsigned char *from = in + (box.top * in_w + box.left) * c;
    size_t step = in_w * c, line = out_w * c;

    layout(&carver, &across, &down, &rows, out_h, out_w, box.h, box.w, c);
    if (box.w != out_w) {
        weigh(&across, box.w, out_w);
        if (box.h == out_h)
            rows = out;
        across_all(rows, from, step, &across, box.h, out_w, c);
        from = rows;
        step = line;
    }
    if (box.h != out_h) {
        weigh(&down, box.h, out_h);
        for (size_t y = 0; y < out_h; y++)
            down_row(out + y * line, from + down.first[y] * step, step, down.weight + y * down.taps,
                     down.count[y], line);
    } else if (box.w == out_w) {
        for (size_t y = 0; y < out_h; y++)
            memcpy(out + y * line, from + y * step, line);
    }
}
