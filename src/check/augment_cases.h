/* check/augment_cases.h - what the cases of verify_augment.c share: reading a file of image operations.
 *
 * Local.  Whatever a case takes is given back together when it is over.  Paths
 * are those of the file; content that does not fit is HN_EDATA. */
#ifndef HN_CHECK_AUGMENT_CASES_H
#define HN_CHECK_AUGMENT_CASES_H

#include "augment/ops.h"
#include "check/verify.h"

enum { HN_CASES_NAME = 256, HN_CASES_SIDE = 1 << 14, HN_CASES_BLOCKS = 32 };

/* Images (n, h, w, c), c 1 or 3. */
struct hn_images {
    size_t n, h, w, c;
    unsigned char *bytes;
};

struct hn_cases {
    struct hn_verify *v;
    void *block[HN_CASES_BLOCKS];
    size_t blocks;
};

void *hn_cases_take(struct hn_cases *b, size_t count, size_t size);
void hn_cases_release(struct hn_cases *b);

void hn_cases_path(char path[2 * HN_CASES_NAME], const char *group, const char *name);
unsigned char *hn_cases_image(const struct hn_images *m, size_t i);

/* A whole array, whatever its shape; or one of `count` numbers that belongs to a group. */
hn_status hn_cases_array(struct hn_cases *b, const char *path, enum hn_type type, struct hn_array_info *info,
                         void **out);
hn_status hn_cases_numbers(struct hn_cases *b, const char *group, const char *name, enum hn_type type,
                           size_t count, void **out);
/* A whole number from an attribute. */
hn_status hn_cases_attr(struct hn_cases *b, const char *group, const char *attr, int64_t low, int64_t high,
                        size_t *value);
/* [n,h,w,3], or in grey [n,h,w]; without the n when it is a single image. */
hn_status hn_cases_images(struct hn_cases *b, const char *path, bool single, struct hn_images *m);
/* /sources/<name>, and the one that the attribute `source` of a group names. */
hn_status hn_cases_source(struct hn_cases *b, const char *name, struct hn_images *m);
hn_status hn_cases_named_source(struct hn_cases *b, const char *group, struct hn_images *m);
/* `result` and `image` of a group: result k is made from image[k] of the source. */
hn_status hn_cases_results(struct hn_cases *b, const char *group, const struct hn_images *source,
                           struct hn_images *result, int32_t **image);
hn_status hn_cases_must_be(const char *group, const struct hn_images *m, size_t n, size_t h, size_t w,
                           size_t c);
/* `crop` of a group: boxes within the source's images. */
hn_status hn_cases_boxes(struct hn_cases *b, const char *group, const struct hn_images *source, size_t count,
                         struct hn_box **out);
/* Four numbers of a group's `order`. */
hn_status hn_cases_order(struct hn_jitter *j, const char *group, const int32_t order[HN_JITTER_OPS]);
/* The attribute `kernel` of a group: a blur that images of these sizes can have. */
hn_status hn_cases_kernel(struct hn_cases *b, const char *group, const struct hn_images *images,
                          size_t *kernel);
/* `sigma` of a group: numbers above 0. */
hn_status hn_cases_sigmas(struct hn_cases *b, const char *group, size_t count, void **out);
/* `mean` and `std` of a group. */
hn_status hn_cases_constants(struct hn_cases *b, const char *group, size_t c, real table[HN_CHANNELS][256]);

/* Largest difference of bytes; of a normalised image from want (c, pixels), as in PyTorch: NaN when there is
 * one. */
double hn_cases_difference(const unsigned char *got, const unsigned char *want, size_t n);
double hn_cases_normalised(const unsigned char *image, const double *want, size_t pixels, size_t c,
                           const real (*table)[256], real *room);
/* The larger one; NaN is the largest of all. */
double hn_cases_worse(double most, double d);
/* Notes the largest difference of n bytes.  `loose`, as float sums are: values on the border may round either
 * way, 1 in 1,000 by one level. */
void hn_cases_note_bytes(struct hn_cases *b, const char *kind, const char *name, const unsigned char *got,
                         const unsigned char *want, size_t n, bool loose);
/* A colour image becomes its luma, in place: the first `pixels` bytes. */
void hn_cases_grey(unsigned char *image, size_t pixels, size_t c);

/* One case each: path of its group (or array) and its name. */
typedef hn_status hn_case(struct hn_cases *b, const char *path, const char *name);
hn_case hn_case_resized_crop, hn_case_flip, hn_case_grey, hn_case_brightness, hn_case_contrast,
    hn_case_saturation, hn_case_hue, hn_case_orders, hn_case_blur_opencv, hn_case_blur_torchvision,
    hn_case_normalize, hn_case_test_view, hn_case_pipeline, hn_case_sampler;

#endif
