/* base/philox.h - random numbers without state: a pure function of what they are for.
 *
 * Local.  Philox4x32-10 (Salmon et al., SC 2011; Random123's implementation).
 * The key is (seed, purpose), the counter (a, b, index): the same numbers in
 * whatever order, thread or run they are asked for. */
#ifndef HN_BASE_PHILOX_H
#define HN_BASE_PHILOX_H

#include "hardneg/base.h"

/* What a number is for; never renumber: old runs depend on it. */
enum hn_purpose {
    HN_DRAW_INIT = 1,    /* initial parameters: a = hash of the name, b = element / 4 */
    HN_DRAW_ORDER = 2,   /* order of an epoch */
    HN_DRAW_VIEW = 3,    /* augmentation: a = sample id, b = epoch * 2 + view */
    HN_DRAW_PARTNER = 4, /* sample of the second view: a = sample id, b = epoch */
    HN_DRAW_TEST = 100
};

struct hn_u32x4 {
    uint32_t v[4];
};
struct hn_u32x4 hn_philox(uint64_t seed, enum hn_purpose purpose, uint64_t a, uint64_t b, uint32_t index);

/* A stream for one (seed, purpose, a, b): draws are numbered from 0. */
typedef struct {
    uint64_t seed, a, b;
    enum hn_purpose purpose;
    uint32_t next; /* 32-bit draws used so far */
    struct hn_u32x4 block;
} hn_draws;
hn_draws hn_draws_for(uint64_t seed, enum hn_purpose purpose, uint64_t a, uint64_t b);
uint32_t hn_draw_u32(hn_draws *d);
/* Uniform in [0, 1) with 53 bits (two draws). */
double hn_draw_unit(hn_draws *d);
/* Uniform in lo .. hi inclusive (two draws; bias below 2^-32 for ranges below 2^32). */
uint64_t hn_draw_between(hn_draws *d, uint64_t lo, uint64_t hi);
/* Standard normal (Box-Muller, four draws). */
double hn_draw_normal(hn_draws *d);

#endif
