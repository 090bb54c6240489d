/* The only loop in which a rank waits for others.
 *
 * It yields: ranks and workers may share cores, and a rank that spins would
 * keep the very one it waits for from running.  After a while it naps, too:
 * who has waited for milliseconds loses nothing by some microseconds more. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/pulse.h"
#include "comm/watch.h"
#include <sched.h>
#include <time.h>

static const double PATIENCE = 0.02; /* seconds */
static const long NAP = 50000;       /* nanoseconds */

void hn_wait_until(hn_comm *c, bool (*ready)(void *ctx), void *ctx)
{
    double since;

    HN_ASSERT(!hn_disk_within()); /* the watch may be calling MPI in our place */
    if (ready(ctx))
        return;
    since = hn_now();
    atomic_store(&hn_watch.wait_since, hn_pulse_now());
    do {
        hn_pulse();
        hn_reducers_poll(c->reducers);
        if (hn_now() - since < PATIENCE)
            sched_yield();
        else
            nanosleep(&(struct timespec){0, NAP}, NULL);
    } while (!ready(ctx));
    atomic_store(&hn_watch.wait_since, 0);
}

struct requests {
    MPI_Request *request;
    int count;
};

static bool ended(void *ctx)
{
    struct requests *r = ctx;
    int done;

    MPI_Testall(r->count, r->request, &done, MPI_STATUSES_IGNORE);
    return done != 0;
}

void hn_wait(hn_comm *c, MPI_Request *request, size_t count)
{
    hn_wait_until(c, ended, &(struct requests){request, (int)count});
}
