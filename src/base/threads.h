/* base/threads.h - a fixed crew of threads that runs one function at a time.
 *
 * Local.  Workers never call MPI, HDF5 or the log.  The caller is worker 0, so
 * a crew of one starts no thread at all. */
#ifndef HN_BASE_THREADS_H
#define HN_BASE_THREADS_H

#include "hardneg/base.h"

typedef struct hn_threads hn_threads;

hn_status hn_threads_new(hn_threads **out, size_t count);
size_t hn_threads_count(const hn_threads *t);
/* Runs work(ctx, index) on every thread, index 0 .. count-1; returns when all are done. */
void hn_threads_run(hn_threads *t, void (*work)(void *ctx, size_t index), void *ctx);
/* Runs work(ctx, item, index) for items 0 .. n-1, whichever thread is free takes
 * the next: only for items whose results do not depend on who computes them. */
void hn_threads_each(hn_threads *t, size_t n, void (*work)(void *ctx, size_t item, size_t index), void *ctx);
void hn_threads_free(hn_threads *t);

#endif
