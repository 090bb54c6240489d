/* train/limits.h - when a run has to end by the clock: its own limit, and SLURM's end of the job. */
#ifndef HN_TRAIN_LIMITS_H
#define HN_TRAIN_LIMITS_H

#include "train/trainer.h"

/* Rank 0 alone: its clock decides.  Again after a save, which tells how long the last one may take. */
void hn_limits_set(hn_trainer *t);
/* For a run that has stopped: in the log, when its own limit was the reason.  Job scripts look for it. */
void hn_limits_tell(const hn_trainer *t);
/* Seconds before SLURM's end at which a run stops that has `whole` seconds between its start and that end. */
double hn_limits_margin(double save_seconds, double whole);

#endif
