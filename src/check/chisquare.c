#include "check/chisquare.h"
#include <math.h>

/* Power series of the lower function, good for x < s + 1 (Abramowitz and Stegun 6.5.29). */
static double gamma_p_series(double s, double x)
{
    double term = 1.0 / s, sum = term;

    for (double k = s + 1.0; term > sum * 1e-16; k += 1.0)
        sum += term *= x / k;
    return sum * exp(s * log(x) - x - lgamma(s));
}

/* Continued fraction of the upper function (6.5.31), by Lentz's rule, good for x >= s + 1. */
static double gamma_q_fraction(double s, double x)
{
    const double tiny = 1e-300;
    double b = x + 1.0 - s, c = 1.0 / tiny, d = 1.0 / b, f = d;

    for (int i = 1; i < 100000; i++) {
        double a = -i * (i - s);
        b += 2.0;
        d = a * d + b;
        c = b + a / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        f *= d * c;
        if (fabs(d * c - 1.0) < 1e-15)
            break;
    }
    return f * exp(s * log(x) - x - lgamma(s));
}

double hn_gamma_q(double s, double x)
{
    if (!(x > 0.0))
        return 1.0;
    return x < s + 1.0 ? 1.0 - gamma_p_series(s, x) : gamma_q_fraction(s, x);
}

/* Two samples of sizes m and n: the sum over cells of (sqrt(n/m) a - sqrt(m/n) b)^2 / (a + b). */
static double term(double a, double b, double ratio)
{
    double d = ratio * a - b / ratio;

    return a + b > 0.0 ? d * d / (a + b) : 0.0;
}

double hn_chisquare_p(const int64_t *a, const int64_t *b, size_t cells, int64_t least)
{
    double m = 0.0, n = 0.0, sum = 0.0;
    double in_a = 0.0, in_b = 0.0, last_a = 0.0, last_b = 0.0; /* the cell that grows, the one before it */
    size_t joined = 0;

    for (size_t i = 0; i < cells; i++) {
        m += (double)a[i];
        n += (double)b[i];
    }
    if (m == 0.0 || n == 0.0)
        return m == n ? 1.0 : 0.0;
    for (size_t i = 0; i < cells; i++) {
        in_a += (double)a[i];
        in_b += (double)b[i];
        if (in_a + in_b < (double)least)
            continue;
        sum += term(last_a, last_b, sqrt(n / m));
        last_a = in_a;
        last_b = in_b;
        in_a = in_b = 0.0;
        joined++;
    }
    sum += term(last_a + in_a, last_b + in_b, sqrt(n / m)); /* what was left goes with the last */
    return joined < 2 ? 1.0 : hn_gamma_q((double)(joined - 1) / 2.0, sum / 2.0);
}
