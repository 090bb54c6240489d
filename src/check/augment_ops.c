/* check/augment_ops.c - single operations on images against reference values. */
#include "check/augment_cases.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- single operations ---- */
hn_status hn_case_resized_crop(struct hn_cases *b, const char *group, const char *name)
{
    struct hn_images source, result;
    struct hn_box *box;
    int32_t *image;
    size_t size = 0;
    double most = 0.0;
    hn_status st;

    if ((st = hn_cases_named_source(b, group, &source)) != HN_OK ||
        (st = hn_cases_attr(b, group, "size", 1, HN_CASES_SIDE, &size)) != HN_OK ||
        (st = hn_cases_results(b, group, &source, &result, &image)) != HN_OK ||
        (st = hn_cases_must_be(group, &result, result.n, size, size, source.c)) != HN_OK ||
        (st = hn_cases_boxes(b, group, &source, result.n, &box)) != HN_OK)
        return st;
    unsigned char *got = hn_cases_take(b, size * size, source.c);
    void *scratch = hn_cases_take(b, 1, hn_resize_scratch(size, size, source.h, source.w, source.c));
    if (got == NULL || scratch == NULL)
        return HN_ENOMEM;
    for (size_t k = 0; k < result.n; k++) {
        hn_resize(got, size, size, hn_cases_image(&source, (size_t)image[k]), source.w, source.c, box[k],
                  scratch);
        most = fmax(most, hn_cases_difference(got, hn_cases_image(&result, k), size * size * source.c));
    }
    hn_verify_note(b->v, "resized_crop", name, most, 0.0);
    return HN_OK;
}

/* Source and result of an operation whose cases are named after their source. */
static hn_status read_pair(struct hn_cases *b, const char *path, const char *name, struct hn_images *source,
                           struct hn_images *result)
{
    hn_status st = hn_cases_source(b, name, source);

    if (st == HN_OK)
        st = hn_cases_images(b, path, false, result);
    if (st == HN_OK && result->n > source->n)
        st = hn_fail(HN_EDATA, "%s: more images than the source has", path);
    return st;
}

hn_status hn_case_flip(struct hn_cases *b, const char *path, const char *name)
{
    struct hn_images source, result;
    double most = 0.0;
    hn_status st;

    if ((st = read_pair(b, path, name, &source, &result)) != HN_OK ||
        (st = hn_cases_must_be(path, &result, result.n, source.h, source.w, source.c)) != HN_OK)
        return st;
    for (size_t k = 0; k < result.n; k++) {
        hn_flip(hn_cases_image(&source, k), source.h, source.w, source.c);
        most = fmax(most, hn_cases_difference(hn_cases_image(&source, k), hn_cases_image(&result, k),
                                              source.h * source.w * source.c));
    }
    hn_verify_note(b->v, "hflip", name, most, 0.0);
    return HN_OK;
}

hn_status hn_case_grey(struct hn_cases *b, const char *path, const char *name)
{
    struct hn_images source, result;
    double most = 0.0;
    hn_status st;

    if ((st = read_pair(b, path, name, &source, &result)) != HN_OK ||
        (st = hn_cases_must_be(path, &result, result.n, source.h, source.w, 1)) != HN_OK)
        return st;
    for (size_t k = 0; k < result.n; k++) {
        hn_cases_grey(hn_cases_image(&source, k), source.h * source.w, source.c);
        most = fmax(most, hn_cases_difference(hn_cases_image(&source, k), hn_cases_image(&result, k),
                                              source.h * source.w));
    }
    hn_verify_note(b->v, "grey", name, most, 0.0);
    return HN_OK;
}

