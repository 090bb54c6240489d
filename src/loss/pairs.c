/* loss/pairs.c - the loss of one anchor with one positive, and the decision to clamp.
 *
 * With N = (R - tau K e^s) / (1 - tau), R = e^rho, s the positive's similarity:
 *   l = log(e^s + N) - s,   x = rho - s,   kappa = 1 - tau - tau K
 *   free      l = log((kappa + e^x) / (1 - tau))        q = 1 / (1 + kappa e^-x)
 *   clamped   N = K e^(-1/t):  l = sp(f),  q = sigma(f),  f = log K - 1/t - s
 *   clamped iff e^x - tau K < (1 - tau) e^f;  undefined iff free and kappa + e^x <= 0
 * (DCL eq. 8, HCL eq. 6.)  tau = 0: l = sp(x), q = sigma(x), and the floor holds by itself: no clamp. */
#include "backend/backend.h"
#include "loss/parts.h"
#include <math.h>

static double softplus(double x)
{
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Both sides divided by e^x where it could overflow (f <= x). */
static bool below_floor(double x, double f, double k, double tau)
{
    if (x > 0)
        return 1 - tau * k * exp(-x) < (1 - tau) * exp(f - x);
    return exp(x) - tau * k < (1 - tau) * exp(f);
}

struct hn_pair hn_pair_loss(double x, double floor, double k, double tau, bool clamp)
{
    double kappa = 1 - tau - tau * k;

    if (tau == 0)
        return (struct hn_pair){.loss = softplus(x), .q = sigmoid(x)};
    if (clamp && below_floor(x, floor, k, tau))
        return (struct hn_pair){.loss = softplus(floor), .q = sigmoid(floor), .clamped = true};
    if (x > 0 ? 1 + kappa * exp(-x) <= 0 : exp(x) + kappa <= 0)
        return (struct hn_pair){.undefined = true};
    double l = x > 0 ? x + log1p(kappa * exp(-x)) : log(exp(x) + kappa);
    return (struct hn_pair){.loss = l - log1p(-tau), .q = 1 / (1 + kappa * exp(-x))};
}

void hn_sigmoid(real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = -x[i];
    hn_vexp(x, x, n);
    for (size_t i = 0; i < n; i++)
        x[i] = 1 / (1 + x[i]);
}

void hn_pair_sums(double *loss, double *q, real *x, size_t n, real *y)
{
    double l = 0, s = 0;

    for (size_t i = 0; i < n; i++)
        y[i] = -(real)fabs((double)x[i]);
    hn_vexp(y, y, n);
    for (size_t i = 0; i < n; i++) {
        double e = (double)y[i];
        l += (x[i] < 0 ? 0.0 : (double)x[i]) + log1p(e);
        s += (x[i] < 0 ? e : 1.0) / (1 + e);
    }
    *loss = l;
    *q = s;
}
