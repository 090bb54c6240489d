/* tap.h - tests in TAP, serial or under MPI.
 *
 *   int main(void) { tap_plan(2); ok(1 + 1 == 2, "sums"); tap_near("y", y, want, n, 1e-6); return tap_done();
 * }
 *
 * A plan is stated first; tap_done() fails when it was not met.  In an MPI test
 * define TAP_MPI before the include and call MPI_Init first: every rank calls
 * each check in the same order, a check passes when it passes on all ranks, and
 * rank 0 alone writes, naming the lowest rank that failed. */
#ifndef HN_TESTS_TAP_H
#define HN_TESTS_TAP_H

#include "hardneg/base.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef TAP_MPI
#include <mpi.h>
#endif

/* Rounding of `real`: tests scale their tolerances with it. */
#define TAP_EPS           (sizeof(real) == 4 ? 1.2e-7 : 2.3e-16)
/* A tolerance for each build. */
#define TAP_TOL(flt, dbl) (sizeof(real) == 4 ? (flt) : (dbl))

static int tap_count, tap_failed, tap_planned, tap_rank, tap_size = 1;

static inline void tap_plan(int n)
{
#ifdef TAP_MPI
    MPI_Comm_rank(MPI_COMM_WORLD, &tap_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &tap_size);
#endif
    setvbuf(stdout, NULL, _IOLBF, 0);
    tap_planned = n;
    if (tap_rank == 0)
        printf("1..%d\n", n);
}

static inline void tap_skip_all(const char *why)
{
#ifdef TAP_MPI
    MPI_Comm_rank(MPI_COMM_WORLD, &tap_rank);
    MPI_Finalize();
#endif
    if (tap_rank == 0)
        printf("1..0 # SKIP %s\n", why);
    exit(0);
}

__attribute__((format(printf, 4, 5))) static inline int tap_check(int pass, const char *file, int line,
                                                                  const char *format, ...)
{
    int first = pass ? tap_size : tap_rank; /* lowest failing rank */
    va_list ap;

#ifdef TAP_MPI
    MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
#endif
    tap_count++;
    tap_failed += first < tap_size;
    if (tap_rank == 0) {
        printf("%s %d - ", first < tap_size ? "not ok" : "ok", tap_count);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
        if (first < tap_size)
            printf("# failed at %s:%d, first on rank %d of %d\n", file, line, first, tap_size);
    }
    return first >= tap_size;
}
#define ok(pass, ...) tap_check(!!(pass), __FILE__, __LINE__, __VA_ARGS__)

static inline void tap_skip(int n, const char *why)
{
    for (; n > 0; n--) {
        tap_count++;
        if (tap_rank == 0)
            printf("ok %d # SKIP %s\n", tap_count, why);
    }
}

/* Passes when every |got - want| is at most tolerance; says the worst one. */
static inline int tap_near_at(const char *file, int line, const char *what, const real *got, const real *want,
                              size_t n, double tolerance)
{
    double worst = 0.0;
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        if (!(d <= worst)) { /* a NaN is the worst of all */
            worst = d;
            at = i;
            if (isnan(d))
                break;
        }
    }
    int pass = tap_check(worst <= tolerance, file, line, "%s (within %g)", what, tolerance);
    if (!(worst <= tolerance))
        printf("# [%zu]: got %.9g, want %.9g, off by %.3g\n", at, (double)got[at], (double)want[at], worst);
    return pass;
}
#define tap_near(what, got, want, n, tolerance) tap_near_at(__FILE__, __LINE__, what, got, want, n, tolerance)

/* The last status must be `want`; shows the error's text when it is not. */
#define tap_status(got, want, ...)                                                                           \
    do {                                                                                                     \
        hn_status tap_got = (got);                                                                           \
        if (!ok(tap_got == (want), __VA_ARGS__))                                                             \
            printf("# status %d, wanted %d: %s\n", (int)tap_got, (int)(want), hn_error_text());              \
    } while (0)

static inline int tap_done(void)
{
    if (tap_count != tap_planned) {
        if (tap_rank == 0)
            printf("# ran %d of %d planned\n", tap_count, tap_planned);
        tap_failed++;
    }
    fflush(stdout);
#ifdef TAP_MPI
    MPI_Barrier(MPI_COMM_WORLD);
#endif
    return tap_failed ? 1 : 0;
}

#endif
