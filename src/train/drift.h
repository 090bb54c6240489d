/* train/drift.h - replicas that have drifted apart: a bit that flipped in the memory of one rank. */
#ifndef HN_TRAIN_DRIFT_H
#define HN_TRAIN_DRIFT_H

#include "train/trainer.h"

enum hn_drift { HN_DRIFT_RELOAD, HN_DRIFT_STOP };

/* Local.  Room for the ranks' hashes. */
hn_status hn_drift_open(hn_trainer *t);
/* Collective, before every save.  Compares a hash of weights, running statistics and optimiser state over the
 * ranks, once for a step.  Where they differ, the odd rank is named, and all ranks go back to the last
 * checkpoint (*back), or HN_ELOST: by policy, without a checkpoint, or when it happens again and again.  What
 * was in memory is not to be saved then. */
hn_status hn_drift_check(hn_trainer *t, bool *back);

#endif