static hn_status run_colour(struct hn_cases *b, const char *group, const char *name, int op, const char *kind)
{
    struct hn_images source, result;
    int32_t *image;
    void *factors;
    double most = 0.0;
    hn_status st;

    if ((st = hn_cases_source(b, name, &source)) != HN_OK ||
        (st = hn_cases_results(b, group, &source, &result, &image)) != HN_OK ||
        (st = hn_cases_must_be(group, &result, result.n, source.h, source.w, source.c)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "factor", HN_F64, result.n, &factors)) != HN_OK)
        return st;
    size_t pixels = source.h * source.w;
    unsigned char *got = hn_cases_take(b, pixels, source.c);
    if (got == NULL)
        return HN_ENOMEM;
    for (size_t k = 0; k < result.n; k++) {
        memcpy(got, hn_cases_image(&source, (size_t)image[k]), pixels * source.c);
        hn_jitter_ops[op](got, pixels, source.c, (float)((const double *)factors)[k]);
        most = fmax(most, hn_cases_difference(got, hn_cases_image(&result, k), pixels * source.c));
    }
    hn_verify_note(b->v, kind, name, most, 0.0);
    return HN_OK;
}

hn_status hn_case_brightness(struct hn_cases *b, const char *group, const char *name)
{
    return run_colour(b, group, name, HN_BRIGHTNESS, "brightness");
}

hn_status hn_case_contrast(struct hn_cases *b, const char *group, const char *name)
{
    return run_colour(b, group, name, HN_CONTRAST, "contrast");
}

hn_status hn_case_saturation(struct hn_cases *b, const char *group, const char *name)
{
    return run_colour(b, group, name, HN_SATURATION, "saturation");
}

hn_status hn_case_hue(struct hn_cases *b, const char *group, const char *name)
{
    return run_colour(b, group, name, HN_HUE, "hue");
}

/* One image, four factors, all orders. */
hn_status hn_case_orders(struct hn_cases *b, const char *group, const char *name)
{
    struct hn_images source, result;
    struct hn_jitter j = {.on = {true, true, true, true}};
    char path[2 * HN_CASES_NAME];
    size_t image = 0;
    void *factors, *orders;
    double most = 0.0;
    hn_status st;

    hn_cases_path(path, group, "result");
    if ((st = hn_cases_named_source(b, group, &source)) != HN_OK ||
        (st = hn_cases_attr(b, group, "image", 0, (int64_t)source.n - 1, &image)) != HN_OK ||
        (st = hn_cases_images(b, path, false, &result)) != HN_OK ||
        (st = hn_cases_must_be(group, &result, result.n, source.h, source.w, source.c)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "factors", HN_F64, HN_JITTER_OPS, &factors)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "order", HN_I32, result.n * HN_JITTER_OPS, &orders)) != HN_OK)
        return st;
    size_t pixels = source.h * source.w;
    unsigned char *got = hn_cases_take(b, pixels, source.c);
    if (got == NULL)
        return HN_ENOMEM;
    for (size_t op = 0; op < HN_JITTER_OPS; op++)
        j.factor[op] = (float)((const double *)factors)[op];
    for (size_t k = 0; k < result.n; k++) {
        if ((st = hn_cases_order(&j, group, (const int32_t *)orders + k * HN_JITTER_OPS)) != HN_OK)
            return st;
        memcpy(got, hn_cases_image(&source, image), pixels * source.c);
        hn_jitter_apply(&j, got, pixels, source.c);
        most = fmax(most, hn_cases_difference(got, hn_cases_image(&result, k), pixels * source.c));
    }
    hn_verify_note(b->v, "jitter_orders", name, most, 0.0);
    return HN_OK;
}

/* ---- blurs ---- */
static hn_status run_blur(struct hn_cases *b, const char *group, const char *name, hn_blur *blur,
                          const char *kind, bool loose)
{
    struct hn_images source, result;
    size_t kernel = 0;
    int32_t *image;
    void *sigmas;
    hn_status st;

    if ((st = hn_cases_named_source(b, group, &source)) != HN_OK ||
        (st = hn_cases_kernel(b, group, &source, &kernel)) != HN_OK ||
        (st = hn_cases_results(b, group, &source, &result, &image)) != HN_OK ||
        (st = hn_cases_must_be(group, &result, result.n, source.h, source.w, source.c)) != HN_OK ||
        (st = hn_cases_sigmas(b, group, result.n, &sigmas)) != HN_OK)
        return st;
    size_t bytes = source.h * source.w * source.c;
    unsigned char *got = hn_cases_take(b, result.n, bytes);
    void *scratch = hn_cases_take(b, 1, hn_blur_scratch(source.h, source.w, source.c, kernel));
    if (got == NULL || scratch == NULL)
        return HN_ENOMEM;
    for (size_t k = 0; k < result.n; k++) {
        memcpy(got + k * bytes, hn_cases_image(&source, (size_t)image[k]), bytes);
        blur(got + k * bytes, source.h, source.w, source.c, kernel, ((const double *)sigmas)[k], scratch);
    }
    hn_cases_note_bytes(b, kind, name, got, result.bytes, result.n * bytes, loose);
    return HN_OK;
}

