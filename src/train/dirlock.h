/* train/dirlock.h - one run in a directory.  Local: rank 0.
 *
 *   RUN/lock.N   one line about the N-th holder, which touches the file every 2 s while it lives
 *
 * The highest N is the holder's.  It is gone when
 *   - its line says so: it gave the directory back;
 *   - on this machine: its process is, and there is no flock;
 *   - else: nothing has touched the file in as many looks as 20 s hold, or 6 s where it is an earlier start
 *     of the same SLURM job, which SLURM ends before the next one.
 *
 * No two clocks are compared, and a watcher that sleeps, or waits for the file system, counts no looks.
 *
 * Whoever finds holder N gone creates lock.N+1 with O_EXCL, which one alone can do, then makes sure that
 * there is none higher, then deletes those below, and only then goes to work.  The highest is never deleted,
 * so of all who ever took the directory, all but one find at their next check a higher file, or their own
 * one gone.  flock takes part in the judgement alone, so it may be missing or local to a node.
 *
 * A holder that only seemed to be gone (stopped, suspended, cut off) checks before it writes: before a save,
 * again before the file is put in place, before a row of metrics.  It then writes nothing and ends.  Stopped
 * for so long exactly between that check and the rename behind it, it puts one whole checkpoint of its own
 * in place.  A file system that does not show other hosts new times of a file is out of reach, as is a
 * holder whose touches do not get through for 20 s: it loses the directory, and ends.
 *
 * That the file cannot be read, or the directory is gone, ends nobody. */
#ifndef HN_TRAIN_DIRLOCK_H
#define HN_TRAIN_DIRLOCK_H

#include "hardneg/base.h"

typedef struct hn_dirlock hn_dirlock;

struct hn_dirlock_times {
    double beat, silence; /* seconds */
};
#define HN_DIRLOCK_TIMES ((struct hn_dirlock_times){.beat = 2, .silence = 20})

/* HN_ECREATE: another run holds the folder (the line says which), or the file cannot be made.  HN_STOPPED:
 * hn_comm_stopping() while it was not clear. */
hn_status hn_dirlock_take(hn_dirlock **out, const char *folder, struct hn_dirlock_times times);
/* Any thread.  HN_ECREATE, from then on always: another run has taken the directory over.  Takes NULL. */
hn_status hn_dirlock_check(hn_dirlock *l);
/* Any thread; looks at nothing: has a check, or the thread that touches the file, found so?  Takes NULL. */
bool hn_dirlock_lost(const hn_dirlock *l);
/* Gives the directory back.  Takes NULL. */
void hn_dirlock_free(hn_dirlock *l);

#endif
