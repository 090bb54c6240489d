/* base/clock.h - seconds of a clock that never jumps.  Local; never decides what is computed. */
#ifndef HN_BASE_CLOCK_H
#define HN_BASE_CLOCK_H

double hn_now(void);
/* Seconds since *since, which becomes now. */
double hn_lap(double *since);

#endif
