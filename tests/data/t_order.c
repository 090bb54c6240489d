/* The order of an epoch: a permutation, of its own for every epoch and seed, flat. */
#include "base/clock.h"
#include "hardneg/data.h"
#include "tap.h"

static int permutation(const struct hn_order *o, uint64_t epoch, unsigned char *seen)
{
    memset(seen, 0, o->samples);
    for (uint64_t p = 0; p < o->samples; p++) {
        uint64_t id = hn_order_at(o, epoch, p);
        if (id >= o->samples || seen[id])
            return 0;
        seen[id] = 1;
    }
    return 1;
}

static void every_size(void)
{
    static unsigned char seen[70000];
    int full = 1, blocks = 1;

    for (uint64_t n = 1; n <= 300; n++)
        for (uint64_t e = 0; e < 3; e++) {
            struct hn_order o = {HN_ORDER_FULL, n * 3, n, 1, 1};
            full = full && permutation(&o, e, seen);
        }
    ok(full, "full: a permutation for every size from 1 to 300");
    for (uint64_t n = 1; n <= 60; n++)
        for (uint64_t b = 1; b <= 13; b++)
            for (uint64_t g = 1; g <= 7; g++)
                for (uint64_t e = 0; e < 4; e++) {
                    struct hn_order o = {HN_ORDER_BLOCKS, n, n, b, g};
                    blocks = blocks && permutation(&o, e, seen);
                }
    ok(blocks,
       "blocks: a permutation for sizes to 60, blocks to 13, groups to 7, wherever the short block lies");
    struct hn_order large[] = {
        {HN_ORDER_FULL, 1, 60000, 1, 1},           {HN_ORDER_FULL, 1, 65536, 1, 1},
        {HN_ORDER_FULL, 1, 65537, 1, 1},           {HN_ORDER_BLOCKS, 1, 60000, 1337, 8},
        {HN_ORDER_BLOCKS, 1, 60000, 1337, 1000},   {HN_ORDER_BLOCKS, 1, 60000, 70000, 3},
        {HN_ORDER_BLOCKS, 1, 60000, 1, UINT64_MAX}};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        ok(permutation(&large[i], 5, seen), "a permutation of %llu, blocks of %llu in groups of %llu",
           (unsigned long long)large[i].samples, (unsigned long long)large[i].block,
           (unsigned long long)large[i].group);
}

static void huge(void)
{
    struct hn_order o = {HN_ORDER_FULL, 1, (uint64_t)1 << 40, 1, 1}, b = o;
    int fine = 1;

    b.kind = HN_ORDER_BLOCKS;
    b.block = 341;
    b.group = 64;
    for (uint64_t p = 0; p < 1000; p++)
        fine = fine && hn_order_at(&o, 1, p) < o.samples && hn_order_at(&b, 1, o.samples - 1 - p) < o.samples;
    ok(fine, "positions of 2^40 samples stay inside");
}

static int same(const struct hn_order *a, uint64_t epoch_a, const struct hn_order *b, uint64_t epoch_b)
{
    int equal = 0;

    for (uint64_t p = 0; p < a->samples; p++)
        equal += hn_order_at(a, epoch_a, p) == hn_order_at(b, epoch_b, p);
    return equal;
}

static void different(void)
{
    struct hn_order a = {HN_ORDER_FULL, 1, 5000, 1, 1}, b = a;

    b.seed = 2;
    ok(same(&a, 3, &a, 3) == 5000, "the same twice");
    ok(same(&a, 3, &a, 4) < 12, "another epoch agrees in hardly a place");
    ok(same(&a, 3, &b, 3) < 12, "nor does another seed");
    a.kind = b.kind = HN_ORDER_BLOCKS;
    a.block = b.block = 70;
    a.group = b.group = 4;
    b.seed = a.seed;
    ok(same(&a, 3, &b, 4) < 40, "blocks: another epoch is another order");
}

