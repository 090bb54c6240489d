/* augment/blur.c - Gaussian blurs, in place: along the rows, then down the columns.
 *
 *   weights exp(-x^2 / (2 sigma^2)), x = -half .. half, divided by their sum;
 *   beyond an edge the image goes on mirrored, the edge itself not repeated.
 *
 * OpenCV's (cv2.GaussianBlur on 8 bits): weights times 256 become integers, from the outside
 * to the middle, halves to even, what rounding cut off is handed on inwards, and the middle is
 * 256 minus the rest.  Sums are exact; (sum + 2^15) >> 16 at the end.
 * torchvision's (gaussian_blur): in float32, rounded at the end, halves to even. */
#include "augment/ops.h"
#include "base/mem.h"
#include "base/simd.h"
#include <math.h>
#include <string.h>

/* What both find in their scratch; the units are uint16_t or float. */
struct rooms {
    double *gauss;       /* (half + 1) from the outside to the middle */
    unsigned char *line; /* (w + 2 half, c): a row with what lies beyond its edges */
    void *weight;        /* (kernel) units */
    void *rows;          /* (h, w, c) units: the image after the first pass */
};

static struct rooms layout(hn_carver *carver, size_t h, size_t w, size_t c, size_t kernel)
{
    struct rooms r;

    r.gauss = hn_carve(carver, sizeof *r.gauss, kernel / 2 + 1);
    r.line = hn_carve(carver, c, w + kernel);
    r.weight = hn_carve(carver, sizeof(float), kernel);
    r.rows = hn_carve(carver, w * c * sizeof(float), h);
    return r;
}

size_t hn_blur_scratch(size_t h, size_t w, size_t c, size_t kernel)
{
    hn_carver count = {0};

    (void)layout(&count, h, w, c, kernel);
    return count.bytes;
}

static void weigh(double *gauss, size_t kernel, double sigma)
{
    size_t half = kernel / 2;
    double sum = 0.0;

    for (size_t t = 0; t <= half; t++) {
        double x = (double)(half - t) / sigma;
        gauss[t] = exp(-0.5 * x * x);
        sum += t < half ? 2.0 * gauss[t] : gauss[t];
    }
    for (size_t t = 0; t <= half; t++)
        gauss[t] /= sum;
}

static void whole_weights(uint16_t *weight, const double *gauss, size_t kernel)
{
    size_t half = kernel / 2;
    double left_over = 0.0;
    int rest = 256;

    for (size_t t = 0; t < half; t++) {
        double wanted = gauss[t] * 256.0 + left_over;
        int w = (int)rint(wanted);
        left_over = wanted - w;
        weight[t] = weight[kernel - 1 - t] = (uint16_t)w;
        rest -= 2 * w;
    }
    weight[half] = (uint16_t)rest;
}

/* Where the mirrored sample n + half .. or half before the first lies; half < n. */
static inline size_t mirrored(size_t at, size_t half, size_t n)
{
    if (at < half)
        return half - at;
    at -= half;
    return at < n ? at : 2 * (n - 1) - at;
}

static inline void fill_line(unsigned char *restrict line, const unsigned char *restrict row, size_t w,
                             size_t c, size_t half)
{
    memcpy(line + half * c, row, w * c);
    for (size_t i = 0; i < half; i++)
        for (size_t k = 0; k < c; k++) {
            line[i * c + k] = row[mirrored(i, half, w) * c + k];
            line[(half + w + i) * c + k] = row[mirrored(half + w + i, half, w) * c + k];
        }
}

enum { STRETCH = 64 };

HN_EACH_WIDTH static void blur_whole(unsigned char *image, size_t h, size_t w, size_t c, size_t kernel,
                                     const struct rooms *r)
{
    const uint16_t *weight = r->weight;
    uint16_t *rows = r->rows;
    size_t line = w * c;

    for (size_t y = 0; y < h; y++) {
        uint16_t *restrict out = rows + y * line; /* at most 256 * 255 */
        fill_line(r->line, image + y * line, w, c, kernel / 2);
        memset(out, 0, line * sizeof *out);
        for (size_t t = 0; t < kernel; t++)
            for (size_t i = 0; i < line; i++)
                out[i] = (uint16_t)(out[i] + weight[t] * r->line[t * c + i]);
    }
    for (size_t y = 0; y < h; y++)
        for (size_t at = 0; at < line; at += STRETCH) {
            size_t n = line - at < STRETCH ? line - at : STRETCH;
            uint32_t sum[STRETCH];
            for (size_t i = 0; i < STRETCH; i++)
                sum[i] = 1u << 15;
            for (size_t t = 0; t < kernel; t++) {
                const uint16_t *restrict from = rows + mirrored(y + t, kernel / 2, h) * line + at;
                for (size_t i = 0; i < n; i++)
                    sum[i] += (uint32_t)weight[t] * from[i];
            }
            for (size_t i = 0; i < n; i++)
                image[y * line + at + i] = (unsigned char)(sum[i] >> 16);
        }
}

HN_EACH_WIDTH static void blur_real(unsigned char *image, size_t h, size_t w, size_t c, size_t kernel,
                                    const struct rooms *r)
{
    const float *weight = r->weight;
    float *rows = r->rows;
    size_t line = w * c;

    for (size_t y = 0; y < h; y++) {
        float *restrict out = rows + y * line;
        fill_line(r->line, image + y * line, w, c, kernel / 2);
        memset(out, 0, line * sizeof *out);
        for (size_t t = 0; t < kernel; t++)
            for (size_t i = 0; i < line; i++)
                out[i] += weight[t] * (float)r->line[t * c + i];
    }
    for (size_t y = 0; y < h; y++)
        for (size_t at = 0; at < line; at += STRETCH) {
            size_t n = line - at < STRETCH ? line - at : STRETCH;
            float sum[STRETCH] = {0};
            for (size_t t = 0; t < kernel; t++) {
                const float *restrict from = rows + mirrored(y + t, kernel / 2, h) * line + at;
                for (size_t i = 0; i < n; i++)
                    sum[i] += weight[t] * from[i];
            }
            for (size_t i = 0; i < n; i++) {
                float value = rintf(sum[i]);
                image[y * line + at + i] = (unsigned char)(int)(value < 255.0f ? value : 255.0f);
            }
        }
}

void hn_blur_opencv(unsigned char *image, size_t h, size_t w, size_t c, size_t kernel, double sigma,
                    void *scratch)
{
    hn_carver carver = {.block = scratch};
    struct rooms r = layout(&carver, h, w, c, kernel);

    weigh(r.gauss, kernel, sigma);
    whole_weights(r.weight, r.gauss, kernel);
    blur_whole(image, h, w, c, kernel, &r);
}

void hn_blur_torchvision(unsigned char *image, size_t h, size_t w, size_t c, size_t kernel, double sigma,
                         void *scratch)
{
    hn_carver carver = {.block = scratch};
    struct rooms r = layout(&carver, h, w, c, kernel);
    float *weight = r.weight;

    weigh(r.gauss, kernel, sigma);
    for (size_t t = 0; t < kernel; t++)
        weight[t] = (float)r.gauss[t <= kernel / 2 ? t : kernel - 1 - t];
    blur_real(image, h, w, c, kernel, &r);
}
