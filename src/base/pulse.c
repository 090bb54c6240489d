#include "base/pulse.h"
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static atomic_uint now, last[HN_LIVES]; /* ticks */
static atomic_int waits_for;            /* the main thread, for this life, until its own next sign */
static _Thread_local bool waited;       /* this is the main thread, and it did */
static _Thread_local enum hn_life mine;

static struct {
    pthread_mutex_t lock;
    struct {
        unsigned calls; /* on their way */
        char path[200]; /* of the one that began last */
    } of[HN_LIVES];
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};
static _Thread_local unsigned depth;

/* The gate is the main thread's while it listens, but for its calls to a file system. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void (*to_stand_in)(void); /* behind the gate */
static _Thread_local void (*listening)(void);

void hn_pulse(void)
{
    unsigned tick = atomic_load_explicit(&now, memory_order_relaxed);

    /* Read first: threads that only read a cache line do not take it from each other. */
    if (atomic_load_explicit(&last[mine], memory_order_relaxed) != tick)
        atomic_store_explicit(&last[mine], tick, memory_order_relaxed);
    if (waited) { /* in this order: there is a sign of life at every instant */
        waited = false;
        atomic_store(&waits_for, HN_LIFE_MAIN);
    }
    if (listening != NULL && depth == 0)
        listening();
}

void hn_pulse_as(enum hn_life whose)
{
    mine = whose;
}

void hn_pulse_condition(pthread_cond_t *c)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void wait_a_tick(pthread_cond_t *changed, pthread_mutex_t *lock)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (until.tv_nsec += 100000000) >= 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(changed, lock, &until);
}

void hn_pulse_wait(pthread_cond_t *changed, pthread_mutex_t *lock, enum hn_life for_whom)
{
    if (mine != HN_LIFE_MAIN) {
        pthread_cond_wait(changed, lock);
        return;
    }
    if (for_whom != HN_LIFE_MAIN) {
        waited = true;
        atomic_store(&waits_for, (int)for_whom);
    }
    wait_a_tick(changed, lock);
    if (listening != NULL && depth == 0) {
        pthread_mutex_unlock(lock);
        listening();
        pthread_mutex_lock(lock);
    }
}

/* ---- file systems ---- */

void hn_disk_begin(const char *path)
{
    hn_pulse();
    if (depth++ > 0)
        return;
    pthread_mutex_lock(&disk.lock);
    disk.of[mine].calls++;
    snprintf(disk.of[mine].path, sizeof disk.of[mine].path, "%s", path);
    pthread_mutex_unlock(&disk.lock);
    if (listening != NULL)
        pthread_mutex_unlock(&gate);
}

void hn_disk_end(void)
{
    hn_pulse(); /* before the end, so that nobody sees a long silence without its reason */
    if (--depth > 0)
        return;
    if (listening != NULL)
        pthread_mutex_lock(&gate);
    pthread_mutex_lock(&disk.lock);
    disk.of[mine].calls--;
    pthread_mutex_unlock(&disk.lock);
}

bool hn_disk_within(void)
{
    return depth > 0;
}

/* ---- for the watch ---- */

void hn_pulse_tick(void)
{
    atomic_fetch_add_explicit(&now, 1, memory_order_relaxed);
}

unsigned hn_pulse_now(void)
{
    return atomic_load_explicit(&now, memory_order_relaxed);
}

unsigned hn_pulse_silent(void)
{
    unsigned tick = hn_pulse_now(), own = tick - atomic_load(&last[HN_LIFE_MAIN]);
    unsigned other = tick - atomic_load(&last[atomic_load(&waits_for)]);

    return own < other ? own : other;
}

bool hn_pulse_disk(char *path, size_t room)
{
    int whose = atomic_load(&waits_for);
    bool waits;

    pthread_mutex_lock(&disk.lock);
    if (disk.of[HN_LIFE_MAIN].calls > 0)
        whose = HN_LIFE_MAIN;
    if ((waits = disk.of[whose].calls > 0))
        snprintf(path, room, "%s", disk.of[whose].path);
    pthread_mutex_unlock(&disk.lock);
    return waits;
}

void hn_pulse_listen(void (*listener)(void))
{
    if (listening == NULL)
        pthread_mutex_lock(&gate);
    listening = to_stand_in = listener;
    if (listener == NULL)
        pthread_mutex_unlock(&gate);
}

void hn_pulse_stand_in(void)
{
    if (pthread_mutex_trylock(&gate) != 0)
        return;
    if (to_stand_in != NULL)
        to_stand_in();
    pthread_mutex_unlock(&gate);
}
