/* augment/fit.c - what is done to an image for evaluation: shorter side to a size, then the middle.
 *
 * torchvision's Resize and CenterCrop: the longer side becomes trunc(size * long / short);
 * the middle starts at round((n - size) / 2), halves to even; an image smaller than
 * that is padded with zeros, (size - n) / 2 of them first, rounded down. */
#include "augment/ops.h"
#include <math.h>
#include <string.h>

void hn_fit_shape(size_t *out_h, size_t *out_w, size_t h, size_t w, size_t shorter)
{
    *out_h = h <= w ? shorter : shorter * h / w;
    *out_w = h <= w ? shorter * w / h : shorter;
}

/* Along one axis: output first .. first + count - 1 comes from input `from` onwards. */
struct overlap {
    size_t first, from, count;
};

static struct overlap middle(size_t n, size_t size)
{
    if (n < size)
        return (struct overlap){.first = (size - n) / 2, .count = n};
    return (struct overlap){.from = (size_t)rint((double)(n - size) / 2.0), .count = size};
}

void hn_centre_crop(unsigned char *out, size_t out_h, size_t out_w, const unsigned char *in, size_t h,
                    size_t w, size_t c)
{
    struct overlap y = middle(h, out_h), x = middle(w, out_w);

    if (y.count < out_h || x.count < out_w)
        memset(out, 0, out_h * out_w * c);
    for (size_t i = 0; i < y.count; i++)
        memcpy(out + ((y.first + i) * out_w + x.first) * c, in + ((y.from + i) * w + x.from) * c,
               x.count * c);
}
