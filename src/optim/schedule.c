/* Learning rate of step s = 0, 1, ... with W steps of warm-up out of T, in epoch e = s / steps per epoch,
 * rounded down:
 *
 *   s < W:      lr (start + (1 - start) (s + 1) / W)
 *   constant:   lr
 *   cosine:     floor + (lr - floor) / 2 (1 + cos(pi (s - W) / (T - W))),  floor from s = T on
 *   step:       lr gamma^(e / every, rounded down)         PyTorch's StepLR
 *   multistep:  lr gamma^(number of milestones <= e)       PyTorch's MultiStepLR
 *
 * step and multistep count epochs from the run's start, not from the end of the warm-up. */
#include "hardneg/optim.h"
#include <math.h>

static const char *const names[] = {[HN_SCHEDULE_CONSTANT] = "constant",
                                    [HN_SCHEDULE_COSINE] = "cosine",
                                    [HN_SCHEDULE_STEP] = "step",
                                    [HN_SCHEDULE_MULTISTEP] = "multistep",
                                    NULL};
static const char *const scalings[] = {
    [HN_LR_AS_GIVEN] = "none", [HN_LR_LINEAR] = "linear", [HN_LR_SQRT] = "sqrt", NULL};

const char *const *hn_schedule_names(void)
{
    return names;
}

const char *const *hn_lr_scaling_names(void)
{
    return scalings;
}

static double cosine(const struct hn_optim_options *o, uint64_t step, uint64_t warmup, uint64_t total)
{
    const double pi = 3.14159265358979323846;

    if (step >= total)
        return o->floor;
    double done = (double)(step - warmup) / (double)(total - warmup);
    return o->floor + 0.5 * (o->lr - o->floor) * (1 + cos(pi * done));
}

static double drops_until(const struct hn_optim_options *o, uint64_t epoch)
{
    double drops = 0;

    if (o->schedule == HN_SCHEDULE_STEP)
        return (double)(epoch / o->step_epochs);
    for (size_t i = 0; i < o->milestones; i++)
        drops += o->milestone[i] <= epoch;
    return drops;
}

double hn_schedule_at(const struct hn_optim_options *o, uint64_t step, uint64_t steps_per_epoch,
                      uint64_t total_steps)
{
    uint64_t warmup = (uint64_t)llround(o->warmup_epochs * (double)steps_per_epoch);

    if (step < warmup)
        return o->lr * (o->warmup_start + (1 - o->warmup_start) * (double)(step + 1) / (double)warmup);
    switch (o->schedule) {
    case HN_SCHEDULE_COSINE:
        return cosine(o, step, warmup, total_steps);
    case HN_SCHEDULE_STEP:
    case HN_SCHEDULE_MULTISTEP:
        return o->lr * pow(o->gamma, drops_until(o, step / steps_per_epoch));
    default:
        return o->lr;
    }
}

double hn_lr_scale(const struct hn_optim_options *o, size_t batch)
{
    double ratio = o->lr_scaling == HN_LR_AS_GIVEN ? 1 : (double)batch / (double)o->lr_batch;

    return o->lr_scaling == HN_LR_SQRT ? sqrt(ratio) : ratio;
}
