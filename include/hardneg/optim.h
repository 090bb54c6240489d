/* hardneg/optim.h - updates of the flat parameter block, schedules, clipping.  Local.
 *
 * Updates are elementwise, norms run per tensor over fixed blocks in double: no
 * bit depends on ranks or threads. */
#ifndef HARDNEG_OPTIM_H
#define HARDNEG_OPTIM_H

#include "hardneg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hn_threads;

enum hn_schedule_kind { HN_SCHEDULE_CONSTANT, HN_SCHEDULE_COSINE, HN_SCHEDULE_STEP, HN_SCHEDULE_MULTISTEP };
enum hn_lr_scaling { HN_LR_AS_GIVEN, HN_LR_LINEAR, HN_LR_SQRT };
enum { HN_MILESTONES = 8 };

/* Of weight decay, and of LARS's trust ratio. */
enum hn_optim_exclude { HN_EXCLUDE_NONE, HN_EXCLUDE_BIAS_NORM };

struct hn_optim_options {
    int kind; /* place in hn_optim_names(): adam, sgd, lars (decay added to the gradient), adamw (decoupled)
               */
    double lr, beta1, beta2, eps, weight_decay;
    double momentum, trust; /* sgd, lars; trust: lars */
    bool nesterov;
    int exclude;                                 /* enum hn_optim_exclude */
    double clip;                                 /* largest global norm of the gradient; 0: none */
    int schedule;                                /* enum hn_schedule_kind; after the warm-up */
    double warmup_epochs, warmup_start;          /* share of lr at which warm-up starts */
    double floor;                                /* cosine: lr at its end */
    size_t step_epochs;                          /* step: epochs from one drop to the next */
    size_t milestone[HN_MILESTONES], milestones; /* multistep: epochs, rising, and how many */
    double gamma;                                /* step, multistep: factor of each drop */
    int lr_scaling;                              /* enum hn_lr_scaling */
    size_t lr_batch;                             /* the batch that lr and floor are meant for */
};

/* One parameter in the flat block. */
struct hn_span {
    size_t offset, count;
    bool excludable; /* a bias, or a parameter of BatchNorm */
};

const char *const *hn_optim_names(void);
const char *const *hn_optim_exclude_names(void);
const char *const *hn_schedule_names(void);
/* Names of the flat blocks that such an optimiser keeps, NULL-terminated. */
const char *const *hn_optim_kept(const struct hn_optim_options *options);

const char *const *hn_lr_scaling_names(void);

/* Rate of step s = 0, 1, ..., before scaling (PyTorch-like; formulas in optim/schedule.c). */
double hn_schedule_at(const struct hn_optim_options *o, uint64_t step, uint64_t steps_per_epoch,
                      uint64_t total_steps);
/* What the batch makes of every rate: 1, batch / lr_batch or its square root. */
double hn_lr_scale(const struct hn_optim_options *o, size_t batch);

typedef struct hn_optim hn_optim;
hn_status hn_optim_new(hn_optim **out, const struct hn_optim_options *options, size_t count,
                       const struct hn_span *span, size_t spans, struct hn_threads *threads);
void hn_optim_free(hn_optim *o);
/* State to save: flat blocks of `count` reals each (PyTorch's "exp_avg", "exp_avg_sq", "momentum_buffer"),
 * and the number of updates made. */
size_t hn_optim_states(const hn_optim *o);
const char *hn_optim_state_name(const hn_optim *o, size_t i);
real *hn_optim_state(hn_optim *o, size_t i);
uint64_t *hn_optim_updates(hn_optim *o);

/* Hot.  Clips the gradient in place when asked to; returns its norm before clipping (NaN or infinity when not
 * finite). */
double hn_optim_clip(hn_optim *o, real *gradient);
/* Hot. */
void hn_optim_update(hn_optim *o, real *parameter, const real *gradient, double lr);

#ifdef __cplusplus
}
#endif

#endif
