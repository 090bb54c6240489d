/* Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019), in the order of PyTorch's operations:
 *
 *   Adam:  g += decay w          AdamW:  w *= 1 - lr decay
 *   m += (1 - beta1) (g - m)     v = beta2 v + (1 - beta2) g g
 *   w -= lr / (1 - beta1^k)  m / (sqrt(v) / sqrt(1 - beta2^k) + eps)     k = 1, 2, ... counts updates */
#include "optim/kinds.h"
#include <math.h>

static struct hn_optim_step prepare(const struct hn_optim_options *o, double lr, uint64_t updates)
{
    double k = (double)updates;

    return (struct hn_optim_step){.keep = 1,
                                  .take1 = (real)(1 - o->beta1),
                                  .beta2 = (real)o->beta2,
                                  .take2 = (real)(1 - o->beta2),
                                  .size = (real)(lr / (1 - pow(o->beta1, k))),
                                  .root2 = (real)sqrt(1 - pow(o->beta2, k)),
                                  .eps = (real)o->eps};
}

static struct hn_optim_step prepare_adam(const struct hn_optim_options *o, double lr, uint64_t updates)
{
    struct hn_optim_step s = prepare(o, lr, updates);

    s.l2 = (real)o->weight_decay;
    return s;
}

static struct hn_optim_step prepare_adamw(const struct hn_optim_options *o, double lr, uint64_t updates)
{
    struct hn_optim_step s = prepare(o, lr, updates);

    s.keep = (real)(1 - lr * o->weight_decay);
    return s;
}

static void update(real *restrict parameter, const real *restrict gradient, real *const *state, size_t n,
                   const struct hn_optim_step *step)
{
    real *restrict mean = state[0], *restrict square = state[1];
    struct hn_optim_step s = *step;

    for (size_t i = 0; i < n; i++) {
        real w = parameter[i] * s.keep, g = gradient[i] + s.l2 * w;
        mean[i] += s.take1 * (g - mean[i]);
        square[i] = s.beta2 * square[i] + s.take2 * g * g;
        real root = sizeof(real) == 4 ? sqrtf((float)square[i]) : (real)sqrt((double)square[i]);
        parameter[i] = w - s.size * (mean[i] / (root / s.root2 + s.eps));
    }
}

const struct hn_optim_kind hn_optim_adam = {{"exp_avg", "exp_avg_sq"}, prepare_adam, NULL, update};
const struct hn_optim_kind hn_optim_adamw = {{"exp_avg", "exp_avg_sq"}, prepare_adamw, NULL, update};
