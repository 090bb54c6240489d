/* augment/crop.c - a random part of an image: torchvision's RandomResizedCrop.get_params.
 *
 * Up to ten tries:  area = h w U(scale),  ratio = exp(U(log low, log high)),
 *   box: round(sqrt(area / ratio)) high, round(sqrt(area ratio)) wide, halves to even;
 * the first that fits is put anywhere with equal chances.  After ten failures: the largest
 * box in the middle with the allowed ratio that is nearest to the image's own. */
#include "augment/ops.h"
#include <math.h>

static double uniform(hn_draws *d, double low, double high)
{
    return low + (high - low) * hn_draw_unit(d);
}

static size_t at_least_one(double x)
{
    return x < 1.0 ? 1 : (size_t)x;
}

static struct hn_box largest_in_the_middle(size_t h, size_t w, const double ratio[2])
{
    struct hn_box box = {.h = h, .w = w};
    double own = (double)w / (double)h;

    if (own < ratio[0])
        box.h = at_least_one(rint((double)w / ratio[0]));
    else if (own > ratio[1])
        box.w = at_least_one(rint((double)h * ratio[1]));
    box.top = (h - box.h) / 2;
    box.left = (w - box.w) / 2;
    return box;
}

struct hn_box hn_crop_draw(hn_draws *d, size_t h, size_t w, const double scale[2], const double ratio[2])
{
    double low = log(ratio[0]), high = log(ratio[1]);

    for (int attempt = 0; attempt < 10; attempt++) {
        double area = (double)(h * w) * uniform(d, scale[0], scale[1]);
        double shape = exp(uniform(d, low, high));
        double wide = rint(sqrt(area * shape)), tall = rint(sqrt(area / shape));
        if (wide >= 1.0 && wide <= (double)w && tall >= 1.0 && tall <= (double)h) {
            struct hn_box box = {.h = (size_t)tall, .w = (size_t)wide};
            box.top = hn_draw_between(d, 0, h - box.h);
            box.left = hn_draw_between(d, 0, w - box.w);
            return box;
        }
    }
    return largest_in_the_middle(h, w, ratio);
}
