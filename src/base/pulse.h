/* base/pulse.h - signs of life.
 *
 * Long work says now and then that it goes on, so that whoever watches the
 * process (comm/watch.c) can tell slow from stuck.  What counts is the main
 * thread, with the workers that it gives its work to.  Threads with work of
 * their own give signs of a life of their own; the main thread has theirs
 * while it waits for them, and only then: a run is not alive because somebody
 * still reads or writes for it.
 *
 * Time is counted in ticks of the watch, which stand still while the process
 * is stopped: nobody is late for having been asleep. */
#ifndef HN_BASE_PULSE_H
#define HN_BASE_PULSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum hn_life { HN_LIFE_MAIN, HN_LIFE_READER, HN_LIFE_SAVER, HN_LIFE_LOCK, HN_LIVES };

/* From any thread, and often: costs a load. */
void hn_pulse(void);
/* Whose life this thread's signs are of, from now on; at first HN_LIFE_MAIN. */
void hn_pulse_as(enum hn_life whose);
/* A condition for it, by a clock that nobody sets. */
void hn_pulse_condition(pthread_cond_t *c);
/* One bounded wait of the main thread for others, which are to pulse themselves; the caller tests its
 * condition again, and pulses when it holds.  The listener goes on listening. */
void hn_pulse_wait(pthread_cond_t *changed, pthread_mutex_t *lock, enum hn_life for_whom);

/* Around what may wait for a file system (or a terminal), which has other ideas of time: the watch gives it
 * longer, and names `path`.  On any thread; may be nested.  Nothing in between may call MPI. */
void hn_disk_begin(const char *path);
void hn_disk_end(void);
bool hn_disk_within(void); /* is this thread in between? */

/* For the watch: time goes on by one tick; ticks so far. */
void hn_pulse_tick(void);
unsigned hn_pulse_now(void);
/* Does the main thread, or whom it waits for, wait for a file system?  Which file is it then?  Asked before
 * the silence, since it excuses it. */
bool hn_pulse_disk(char *path, size_t room);
/* Ticks since the main thread, or whom it waits for, gave a sign of life. */
unsigned hn_pulse_silent(void);
/* Called in every pulse of this thread, the main one, from now on; NULL: no longer. */
void hn_pulse_listen(void (*listener)(void));
/* From another thread, in every tick: listens in place of the main thread where that waits for a file
 * system.  Never both at once. */
void hn_pulse_stand_in(void);

#endif
