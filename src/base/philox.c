#include "base/philox.h"
#include <math.h>
#include <Random123/philox.h>

/* Philox has a 128-bit counter and a 64-bit key, one word less than we have to
 * say: `a` is mixed into the key, so that every (seed, purpose, a) is a key of
 * its own, up to collisions of a 64-bit hash. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30; /* splitmix64's finaliser (Steele et al. 2014) */
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

struct hn_u32x4 hn_philox(uint64_t seed, enum hn_purpose purpose, uint64_t a, uint64_t b, uint32_t index)
{
    uint64_t k = mix(mix(seed + 0x9e3779b97f4a7c15u) ^ a);
    philox4x32_key_t key = {{(uint32_t)k, (uint32_t)(k >> 32)}};
    philox4x32_ctr_t ctr = {{(uint32_t)b, (uint32_t)(b >> 32), index, (uint32_t)purpose}};
    philox4x32_ctr_t out = philox4x32(ctr, key);

    return (struct hn_u32x4){{out.v[0], out.v[1], out.v[2], out.v[3]}};
}

hn_draws hn_draws_for(uint64_t seed, enum hn_purpose purpose, uint64_t a, uint64_t b)
{
    return (hn_draws){.seed = seed, .purpose = purpose, .a = a, .b = b};
}

uint32_t hn_draw_u32(hn_draws *d)
{
    if (d->next % 4 == 0)
        d->block = hn_philox(d->seed, d->purpose, d->a, d->b, d->next / 4);
    return d->block.v[d->next++ % 4];
}

double hn_draw_unit(hn_draws *d)
{
    uint64_t hi = hn_draw_u32(d) >> 5, lo = hn_draw_u32(d) >> 6; /* 27 + 26 bits */

    return (double)(hi << 26 | lo) * 0x1p-53;
}

uint64_t hn_draw_between(hn_draws *d, uint64_t lo, uint64_t hi)
{
    uint64_t x = (uint64_t)hn_draw_u32(d) << 32;
    x |= hn_draw_u32(d);
    uint64_t n = hi - lo + 1;

    return n == 0 ? x : lo + (uint64_t)((unsigned __int128)x * n >> 64);
}

double hn_draw_normal(hn_draws *d)
{
    double u = 1.0 - hn_draw_unit(d), v = hn_draw_unit(d);

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
