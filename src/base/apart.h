/* base/apart.h - work that may crash or never end, in a process of its own.
 *
 * For foreign code that believes the bytes it is given.  Local, and before threads and MPI start: it forks.
 */
#ifndef HN_BASE_APART_H
#define HN_BASE_APART_H

#include "hardneg/base.h"
#include <signal.h>

struct hn_apart {
    const char *source, *reader;       /* a file, and the code that may not survive it */
    const char *out;                   /* what the work makes (base/file.h): a dead one leaves no temporary */
    uint64_t bytes;                    /* of address space, beyond what there is already */
    unsigned seconds;                  /* of processor time between two pulses (base/pulse.h) */
    const volatile sig_atomic_t *stop; /* a signal to pass on to the work, or 0 */
    void (*progress)(void *ctx, uint64_t done, uint64_t total); /* called here, not there */
    void *ctx;
};

/* What work(ctx) returns, with its sentence and its log; what it changes in memory is lost.  HN_EDATA when it
 * crashed or was stuck, HN_ENOMEM when it was killed or could not start.  It does not outlive this process.
 */
hn_status hn_apart(const struct hn_apart *a, hn_status (*work)(void *ctx), void *ctx);

/* Within the work: calls `progress` in the process that waits for it. */
void hn_apart_progress(void *unused, uint64_t done, uint64_t total);

#endif
