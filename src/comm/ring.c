/* The ring in which ranks tell their neighbours that they live (comm/watch.h). */
#include "base/clock.h"
#include "base/pulse.h"
#include "comm/watch.h"
#include <math.h>
#include <string.h>

enum { BEAT = 2 /* ticks from one to the next */, TAG = 1 };

static struct {
    MPI_Comm comm;
    unsigned looked, sent; /* ticks */
    bool told_stop;        /* with the last beat */
    const volatile sig_atomic_t *flag;
    double stop_at;
} ring = {.comm = MPI_COMM_NULL, .stop_at = INFINITY};

/* ---- who was asked to stop ---- */

void hn_comm_stop_when(const volatile sig_atomic_t *flag)
{
    ring.flag = flag;
}

void hn_comm_stop_at(double when)
{
    ring.stop_at = when;
}

bool hn_comm_stopping(void)
{
    return (ring.flag && *ring.flag) || hn_now() >= ring.stop_at || atomic_load(&hn_watch.stop_heard);
}

/* ---- beats ---- */

static void listen_to(struct hn_neighbour *n)
{
    MPI_Irecv(&n->got, sizeof n->got, MPI_BYTE, n->rank, TAG, ring.comm, &n->in);
}

/* All that has come from this neighbour. */
static void hear(struct hn_neighbour *n)
{
    int come = 1;

    while (n->in != MPI_REQUEST_NULL) {
        MPI_Test(&n->in, &come, MPI_STATUS_IGNORE);
        if (!come)
            return;
        pthread_mutex_lock(&n->lock);
        n->last = n->got;
        pthread_mutex_unlock(&n->lock);
        atomic_store(&n->heard, hn_pulse_now());
        if (n->got.stop)
            atomic_store(&hn_watch.stop_heard, true);
        if (n->got.last == HN_ENDING && atomic_load(&hn_watch.farewell) == 0)
            atomic_store(&hn_watch.farewell, HN_SAY_LAST); /* passed on */
        if (!n->got.last)
            listen_to(n);
    }
}

/* Who has not taken the last beat gets no second one. */
static void tell(struct hn_neighbour *n, int last)
{
    const char *phase = atomic_load(&hn_watch.phase);
    int free = 1;

    MPI_Test(&n->out, &free, MPI_STATUS_IGNORE);
    if (!free)
        return;
    n->sent = hn_watch.self;
    n->sent.step = atomic_load(&hn_watch.step);
    strncpy(n->sent.phase, phase, sizeof n->sent.phase - 1);
    n->sent.stop = ring.told_stop;
    n->sent.last = last;
    n->sent.chain = hn_watch_waits() ? 1 + hn_watch.neighbour[0].last.chain : 0;
    MPI_Isend(&n->sent, sizeof n->sent, MPI_BYTE, n->rank, TAG, ring.comm, &n->out);
}

/* This process, or one before it, is about to end the run: nobody else need say why. */
static void say_last(void)
{
    if (atomic_load(&hn_watch.farewell) == HN_SAID_LAST)
        return;
    for (int i = 0; i < hn_watch.neighbours; i++)
        tell(&hn_watch.neighbour[i], HN_ENDING);
    atomic_store(&hn_watch.farewell, HN_SAID_LAST);
}

static void listen_and_tell(void)
{
    unsigned now = hn_pulse_now();
    bool stop;

    if (now == ring.looked)
        return;
    ring.looked = now;
    for (int i = 0; i < hn_watch.neighbours; i++)
        hear(&hn_watch.neighbour[i]);
    atomic_store(&hn_watch.listened, now);
    if (atomic_load(&hn_watch.farewell)) {
        say_last();
        return;
    }
    stop = hn_comm_stopping();
    if (now - ring.sent < BEAT && stop == ring.told_stop)
        return;
    ring.sent = now;
    ring.told_stop = stop;
    for (int i = 0; i < hn_watch.neighbours; i++)
        tell(&hn_watch.neighbour[i], 0);
}

/* ---- the ring's life ---- */

void hn_ring_open(const hn_comm *c)
{
    struct hn_watch *w = &hn_watch;

    w->rank = w->self.rank = c->rank;
    w->size = c->size;
    w->neighbours = c->size > 2 ? 2 : c->size - 1;
    if (w->neighbours == 0)
        return;
    MPI_Comm_dup(c->control, &ring.comm);
    for (int i = 0; i < w->neighbours; i++) {
        struct hn_neighbour *n = &w->neighbour[i];
        n->rank = (c->rank + (i == 0 ? c->size - 1 : 1)) % c->size;
        n->out = MPI_REQUEST_NULL;
        n->last = (struct hn_beat){.rank = -1};
        pthread_mutex_init(&n->lock, NULL);
        atomic_store(&n->heard, hn_pulse_now());
        listen_to(n);
    }
    atomic_store(&w->ring, true);
    hn_pulse_listen(listen_and_tell);
}

struct parting {
    bool told[2];
};

/* The last word of both neighbours is here, and they have ours. */
static bool parted(void *ctx)
{
    struct parting *p = ctx;
    bool done = true;

    for (int i = 0; i < hn_watch.neighbours; i++) {
        struct hn_neighbour *n = &hn_watch.neighbour[i];
        int free = 1;
        hear(n);
        MPI_Test(&n->out, &free, MPI_STATUS_IGNORE);
        if (free && !p->told[i]) {
            tell(n, HN_PARTED);
            p->told[i] = true;
            free = n->out == MPI_REQUEST_NULL;
        }
        done = done && p->told[i] && free && n->in == MPI_REQUEST_NULL;
    }
    return done;
}

void hn_ring_close(hn_comm *c)
{
    struct parting parting = {{false, false}};

    if (hn_watch.neighbours == 0)
        return;
    hn_pulse_listen(NULL); /* no beat may follow the last one */
    hn_wait_until(c, parted, &parting);
    atomic_store(&hn_watch.ring, false);
    MPI_Comm_free(&ring.comm);
}
