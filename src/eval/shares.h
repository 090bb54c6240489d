/* eval/shares.h - who has which rows of a set of features.  Collective. */
#ifndef HN_EVAL_SHARES_H
#define HN_EVAL_SHARES_H

#include "hardneg/eval.h"

/* *share: the ranks' runs of rows, to be freed with hn_free. */
hn_status hn_eval_shares(struct hn_range **share, hn_comm *comm, const struct hn_features *f);

#endif
