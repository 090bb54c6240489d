/* augment/augment.c - what may be asked for, and what is worked out once. */
#include "augment/view.h"
#include "base/mem.h"
#include <math.h>

static hn_blur *const blurs[] = {
    [HN_BLUR_NONE] = NULL, [HN_BLUR_OPENCV] = hn_blur_opencv, [HN_BLUR_TORCHVISION] = hn_blur_torchvision};
enum { BLURS = sizeof blurs / sizeof blurs[0] };

const char *const *hn_blur_names(void)
{
    static const char *const names[BLURS + 1] = {
        [HN_BLUR_NONE] = "none", [HN_BLUR_OPENCV] = "opencv", [HN_BLUR_TORCHVISION] = "torchvision"};
    return names;
}

enum { SIDE_MOST = 1 << 15 }; /* pixels */

/* Ranges are written so that a NaN is outside. */
static hn_status check_probability(const char *what, double p)
{
    if (!(p >= 0.0 && p <= 1.0))
        return hn_fail(HN_EUSAGE, "views: the probability of %s is %g; it must lie within 0 .. 1", what, p);
    return HN_OK;
}

static hn_status check_amount(const char *what, double x)
{
    if (!(x >= 0.0 && x <= 1e6))
        return hn_fail(HN_EUSAGE, "views: %s is %g; it must lie within 0 .. 1e6", what, x);
    return HN_OK;
}

static hn_status check_shape(const struct hn_augment_options *o)
{
    if (o->c < 1 || o->c > HN_CHANNELS)
        return hn_fail(HN_EUSAGE, "views: images have %zu channels; 1 .. %d can be handled", o->c,
                       HN_CHANNELS);
    if (o->h < 1 || o->w < 1 || o->h > SIDE_MOST || o->w > SIDE_MOST)
        return hn_fail(HN_EUSAGE, "views: images are %zu x %zu pixels; sides of 1 .. %d can be handled", o->h,
                       o->w, SIDE_MOST);
    if (o->size > SIDE_MOST)
        return hn_fail(HN_EUSAGE, "views: a size of %zu pixels; 1 .. %d can be handled (0: as the data)",
                       o->size, SIDE_MOST);
    if (!(o->test_crop == 0.0 || (o->test_crop >= 0.01 && o->test_crop <= 1.0)))
        return hn_fail(HN_EUSAGE, "views: %g of an image seen in evaluation; it must lie within 0.01 .. 1",
                       o->test_crop);
    if (o->test_crop > 0.0 && o->test_crop < 1.0 && o->size == 0)
        return hn_fail(HN_EUSAGE, "views: a test crop of %g needs a size of views: set augment.size",
                       o->test_crop);
    if (o->noise > 0.0 || o->mask > 0.0)
        return hn_fail(HN_EUSAGE, "views: augment.noise and augment.mask are for vectors; these are images");
    return HN_OK;
}

static hn_status check_crop(const double scale[2], const double ratio[2])
{
    if (!(scale[0] > 0.0 && scale[0] <= scale[1] && scale[1] <= 1.0))
        return hn_fail(HN_EUSAGE, "views: crop scale %g .. %g; wanted is 0 < low <= high <= 1", scale[0],
                       scale[1]);
    if (!(ratio[0] > 0.0 && ratio[0] <= ratio[1] && ratio[1] <= 1e6))
        return hn_fail(HN_EUSAGE, "views: crop ratio %g .. %g; wanted is 0 < low <= high", ratio[0],
                       ratio[1]);
    return HN_OK;
}

static hn_status check_normalisation(const struct hn_augment_options *o)
{
    for (size_t k = 0; k < o->c; k++) {
        if (!isfinite(o->mean[k]))
            return hn_fail(HN_EUSAGE, "views: the mean of channel %zu is not a number", k);
        if (!(o->std[k] >= 1e-6 && o->std[k] <= 1e6))
            return hn_fail(HN_EUSAGE, "views: the std of channel %zu is %g; it must lie within 1e-6 .. 1e6",
                           k, o->std[k]);
    }
    return HN_OK;
}

static hn_status check_colours(const struct hn_augment_options *o)
{
    hn_status st;

    if ((st = check_probability("colour jitter", o->jitter)) != HN_OK ||
        (st = check_amount("the strength of brightness", o->brightness)) != HN_OK ||
        (st = check_amount("the strength of contrast", o->contrast)) != HN_OK ||
        (st = check_amount("the strength of saturation", o->saturation)) != HN_OK)
        return st;
    if (!(o->hue >= 0.0 && o->hue <= 0.5))
        return hn_fail(HN_EUSAGE, "views: the strength of hue is %g; it must lie within 0 .. 0.5", o->hue);
    return check_probability("grey", o->greyscale);
}

