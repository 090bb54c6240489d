/* backend/vmath.c - vector mathematics.
 *
 * float: e^x = 2^k e^r, k = round(x / log 2), |r| <= log 2 / 2, e^r by the
 * polynomial of Cephes' expf (Moshier), within 2 ulp.  Straight-line code of
 * IEEE additions and multiplications without contraction, so a value has the same
 * bits in whatever lane or vector width the compiler puts it.  Results below
 * 2^-125.5 are 0 (sums do not miss them, and processors stumble over
 * denormals); NaN stays NaN; overflow is infinity.
 * double (the build that checks): libm's exp. */
#include "backend/backend.h"
#include <math.h>
#include <string.h>

/* The same source for each width; sanitizers do not get along with its ifunc. */
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
#define EACH_WIDTH __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define EACH_WIDTH
#endif

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

static inline float exp_float(float x)
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
    p = p * (r * r) + r + 1.0f;

    /* 2p * 2^(k-1): 2^128 has no float, its multiples below 1 have. */
    uint32_t exponent = float_to_bits(shifted) - float_to_bits(magic) + 126u;
    return (p + p) * bits_to_float(exponent << 23);
}

EACH_WIDTH static void exp_floats(float *y, const float *x, size_t n)
{
#pragma GCC ivdep /* y may be x, but never x moved by a few */
    for (size_t i = 0; i < n; i++)
        y[i] = exp_float(x[i]);
}

static void exp_doubles(double *y, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = exp(x[i]);
}

void hn_vexp(real *y, const real *x, size_t n)
{
    _Generic((real)0, float : exp_floats, double : exp_doubles)(y, x, n);
}
