/* optim/kinds.h - what an optimiser is: a line in the table of optim.c, and one file.  Local. */
#ifndef HN_OPTIM_KINDS_H
#define HN_OPTIM_KINDS_H

#include "hardneg/optim.h"

enum { HN_OPTIM_STATES = 2 };

/* Numbers of one update that are the same for every element, made once in double. */
struct hn_optim_step {
    real keep;             /* factor on the parameter before anything else */
    real l2;               /* weight decay that is added to the gradient */
    real take1;            /* 1 - beta1 */
    real beta2, take2;     /* take2 = 1 - beta2 */
    real size, root2, eps; /* rate over the first bias correction, root of the second */
};

struct hn_optim_kind {
    const char *state[HN_OPTIM_STATES + 1]; /* names of the flat blocks it keeps, NULL-terminated */
    /* updates: how many were made, this one included. */
    struct hn_optim_step (*prepare)(const struct hn_optim_options *o, double lr, uint64_t updates);
    /* Hot, elementwise: n parameters, their gradient, and as many of each state. */
    void (*update)(real *parameter, const real *gradient, real *const *state, size_t n,
                   const struct hn_optim_step *step);
};

extern const struct hn_optim_kind hn_optim_adam, hn_optim_adamw;

#endif
