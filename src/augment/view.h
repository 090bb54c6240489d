/* augment/view.h - an image view in two steps: draw everything, then apply it.
 *
 * Local, hot.  A plan is all that is random about a view of an image. */
#ifndef HN_AUGMENT_VIEW_H
#define HN_AUGMENT_VIEW_H

#include "augment/ops.h"

struct hn_view_plan {
    bool crop; /* false: the whole image, as in evaluation */
    struct hn_box box;
    bool flip, jittered;
    struct hn_jitter jitter;
    bool grey, blurred;
    double sigma; /* of the blur */
};

struct hn_augment {
    struct hn_augment_options o;
    uint64_t seed;
    size_t view_h, view_w; /* of a view */
    size_t fit_h, fit_w;   /* of the whole image, resized, before the middle is taken */
    size_t kernel;         /* of the blur */
    hn_blur *blur;         /* NULL: none */
    size_t scratch_bytes;
    real table[HN_CHANNELS][256]; /* normalisation */
};

/* What a call finds in its scratch. */
struct hn_view_scratch {
    unsigned char *image; /* (view_h, view_w, c) */
    unsigned char *whole; /* (fit_h, fit_w, c) */
    void *resize, *blur;
};
/* The bytes of scratch, with room to align; SIZE_MAX when they cannot be counted. */
size_t hn_view_scratch_bytes(const hn_augment *a);
struct hn_view_scratch hn_view_scratch(const hn_augment *a, void *scratch);

/* Longest vector: the places of its draws must not overlap. */
enum { HN_VECTOR_MOST = 1 << 28 };

struct hn_view_plan hn_view_draw(const hn_augment *a, uint64_t epoch, uint64_t id, int view);
/* out (view_h, view_w, c), 8 bit. */
void hn_view_apply(const hn_augment *a, unsigned char *out, const unsigned char *sample,
                   const struct hn_view_plan *plan, const struct hn_view_scratch *s);

#endif
