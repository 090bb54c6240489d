/* train/trainer.h - the trainer's inside, shared by the files of this room. */
#ifndef HN_TRAIN_TRAINER_H
#define HN_TRAIN_TRAINER_H

#include "hardneg/train.h"
#include "train/core.h"
#include "train/rundir.h"
#include "train/session.h"
#include "train/state.h"

#define HN_NOT_SAVED UINT64_MAX

struct hn_trainer {
    struct hn_session session;
    hn_core *core;
    hn_prefetch *prefetch;
    const struct hn_batch *batch; /* of the step in hand */
    struct hn_state state;        /* what a checkpoint holds: points into core */
    struct hn_rundir dir;         /* rank 0 alone has it open */
    struct hn_train_options options;
    char *config_text;      /* as saved */
    char data_identity[96]; /* of the data set: hash and bytes */
    unsigned char *scratch; /* of the views, per worker */
    size_t scratch_bytes;
    uint64_t step;             /* done so far */
    uint64_t steps, per_epoch; /* of the whole run, of an epoch */
    uint64_t saved_step;       /* of the newest checkpoint here; HN_NOT_SAVED */
    bool evaluates;            /* the data has labelled splits to judge by */
    bool warned_anchors;       /* that every anchor was left out */
    bool warned_excluded;      /* that some were */
    double started, saved_at;  /* hn_now() */
};

/* What there is to go back to, in words. */
const char *hn_trainer_saved(const hn_trainer *t);
/* Collective.  Nearest neighbours of the test set by the features of the encoder as it is. */
hn_status hn_trainer_judge(hn_trainer *t, struct hn_knn_result *out);

static inline bool hn_trainer_leads(const hn_trainer *t)
{
    return hn_comm_rank(t->session.comm) == 0;
}

#endif
