/* The reading thread: who gets which samples, at whatever number of owners; errors; stopping. */
#include "base/mem.h"
#include "base/tree.h"
#include "data/dataset.h"
#include "make.h"
#include <time.h>

enum { SAMPLES = 5001, BATCH = 48, MICRO = 16, STEPS = 215 /* more than two epochs of 104 */ };

static const struct hn_data_options full = {
    .split = HN_TRAIN, .order = HN_ORDER_FULL, .cache_bytes = 64 << 20};
static const struct hn_data_options blocks = {
    .split = HN_TRAIN, .order = HN_ORDER_BLOCKS, .group = 2, .cache_bytes = 3 << 20};

static bool right(const struct hn_batch *b, size_t size)
{
    for (size_t i = 0; i < b->samples; i++) {
        if (b->label[i] != made_label(b->id[i]))
            return false;
        for (size_t k = 0; k < size; k += 97)
            if (b->bytes[i * size + k] != made_byte(b->id[i], k))
                return false;
    }
    return true;
}

/* Ids of steps first .. STEPS-1, in global order, read by `owners` prefetches on data sets of their own. */
static bool collect(uint64_t *id, const char *path, const struct hn_data_options *o, size_t owners,
                    uint64_t first)
{
    bool fine = true;

    for (size_t r = 0; r < owners; r++) {
        struct hn_range own = hn_share(MICRO, owners, r);
        const struct hn_batch *b = NULL;
        hn_prefetch *p = NULL;
        hn_dataset *d = NULL;

        fine = fine && hn_dataset_open(&d, path) == HN_OK &&
               hn_prefetch_new(&p, d, o, 11, BATCH, MICRO, own, first) == HN_OK;
        for (uint64_t s = first; s < STEPS && fine; s++) {
            size_t per = BATCH / MICRO;
            fine = hn_prefetch_next(p, &b) == HN_OK && b->step == s && b->epoch == s / (SAMPLES / BATCH) &&
                   b->samples == own.count * per && right(b, 784);
            if (fine)
                memcpy(id + s * BATCH + own.first * per, b->id, b->samples * sizeof *id);
        }
        hn_prefetch_free(p);
        hn_dataset_close(d);
    }
    return fine;
}

static void owners(const char *path, const struct hn_data_options *o, const char *what)
{
    static uint64_t one[STEPS * BATCH], many[STEPS * BATCH];
    static const size_t count[] = {2, 3, 8, 20};
    static unsigned char seen[SAMPLES];
    struct hn_order order = {o->order, 11, SAMPLES, 1337, o->group};
    bool once = true, slices = true;

    ok(collect(one, path, o, 1, 0), "%s: one owner reads every step", what);
    for (size_t i = 0; i < 4; i++) {
        memset(many, 0xff, sizeof many);
        ok(collect(many, path, o, count[i], 0) && memcmp(one, many, sizeof one) == 0,
           "%s: %zu owners together read the same ids", what, count[i]);
    }
    memcpy(many, one, sizeof many);
    memset(many + 57 * BATCH, 0xff, sizeof many - 57 * BATCH * sizeof *many);
    ok(collect(many, path, o, 3, 57) && memcmp(one, many, sizeof one) == 0, "%s: begun at step 57 the same",
       what);
    memset(many + 150 * BATCH, 0xff, sizeof many - 150 * BATCH * sizeof *many);
    ok(collect(many, path, o, 2, 150) && memcmp(one, many, sizeof one) == 0,
       "%s: at step 150 of epoch 1 the same", what);
    for (size_t i = 0; i < SAMPLES / BATCH * BATCH; i++) {
        once = once && !seen[one[i]]++;
        slices = slices && one[i] == hn_order_at(&order, 0, i);
    }
    memset(seen, 0, sizeof seen);
    ok(once, "%s: no sample twice in an epoch", what);
    ok(slices, "%s: a step is its slice of the epoch's order", what);
}

static void refusals(const char *path)
{
    struct hn_data_options o = full;
    hn_prefetch *p = NULL;
    hn_dataset *d = NULL;

    hn_dataset_open(&d, path);
    tap_status(hn_prefetch_new(&p, d, &o, 1, 5008, 16, (struct hn_range){0, 16}, 0), HN_EUSAGE,
               "a batch larger than the set");
    ok(said("a batch of 5008 samples is larger than the set: train has 5001"), "says both numbers");
    tap_status(hn_prefetch_new(&p, d, &o, 1, 50, 16, (struct hn_range){0, 16}, 0), HN_EUSAGE,
               "a batch that cannot be cut");
    o.split = HN_UNLABELED;
    tap_status(hn_prefetch_new(&p, d, &o, 1, 48, 16, (struct hn_range){0, 16}, 0), HN_EUSAGE,
               "a split that is not there");
    ok(said("no samples in unlabeled"), "is named");
    o = blocks;
    o.group = 0;
    tap_status(hn_prefetch_new(&p, d, &o, 1, 48, 16, (struct hn_range){0, 16}, 0), HN_EUSAGE,
               "groups of no blocks");
    tap_status(hn_prefetch_new(&p, d, &full, 1, 5001, 1, (struct hn_range){0, 1}, 0), HN_OK,
               "a batch of the whole set");
    ok(hn_prefetch_steps_per_epoch(p) == 1, "is one step");
    hn_prefetch_free(p);
    hn_prefetch_free(NULL);
    hn_dataset_close(d);
}

