/* augment/jitter.c - brightness and contrast, in a random order: torchvision's ColorJitter.
 *
 * Both blend an image with one base value d (Pillow's Image.blend and ImageEnhance):
 *   value = d + f (p - d)  in float32 without fused multiply-add (-ffp-contract=off),
 * clipped to 0 .. 255, then truncated.  Brightness: d = 0.  Contrast: d = trunc(mean luma + 0.5).
 * Luma of RGB: (19595 R + 38470 G + 7471 B + 32768) >> 16; with any other number of
 * channels every value counts as luma. */
#include "augment/ops.h"
#include <string.h>

hn_jitter_op *const hn_jitter_ops[HN_JITTER_OPS] = {
    [HN_BRIGHTNESS] = hn_brightness,
    [HN_CONTRAST] = hn_contrast,
};

/* Factors 0 and 1 need no case of their own: d + 0 (p - d) and d + 1 (p - d) are exact. */
static void blend(unsigned char *image, size_t n, float base, float factor)
{
    for (size_t i = 0; i < n; i++) {
        float value = base + factor * ((float)image[i] - base);
        value = value > 0.0f ? value : 0.0f;
        value = value < 255.0f ? value : 255.0f;
        image[i] = (unsigned char)(int)value;
    }
}

void hn_brightness(unsigned char *image, size_t pixels, size_t c, float factor)
{
    blend(image, pixels * c, 0.0f, factor);
}

static inline unsigned luma(const unsigned char *rgb)
{
    return (19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16;
}

void hn_luma(unsigned char *out, const unsigned char *rgb, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        out[i] = (unsigned char)luma(rgb + 3 * i);
}

void hn_contrast(unsigned char *image, size_t pixels, size_t c, float factor)
{
    size_t values = c == 3 ? pixels : pixels * c;
    uint64_t sum = 0;

    if (c == 3)
        for (size_t i = 0; i < pixels; i++)
            sum += luma(image + 3 * i);
    else
        for (size_t i = 0; i < values; i++)
            sum += image[i];
    blend(image, pixels * c, (float)(int)((double)sum / (double)values + 0.5), factor);
}

/* Permutation `number` of 0 .. 3 in lexicographic order: its digits say who of the rest comes next. */
static void permutation(unsigned char order[HN_JITTER_PLACES], uint64_t number)
{
    static const uint64_t ways[HN_JITTER_PLACES] = {6, 2, 1, 1}; /* to order those that come after */

    for (size_t i = 0; i < HN_JITTER_PLACES; i++)
        order[i] = (unsigned char)i;
    for (size_t i = 0; i < HN_JITTER_PLACES; i++) {
        size_t pick = i + number / ways[i] % (HN_JITTER_PLACES - i);
        unsigned char chosen = order[pick];
        memmove(order + i + 1, order + i, pick - i);
        order[i] = chosen;
        number %= ways[i];
    }
}

struct hn_jitter hn_jitter_draw(hn_draws *d, const double strength[HN_JITTER_OPS])
{
    struct hn_jitter j;

    permutation(j.order, hn_draw_between(d, 0, 23));
    for (int op = 0; op < HN_JITTER_PLACES; op++) {
        double u = hn_draw_unit(d);
        if (op < HN_JITTER_OPS) {
            double low = strength[op] < 1.0 ? 1.0 - strength[op] : 0.0, high = 1.0 + strength[op];
            j.factor[op] = (float)(low + (high - low) * u);
        }
    }
    return j;
}

void hn_jitter_apply(const struct hn_jitter *j, unsigned char *image, size_t pixels, size_t c)
{
    for (int place = 0; place < HN_JITTER_PLACES; place++) {
        int op = j->order[place];
        if (op < HN_JITTER_OPS && j->factor[op] != 1.0f)
            hn_jitter_ops[op](image, pixels, c, j->factor[op]);
    }
}