/* SimCLR's rule, made odd. */
static size_t usual_kernel(size_t side)
{
    size_t tenth = side / 10 | 1;

    return tenth > 3 ? tenth : 3;
}

static hn_status check_blur(const struct hn_augment_options *o)
{
    size_t h = o->size ? o->size : o->h, w = o->size ? o->size : o->w, side = h < w ? h : w;
    size_t kernel = o->blur_kernel ? o->blur_kernel : usual_kernel(side);

    if (o->blur == HN_BLUR_NONE)
        return HN_OK;
    if ((unsigned)o->blur >= BLURS)
        return hn_fail(HN_EUSAGE, "views: blur %d is not one of the %d that exist", (int)o->blur, BLURS);
    if (kernel % 2 == 0)
        return hn_fail(HN_EUSAGE, "views: a blur of %zu pixels has no middle; its kernel must be odd",
                       kernel);
    if (kernel > side)
        return hn_fail(HN_EUSAGE, "views: a blur of %zu pixels is larger than views of %zu x %zu", kernel, h,
                       w);
    if (!(o->blur_sigma[0] > 0.0 && o->blur_sigma[0] <= o->blur_sigma[1] && o->blur_sigma[1] <= 1e6))
        return hn_fail(HN_EUSAGE, "views: blur sigma %g .. %g; wanted is 0 < low <= high <= 1e6",
                       o->blur_sigma[0], o->blur_sigma[1]);
    return check_probability("a blur", o->blur_probability);
}

static hn_status check_images(const struct hn_augment_options *o)
{
    hn_status st;

    if ((st = check_shape(o)) != HN_OK || (st = check_crop(o->crop_scale, o->crop_ratio)) != HN_OK ||
        (st = check_probability("a flip", o->flip)) != HN_OK || (st = check_colours(o)) != HN_OK ||
        (st = check_blur(o)) != HN_OK)
        return st;
    return check_normalisation(o);
}

static hn_status check_vectors(const struct hn_augment_options *o)
{
    hn_status st;

    if (o->c < 1 || o->c > HN_VECTOR_MOST)
        return hn_fail(HN_EUSAGE, "views: vectors of %zu numbers; 1 .. %d can be handled", o->c,
                       HN_VECTOR_MOST);
    if ((st = check_amount("the noise on vectors", o->noise)) != HN_OK)
        return st;
    return check_probability("masking", o->mask);
}

/* Sizes, scratch and table of an image pipeline. */
static hn_status plan_images(hn_augment *a)
{
    const struct hn_augment_options *o = &a->o;

    a->view_h = o->size ? o->size : o->h;
    a->view_w = o->size ? o->size : o->w;
    a->fit_h = o->h;
    a->fit_w = o->w;
    if (o->size)
        hn_fit_shape(&a->fit_h, &a->fit_w, o->h, o->w,
                     o->test_crop > 0.0 ? (size_t)rint((double)o->size / o->test_crop) : o->size);
    a->kernel = o->blur_kernel ? o->blur_kernel : usual_kernel(a->view_h < a->view_w ? a->view_h : a->view_w);
    a->blur = blurs[o->blur];
    a->scratch_bytes = hn_view_scratch_bytes(a);
    for (size_t k = 0; k < o->c; k++)
        hn_normalize_table(a->table[k], o->mean[k], o->std[k]);
    return a->scratch_bytes < SIZE_MAX ? HN_OK : hn_fail(HN_EUSAGE, "views: the images are too large");
}

hn_status hn_augment_new(hn_augment **out, const struct hn_augment_options *options, uint64_t seed)
{
    hn_status st = options->vectors ? check_vectors(options) : check_images(options);
    hn_augment *a = NULL;

    if (st != HN_OK)
        return st;
    if ((a = hn_zalloc(sizeof *a)) == NULL)
        return HN_ENOMEM;
    a->o = *options;
    a->seed = seed;
    a->view_h = a->view_w = 1;
    if (!options->vectors && (st = plan_images(a)) != HN_OK)
        goto out;
    *out = a;
    a = NULL;
out:
    hn_augment_free(a);
    return st;
}

void hn_augment_free(hn_augment *a)
{
    hn_free(a);
}

void hn_augment_view_shape(const hn_augment *a, size_t *h, size_t *w, size_t *c)
{
    *h = a->view_h;
    *w = a->view_w;
    *c = a->o.c;
}

size_t hn_augment_view_size(const hn_augment *a)
{
    return a->view_h * a->view_w * a->o.c;
}

size_t hn_augment_scratch_bytes(const hn_augment *a)
{
    return a->scratch_bytes;
}