static void nothing_owned(const char *path)
{
    const struct hn_batch *b = NULL;
    hn_prefetch *p = NULL;
    hn_dataset *d = NULL;

    hn_dataset_open(&d, path);
    hn_prefetch_new(&p, d, &full, 1, 48, 16, (struct hn_range){16, 0}, 3);
    ok(hn_prefetch_next(p, &b) == HN_OK && b->samples == 0 && b->step == 3,
       "who owns nothing gets empty batches");
    hn_prefetch_free(p);
    hn_dataset_close(d);
}

static void damaged(const char *path)
{
    const struct hn_batch *b = NULL;
    struct hn_data_options o = blocks;
    hn_prefetch *p = NULL;
    hn_dataset *d = NULL;
    hn_status st = HN_OK;
    uint64_t steps = 0;

    make_set(path, SAMPLES, 28, 28);
    hn_dataset_open(&d, path);
    flip_byte(path, (long)d->layout->extent[HN_EXTENT_SAMPLES(HN_TRAIN)].offset + 5000 * 784);
    o.group = 1;
    hn_prefetch_new(&p, d, &o, 3, 48, 16, (struct hn_range){0, 16}, 0);
    while (st == HN_OK && steps < 105) {
        st = hn_prefetch_next(p, &b);
        steps += st == HN_OK;
    }
    tap_status(st, HN_EDATA, "a damaged block stops the run at its step (%d were read)", (int)steps);
    ok(said("block 3 of train samples") && strstr(hn_error_place(), "blocks.c"),
       "with the thread's sentence and place");
    hn_error_set("", "");
    ok(hn_prefetch_next(p, &b) == HN_EDATA && said("block 3 of train samples"),
       "and says so again when asked again");
    hn_prefetch_free(p);
    hn_dataset_close(d);
}

/* Freed in mid-read, before anything was asked for, while the main thread reads too. */
static void stops(const char *path)
{
    struct timespec pause = {0, 0};
    hn_dataset *d = NULL;
    unsigned char bytes[784];
    int64_t label;
    bool fine = true;

    hn_dataset_open(&d, path);
    for (int i = 0; i < 60; i++) {
        const struct hn_batch *b = NULL;
        hn_prefetch *p = NULL;
        fine = fine && hn_prefetch_new(&p, d, i % 2 ? &full : &blocks, (uint64_t)i, 4800, 16,
                                       (struct hn_range){0, 16}, (uint64_t)i) == HN_OK;
        pause.tv_nsec = i * 20000;
        nanosleep(&pause, NULL);
        if (i % 5 == 0)
            fine = fine && hn_prefetch_next(p, &b) == HN_OK && right(b, 784);
        fine = fine && hn_dataset_read(d, HN_TEST, 2, bytes, &label) == HN_OK && label == made_label(2);
        hn_prefetch_free(p);
    }
    ok(fine, "stops whenever it is freed, and shares its data set with another reader");
    hn_dataset_close(d);
}

static void no_memory_in_steps(const char *path)
{
    const struct hn_batch *b = NULL;
    hn_prefetch *p = NULL;
    hn_dataset *d = NULL;
    bool fine = true;

    hn_dataset_open(&d, path);
    hn_prefetch_new(&p, d, &full, 1, 48, 16, (struct hn_range){0, 16}, 0);
    size_t before = hn_total_blocks();
    for (int i = 0; i < 120; i++)
        fine = fine && hn_prefetch_next(p, &b) == HN_OK;
    ok(fine && hn_total_blocks() == before, "120 steps allocate nothing");
    hn_prefetch_free(p);
    hn_dataset_close(d);
}

int main(void)
{
    struct hn_data_options small = full, tiny = blocks;

    tap_plan(4 * 9 + 8 + 1 + 3 + 1 + 1 + 1);
    make_folder();
    const char *path = in_folder("set.h5");
    char copy[256];
    snprintf(copy, sizeof copy, "%s", path);
    path = copy;
    make_set(path, SAMPLES, 28, 28);
    small.cache_bytes = 1;
    tiny.cache_bytes = 1;
    owners(path, &full, "full");
    owners(path, &small, "full, larger than the cache");
    owners(path, &blocks, "blocks, larger than the cache");
    owners(path, &tiny, "blocks, groups larger than the cache");
    refusals(path);
    nothing_owned(path);
    stops(path);
    no_memory_in_steps(path);
    damaged(path);
    remove_folder();
    ok(hn_live_blocks() == 0, "no memory is left behind (%zu blocks)", hn_live_blocks());
    return tap_done();
}
