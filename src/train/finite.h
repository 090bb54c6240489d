/* train/finite.h - numbers that are not finite.
 *
 * The loss, the summed gradient and BatchNorm's running statistics are the same on
 * every rank, and so is the verdict on them; only then do ranks talk, to find out where it began. */
#ifndef HN_TRAIN_FINITE_H
#define HN_TRAIN_FINITE_H

#include "train/trainer.h"

enum hn_nonfinite { HN_NONFINITE_STOP, HN_NONFINITE_SKIP };

/* Local.  Room for what a skipped step must not change; none where no step is skipped. */
hn_status hn_finite_open(hn_trainer *t);
/* Hot, local.  Before a step: keeps BatchNorm's running statistics, which forward moves. */
void hn_finite_keep(hn_trainer *t);
/* Collective, after backward.  HN_EDIVERGED: something is not finite; the sentence names what, in the order
 * input, embedding, running statistics, loss, gradient.  *skip instead: the policy says to leave this update
 * out; the running statistics are those from before, the step is counted and said. */
hn_status hn_finite_check(hn_trainer *t, const struct hn_core_report *core, bool *skip);

#endif
