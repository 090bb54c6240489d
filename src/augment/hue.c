/* augment/hue.c - colours are turned on their circle: Pillow's way to HSV in 8 bits and back.
 *
 *   max, mid, min of R, G, B;  V = max,  S = trunc(255 (max - min) / max),  x = (max - mid) / (max - min),
 *   h = a + s x (the sector's a and s below),  H = trunc(255 frac(h / 6 + 1));  grey: H = S = 0.
 *   H moves by trunc(255 factor) modulo 256.  Then with i = floor(6 H / 255), f = 6 H / 255 - i, fs = S /
 * 255: p = round(V (1 - fs)),  q = round(V (1 - fs f)),  t = round(V (1 - fs (1 - f))),  halves up, and i mod
 * 6 says which of V, p, q, t are R, G, B.
 *
 * What Pillow rounds to float32 (the quotients, h, the fraction, fs f) is rounded here;
 * the rest is double.  Pillow's h has two or three terms, but one of them is always 1, so that
 * its sum in double and the one addition here round alike; fs and f in float32 from
 * the start are the same for all 256 values.  A round trip changes pixels even when H stays. */
#include "augment/ops.h"
#include "base/simd.h"

enum { STRETCH = 64 };

/* A few pixels, plane by plane. */
struct planes {
    int32_t a[STRETCH], b[STRETCH], c[STRETCH]; /* R, G, B or H, S, V */
};

static inline int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* x or 0, without a branch. */
static inline int32_t when(int32_t is, int32_t x)
{
    return -is & x;
}

/* Loops of one kind of number each: the compiler makes vectors of them. */
static inline void to_hsv(struct planes *p)
{
    float h[STRETCH], s[STRETCH];

    for (size_t i = 0; i < STRETCH; i++) {
        int32_t r = p->a[i], g = p->b[i], b = p->c[i];
        int32_t max = larger(r, larger(g, b)), min = smaller(r, smaller(g, b)), mid = r + g + b - max - min;
        int32_t span = larger(max - min, 1); /* grey: x = 0 / 1, s = 0 */
        float x = (float)(max - mid) / (float)span;
        /* From R to G to B; on either side of each x rises or falls. */
        int32_t low_b = b == min, start = r == max   ? (low_b ? 1 : -1)
                                          : g == max ? (low_b ? 1 : 3)
                                                     : (r == min ? 3 : 5);
        int32_t falls = r == max ? low_b : g == max ? !low_b : r != min;
        h[i] = (float)start + (falls ? -x : x);
        s[i] = (float)(max - min) / (float)larger(max, 1);
        p->c[i] = max;
    }
    for (size_t i = 0; i < STRETCH; i++) {
        double turn = (double)h[i] / 6.0 + 1.0, fraction = turn - (double)(int32_t)turn;
        p->a[i] = (int32_t)(255.0 * (double)(float)fraction);
        p->b[i] = (int32_t)(255.0 * (double)s[i]);
    }
}

static inline void to_rgb(struct planes *out)
{
    int32_t p[STRETCH], q[STRETCH], t[STRETCH];
    float f[STRETCH], fs[STRETCH], product[STRETCH];

    for (size_t i = 0; i < STRETCH; i++) {
        int32_t six = 6 * out->a[i], sector = six / 255;
        f[i] = (float)(six - 255 * sector) / 255.0f;
        fs[i] = (float)out->b[i] / 255.0f;
        product[i] = fs[i] * f[i];
        out->a[i] = sector == 6 ? 0 : sector;
    }
    for (size_t i = 0; i < STRETCH; i++) {
        double v = (double)out->c[i];
        p[i] = (int32_t)(v * (1.0 - (double)fs[i]) + 0.5);
        q[i] = (int32_t)(v * (1.0 - (double)product[i]) + 0.5);
        t[i] = (int32_t)(v * (1.0 - (double)fs[i] * (1.0 - (double)f[i])) + 0.5);
    }
    for (size_t i = 0; i < STRETCH; i++) {
        int32_t at = out->a[i], v = out->c[i], pi = p[i], qi = q[i], ti = t[i];
        out->a[i] = when(at == 0, v) | when(at == 5, v) | when(at == 1, qi) | when(at == 4, ti) |
                    when((at & 6) == 2, pi);
        out->b[i] =
            when(at == 1, v) | when(at == 2, v) | when(at == 0, ti) | when(at == 3, qi) | when(at > 3, pi);
        out->c[i] =
            when(at == 3, v) | when(at == 4, v) | when(at == 2, ti) | when(at == 5, qi) | when(at < 2, pi);
    }
}

HN_EACH_WIDTH static void turn(unsigned char *image, size_t pixels, int32_t shift)
{
    struct planes p = {{0}, {0}, {0}};

    for (size_t at = 0; at < pixels; at += STRETCH, image += 3 * STRETCH) {
        size_t n = pixels - at < STRETCH ? pixels - at : STRETCH;
        for (size_t i = 0; i < n; i++) {
            p.a[i] = image[3 * i];
            p.b[i] = image[3 * i + 1];
            p.c[i] = image[3 * i + 2];
        }
        to_hsv(&p);
        for (size_t i = 0; i < STRETCH; i++)
            p.a[i] = (p.a[i] + shift) & 255;
        to_rgb(&p);
        for (size_t i = 0; i < n; i++) {
            image[3 * i] = (unsigned char)p.a[i];
            image[3 * i + 1] = (unsigned char)p.b[i];
            image[3 * i + 2] = (unsigned char)p.c[i];
        }
    }
}

void hn_hue(unsigned char *image, size_t pixels, size_t c, float factor)
{
    if (c == 3)
        turn(image, pixels, (int32_t)(255.0 * (double)factor));
}
