/* hardneg/data.h - data sets in our HDF5 layout: opening, order of an epoch, prefetch, importing.
 *
 * Local and rank-blind.  Rank 0 opens with hn_dataset_open (HDF5, checked) and
 * passes the layout's bytes on; the others attach.  Afterwards everyone reads
 * plain bytes (pread) and verifies a block's hash when it first reads from it. */
#ifndef HARDNEG_DATA_H
#define HARDNEG_DATA_H

#include "hardneg/base.h"
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hn_sample_kind { HN_IMAGES /* u8, h x w x c */, HN_VECTORS /* f32, c */ };
enum hn_split { HN_TRAIN, HN_TEST, HN_UNLABELED, HN_SPLITS };
const char *hn_split_name(enum hn_split split);

struct hn_dataset_info {
    enum hn_sample_kind kind;
    size_t h, w, c;
    size_t sample_bytes;
    uint64_t samples[HN_SPLITS]; /* 0: no such split */
    bool labelled[HN_SPLITS];
    size_t classes;
    uint64_t block_samples[HN_SPLITS]; /* samples per block of the file; the last block may be shorter */
    char name[64];
    uint64_t file_bytes;
    unsigned char file_hash[16]; /* of the layout: stands for the whole, block hashes are in it */
};

typedef struct hn_dataset hn_dataset;

hn_status hn_dataset_open(hn_dataset **out, const char *path);
/* The layout as bytes (valid until close) and a data set from them: attach() opens path for plain reading. */
void hn_dataset_layout(const hn_dataset *d, const void **bytes, size_t *count);
hn_status hn_dataset_attach(hn_dataset **out, const char *path, const void *bytes, size_t count);
void hn_dataset_close(hn_dataset *d);
const struct hn_dataset_info *hn_dataset_info(const hn_dataset *d);
const char *hn_dataset_class(const hn_dataset *d, size_t label); /* "" when unnamed */

/* What the file holds, for people: shapes, splits, samples per class, provenance, sizes.  Reads all labels.
 */
hn_status hn_dataset_describe(hn_dataset *d, char **text);
void hn_dataset_text_free(char *text);

/* Reads sample `id` of a split into bytes[sample_bytes] and its label (-1: none); either may be NULL.  A
 * block is verified when it is first read.  Calls from several threads wait for one another. */
hn_status hn_dataset_read(hn_dataset *d, enum hn_split split, uint64_t id, void *bytes, int64_t *label);

/* Reads and verifies every block of the file; HN_EDATA names the first that is damaged and
 * counts the others. */
typedef void hn_progress(void *ctx, uint64_t done, uint64_t total);
hn_status hn_dataset_verify(hn_dataset *d, hn_progress *progress, void *ctx);

/* ---- the order of an epoch: a keyed permutation, a function without state ---- */
enum hn_order_kind { HN_ORDER_FULL, HN_ORDER_BLOCKS };
struct hn_order {
    enum hn_order_kind kind;
    uint64_t seed, samples;
    uint64_t block; /* blocks: samples per block of the file */
    uint64_t group; /* blocks: how many permuted blocks are mixed with one another */
};
/* The sample at `position` (0 .. samples-1) of an epoch. */
uint64_t hn_order_at(const struct hn_order *o, uint64_t epoch, uint64_t position);

/* ---- prefetch: a thread that reads the own microbatches of the steps to come ---- */
/* Whose view the second view of a sample is: its own, or that of a sample drawn from all of its label. */
enum hn_data_positives { HN_PAIR_AUGMENT, HN_PAIR_LABEL };

struct hn_data_options {
    char path[1024];
    int split;            /* enum hn_split that is trained on */
    int order;            /* enum hn_order_kind */
    uint64_t group;       /* data.group */
    int positives;        /* enum hn_data_positives */
    uint64_t cache_bytes; /* memory for blocks kept; decides speed, never the order */
};

struct hn_batch {
    uint64_t step, epoch; /* epoch from 0 */
    size_t samples;       /* of the own microbatches */
    const uint64_t *id;
    const int64_t *label;       /* -1: none */
    const unsigned char *bytes; /* (samples, sample_bytes) */
    const uint64_t *partner;    /* the sample that the second view is of: maybe the same; same label */
    const unsigned char *partner_bytes; /* may be `bytes` */
};

typedef struct hn_prefetch hn_prefetch;
/* Global batch of `batch` samples cut into `microbatches`; step s of the run is step s % steps_per_epoch of
 * epoch s / steps_per_epoch, the last partial batch dropped. HN_EUSAGE when the set is smaller than a batch,
 * or has no labels and positives are by label. */
hn_status hn_prefetch_new(hn_prefetch **out, hn_dataset *d, const struct hn_data_options *options,
                          uint64_t seed, size_t batch, size_t microbatches, struct hn_range own,
                          uint64_t first_step);
uint64_t hn_prefetch_steps_per_epoch(const hn_prefetch *p);
/* The next step's batch; borrowed until the next call.  Fails with what the reading thread met. */
hn_status hn_prefetch_next(hn_prefetch *p, const struct hn_batch **batch);
/* Memory: of a prefetch of so many samples per step, and of the cache of blocks that it makes. */
uint64_t hn_prefetch_bytes(const struct hn_dataset_info *info, const struct hn_data_options *options,
                           size_t samples);
uint64_t hn_prefetch_cache_bytes(const struct hn_dataset_info *info, uint64_t cache_bytes);
void hn_prefetch_free(hn_prefetch *p);

/* ---- importers: write `out` atomically; progress(ctx, done, total) counts samples, may be NULL.
 * A damaged source is HN_EDATA with one line that says where; nothing is left behind then, nor after
 * HN_STOPPED.  HDF5 may crash on a damaged file without our seal: the program imports it in a process of its
 * own (base/apart.h). ---- */
struct hn_import_options {
    const char *name; /* of the set; NULL: from the source */
    const char *train_images, *train_labels, *test_images, *test_labels,
        *unlabeled;     /* import hdf5: array names; NULL: guess */
    const char *layout; /* import hdf5: "nhwc", "nchw" or NULL: from the shape */
    double white;       /* import hdf5: the value that becomes 255; 0: 1 in floats, 255 in integers */
    bool fine;          /* cifar100: fine labels (else coarse) */
    hn_progress *progress;
    void *ctx;
    const volatile sig_atomic_t *stop; /* not 0: give up, HN_STOPPED; NULL: never */
};
hn_status hn_import_idx(const char *source, const char *out, const struct hn_import_options *options);
hn_status hn_import_cifar10(const char *source, const char *out, const struct hn_import_options *options);
hn_status hn_import_cifar100(const char *source, const char *out, const struct hn_import_options *options);
hn_status hn_import_hdf5(const char *source, const char *out, const struct hn_import_options *options);

#ifdef __cplusplus
}
#endif

#endif
