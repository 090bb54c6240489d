/* The order of an epoch as a function without state: where does position p lie?
 *
 * A keyed permutation of 0 .. n-1 is a Feistel network over the next power of
 * four, walked along its cycle until the value is below n (Black, Rogaway 2002,
 * "Ciphers with Arbitrary Finite Domains"); fewer than 4 steps on average.
 * Eight rounds: small domains need more than the customary four to be flat.
 *
 * full:   one permutation of all samples.
 * blocks: the file's blocks are permuted, and in every group of `group`
 *         neighbours of that order the samples are permuted.  The file's last
 *         block may be short; it lies anywhere in the order of blocks, so what
 *         comes after it starts earlier than whole blocks would. */
#include "base/philox.h"
#include "hardneg/data.h"

enum { ROUNDS = 8 };
/* Streams of one (seed, epoch); groups follow. */
enum { STREAM_FULL, STREAM_BLOCKS, STREAM_GROUP };

struct cipher {
    uint64_t n, mask; /* of one half */
    unsigned half;    /* bits of one half */
    uint64_t key[ROUNDS];
};

static struct cipher cipher(uint64_t n, uint64_t seed, uint64_t epoch, uint64_t stream)
{
    struct cipher c = {.n = n, .half = 1};

    while (c.half < 32 && (n - 1) >> (2 * c.half) != 0)
        c.half++;
    c.mask = ((uint64_t)1 << c.half) - 1;
    for (uint32_t i = 0; i < ROUNDS / 2; i++) {
        struct hn_u32x4 r = hn_philox(seed, HN_DRAW_ORDER, epoch, stream, i);
        c.key[2 * i] = (uint64_t)r.v[0] << 32 | r.v[1];
        c.key[2 * i + 1] = (uint64_t)r.v[2] << 32 | r.v[3];
    }
    return c;
}

/* splitmix64's finaliser (Steele et al. 2014); its top bits are the best. */
static uint64_t scramble(uint64_t x, unsigned bits)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 31;
    return x >> (64 - bits);
}

static uint64_t forth(const struct cipher *c, uint64_t x)
{
    if (c->n <= 1)
        return x;
    do {
        uint64_t l = x >> c->half, r = x & c->mask;
        for (int i = 0; i < ROUNDS; i++) {
            uint64_t next = l ^ scramble(r + c->key[i], c->half);
            l = r;
            r = next;
        }
        x = l << c->half | r;
    } while (x >= c->n);
    return x;
}

static uint64_t back(const struct cipher *c, uint64_t x)
{
    if (c->n <= 1)
        return x;
    do {
        uint64_t l = x >> c->half, r = x & c->mask;
        for (int i = ROUNDS - 1; i >= 0; i--) {
            uint64_t before = r ^ scramble(l + c->key[i], c->half);
            r = l;
            l = before;
        }
        x = l << c->half | r;
    } while (x >= c->n);
    return x;
}

static uint64_t in_blocks(const struct hn_order *o, uint64_t epoch, uint64_t position)
{
    uint64_t blocks = (o->samples - 1) / o->block + 1, missing = blocks * o->block - o->samples;
    struct cipher order = cipher(blocks, o->seed, epoch, STREAM_BLOCKS);
    uint64_t last = back(&order, blocks - 1); /* the place of the short block */
    uint64_t width = o->group < blocks ? o->group : blocks;
    uint64_t group = position / (width * o->block), first, end, start, size;

    /* Groups behind the short block start `missing` samples early: maybe one further. */
    first = group * width;
    end = first + width;
    if (last < end && end < blocks && position >= end * o->block - missing) {
        group++;
        first = end;
        end += width;
    }
    end = end < blocks ? end : blocks;
    start = first * o->block - (last < first ? missing : 0);
    size = end * o->block - (last < end ? missing : 0) - start;

    struct cipher within = cipher(size, o->seed, epoch, STREAM_GROUP + group);
    uint64_t at = forth(&within, position - start);
    if (last >= first && last < end && at >= (last - first + 1) * o->block - missing)
        at += missing; /* behind the short block of this group */
    return forth(&order, first + at / o->block) * o->block + at % o->block;
}

uint64_t hn_order_at(const struct hn_order *o, uint64_t epoch, uint64_t position)
{
    if (o->kind == HN_ORDER_BLOCKS)
        return in_blocks(o, epoch, position);
    struct cipher c = cipher(o->samples, o->seed, epoch, STREAM_FULL);
    return forth(&c, position);
}
