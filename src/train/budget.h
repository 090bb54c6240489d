/* train/budget.h - what a run takes, from its config and the data's sizes alone: nothing of it is made.
 *
 * Local.  The one place that adds up memory: the first lines of a run and the
 * dry run say what it says. */
#ifndef HN_TRAIN_BUDGET_H
#define HN_TRAIN_BUDGET_H

#include "hardneg/train.h"

struct hn_budget_case {
    const struct hn_config *config;     /* sizes that come from the data are filled in */
    const struct hn_dataset_info *data; /* samples, their sizes; the file need not be there */
    size_t view_scratch;                /* hn_augment_scratch_bytes */
    size_t ranks, rank, threads;        /* of each rank */
};

/* Bytes of one rank, by what they are for.  MPI, the libraries and the program itself come on top. */
struct hn_memory {
    uint64_t parameters, gradients, optimiser;
    uint64_t activations, scratch, statistics;
    uint64_t loss, pool, reducer;
    uint64_t cache;  /* data cache, whole from the start */
    uint64_t views;  /* samples read ahead, scratch of the views */
    uint64_t saving; /* the copy of the state that is written, on rank 0 alone; not in hn_memory_sum() */
};
uint64_t hn_memory_sum(const struct hn_memory *m);

/* What rank `rank` receives from others in a step, in bytes. */
struct hn_traffic {
    double gathered;   /* embeddings, labels and statistics of the rows of the pool */
    double reduced;    /* partial sums of its chunk, then the sums of all others */
    double normalised; /* sums of BatchNorm */
    size_t calls;      /* collective calls, each of which waits for all */
};

struct hn_budget {
    struct hn_range own; /* microbatches */
    struct hn_memory memory;
    struct hn_traffic traffic;
    size_t parameters; /* that are trained, without padding */
    size_t feature, embedding;
    double network_flops; /* of a step over all ranks, multiply-add = 2 */
    double loss_flops;
    uint64_t steps_per_epoch, steps;
    uint64_t checkpoint; /* bytes of one file */
    struct hn_net_plan net;
};

/* HN_EUSAGE as training itself would refuse. */
hn_status hn_budget(struct hn_budget *out, const struct hn_budget_case *k);

#endif
