/* backend/backend.h - the heavy linear algebra behind one door: OpenBLAS here, others later.
 *
 * Local, hot; no call allocates or fails.  Every call runs on the calling
 * thread alone, so its bits depend on its shapes and operands only.  Matrices
 * are row-major.  Images are NHWC. */
#ifndef HN_BACKEND_BACKEND_H
#define HN_BACKEND_BACKEND_H

#include "hardneg/base.h"

/* Before the first call, any number of times: one thread per call.  Every `_new` that leads to GEMMs calls
 * it. */
void hn_backend_start(void);
/* "OpenBLAS 0.3.21 (Zen)": part of a run's identity. */
const char *hn_backend_describe(void);

/* c (m,n) = alpha op(a) op(b) + beta c; op(a) is (m,k), op(b) is (k,n); lda, ldb, ldc are row strides as
 * stored. */
void hn_gemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, real alpha, const real *a,
             size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc);

/* y[i] = e^x[i]; y may be x.  In float, results below 2^-125.5 are 0. */
void hn_vexp(real *y, const real *x, size_t n);
/* y[i] = e^x[i] - 1 to full relative precision near 0; y may be x. */
void hn_vexpm1(real *y, const real *x, size_t n);

/* Convolution: x (rows, h, w, c_in), weight (c_out, c_in, kernel, kernel) as in PyTorch, y (rows, out_h,
 * out_w, c_out). */
struct hn_conv {
    size_t rows, h, w, c_in, c_out, kernel, stride, padding;
};
size_t hn_conv_out(size_t n, size_t kernel, size_t stride, size_t padding);
/* Reals of scratch that the three calls below need. */
size_t hn_conv_scratch(const struct hn_conv *c);
void hn_conv_forward(const struct hn_conv *c, real *y, const real *x, const real *weight,
                     const real *bias /* or NULL */, real *scratch);
void hn_conv_backward_data(const struct hn_conv *c, real *dx, const real *dy, const real *weight,
                           real *scratch);
void hn_conv_backward_weight(const struct hn_conv *c, real *dweight, real *dbias /* or NULL */,
                             const real *dy, const real *x, real *scratch);

#endif
