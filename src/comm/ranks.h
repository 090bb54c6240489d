/* comm/ranks.h - what the files of this room share: a group of ranks from the inside, and the one loop that
 * waits.
 *
 * Four communicators of the same ranks, so that what belongs to different
 * talks can never meet: control (agree, bcast, ...), pool (gather), statistics
 * and, for sums in flight, one for each of their two laps. */
#ifndef HN_COMM_RANKS_H
#define HN_COMM_RANKS_H

#include "hardneg/comm.h"

struct hn_comm {
    MPI_Comm control, pool, stats, scatter, spread;
    int rank, size;
    size_t nodes;
    size_t largest;       /* bytes that may travel in one call: INT_MAX, less in tests */
    int *count, *offset;  /* of a gather, per rank */
    hn_reducer *reducers; /* all that live: whoever waits lets their sums progress */
};

/* Collective in debug builds, nothing in others: do all ranks make this call, with the same sizes?  Where one
 * does not, it says so and the run ends. */
#ifdef HN_DEBUG
void hn_ranks_check(hn_comm *c, const char *call, uint64_t size, uint64_t other_size);
#else
#define hn_ranks_check(c, call, size, other_size)                                                            \
    ((void)(sizeof(c) + sizeof(call) + sizeof(size) + sizeof(other_size)))
#endif

/* Returns when ready(ctx) says true: the only place that waits.  Whatever else is in flight progresses. */
void hn_wait_until(hn_comm *c, bool (*ready)(void *ctx), void *ctx);
void hn_wait(hn_comm *c, MPI_Request *request, size_t count);

/* Kept by the reducer. */
void hn_reducers_poll(hn_reducer *first);

#endif
