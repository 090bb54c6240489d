/* train/rundir.h - the run directory: config.cfg, log.txt, starts.jsonl, metrics.jsonl, checkpoints/.
 *
 * Local: rank 0 alone has it.  One run at a time has it open (train/dirlock.h); one that has lost it to
 * another writes nothing here, but for the lines of log.txt until it knows.  job-restarts is the job
 * script's (jobs/common.sh). */
#ifndef HN_TRAIN_RUNDIR_H
#define HN_TRAIN_RUNDIR_H

#include "base/text.h"
#include "train/dirlock.h"
#include "train/rows.h"
#include <stdio.h>

/* Stays where it is while it is open. */
struct hn_rundir {
    char path[1024], checkpoints[1100];
    FILE *log;
    struct hn_rows rows; /* metrics.jsonl */
    uint64_t judged;     /* step of the last evaluation in metrics.jsonl */
    hn_dirlock *lock;
};

/* Makes the directory when missing.  HN_ECREATE: cannot be made, or another run holds it. */
hn_status hn_rundir_open(struct hn_rundir *d, const char *path);
void hn_rundir_close(struct hn_rundir *d);
/* Has a run been here before? */
bool hn_rundir_used(const struct hn_rundir *d);
/* Puts a whole file in place, or leaves the one that was there. */
hn_status hn_rundir_write(const struct hn_rundir *d, const char *name, const char *text);
/* Appends to a file of the directory. */
hn_status hn_rundir_append(const struct hn_rundir *d, const char *name, const char *text);
/* Opens metrics.jsonl, anew where it was open, for appending; it and the rows that wait are cut back to steps
 * up to last_step. */
hn_status hn_rundir_open_metrics(struct hn_rundir *d, uint64_t last_step);
/* A row of metrics.jsonl (train/rows.h), unless the directory is another run's by now. */
void hn_rundir_row(struct hn_rundir *d, const struct hn_text *line);
/* Tries to write the rows that wait, likewise. */
void hn_rundir_catch_up(struct hn_rundir *d);

#endif
