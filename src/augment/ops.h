/* augment/ops.h - the operations on 8-bit images and on vectors, each for itself.
 *
 * Local, hot: nothing here allocates, fails or draws more than it says.  Images
 * are (h, w, c), rows without gaps.  The rules are those of Pillow 12 and
 * torchvision, to the bit; each file states its own.  Also the interface for
 * holding single operations against reference values (check/verify_augment.c). */
#ifndef HN_AUGMENT_OPS_H
#define HN_AUGMENT_OPS_H

#include "base/philox.h"
#include "hardneg/augment.h"

struct hn_box {
    size_t top, left, h, w;
};

/* ---- resize.c: out (out_h, out_w, c) = the box of in (.., in_w, c), resized ---- */
void hn_resize(unsigned char *out, size_t out_h, size_t out_w, const unsigned char *in, size_t in_w, size_t c,
               struct hn_box box, void *scratch);
/* Scratch for any box within (h, w); aligned to HN_ALIGN.  SIZE_MAX: too large to count. */
size_t hn_resize_scratch(size_t out_h, size_t out_w, size_t h, size_t w, size_t c);

/* ---- fit.c: the geometry of evaluation ---- */
/* The size of an image whose shorter side becomes `shorter`. */
void hn_fit_shape(size_t *out_h, size_t *out_w, size_t h, size_t w, size_t shorter);
/* out (out_h, out_w, c): the middle of in; what in does not reach is 0. */
void hn_centre_crop(unsigned char *out, size_t out_h, size_t out_w, const unsigned char *in, size_t h,
                    size_t w, size_t c);

/* ---- crop.c ---- */
/* A random box within (h, w); at most 44 draws. */
struct hn_box hn_crop_draw(hn_draws *d, size_t h, size_t w, const double scale[2], const double ratio[2]);

/* ---- flip.c ---- */
void hn_flip(unsigned char *image, size_t h, size_t w, size_t c);

/* ---- grey.c ---- */
static inline unsigned char hn_luma_of(const unsigned char *rgb)
{
    return (unsigned char)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}
/* out (pixels): luma of RGB. */
void hn_luma(unsigned char *out, const unsigned char *rgb, size_t pixels);
/* In place: three equal channels.  Images that are not RGB have no colours and stay. */
void hn_greyscale(unsigned char *image, size_t pixels, size_t c);

/* ---- jitter.c, hue.c ---- */
/* torchvision's numbers: part of what a seed means. */
enum { HN_BRIGHTNESS, HN_CONTRAST, HN_SATURATION, HN_HUE, HN_JITTER_OPS };
typedef void hn_jitter_op(unsigned char *image, size_t pixels, size_t c, float factor);
extern hn_jitter_op *const hn_jitter_ops[HN_JITTER_OPS];
hn_jitter_op hn_brightness, hn_contrast, hn_saturation, hn_hue;

struct hn_jitter {
    unsigned char order[HN_JITTER_OPS]; /* a permutation */
    bool on[HN_JITTER_OPS];             /* false: not at all; a hue of 0 is not nothing */
    float factor[HN_JITTER_OPS];
};
/* Exactly 10 draws: the order (2), then the factors (2 each).  A strength of 0 switches an operation off; of
 * hue it is at most 0.5. */
struct hn_jitter hn_jitter_draw(hn_draws *d, const double strength[HN_JITTER_OPS]);
void hn_jitter_apply(const struct hn_jitter *j, unsigned char *image, size_t pixels, size_t c);

/* ---- blur.c: in place; kernel: odd, half of it less than either side; sigma > 0 ---- */
typedef void hn_blur(unsigned char *image, size_t h, size_t w, size_t c, size_t kernel, double sigma,
                     void *scratch);
hn_blur hn_blur_opencv, hn_blur_torchvision;
/* Aligned to HN_ALIGN.  SIZE_MAX: too large to count. */
size_t hn_blur_scratch(size_t h, size_t w, size_t c, size_t kernel);

/* ---- normalize.c: 8-bit values have 256 results per channel, so they are looked up ---- */
void hn_normalize_table(real table[256], double mean, double std);
void hn_normalize(real *out, const unsigned char *in, size_t pixels, size_t c, const real (*table)[256]);

/* ---- vectors.c: in place ---- */
/* x[i] += deviation * normal; 4 n draws. */
void hn_add_noise(real *x, size_t n, double deviation, hn_draws *d);
/* x[i] = 0 with the given probability; 2 n draws. */
void hn_mask(real *x, size_t n, double probability, hn_draws *d);

#endif
