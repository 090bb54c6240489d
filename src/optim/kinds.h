/* optim/kinds.h - what an optimiser is: a line in the table of optim.c, and one file.  Local. */
#ifndef HN_OPTIM_KINDS_H
#define HN_OPTIM_KINDS_H

#include "hardneg/optim.h"

enum { HN_OPTIM_STATES = 2 };

/* Numbers of one update that are the same for every element of a parameter, made once in double. */
struct hn_optim_step {
    real keep;             /* factor on the parameter before anything else */
    real l2;               /* weight decay that is added to the gradient */
    real take1;            /* 1 - beta1 */
    real beta2, take2;     /* take2 = 1 - beta2 */
    real size, root2, eps; /* rate over the first bias correction, root of the second */
    real momentum;
    bool nesterov;
};

struct hn_optim_kind {
    const char *state[HN_OPTIM_STATES + 1]; /* names of the flat blocks it keeps, NULL-terminated */
    /* updates: how many were made, this one included. */
    struct hn_optim_step (*prepare)(const struct hn_optim_options *o, double lr, uint64_t updates);
    /* NULL, or what a parameter's norm and that of its gradient (with decay) change about its step. */
    void (*scale)(struct hn_optim_step *step, const struct hn_optim_options *o, double lr, double weight,
                  double gradient);
    /* Hot, elementwise: n parameters, their gradient, and as many of each state. */
    void (*update)(real *parameter, const real *gradient, real *const *state, size_t n,
                   const struct hn_optim_step *step);
};

extern const struct hn_optim_kind hn_optim_adam, hn_optim_adamw, hn_optim_sgd, hn_optim_lars;

/* Sums of squares in double, always the same: of x, and of a gradient as weight decay makes it, g + l2 w. */
double hn_optim_square(const real *x, size_t n);
double hn_optim_square_decayed(const real *g, const real *w, real l2, size_t n);

#endif
