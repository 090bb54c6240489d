/* augment/jitter.c - brightness, contrast, saturation and hue, in a random order: torchvision's ColorJitter.
 *
 * All but hue (hue.c) blend an image with a base d (Pillow's Image.blend and ImageEnhance):
 *   value = d + f (p - d)  in float32 without fused multiply-add (-ffp-contract=off),
 * clipped to 0 .. 255, then truncated.  Brightness: d = 0.  Contrast: d = trunc(mean luma + 0.5).
 * Saturation: d = luma of the pixel.  With any number of channels but three there are no
 * colours: every value counts as luma, and saturation and hue do nothing. */
#include "augment/ops.h"
#include "base/simd.h"
#include <string.h>

hn_jitter_op *const hn_jitter_ops[HN_JITTER_OPS] = {
    [HN_BRIGHTNESS] = hn_brightness,
    [HN_CONTRAST] = hn_contrast,
    [HN_SATURATION] = hn_saturation,
    [HN_HUE] = hn_hue,
};

/* Factors 0 and 1 need no case of their own: d + 0 (p - d) and d + 1 (p - d) are exact. */
static inline unsigned char blended(unsigned char pixel, float base, float factor)
{
    float value = base + factor * ((float)pixel - base);

    value = value > 0.0f ? value : 0.0f;
    value = value < 255.0f ? value : 255.0f;
    return (unsigned char)(int)value;
}

HN_EACH_WIDTH static void blend(unsigned char *image, size_t n, float base, float factor)
{
    for (size_t i = 0; i < n; i++)
        image[i] = blended(image[i], base, factor);
}

void hn_brightness(unsigned char *image, size_t pixels, size_t c, float factor)
{
    blend(image, pixels * c, 0.0f, factor);
}

void hn_contrast(unsigned char *image, size_t pixels, size_t c, float factor)
{
    size_t values = c == 3 ? pixels : pixels * c;
    uint64_t sum = 0;

    if (c == 3)
        for (size_t i = 0; i < pixels; i++)
            sum += hn_luma_of(image + 3 * i);
    else
        for (size_t i = 0; i < values; i++)
            sum += image[i];
    blend(image, pixels * c, (float)(int)((double)sum / (double)values + 0.5), factor);
}

HN_EACH_WIDTH static void blend_with_luma(unsigned char *image, size_t pixels, float factor)
{
    for (size_t i = 0; i < pixels; i++, image += 3) {
        float base = (float)hn_luma_of(image);
        for (size_t k = 0; k < 3; k++)
            image[k] = blended(image[k], base, factor);
    }
}

void hn_saturation(unsigned char *image, size_t pixels, size_t c, float factor)
{
    if (c == 3)
        blend_with_luma(image, pixels, factor);
}

/* Permutation `number` of 0 .. 3 in lexicographic order: its digits say who of the rest comes next. */
static void permutation(unsigned char order[HN_JITTER_OPS], uint64_t number)
{
    static const uint64_t ways[HN_JITTER_OPS] = {6, 2, 1, 1}; /* to order those that come after */

    for (size_t i = 0; i < HN_JITTER_OPS; i++)
        order[i] = (unsigned char)i;
    for (size_t i = 0; i < HN_JITTER_OPS; i++) {
        size_t pick = i + number / ways[i] % (HN_JITTER_OPS - i);
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
    for (int op = 0; op < HN_JITTER_OPS; op++) {
        double u = hn_draw_unit(d), middle = op == HN_HUE ? 0.0 : 1.0;
        double low = middle - strength[op], high = middle + strength[op];
        if (op != HN_HUE && low < 0.0)
            low = 0.0;
        j.on[op] = strength[op] > 0.0;
        j.factor[op] = (float)(low + (high - low) * u);
    }
    return j;
}

void hn_jitter_apply(const struct hn_jitter *j, unsigned char *image, size_t pixels, size_t c)
{
    for (int place = 0; place < HN_JITTER_OPS; place++) {
        int op = j->order[place];
        if (j->on[op])
            hn_jitter_ops[op](image, pixels, c, j->factor[op]);
    }
}
