/* train/core.h - what of a training step lies between the network's inputs and the updated weights.
 *
 * Collective: every rank makes every call.  The trainer wraps it with data and
 * views; `verify` drives it with stored inputs, so reference values hold the
 * very code that trains. */
#ifndef HN_TRAIN_CORE_H
#define HN_TRAIN_CORE_H

#include "base/threads.h"
#include "hardneg/comm.h"
#include "hardneg/engine.h"
#include "hardneg/loss.h"
#include "hardneg/optim.h"
#include "hardneg/train.h"

struct hn_core_options {
    size_t batch, microbatches, tile; /* B, S, rows of a loss block */
    enum hn_reduce_algorithm reduce;
    enum hn_norm_scope norm_scope;
    size_t activation_bytes; /* struct hn_net_options */
    bool norm_per_view;
    struct hn_loss_options loss;
    bool labelled; /* hn_core_labels will be filled: gathered for the telemetry even where the loss needs none
                    */
    struct hn_optim_options optim;
};

struct hn_core_report {
    struct hn_loss_summary loss; /* over the global batch, before the update */
    double grad_norm;            /* before clipping */
};

struct hn_core_options hn_core_options_of(const struct hn_config *c);
/* The network that a rank with these microbatches makes. */
struct hn_net_options hn_core_net_options(const struct hn_core_options *o, struct hn_range own);

typedef struct hn_core hn_core;

/* Takes the graph over, also on failure.  A rank may own no microbatch. */
hn_status hn_core_new(hn_core **out, hn_comm *comm, struct hn_threads *threads, hn_graph *graph,
                      const struct hn_core_options *options);
void hn_core_free(hn_core *c);

hn_net *hn_core_net(hn_core *c);
hn_optim *hn_core_optim(hn_core *c);
hn_loss *hn_core_loss(hn_core *c);
/* Of the last step; its input is for the caller to fill. */
struct hn_step_seconds hn_core_seconds(const hn_core *c);
struct hn_range hn_core_own(const hn_core *c); /* microbatches of this rank */
/* Labels of the own samples, microbatch after microbatch (one per sample), to be filled before a step. */
int64_t *hn_core_labels(hn_core *c);

/* The three parts of a step, in order. */
void hn_core_forward(hn_core *c); /* inputs -> embeddings of the own rows */
void hn_core_backward(hn_core *c,
                      struct hn_core_report *out); /* pool, both laps, gradient (whole, on every rank) */
void hn_core_update(hn_core *c, double lr);        /* parameters */

#endif
