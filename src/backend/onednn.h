/* backend/onednn.h - convolutions by oneDNN in single precision.  Local.
 *
 * Without HN_ONEDNN (not found by the build, or the double build) nothing is
 * possible and nobody gets further than hn_onednn_can(). */
#ifndef HN_BACKEND_ONEDNN_H
#define HN_BACKEND_ONEDNN_H

#include "backend/backend.h"

const char *hn_onednn_version(void); /* "2.6.3"; NULL: not in this build */

/* way: HN_WAY_NHWC or HN_WAY_BLOCKED. */
bool hn_onednn_can(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way);
size_t hn_onednn_scratch(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way); /* bytes */

typedef struct hn_onednn hn_onednn;
hn_status hn_onednn_new(hn_onednn **out, const struct hn_conv *c, enum hn_conv_what what, enum hn_way way,
                        size_t callers);
void hn_onednn_free(hn_onednn *o); /* takes NULL */

/* Hot.  Of x, weight and y (or their gradients) one is the result, as `what` says; bias may be NULL. */
void hn_onednn_run(const hn_onednn *o, real *x, real *weight, real *y, const real *bias, void *scratch);

#endif
