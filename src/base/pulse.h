/* base/pulse.h - signs of life.
 *
 * Long work says now and then that it goes on, so that whoever watches the
 * process (comm/watch.c) can tell slow from stuck.  Time is counted in ticks
 * of the watch, which stand still while the process is stopped: nobody is late
 * for having been asleep. */
#ifndef HN_BASE_PULSE_H
#define HN_BASE_PULSE_H

#include <pthread.h>

/* From any thread, and often: costs a load. */
void hn_pulse(void);

/* One bounded wait for another thread of this process, which is to pulse itself; the caller tests its
 * condition again.  The listener goes on listening. */
void hn_pulse_wait(pthread_cond_t *changed, pthread_mutex_t *lock);

/* For the watch: time goes on by one tick; ticks so far; the tick of the last pulse. */
void hn_pulse_tick(void);
unsigned hn_pulse_now(void);
unsigned hn_pulse_last(void);
/* Called in every pulse of this thread from now on; NULL: no longer. */
void hn_pulse_listen(void (*listener)(void));

#endif
