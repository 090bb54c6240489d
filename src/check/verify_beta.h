/* check/verify_beta.h - a stored schedule of beta, epoch by epoch, against ours.  Local. */
#ifndef HN_CHECK_VERIFY_BETA_H
#define HN_CHECK_VERIFY_BETA_H

#include "check/verify.h"
#include "hardneg/loss.h"

/* group/array holds beta of epoch 1, 2, ...; the deviation is the largest difference over the first beta. */
hn_status hn_verify_beta(struct hn_verify *v, const struct hn_loss_options *o, const char *name,
                         const char *group, const char *array);

#endif
