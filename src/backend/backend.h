/* backend/backend.h - the heavy linear algebra behind one door: OpenBLAS, and oneDNN where the build found
 * it.
 *
 * Local.  Every call runs on the calling thread alone, so its bits depend on
 * its shapes, its operands and the way chosen for it only.  Matrices are
 * row-major.  Images are NHWC.  What is made may fail; calls neither allocate
 * on our side nor fail. */
#ifndef HN_BACKEND_BACKEND_H
#define HN_BACKEND_BACKEND_H

#include "hardneg/backend.h"

/* Before the first call, any number of times: one thread per call.  Every `_new` that leads to GEMMs calls
 * it. */
void hn_backend_start(void);

/* c (m,n) = alpha op(a) op(b) + beta c; op(a) is (m,k), op(b) is (k,n); lda, ldb, ldc are row strides as
 * stored. */
void hn_gemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, real alpha, const real *a,
             size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc);

/* y[i] = e^x[i]; y may be x.  In float, results below 2^-125.5 are 0. */
void hn_vexp(real *y, const real *x, size_t n);
/* y[i] = e^x[i] - 1 to full relative precision near 0; y may be x. */
void hn_vexpm1(real *y, const real *x, size_t n);

/* Convolution: x (rows, h, w, c_in), weight (c_out, c_in, kernel, kernel) as in PyTorch, y (rows, out_h,
 * out_w, c_out).  A matrix product of n rows is one image of 1 x n pixels under a 1 x 1 kernel. */
struct hn_conv {
    size_t rows, h, w, c_in, c_out, kernel, stride, padding;
    bool bias; /* forward adds one */
};
size_t hn_conv_out(size_t n, size_t kernel, size_t stride, size_t padding);

/* The three products of a convolution, and the ways to each. */
enum hn_conv_what { HN_CONV_FORWARD, HN_CONV_DATA, HN_CONV_WEIGHT, HN_CONV_WHATS };
enum hn_way {
    HN_WAY_UNFOLD,  /* OpenBLAS on unfolded patches */
    HN_WAY_NHWC,    /* oneDNN on images as they are */
    HN_WAY_BLOCKED, /* oneDNN on images that are copied to its own layout and back */
    HN_WAYS
};
struct hn_ways {
    enum hn_way of[HN_CONV_WHATS];
};
const char *const *hn_way_names(void);
/* What hn_backend_choose() settled; where oneDNN has nothing for a shape: HN_WAY_UNFOLD. */
struct hn_ways hn_conv_choose(const struct hn_conv *c);
/* Is there such a way for this shape in this build? */
bool hn_conv_can(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way);

/* Reals of scratch, aligned to HN_ALIGN, that each of the three calls below needs. */
size_t hn_conv_scratch(const struct hn_conv *c, struct hn_ways ways);

typedef struct hn_conv_job hn_conv_job;
/* Ready to be called, by at most `callers` threads at a time.  HN_ENOMEM; HN_EUSAGE: no such way. */
hn_status hn_conv_new(hn_conv_job **out, const struct hn_conv *c, struct hn_ways ways, size_t callers);
void hn_conv_free(hn_conv_job *j);

/* Hot.  Results are written, not added to. */
void hn_conv_forward(const hn_conv_job *j, real *y, const real *x, const real *weight,
                     const real *bias /* if c.bias, else NULL */, real *scratch);
void hn_conv_backward_data(const hn_conv_job *j, real *dx, const real *dy, const real *weight, real *scratch);
void hn_conv_backward_weight(const hn_conv_job *j, real *dweight, real *dbias /* or NULL */, const real *dy,
                             const real *x, real *scratch);

#endif
