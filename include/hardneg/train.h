/* hardneg/train.h - a training run, and judging what it learned.
 *
 * Collective: every call is made by all ranks.  The life of a run:
 *
 *   hn_trainer_new (data opened, network built, run directory and checkpoint
 *   found) -> hn_trainer_run (steps, evaluations, checkpoints) -> hn_trainer_free.
 *
 * src/train/step.c holds one step. */
#ifndef HARDNEG_TRAIN_H
#define HARDNEG_TRAIN_H

#include "hardneg/comm.h"
#include "hardneg/config.h"
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Collective.  Rank 0 reads the file (hn_config_read), all get the same config. */
hn_status hn_config_read_shared(struct hn_config *out, hn_comm *comm, const char *path,
                                const char *const *sets, size_t count);

/* Local.  The sizes of samples that the data set decides, into the options of augment. */
void hn_config_take_data(struct hn_config *c, const struct hn_dataset_info *info);

/* Where the time of a step went on this rank, in seconds; waiting for others counts where it happens. */
struct hn_step_seconds {
    double input; /* waiting for samples, making views */
    double forward, gather, loss, backward;
    double reduction; /* what backward did not hide */
    double optimiser; /* norm, clipping, update */
};

/* What rank 0 hears while a run goes on. */
struct hn_train_progress {
    enum { HN_PROGRESS_STEP, HN_PROGRESS_EVAL, HN_PROGRESS_SAVE } what;
    uint64_t step, steps, epoch, epochs; /* step: done so far; epoch from 1 */
    double loss, lr, grad_norm, pairs_per_s, seconds_left;
    bool logged;              /* this step has a row in metrics.jsonl */
    struct hn_knn_result knn; /* EVAL */
    const char *path;         /* SAVE */
};

struct hn_train_options {
    const char *run_dir; /* NULL: nothing is written, said or resumed; for hn_trainer_step() alone */
    const char
        *resume; /* "auto" (the newest checkpoint that verifies), "never", or a checkpoint or run directory */
    uint64_t steps;                    /* stop after so many steps in all; 0: at the end of the run */
    const char *command;               /* what was typed, for the record; NULL: unknown */
    const volatile sig_atomic_t *stop; /* not 0: stop after this step, save, HN_STOPPED; NULL: never */
    void (*progress)(void *ctx, const struct hn_train_progress *p); /* rank 0; may be NULL */
    void *ctx;
};

typedef struct hn_trainer hn_trainer;

/* HN_EUSAGE: more ranks than microbatches, a checkpoint of another config; HN_ECREATE: run directory. */
hn_status hn_trainer_new(hn_trainer **out, hn_comm *comm, const struct hn_config *config,
                         const struct hn_train_options *options);
/* HN_OK: all steps done; HN_STOPPED: on request, saved; HN_EDIVERGED: a loss or gradient that is not finite,
 * nothing saved over good state; HN_EIO: trained to the end, but the last save failed. */
hn_status hn_trainer_run(hn_trainer *t);
void hn_trainer_free(hn_trainer *t);

/* For callers with loops of their own: one step at a time. */
struct hn_step_report {
    uint64_t step; /* number of this step, from 1 */
    double loss, grad_norm, lr;
    bool skipped; /* loss or gradient were not finite, and run.nonfinite says skip: no update was made */
    struct hn_loss_summary summary;
    struct hn_step_seconds seconds;
};
hn_status hn_trainer_step(hn_trainer *t, struct hn_step_report *report);
/* A checkpoint of this step, unless there is one.  HN_EDIVERGED: a number of the state is not finite, and the
 * good state on disk stays the newest. */
hn_status hn_trainer_save(hn_trainer *t);
uint64_t hn_trainer_steps_done(const hn_trainer *t);
uint64_t hn_trainer_steps_total(const hn_trainer *t);

/* ---- what was learned ---- */
enum hn_judged {
    HN_TRAINED,
    HN_UNTRAINED /* the same encoder before its first step */,
    HN_PIXELS /* raw: 0 .. 1, not normalised */
};

/* run: a run directory (its newest good checkpoint) or a checkpoint file; sets: config overrides, data.path
 * above all. */
hn_status hn_evaluate(hn_comm *comm, const char *run, const char *const *sets, size_t count,
                      enum hn_judged what, struct hn_knn_result *out);
/* Features of a split ("train", "test", "unlabeled") as NAME.npy and NAME.labels.npy. */
hn_status hn_embed(hn_comm *comm, const char *run, const char *const *sets, size_t count, const char *split,
                   const char *npy);
/* Local: opens a run's newest checkpoint that verifies, or the file itself. */
hn_status hn_run_checkpoint(hn_ckpt **out, const char *run);
/* Local: the hash of weights and running statistics of a run's newest checkpoint or of a file; 32 digits. */
hn_status hn_run_hash(const char *run, char text[33], uint64_t *step);

/* ---- the loss alone, for programs with networks and steps of their own (examples/global_loss.c) ----
 *
 *   hn_comm_new(&comm, your MPI_Comm) -> hn_config_read (loss.*, batch.*) -> hn_global_loss_new -> per step:
 *   hn_global_loss_step -> hn_global_loss_free -> hn_comm_free.
 *
 * Each rank gives the rows of its own samples; all get the loss over the batch of all ranks, and each the
 * full gradient of its rows, as one process with all rows would have it.  Nothing is left to be summed over
 * ranks but what the caller's own parameters need. */
typedef struct hn_global_loss hn_global_loss;

/* Collective.  config: loss.*, batch.size (samples of all ranks), batch.microbatches and run.threads.
 * samples: of this rank, a whole number of microbatches (batch.size / batch.microbatches samples), none
 * allowed; the batch is the ranks' samples in the order of hn_comm_rank.  The same batch in the same order
 * has the same bits, however it is dealt out.  dim: numbers of a row. HN_EUSAGE on all ranks: samples that do
 * not add up, options that differ. */
hn_status hn_global_loss_new(hn_global_loss **out, hn_comm *comm, const struct hn_config *config,
                             size_t samples, size_t dim);
void hn_global_loss_free(hn_global_loss *g);
/* Collective.  z1, z2: (samples, dim), both views, rows of unit length; label: one per sample, equal ones are
 * one class, NULL where the loss reads none.  dz1, dz2: (samples, dim), gradient of the loss by the rows as
 * they are (the caller's normalisation is the caller's); may be z1 and z2.  *out: the same on every rank.
 * HN_EUSAGE on all ranks: labels missing on one; HN_EDIVERGED: the loss is not finite. */
hn_status hn_global_loss_step(hn_global_loss *g, const real *z1, const real *z2, const int64_t *label,
                              real *dz1, real *dz2, struct hn_loss_summary *out);

#ifdef __cplusplus
}
#endif

#endif
