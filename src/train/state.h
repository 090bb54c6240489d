/* train/state.h - everything that a checkpoint holds, as one list of named arrays.
 *
 * save is local (rank 0 calls it); load is collective: rank 0 reads, all get the bytes. */
#ifndef HN_TRAIN_STATE_H
#define HN_TRAIN_STATE_H

#include "hardneg/ckpt.h"
#include "hardneg/comm.h"
#include "hardneg/engine.h"
#include "hardneg/optim.h"

struct hn_state {
    struct hn_ckpt_array *array;
    size_t arrays, model_arrays; /* the first model_arrays are weights and running statistics */
    char *names;
    int64_t step, updates, skips; /* skips: updates left out, counted by the trainer */
};

/* optim NULL: the model alone (evaluation).  net and optim must outlive the list. */
hn_status hn_state_list(struct hn_state *s, hn_net *net, hn_optim *optim);
/* The same list for a run that is planned only: names and shapes without values. */
hn_status hn_state_describe(struct hn_state *s, const struct hn_array *array, size_t arrays,
                            const struct hn_optim_options *optim);
void hn_state_free(struct hn_state *s);
/* Collective.  from: on rank 0 an open checkpoint, elsewhere unused. */
hn_status hn_state_load(struct hn_state *s, hn_comm *comm, const hn_ckpt *from);

#endif