hn_status hn_case_blur_opencv(struct hn_cases *b, const char *group, const char *name)
{
    return run_blur(b, group, name, hn_blur_opencv, "blur_cv2", false);
}

hn_status hn_case_blur_torchvision(struct hn_cases *b, const char *group, const char *name)
{
    return run_blur(b, group, name, hn_blur_torchvision, "blur_torchvision", true);
}

/* ---- normalisation ---- */
hn_status hn_case_normalize(struct hn_cases *b, const char *group, const char *name)
{
    struct hn_images source;
    struct hn_array_info info;
    real table[HN_CHANNELS][256];
    char path[2 * HN_CASES_NAME];
    void *want;
    double most = 0.0;
    hn_status st;

    hn_cases_path(path, group, "result");
    if ((st = hn_cases_named_source(b, group, &source)) != HN_OK ||
        (st = hn_cases_constants(b, group, source.c, table)) != HN_OK ||
        (st = hn_cases_array(b, path, HN_F64, &info, &want)) != HN_OK)
        return st;
    size_t pixels = source.h * source.w, values = pixels * source.c;
    if (info.count % values != 0 || info.count / values > source.n)
        return hn_fail(HN_EDATA, "%s: not the source's images", path);
    real *room = hn_cases_take(b, values, sizeof *room);
    if (room == NULL)
        return HN_ENOMEM;
    for (size_t k = 0; k < info.count / values; k++) {
        double d = hn_cases_normalised(hn_cases_image(&source, k), (const double *)want + k * values, pixels,
                                       source.c, table, room);
        most = hn_cases_worse(most, d);
    }
    hn_verify_note(b->v, "normalize", name, most, 0.0);
    return HN_OK;
}

/* ---- what is done to an image for evaluation ---- */
hn_status hn_case_test_view(struct hn_cases *b, const char *group, const char *name)
{
    struct hn_images source, result;
    size_t image = 0, shorter = 0, size = 0, h, w;
    char path[2 * HN_CASES_NAME];
    hn_status st;

    hn_cases_path(path, group, "result");
    if ((st = hn_cases_named_source(b, group, &source)) != HN_OK ||
        (st = hn_cases_attr(b, group, "image", 0, (int64_t)source.n - 1, &image)) != HN_OK ||
        (st = hn_cases_attr(b, group, "resize", 0, HN_CASES_SIDE, &shorter)) != HN_OK ||
        (st = hn_cases_attr(b, group, "center_crop", 1, HN_CASES_SIDE, &size)) != HN_OK ||
        (st = hn_cases_images(b, path, true, &result)) != HN_OK ||
        (st = hn_cases_must_be(group, &result, 1, size, size, source.c)) != HN_OK)
        return st;
    h = source.h;
    w = source.w;
    if (shorter > 0)
        hn_fit_shape(&h, &w, source.h, source.w, shorter);
    unsigned char *resized = hn_cases_take(b, h * w, source.c),
                  *got = hn_cases_take(b, size * size, source.c);
    void *scratch = hn_cases_take(b, 1, hn_resize_scratch(h, w, source.h, source.w, source.c));
    if (resized == NULL || got == NULL || scratch == NULL)
        return HN_ENOMEM;
    hn_resize(resized, h, w, hn_cases_image(&source, image), source.w, source.c,
              (struct hn_box){.h = source.h, .w = source.w}, scratch);
    hn_centre_crop(got, size, size, resized, h, w, source.c);
    hn_verify_note(b->v, "test_view", name, hn_cases_difference(got, result.bytes, size * size * source.c),
                   0.0);
    return HN_OK;
}
