/* comm/watch.h - who notices that a rank no longer lives.
 *
 * Two halves, one state for the process (a process is one rank):
 *
 *   ring.c   the main thread, in its waits and pulses: tells both neighbours in
 *            a ring of all ranks that it lives, what it does and whether it was
 *            asked to stop, and hears the same of them.
 *   watch.c  a thread that counts ticks, and ends the process with one line
 *            when its main thread or a neighbour has been silent for too long.
 *            The launcher ends the others.  It touches no MPI, but for the ring
 *            while the main thread waits for a file system: that is no reason
 *            for the neighbours to believe the rank dead.
 *
 * Every rank that stops has living neighbours or is followed by others that
 * stopped, whose end has: so nobody decides for all, and no rank is special. */
#ifndef HN_COMM_WATCH_H
#define HN_COMM_WATCH_H

#include "comm/ranks.h"
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

enum { HN_TICK_MS = 100 };
enum { HN_SAY_LAST = 1, HN_SAID_LAST };
enum { HN_PARTED = 1, HN_ENDING };

/* What a rank tells its neighbours. */
struct hn_beat {
    int32_t rank, process;
    uint64_t processes; /* of its kernel and namespace: who has the same sees each other's processes */
    uint64_t step;
    int32_t stop;  /* it was asked to stop */
    int32_t last;  /* it says no more: HN_PARTED, the run is over, or HN_ENDING, one rank ends it */
    int32_t chain; /* ranks up to this one, going up the ring, that all have waited for too long */
    char host[HOST_NAME_MAX + 1], phase[48];
};

struct hn_neighbour {
    int rank;
    MPI_Request in, out;
    struct hn_beat got, sent; /* MPI's while on the way */
    pthread_mutex_t lock;     /* of `last` */
    struct hn_beat last;      /* what it said; rank -1: nothing yet */
    atomic_uint heard;        /* tick of that */
    unsigned gone,
        patience; /* the thread's: ticks since its process was seen to be gone, and until that is said */
};

struct hn_watch {
    int rank, size;
    struct hn_beat self; /* what does not change */
    _Atomic(const char *) phase;
    atomic_ullong step;
    atomic_uint limit;      /* ticks; 0: nobody is accused */
    _Atomic double minutes; /* as given */
    atomic_uint wait_since; /* tick at which the main thread's present wait began; 0: it waits for nobody */

    /* The ring, after hn_ring_open(); neighbour 0 is the one before, 1 the one after; two ranks have but one.
     */
    atomic_bool ring;
    atomic_uint listened; /* tick at which all that had come was heard */
    int neighbours;
    struct hn_neighbour neighbour[2];
    atomic_bool stop_heard;
    atomic_int farewell; /* HN_SAY_LAST: the thread wants the last word said to the neighbours; HN_SAID_LAST:
                            it is */
};
extern struct hn_watch hn_watch;

/* Local.  The thread; before MPI starts. */
hn_status hn_watch_start(int rank);
void hn_watch_end(void);
/* Has this rank, or so many in a row, waited for longer than anything takes? */
bool hn_watch_waits(void);

/* Collective. */
void hn_ring_open(const hn_comm *c);
void hn_ring_close(hn_comm *c);

#endif
