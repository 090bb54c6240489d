/* train/pool.h - where the ranks' rows meet: the global pool of a step.
 *
 * Rows stand in the order of microbatches; microbatch k holds the samples
 * kb .. kb+b-1 of the batch, first all their rows of view 1, then of view 2.
 * gather calls are collective; the rest is local. */
#ifndef HN_TRAIN_POOL_H
#define HN_TRAIN_POOL_H

#include "hardneg/comm.h"
#include "hardneg/loss.h"

typedef struct hn_gathered hn_gathered;

/* run: microbatches of each rank, ascending; blocks of the loss are cut at microbatch edges and every `tile`
 * rows. */
hn_status hn_gathered_new(hn_gathered **out, hn_comm *comm, size_t batch, size_t microbatches,
                          const struct hn_range *run, size_t dim, size_t tile);
/* Local: its memory, on each of so many ranks. */
size_t hn_gathered_bytes(size_t batch, size_t microbatches, size_t ranks, size_t dim, size_t tile);
void hn_gathered_free(hn_gathered *g);

/* The pool as the loss sees it; label is set by gather_labels. */
const struct hn_pool *hn_gathered_pool(const hn_gathered *g);
struct hn_range hn_gathered_own_blocks(const hn_gathered *g);
size_t hn_gathered_largest_block(const hn_gathered *g);

void hn_gathered_rows(hn_gathered *g, const real *own);      /* embeddings of the own rows */
void hn_gathered_labels(hn_gathered *g, const int64_t *own); /* one per own sample */
/* Own rows' statistics (room for them: hn_gathered_own_stats) to all, and what the rows chose
 * (hn_loss_choices); returns the statistics of every row. */
struct hn_row_stat *hn_gathered_own_stats(hn_gathered *g);
const struct hn_row_stat *hn_gathered_stats(hn_gathered *g, hn_loss *l);

#endif
