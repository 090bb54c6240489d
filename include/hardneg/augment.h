/* hardneg/augment.h - a view is a pure function of (sample, seed, epoch, id, view).  Local.
 *
 * Images: random resized crop, horizontal flip, jitter of colours in a random
 * order, grey, Gaussian blur (SimCLR's pipeline) on 8-bit pixels, bit for bit as
 * torchvision does it with Pillow and OpenCV; then normalisation to real.
 * Saturation, hue and grey do nothing to images that are not RGB.
 * Vectors: noise, then masking; they are not normalised.
 *
 *   hn_augment_new(&a, &options, seed);  scratch = hn_zalloc(hn_augment_scratch_bytes(a));
 *   hn_augment_view(a, out, sample, epoch, id, 0, scratch);  ...  hn_augment_free(a);
 *
 * All arrays are the caller's.  new() alone can fail (HN_EUSAGE with a sentence,
 * HN_ENOMEM); it copies the options.  Scratch may lie anywhere; calls with
 * different scratch may run at the same time. */
#ifndef HARDNEG_AUGMENT_H
#define HARDNEG_AUGMENT_H

#include "hardneg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HN_CHANNELS = 4 };

enum hn_blur_kind { HN_BLUR_NONE, HN_BLUR_OPENCV, HN_BLUR_TORCHVISION };

struct hn_augment_options {
    size_t h, w, c;                      /* of the data; vectors: 1, 1, c */
    bool vectors;                        /* f32 samples */
    size_t size;                         /* side of an image view; 0: as the data */
    double test_crop;                    /* plain view with a size: share of the shorter side seen; 0: all */
    double crop_scale[2], crop_ratio[2]; /* area share, aspect ratio; scale {1,1}: as the plain view */
    double flip;                         /* probability */
    double jitter;                       /* probability that jitter happens at all */
    double brightness, contrast;         /* strength: factor in [max(0,1-s), 1+s] */
    double saturation;                   /* likewise */
    double hue;                          /* strength: turned by -s .. s of the circle; at most 0.5 */
    double greyscale;                    /* probability that a view loses its colours */
    enum hn_blur_kind blur;              /* how a view is blurred */
    double blur_probability;             /* that it is at all */
    size_t blur_kernel;                  /* odd; 0: about a tenth of a view's side, at least 3 */
    double blur_sigma[2];                /* standard deviation in pixels, least and most */
    double mean[HN_CHANNELS], std[HN_CHANNELS]; /* normalisation, on 0..1 */
    double noise;                               /* vectors: standard deviation of added noise */
    double mask;                                /* vectors: probability that an entry is set to 0 */
};

/* "none", "opencv", "torchvision"; NULL at the end. */
const char *const *hn_blur_names(void);

typedef struct hn_augment hn_augment;
hn_status hn_augment_new(hn_augment **out, const struct hn_augment_options *options, uint64_t seed);
void hn_augment_free(hn_augment *a);
size_t hn_augment_view_size(const hn_augment *a); /* numbers of one view */
size_t hn_augment_scratch_bytes(const hn_augment *a);
/* The size of a view: what the encoder gets. */
void hn_augment_view_shape(const hn_augment *a, size_t *h, size_t *w, size_t *c);

/* Hot.  view: 0 or 1; out: (h, w, c). */
void hn_augment_view(const hn_augment *a, real *out, const unsigned char *sample, uint64_t epoch, uint64_t id,
                     int view, void *scratch);
/* Hot.  For evaluation: no draws; with a size the shorter side is resized to it and the middle taken, then
 * normalised. */
void hn_augment_plain(const hn_augment *a, real *out, const unsigned char *sample, void *scratch);
/* The 8-bit image of a view before normalisation, for looking at: (h, w, c).  Images only. */
void hn_augment_picture(const hn_augment *a, unsigned char *out, const unsigned char *sample, uint64_t epoch,
                        uint64_t id, int view, void *scratch);

#ifdef __cplusplus
}
#endif

#endif
