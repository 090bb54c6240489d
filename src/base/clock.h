/* base/clock.h - seconds of a clock that never jumps.  Local; never decides what is computed. */
#ifndef HN_BASE_CLOCK_H
#define HN_BASE_CLOCK_H

double hn_now(void);
/* Seconds that the calling thread has computed: others on its core do not count. */
double hn_thread_seconds(void);
/* Seconds since *since, which becomes now. */
double hn_lap(double *since);

#endif
