#include "base/pulse.h"
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static atomic_uint now, last;
static _Thread_local void (*listening)(void);

void hn_pulse(void)
{
    unsigned tick = atomic_load_explicit(&now, memory_order_relaxed);

    /* Read first: threads that only read a cache line do not take it from each other. */
    if (atomic_load_explicit(&last, memory_order_relaxed) != tick)
        atomic_store_explicit(&last, tick, memory_order_relaxed);
    if (listening != NULL)
        listening();
}

void hn_pulse_wait(pthread_cond_t *changed, pthread_mutex_t *lock)
{
    struct timespec until;

    if (listening == NULL) {
        pthread_cond_wait(changed, lock);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (until.tv_nsec += 100000000) >= 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_cond_timedwait(changed, lock, &until) == ETIMEDOUT) {
        pthread_mutex_unlock(lock);
        listening();
        pthread_mutex_lock(lock);
    }
}

void hn_pulse_tick(void)
{
    atomic_fetch_add_explicit(&now, 1, memory_order_relaxed);
}

unsigned hn_pulse_now(void)
{
    return atomic_load_explicit(&now, memory_order_relaxed);
}

unsigned hn_pulse_last(void)
{
    return atomic_load_explicit(&last, memory_order_relaxed);
}

void hn_pulse_listen(void (*listener)(void))
{
    listening = listener;
}
