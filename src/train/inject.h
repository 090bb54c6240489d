/* train/inject.h - debug builds: faults on request, for tests.  Local.
 *
 * HN_INJECT="WHAT STEP RANK": bit: after that step a bit of a weight is flipped on that rank; input,
 * loss, gradient: in that step the first number of its views, of its rows' losses or of its embeddings'
 * gradient becomes NaN; hang: before that step its main thread stops for good.  Once. */
#ifndef HN_TRAIN_INJECT_H
#define HN_TRAIN_INJECT_H

#include "hardneg/base.h"

#ifdef HN_DEBUG
void hn_inject_at(uint64_t step, size_t rank); /* what follows is of this step on this rank */
void hn_inject_bit(real *weight);
void hn_inject_nan(const char *what, real *number);
void hn_inject_loss(double *row);
void hn_inject_hang(void);
#else
#define hn_inject_at(step, rank)    ((void)0)
#define hn_inject_bit(weight)       ((void)0)
#define hn_inject_nan(what, number) ((void)0)
#define hn_inject_loss(row)         ((void)0)
#define hn_inject_hang()            ((void)0)
#endif

#endif
