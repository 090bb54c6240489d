/* backend/vmath.c - vector mathematics.
 *
 * float: e^x = 2^k e^r, k = round(x / log 2), |r| <= log 2 / 2, e^r - 1 by the
 * polynomial of Cephes' expf (Moshier).  Straight-line code of IEEE additions
 * and multiplications without contraction, so a value has the same bits in
 * whatever lane or vector width the compiler puts it.  Errors seen over all
 * floats: e^x 1 ulp, e^x - 1 1.6 ulp.
 * double (the build that checks): libm's exp and expm1. */
#include "backend/backend.h"
#include "base/simd.h"
#include <math.h>
#include <string.h>

static inline float bits_to_float(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t float_to_bits(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* x in -87.3 .. 89: k from -126, where the scale below is 0, to 128, where 89 rounds to infinity.  Masks,
 * since the compiler makes branches of two conditional expressions and then no vectors. */
static inline float limited(float x)
{
    uint32_t low = -(uint32_t)(x < -87.3f), high = -(uint32_t)(x > 89.0f);

    return bits_to_float((low & float_to_bits(-87.3f)) | (high & float_to_bits(89.0f)) |
                         (~(low | high) & float_to_bits(x)));
}

/* e^x = 2 scale (fraction + 1), scale = 2^(k-1): 2^128 has no float, its multiples below 1 have. */
struct split {
    float fraction, scale;
};

static inline struct split split(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, kept in the low bits */
    float c = limited(x);
    float shifted = c * 1.44269504088896341f + magic;
    float k = shifted - magic;
    float r = (c - k * 0.693359375f) - k * -2.12194440e-4f;
    float p = 1.9875691500e-4f;

    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r;
    return (struct split){p, bits_to_float((float_to_bits(shifted) - float_to_bits(magic) + 126u) << 23)};
}

HN_EACH_WIDTH static void exp_floats(float *y, const float *x, size_t n)
{
#pragma GCC ivdep /* y may be x, but never x moved by a few */
    for (size_t i = 0; i < n; i++) {
        struct split e = split(x[i]);
        float p = e.fraction + 1.0f;
        y[i] = (p + p) * e.scale;
    }
}

/* 2^k f + (2^k - 1): f alone near 0, where the rest is exactly 0. */
HN_EACH_WIDTH static void expm1_floats(float *y, const float *x, size_t n)
{
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        struct split e = split(x[i]);
        float half = e.scale * e.fraction + (e.scale - 0.5f);
        y[i] = half + half;
    }
}

static void exp_doubles(double *y, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = exp(x[i]);
}

static void expm1_doubles(double *y, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = expm1(x[i]);
}

void hn_vexp(real *y, const real *x, size_t n)
{
    _Generic((real)0, float : exp_floats, double : exp_doubles)(y, x, n);
}

void hn_vexpm1(real *y, const real *x, size_t n)
{
    _Generic((real)0, float : expm1_floats, double : expm1_doubles)(y, x, n);
}
