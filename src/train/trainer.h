/* train/trainer.h - the trainer's inside, shared by the files of this room. */
#ifndef HN_TRAIN_TRAINER_H
#define HN_TRAIN_TRAINER_H

#include "base/hash.h"
#include "hardneg/train.h"
#include "train/core.h"
#include "train/rundir.h"
#include "train/saver.h"
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
    hn_saver *saver;              /* rank 0 alone has one */
    struct hn_train_options options;
    char *config_text;      /* as saved */
    char data_identity[96]; /* of the data set: hash and bytes */
    unsigned char *scratch; /* of the views, per worker */
    size_t scratch_bytes;
    uint64_t step;             /* done so far */
    uint64_t steps, per_epoch; /* of the whole run, of an epoch */
    uint64_t saved_step;       /* of the newest checkpoint here; HN_NOT_SAVED */
    uint64_t saving_step;      /* of the one that is being written; HN_NOT_SAVED: none is */
    uint64_t compared_step;    /* of the newest state found the same on all ranks; HN_NOT_SAVED */
    bool evaluates;            /* the data has labelled splits to judge by */
    void *running;             /* BatchNorm's statistics before the step, where updates may be skipped */
    struct hn_hash *hashes;    /* of the state's arrays, then of the ranks */
    size_t *hash_bytes;        /* of each rank's */
    size_t reloads;            /* since replicas had drifted apart */
    bool warned_anchors;       /* that every anchor was left out */
    bool warned_excluded;      /* that some were */
    bool lost;                 /* the directory, to another run: every rank knows */
    double started, saved_at;  /* hn_now() */
    double save_seconds;       /* of the longest save so far */
};

/* Collective.  Everything as it was in the checkpoint, the run's newest, that rank 0 has open. */
hn_status hn_trainer_load(hn_trainer *t, const hn_ckpt *from);
/* Collective.  Waits for the save in flight. */
hn_status hn_trainer_end_save(hn_trainer *t);
/* What there is to go back to, in words. */
const char *hn_trainer_saved(const hn_trainer *t);

/* Rank 0: leavings swept away, memory for the checkpoints, and, if there is to be one, room on disk for it.
 */
hn_status hn_trainer_open_saver(hn_trainer *t, bool will_save);
/* Collective.  A checkpoint of this step, written while training goes on; waits only for one that is still
 * being written.  That the older one failed is said, and is HN_OK, unless it was HN_EDIVERGED,
 * or the directory is lost. */
hn_status hn_trainer_begin_save(hn_trainer *t);
/* Local: what rank 0 has to tell about the save in flight; the others have nothing. */
enum hn_save_news {
    HN_SAVE_NO_NEWS,
    HN_SAVE_DONE,
    HN_SAVE_FAILED,
    HN_SAVE_LOST /* the directory is another's */
};
enum hn_save_news hn_trainer_save_news(hn_trainer *t);
/* Collective, with rank 0's news, which every rank knows from here on.  A failure is said, and is HN_OK,
 * unless it was HN_EDIVERGED, or the directory is lost. */
hn_status hn_trainer_hear_save(hn_trainer *t, enum hn_save_news news);
/* Collective.  Nearest neighbours of the test set by the features of the encoder as it is. */
hn_status hn_trainer_judge(hn_trainer *t, struct hn_knn_result *out);

static inline bool hn_trainer_leads(const hn_trainer *t)
{
    return hn_comm_rank(t->session.comm) == 0;
}

#endif
