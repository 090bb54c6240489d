/* Positives by label: who is paired with whom, at whatever number of owners, evenly, and what is refused. */
#include "base/mem.h"
#include "base/tree.h"
#include "data/dataset.h"
#include "data/partners.h"
#include "make.h"

enum { SAMPLES = 5001, BATCH = 48, MICRO = 16, STEPS = 130 /* more than an epoch of 104 */ };

static const struct hn_data_options full = {
    .split = HN_TRAIN, .order = HN_ORDER_FULL, .positives = HN_PAIR_LABEL, .cache_bytes = 64 << 20};

/* Every partner is of the sample's label, and its bytes are its own. */
static bool right(const struct hn_batch *b, size_t size)
{
    for (size_t i = 0; i < b->samples; i++) {
        if (b->label[i] != made_label(b->id[i]) || b->label[i] != made_label(b->partner[i]))
            return false;
        for (size_t k = 0; k < size; k += 97)
            if (b->bytes[i * size + k] != made_byte(b->id[i], k) ||
                b->partner_bytes[i * size + k] != made_byte(b->partner[i], k))
                return false;
    }
    return true;
}

/* Partners of steps first .. STEPS-1 in global order, read by `owners` prefetches on data sets of their own.
 */
static bool collect(uint64_t *partner, const char *path, const struct hn_data_options *o, size_t owners,
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
            fine = hn_prefetch_next(p, &b) == HN_OK && right(b, 784);
            if (fine)
                memcpy(partner + s * BATCH + own.first * per, b->partner, b->samples * sizeof *partner);
        }
        hn_prefetch_free(p);
        hn_dataset_close(d);
    }
    return fine;
}

static void owners(const char *path)
{
    static uint64_t one[STEPS * BATCH], many[STEPS * BATCH];
    static const size_t count[] = {2, 3, 20};
    struct hn_data_options small = full, blocks = full;

    small.cache_bytes = 1;
    blocks.order = HN_ORDER_BLOCKS;
    blocks.group = 1;
    ok(collect(one, path, &full, 1, 0), "one owner reads samples and partners of their labels");
    for (size_t i = 0; i < 3; i++) {
        memset(many, 0xff, sizeof many);
        ok(collect(many, path, &full, count[i], 0) && memcmp(one, many, sizeof one) == 0,
           "%zu owners together draw the same partners", count[i]);
    }
    memset(many, 0xff, sizeof many);
    ok(collect(many, path, &small, 2, 0) && memcmp(one, many, sizeof one) == 0,
       "and with a cache smaller than the data");
    memset(many + 110 * BATCH, 0xff, sizeof many - 110 * BATCH * sizeof *many);
    ok(collect(many, path, &full, 3, 110) && memcmp(one, many, sizeof one) == 0,
       "begun at step 110 the same");
    ok(collect(one, path, &blocks, 1, 0), "in blocks, partners come from anywhere");
    blocks.cache_bytes = 1;
    ok(collect(many, path, &blocks, 3, 0) && memcmp(one, many, sizeof one) == 0,
       "and the same with a small cache");
}

/* Chi-square of who is drawn by the members of class 0, in 20 bins of 50 members; 19 degrees of freedom. */
static void evenly(const char *path)
{
    enum { BINS = 20, EPOCHS = 20 };
    uint64_t seen[BINS] = {0}, own = 0, again = 0, draws = 0;
    double chi = 0;
    hn_partners *p = NULL;
    hn_dataset *d = NULL;

    hn_dataset_open(&d, path);
    tap_status(hn_partners_new(&p, d, HN_TRAIN), HN_OK, "the samples of each label are listed");
    for (uint64_t id = 0; id < 5000; id += 5) /* 5000 is of class 0, too: left out of the bins */
        for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
            uint64_t partner = hn_partners_draw(p, 3, epoch, id, 0);
            own += partner == id;
            again += partner == hn_partners_draw(p, 3, epoch + 1, id, 0);
            if (partner < 5000)
                seen[partner / 250]++, draws++;
        }
    for (int k = 0; k < BINS; k++) {
        double off = (double)seen[k] - (double)draws / BINS;
        chi += off * off / ((double)draws / BINS);
    }
    ok(chi < 43.8, "members are drawn evenly: chi-square %.1f, below 43.8 (p = 0.001)", chi);
    ok(own > 4 && own < 45, "now and then the sample itself: %d of 20000, about 20", (int)own);
    ok(again < 45, "and another one in the next epoch");
    ok(hn_partners_draw(p, 3, 0, 5, 0) != hn_partners_draw(p, 4, 0, 5, 0) ||
           hn_partners_draw(p, 3, 0, 10, 0) != hn_partners_draw(p, 4, 0, 10, 0),
       "another seed draws others");
    hn_partners_free(p);
    hn_partners_free(NULL);
    hn_dataset_close(d);
}

static void alone(const char *path)
{
    hn_partners *p = NULL;
    hn_dataset *d = NULL;
    bool itself = true;

    make_set(path, 5, 28, 28); /* labels 0, 1, 4, 4, 1 */
    hn_dataset_open(&d, path);
    hn_partners_new(&p, d, HN_TRAIN);
    for (uint64_t epoch = 0; epoch < 50; epoch++)
        itself = itself && hn_partners_draw(p, 1, epoch, 0, 0) == 0;
    ok(itself, "the only sample of its label is its own partner");
    hn_partners_free(p);
    hn_dataset_close(d);
}

static void without_labels(const char *path)
{
    struct hn_sink_spec spec = {.name = "made",
                                .importer = "test",
                                .source = "nowhere",
                                .kind = HN_IMAGES,
                                .h = 4,
                                .w = 4,
                                .c = 1,
                                .samples = {0, 0, 48}};
    unsigned char bytes[48 * 16] = {0};
    struct hn_data_options o = full;
    hn_prefetch *p = NULL;
    hn_dataset *d = NULL;
    hn_sink *s = NULL;

    ok(hn_sink_new(&s, path, &spec) == HN_OK && hn_sink_samples(s, HN_UNLABELED, bytes, 48) == HN_OK &&
           hn_sink_publish(s) == HN_OK && hn_dataset_open(&d, path) == HN_OK,
       "a set without labels");
    o.split = HN_UNLABELED;
    tap_status(hn_prefetch_new(&p, d, &o, 1, BATCH, MICRO, (struct hn_range){0, MICRO}, 0), HN_EUSAGE,
               "has no positives by label");
    ok(said("data.positives \"label\" needs labels, and split \"unlabeled\" has none"), "which is said");
    o.positives = HN_PAIR_AUGMENT;
    tap_status(hn_prefetch_new(&p, d, &o, 1, BATCH, MICRO, (struct hn_range){0, MICRO}, 0), HN_OK,
               "but two views of one sample");
    hn_prefetch_free(p);
    hn_dataset_close(d);
}

int main(void)
{
    char path[256];

    tap_plan(8 + 5 + 1 + 4 + 1);
    make_folder();
    snprintf(path, sizeof path, "%s", in_folder("set.h5"));
    make_set(path, SAMPLES, 28, 28);
    owners(path);
    evenly(path);
    alone(path);
    without_labels(path);
    remove_folder();
    ok(hn_live_blocks() == 0, "no memory is left behind (%zu blocks)", hn_live_blocks());
    return tap_done();
}
