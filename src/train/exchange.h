/* train/exchange.h - the engine's exchange over the ranks of a communicator.  Local to make, collective to
 * use. */
#ifndef HN_TRAIN_EXCHANGE_H
#define HN_TRAIN_EXCHANGE_H

#include "hardneg/comm.h"
#include "hardneg/engine.h"

struct hn_rank_exchange {
    hn_reducer *reducer;
    real *root; /* hn_net_gradient() */
};

struct hn_exchange hn_exchange_over_ranks(struct hn_rank_exchange *e);

#endif
