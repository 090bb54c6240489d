/* backend/unfold.h - convolution by unfolding and GEMM; every shape, both builds.  Local, hot.
 *
 * What backend.h says of hn_conv_*, without a handle. */
#ifndef HN_BACKEND_UNFOLD_H
#define HN_BACKEND_UNFOLD_H

#include "backend/backend.h"

size_t hn_unfold_scratch(const struct hn_conv *c); /* reals */
void hn_unfold_forward(const struct hn_conv *c, real *y, const real *x, const real *weight, const real *bias,
                       real *scratch);
void hn_unfold_backward_data(const struct hn_conv *c, real *dx, const real *dy, const real *weight,
                             real *scratch);
void hn_unfold_backward_weight(const struct hn_conv *c, real *dweight, const real *dy, const real *x,
                               real *scratch);

#endif
