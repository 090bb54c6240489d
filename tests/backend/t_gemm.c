/* GEMM against the definition in double; the exponential against libm, and its bits against its neighbours.
 */
#include "backend/backend.h"
#include "base/philox.h"
#include "tap.h"

enum { M = 13, N = 9, K = 21, PAD = 3 };

/* Entry (i, j) of op(x), x stored with row stride ld. */
static double entry(const real *x, size_t ld, bool transposed, size_t i, size_t j)
{
    return transposed ? (double)x[j * ld + i] : (double)x[i * ld + j];
}

static void one_gemm(bool ta, bool tb, real alpha, real beta)
{
    size_t lda = (ta ? M : K) + PAD, ldb = (tb ? K : N) + PAD, ldc = N + PAD;
    real a[(M + K) * (M + K + PAD)], b[(N + K) * (N + K + PAD)], c[M * (N + PAD)], want[M * (N + PAD)];
    hn_draws d = hn_draws_for(1, HN_DRAW_TEST, ta, tb);

    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = (real)hn_draw_normal(&d);
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        b[i] = (real)hn_draw_normal(&d);
    for (size_t i = 0; i < M * ldc; i++)
        want[i] = c[i] = beta == 0 && i % ldc < N ? (real)NAN : (real)hn_draw_normal(&d);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0;
            for (size_t k = 0; k < K; k++)
                sum += entry(a, lda, ta, i, k) * entry(b, ldb, tb, k, j);
            want[i * ldc + j] = (real)(alpha * sum + (beta == 0 ? 0.0 : beta * (double)c[i * ldc + j]));
        }
    hn_gemm(ta, tb, M, N, K, alpha, a, lda, b, ldb, beta, c, ldc);
    tap_near("gemm, padding untouched", c, want, M * ldc, TAP_TOL(2e-5, 1e-13));
}

static void exponential(void)
{
    enum { COUNT = 20011 };
    static real x[COUNT], y[COUNT];
    double worst = 0;

    for (size_t i = 0; i < COUNT; i++)
        x[i] = (real)(-86.9 + 175.4 * (double)i / COUNT);
    hn_vexp(y, x, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        worst = fmax(worst, fabs((double)y[i] / exp((double)x[i]) - 1.0));
    ok(worst < 2 * TAP_EPS, "e^x is within 2 roundings: %.3g", worst);

    const real inf = (real)INFINITY;
    real edge[] = {0, -inf, inf, (real)NAN, -1e30f, 1e30f, (real)-0.0, -800, 800};
    hn_vexp(edge, edge, 9);
    ok(edge[0] == 1 && edge[6] == 1, "e^0 is 1");
    ok(edge[1] == 0 && edge[4] == 0 && edge[7] == 0, "far below is 0, -inf too");
    ok(isinf(edge[2]) && isinf(edge[5]) && isinf(edge[8]), "far above is infinite");
    ok(isnan(edge[3]), "NaN stays NaN");

    worst = 0;
    for (size_t i = 0; i < COUNT; i++)
        x[i] = (real)((i % 2 ? 1.0 : -1.0) * exp(-80.0 + 84.0 * (double)i / COUNT));
    hn_vexpm1(y, x, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        worst = fmax(worst, fabs((double)y[i] / expm1((double)x[i]) - 1.0));
    ok(worst < 2 * TAP_EPS, "e^x - 1 is within 2 roundings, near 0 too: %.3g", worst);
    const real far[] = {0, -inf, inf, (real)NAN, -300, 300};
    hn_vexpm1(edge, far, 6);
    ok(edge[0] == 0 && edge[1] == -1 && isinf(edge[2]) && isnan(edge[3]) && edge[4] == -1 && edge[5] > 1e38f,
       "e^x - 1 ends in -1 and infinity");
}

/* Every length and offset, in place and not: each number alone gives the bits it has in a long row. */
static void same_bits(void (*f)(real *, const real *, size_t), const char *what)
{
    enum { COUNT = 300 };
    real x[COUNT], y[COUNT];
    bool same = true;

    for (size_t i = 0; i < COUNT; i++)
        x[i] = (real)(-90.0 + 0.61 * (double)i);
    f(y, x, COUNT);
    for (size_t n = 1; n < 70; n++)
        for (size_t first = 0; first < 5; first++) {
            real z[80], w[80];
            memcpy(z + first, x + n, n * sizeof *z);
            memcpy(w + first, z + first, n * sizeof *z);
            f(z + first, z + first, n);
            f(w, w + first, 1);
            same = same && memcmp(z + first, y + n, n * sizeof *z) == 0 && w[0] == z[first];
        }
    ok(same, "the bits of %s do not depend on where it stands", what);
}

int main(void)
{
    tap_plan(18);
    hn_backend_start();
    ok(strncmp(hn_backend_describe(), "OpenBLAS 0.", 11) == 0 && strchr(hn_backend_describe(), '('),
       "the library says who it is: %s", hn_backend_describe());
    for (int t = 0; t < 4; t++) {
        one_gemm(t & 1, t & 2, 1, 0);
        one_gemm(t & 1, t & 2, (real)0.5, 2);
    }
    exponential();
    same_bits(hn_vexp, "e^x");
    same_bits(hn_vexpm1, "e^x - 1");
    return tap_done();
}
