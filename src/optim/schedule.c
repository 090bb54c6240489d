/* Learning rate of step s = 0, 1, ... with W steps of warm-up out of T:
 *
 *   s < W:      lr (start + (1 - start) (s + 1) / W)
 *   constant:   lr
 *   cosine:     floor + (lr - floor) / 2 (1 + cos(pi (s - W) / (T - W))),  floor from s = T on */
#include "hardneg/optim.h"
#include <math.h>

static const char *const names[] = {
    [HN_SCHEDULE_CONSTANT] = "constant", [HN_SCHEDULE_COSINE] = "cosine", NULL};

const char *const *hn_schedule_names(void)
{
    return names;
}

double hn_schedule_at(const struct hn_optim_options *o, uint64_t step, uint64_t warmup_steps,
                      uint64_t total_steps)
{
    const double pi = 3.14159265358979323846;

    if (step < warmup_steps)
        return o->lr * (o->warmup_start + (1 - o->warmup_start) * (double)(step + 1) / (double)warmup_steps);
    if (o->schedule == HN_SCHEDULE_CONSTANT)
        return o->lr;
    if (step >= total_steps)
        return o->floor;
    double done = (double)(step - warmup_steps) / (double)(total_steps - warmup_steps);
    return o->floor + 0.5 * (o->lr - o->floor) * (1 + cos(pi * done));
}
