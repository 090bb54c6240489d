/* SGD with momentum in the order of PyTorch's operations (no damping), and LARS (You, Gitman and Ginsburg,
 * 2017) as SimCLR's code has it:
 *
 *   SGD:   g += decay w      m = momentum m + g        w -= lr m
 *   LARS:  g += decay w      m = momentum m + q lr g   w -= m        q = trust |w| / (|g| + eps), 1 if a norm
 * is 0
 *
 * In LARS the rate lies inside the momentum, and what optim.exclude leaves out has no decay and q = 1.
 * Nesterov: in the last step g + momentum m (LARS: q lr g + momentum m) takes the place of m. */
#include "optim/kinds.h"
#include <float.h>
#include <math.h>

static const double LARGEST = sizeof(real) == 4 ? FLT_MAX : DBL_MAX;

static struct hn_optim_step prepare(const struct hn_optim_options *o, double lr, uint64_t updates)
{
    (void)updates;
    return (struct hn_optim_step){.l2 = (real)o->weight_decay,
                                  .size = (real)lr,
                                  .momentum = (real)o->momentum,
                                  .nesterov = o->nesterov};
}

/* A gradient that is all but zero must not make its factor infinite. */
static void scale(struct hn_optim_step *step, const struct hn_optim_options *o, double lr, double weight,
                  double gradient)
{
    double q = weight > 0 && gradient > 0 ? o->trust * weight / (gradient + o->eps) : 1;

    step->size = (real)fmin(q * lr, LARGEST);
}

static void update_sgd(real *restrict parameter, const real *restrict gradient, real *const *state, size_t n,
                       const struct hn_optim_step *step)
{
    real *restrict momentum = state[0];
    struct hn_optim_step s = *step;

    for (size_t i = 0; i < n; i++) {
        real w = parameter[i], g = gradient[i] + s.l2 * w;
        momentum[i] = s.momentum * momentum[i] + g;
        parameter[i] = w - s.size * (s.nesterov ? g + s.momentum * momentum[i] : momentum[i]);
    }
}

static void update_lars(real *restrict parameter, const real *restrict gradient, real *const *state, size_t n,
                        const struct hn_optim_step *step)
{
    real *restrict momentum = state[0];
    struct hn_optim_step s = *step;

    for (size_t i = 0; i < n; i++) {
        real w = parameter[i], g = s.size * (gradient[i] + s.l2 * w);
        momentum[i] = s.momentum * momentum[i] + g;
        parameter[i] = w - (s.nesterov ? g + s.momentum * momentum[i] : momentum[i]);
    }
}

const struct hn_optim_kind hn_optim_sgd = {{"momentum_buffer"}, prepare, NULL, update_sgd};
const struct hn_optim_kind hn_optim_lars = {{"momentum_buffer"}, prepare, scale, update_lars};