/* Over many epochs every sample must come equally often to every place: chi-square against n cells. */
static double chi_square(const struct hn_order *o, int epochs)
{
    enum { MOST = 64 };
    static int count[MOST * MOST];
    double sum = 0, want = (double)epochs / (double)o->samples;
    uint64_t n = o->samples;

    memset(count, 0, sizeof count);
    for (int e = 0; e < epochs; e++)
        for (uint64_t p = 0; p < n; p++)
            count[p * n + hn_order_at(o, (uint64_t)e, p)]++;
    for (uint64_t i = 0; i < n * n; i++)
        sum += (count[i] - want) * (count[i] - want) / want;
    return sum;
}

/* And every successor: sample j after sample i. */
static double chi_square_pairs(const struct hn_order *o, int epochs)
{
    static int count[64 * 64];
    uint64_t n = o->samples;
    double sum = 0, want = (double)epochs * (double)(n - 1) / (double)(n * (n - 1));

    memset(count, 0, sizeof count);
    for (int e = 0; e < epochs; e++)
        for (uint64_t p = 1; p < n; p++)
            count[hn_order_at(o, (uint64_t)e, p - 1) * n + hn_order_at(o, (uint64_t)e, p)]++;
    for (uint64_t i = 0; i < n * n; i++)
        if (i / n != i % n)
            sum += (count[i] - want) * (count[i] - want) / want;
    return sum;
}

static void flat(void)
{
    static const uint64_t size[] = {2, 3, 4, 5, 7, 10, 16, 33, 64};

    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        struct hn_order o = {HN_ORDER_FULL, 17, size[i], 1, 1};
        double n = (double)size[i], places = chi_square(&o, 8000), pairs = chi_square_pairs(&o, 8000);
        double fp = (n - 1) * (n - 1), fs = n * (n - 1) - 1;
        ok(places < fp + 5 * sqrt(2 * fp) + 6, "every sample in every place equally often, n = %llu (%.0f)",
           (unsigned long long)size[i], places);
        ok(pairs < fs + 5 * sqrt(2 * fs) + 6, "every pair of neighbours equally often, n = %llu (%.0f)",
           (unsigned long long)size[i], pairs);
    }
    /* With a short block this cannot hold: its group is shorter. */
    struct hn_order o = {HN_ORDER_BLOCKS, 17, 64, 8, 2};
    double places = chi_square(&o, 8000);
    ok(places < 1.3 * 63 * 63, "blocks: every sample in every place equally often (%.0f of %d)", places,
       63 * 63);
}

static void grouped(void)
{
    struct hn_order o = {HN_ORDER_BLOCKS, 3, 1000, 30, 4};
    int most = 0, at_once = 0;

    for (uint64_t p = 0; p < 1000;) { /* how many blocks does any run of a group's length touch? */
        int touched[34] = {0}, n = 0;
        for (uint64_t q = p; q < p + 80 && q < 1000; q++) {
            uint64_t b = hn_order_at(&o, 0, q) / 30;
            n += !touched[b];
            touched[b] = 1;
        }
        most = n > most ? n : most;
        at_once += n;
        p += 80;
    }
    ok(most <= 8, "80 samples in a row come from at most two groups of 4 blocks (%d)", most);
}

static void fast(void)
{
    struct hn_order o = {HN_ORDER_FULL, 3, 70000, 1, 1};
    uint64_t sum = 0;
    double start = hn_now();

    for (uint64_t p = 0; p < 70000; p++)
        sum += hn_order_at(&o, 0, p);
    printf("# %.0f ns for a position (blocks aside)\n", (hn_now() - start) / 70000 * 1e9);
    ok(sum == 70000ull * 69999 / 2, "an epoch adds up");
}

int main(void)
{
    tap_plan(2 + 7 + 1 + 4 + 18 + 1 + 1 + 1);
    every_size();
    huge();
    different();
    flat();
    grouped();
    fast();
    return tap_done();
}
