/* check/preview.h - pairs of views to look at.
 *
 * Local. */
#ifndef HN_CHECK_PREVIEW_H
#define HN_CHECK_PREVIEW_H

#include "hardneg/augment.h"
#include "hardneg/data.h"

/* Writes a contact sheet: `pairs` samples spread evenly over the split, each as a row of three pictures: the
 * original, view 1, view 2, as training would see them in `epoch` before normalisation.  HN_EUSAGE for
 * vectors, for an empty split and for no or too many pairs (more than the split holds: all of it is drawn).
 */
hn_status hn_preview(const char *out_png, hn_dataset *data, enum hn_split split, const hn_augment *augment,
                     size_t pairs, uint64_t epoch);

/* The same from samples in memory (count, h, w, c), whose ids are given. */
hn_status hn_preview_samples(const char *out_png, const unsigned char *samples, const uint64_t *id,
                             size_t count, size_t h, size_t w, size_t c, const hn_augment *augment,
                             uint64_t epoch);

#endif
