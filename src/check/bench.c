#include "check/bench.h"
#include "backend/backend.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"steps", "loss", "reduce", "views", "checkpoint", NULL};
static hn_status (*const parts[])(struct hn_bench *) = {hn_bench_steps, hn_bench_loss, hn_bench_reduce,
                                                        hn_bench_views, hn_bench_checkpoint};
_Static_assert(sizeof names / sizeof *names == sizeof parts / sizeof *parts + 1, "one name per part");

const char *const *hn_bench_names(void)
{
    return names;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double hn_bench_median(double *value, size_t count)
{
    qsort(value, count, sizeof *value, ascending);
    return value[count / 2];
}

/* ---- the limit: large GEMMs ---- */

enum { SIDE = 1024 };

struct gemms {
    real *memory; /* three matrices per thread */
    size_t repeats;
};

static void run_gemms(void *ctx, size_t thread)
{
    struct gemms *g = ctx;
    real *a = g->memory + 3 * thread * SIDE * SIDE, *c = a + 2 * (size_t)SIDE * SIDE;

    for (size_t i = 0; i < g->repeats; i++)
        hn_gemm(false, false, SIDE, SIDE, SIDE, 1, a, SIDE, a + (size_t)SIDE * SIDE, SIDE, 0, c, SIDE);
}

hn_status hn_bench_gemm(struct hn_bench *b, double *gflops)
{
    size_t threads = hn_threads_count(b->threads);
    struct gemms g = {hn_calloc(threads, 3 * sizeof(real) * SIDE * SIDE), 1};
    hn_status st = hn_comm_agree(b->comm, g.memory ? HN_OK : HN_ENOMEM);
    double best = 0;

    if (st != HN_OK)
        goto out;
    for (size_t i = 0; i < 3 * threads * SIDE * SIDE; i++)
        g.memory[i] = (real)(i % 31) * (real)0.01;
    hn_backend_start();
    hn_threads_run(b->threads, run_gemms, &g);
    g.repeats = 4;
    for (int i = 0; i < 3; i++) {
        hn_comm_barrier(b->comm);
        double start = hn_now();
        hn_threads_run(b->threads, run_gemms, &g);
        double rate = 2e-9 * SIDE * SIDE * SIDE * (double)(g.repeats * threads) / (hn_now() - start);
        best = rate > best ? rate : best;
    }
    int64_t kilo = (int64_t)(1e3 * best);
    hn_comm_sum(b->comm, &kilo, 1);
    *gflops = 1e-3 * (double)kilo;
out:
    hn_free(g.memory);
    return st;
}

/* ---- rows ---- */

static hn_status append(const char *path, const char *line)
{
    FILE *f = fopen(path, "a");
    bool good;

    if (f == NULL)
        return hn_fail(HN_ECREATE, "%s: %s", path, strerror(errno));
    good = fputs(line, f) >= 0;
    return fclose(f) == 0 && good ? HN_OK : hn_fail(HN_EIO, "%s: %s", path, strerror(errno));
}

static void say(const struct hn_bench *b, const char *what, double seconds,
                const struct hn_bench_value *value)
{
    struct hn_text line = {0};

    hn_text_add(&line, "%-26s %2zu x %-2zu %10.2f ms", what, hn_comm_size(b->comm),
                hn_threads_count(b->threads), 1e3 * seconds);
    for (; value->name; value++)
        hn_text_add(&line, "  %s %.4g", value->name, value->value);
    if (hn_text_status(&line) == HN_OK)
        b->options->row(line.at);
    hn_text_free(&line);
}

hn_status hn_bench_row(const struct hn_bench *b, const char *what, double seconds,
                       const struct hn_bench_value *value)
{
    struct hn_text line = {0};
    hn_json *j;
    hn_status st;

    if (hn_comm_rank(b->comm) != 0)
        return HN_OK;
    say(b, what, seconds, value);
    j = hn_json_new();
    hn_json_string(j, "what", what);
    hn_json_integer(j, "ranks", (int64_t)hn_comm_size(b->comm));
    hn_json_integer(j, "threads", (int64_t)hn_threads_count(b->threads));
    hn_json_number(j, "seconds", seconds);
    for (; value->name; value++)
        hn_json_number(j, value->name, value->value);
    hn_json_string(j, "command", b->options->command);
    st = hn_json_line(j, &line);
    hn_json_free(j);
    if (st == HN_OK && b->options->rows)
        st = append(b->options->rows, line.at);
    hn_text_free(&line);
    return st;
}

hn_status hn_bench_run(hn_comm *comm, const char *part, const struct hn_bench_options *options)
{
    struct hn_bench b = {.comm = comm, .options = options};
    size_t k = 0;
    hn_status st;

    while (names[k] && strcmp(names[k], part) != 0)
        k++;
    if (names[k] == NULL)
        return hn_fail(HN_EUSAGE, "%s: no such part: steps, loss, reduce, views, checkpoint", part);
    if ((st = hn_comm_agree(comm, hn_threads_new(&b.threads, options->threads))) == HN_OK)
        st = hn_comm_agree(comm, parts[k](&b));
    hn_threads_free(b.threads);
    return st;
}
