/* Measuring: all ways of a product take turns, and the shortest time of each counts, so that a slow moment of
 * the machine hits none of them alone. */
#include "check/tune.h"
#include "backend/table.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/philox.h"
#include "engine/op.h"
#include "hardneg/train.h"
#include <math.h>

enum { ROUNDS = 7 };
#define GAIN 0.97 /* noise is no reason */

/* What one shape needs: operands, results, a job per way. */
struct bench {
    struct hn_conv shape;
    bool first; /* nobody needs the gradient of the network's input */
    size_t nx, nw, ny;
    real *x, *w, *y, *b, *scratch;
    hn_conv_job *job[HN_WAYS];
    double seconds[HN_CONV_WHATS][HN_WAYS]; /* INFINITY: no such way */
};

static double flops(const struct bench *b)
{
    return 2.0 * (double)(b->ny * b->shape.c_in * b->shape.kernel * b->shape.kernel);
}

static void fill(real *x, size_t n, uint64_t what)
{
    hn_draws d = hn_draws_for(1, HN_DRAW_TEST, what, n);

    for (size_t i = 0; i < n; i++)
        x[i] = (real)(hn_draw_unit(&d) * 2.0 - 1.0);
}

/* A job for each way, of those products that there is that way for. */
static hn_status make_jobs(struct bench *b)
{
    size_t most = 0;
    hn_status st = HN_OK;

    for (int way = 0; way < HN_WAYS && st == HN_OK; way++) {
        struct hn_ways ways;
        for (int i = 0; i < HN_CONV_WHATS; i++) {
            bool can = !(b->first && i == HN_CONV_DATA) &&
                       hn_conv_can(&b->shape, (enum hn_conv_what)i, (enum hn_way)way);
            ways.of[i] = can ? (enum hn_way)way : HN_WAY_UNFOLD;
            b->seconds[i][way] = can ? INFINITY : NAN;
        }
        size_t n = hn_conv_scratch(&b->shape, ways);
        most = n > most ? n : most;
        st = hn_conv_new(&b->job[way], &b->shape, ways, 1);
    }
    if (st == HN_OK && (b->scratch = hn_calloc(most + 1, sizeof *b->scratch)) == NULL)
        st = HN_ENOMEM;
    return st;
}

static hn_status bench_open(struct bench *b, const struct hn_conv *c, bool is_first)
{
    size_t out_h = hn_conv_out(c->h, c->kernel, c->stride, c->padding);
    size_t out_w = hn_conv_out(c->w, c->kernel, c->stride, c->padding);

    *b = (struct bench){.shape = *c,
                        .first = is_first,
                        .nx = c->rows * c->h * c->w * c->c_in,
                        .nw = c->c_out * c->c_in * c->kernel * c->kernel,
                        .ny = c->rows * out_h * out_w * c->c_out};
    b->x = hn_calloc(b->nx, sizeof *b->x);
    b->w = hn_calloc(b->nw, sizeof *b->w);
    b->y = hn_calloc(b->ny, sizeof *b->y);
    b->b = hn_calloc(c->c_out, sizeof *b->b);
    if (b->x == NULL || b->w == NULL || b->y == NULL || b->b == NULL)
        return HN_ENOMEM;
    fill(b->x, b->nx, 1);
    fill(b->w, b->nw, 2);
    fill(b->y, b->ny, 3);
    return make_jobs(b);
}

static void bench_close(struct bench *b)
{
    for (int way = 0; way < HN_WAYS; way++)
        hn_conv_free(b->job[way]);
    hn_free(b->x);
    hn_free(b->w);
    hn_free(b->y);
    hn_free(b->b);
    hn_free(b->scratch);
}

static double one_call(struct bench *b, int what, int way)
{
    const hn_conv_job *j = b->job[way];
    double start = hn_thread_seconds();

    if (what == HN_CONV_FORWARD)
        hn_conv_forward(j, b->y, b->x, b->w, b->shape.bias ? b->b : NULL, b->scratch);
    else if (what == HN_CONV_DATA)
        hn_conv_backward_data(j, b->x, b->y, b->w, b->scratch);
    else
        hn_conv_backward_weight(j, b->w, NULL, b->y, b->x, b->scratch);
    return hn_thread_seconds() - start;
}

/* Values must not grow from call to call: each starts from the same operands. */
static void measure(struct bench *b)
{
    for (int round = 0; round < ROUNDS; round++)
        for (int what = 0; what < HN_CONV_WHATS; what++)
            for (int way = 0; way < HN_WAYS; way++) {
                if (isnan(b->seconds[what][way]))
                    continue;
                double t = one_call(b, what, way);
                if (what == HN_CONV_FORWARD)
                    fill(b->y, b->ny, 3);
                else if (what == HN_CONV_DATA)
                    fill(b->x, b->nx, 1);
                else
                    fill(b->w, b->nw, 2);
                b->seconds[what][way] = fmin(b->seconds[what][way], t);
            }
}

static struct hn_ways fastest(const struct bench *b)
{
    struct hn_ways ways;

    for (int what = 0; what < HN_CONV_WHATS; what++) {
        ways.of[what] = HN_WAY_UNFOLD;
        for (int way = 0; way < HN_WAYS; way++)
            if (b->seconds[what][way] < GAIN * b->seconds[what][ways.of[what]])
                ways.of[what] = (enum hn_way)way;
    }
    return ways;
}

static void say(const struct bench *b, struct hn_ways ways, size_t count, struct hn_text *report)
{
    static const char *const names[] = {"forward", "data", "weight"};
    const struct hn_conv *c = &b->shape;

    for (int what = 0; what < HN_CONV_WHATS; what++) {
        if (b->first && what == HN_CONV_DATA)
            continue;
        hn_text_add(report, "%4zu x%3zu x%3zu %5zu ->%5zu %2zu /%zu %3zux %-8s", c->rows, c->h, c->w, c->c_in,
                    c->c_out, c->kernel, c->stride, count, names[what]);
        for (int way = 0; way < HN_WAYS; way++)
            if (isnan(b->seconds[what][way]))
                hn_text_add(report, " %14s", "-");
            else
                hn_text_add(report, " %14.1f", flops(b) / b->seconds[what][way] * 1e-9);
        hn_text_add(report, "  %s\n", hn_way_names()[ways.of[what]]);
    }
}

/* Seconds of a step's products, all by one way, or each by its fastest. */
struct sums {
    double way[HN_WAYS], best, flops;
};

static void add_up(struct sums *s, const struct bench *b, struct hn_ways ways, size_t count)
{
    for (int what = 0; what < HN_CONV_WHATS; what++) {
        double n = (double)count;
        if (b->first && what == HN_CONV_DATA)
            continue;
        for (int way = 0; way < HN_WAYS; way++)
            s->way[way] += n * b->seconds[what][isnan(b->seconds[what][way]) ? HN_WAY_UNFOLD : way];
        s->best += n * b->seconds[what][ways.of[what]];
        s->flops += n * flops(b);
    }
}

static size_t times(const struct hn_graph *g, size_t rows, const struct hn_conv *c, struct hn_table *one)
{
    size_t n = 0;

    one->line[0].shape = *c;
    one->lines = 1;
    for (int i = 0; i < g->ops; i++)
        if (g->op[i].kind->conv) {
            struct hn_conv other = g->op[i].kind->conv(&g->op[i], rows);
            n += hn_table_find(one, &other) != NULL;
        }
    return n;
}

static hn_status tune_all(const struct hn_graph *g, size_t rows, struct hn_table *t, struct hn_table *one,
                          struct hn_text *report)
{
    struct sums s = {0};
    hn_status st = HN_OK;

    for (int i = 0; i < g->ops && st == HN_OK; i++) {
        struct bench b;
        struct hn_conv c;
        if (g->op[i].kind->conv == NULL)
            continue;
        c = g->op[i].kind->conv(&g->op[i], rows);
        if (hn_table_find(t, &c) || t->lines == HN_TABLE_ROOM)
            continue;
        if ((st = bench_open(&b, &c, g->op[i].x[0] == 0)) == HN_OK) {
            size_t count = times(g, rows, &c, one);
            measure(&b);
            t->line[t->lines] = (struct hn_table_line){c, fastest(&b)};
            say(&b, t->line[t->lines].ways, count, report);
            add_up(&s, &b, t->line[t->lines].ways, count);
            t->lines++;
        }
        bench_close(&b);
    }
    hn_text_add(report, "all of a microbatch, GF/s:");
    for (int way = 0; way < HN_WAYS; way++)
        hn_text_add(report, " %s %.1f,", hn_way_names()[way], s.flops / s.way[way] * 1e-9);
    hn_text_add(report, " chosen %.1f\n", s.flops / s.best * 1e-9);
    return st;
}

/* The model's graph, its input as the data set and the views make it. */
static hn_status build(hn_graph **out, struct hn_config *c)
{
    hn_dataset *data = NULL;
    hn_augment *augment = NULL;
    hn_status st = hn_dataset_open(&data, c->data.path);

    if (st != HN_OK)
        return st;
    hn_config_take_data(c, hn_dataset_info(data));
    if ((st = hn_augment_new(&augment, &c->augment, c->seed)) == HN_OK) {
        hn_augment_view_shape(augment, &c->model.h, &c->model.w, &c->model.c);
        st = hn_model_build(out, &c->model);
    }
    hn_augment_free(augment);
    hn_dataset_close(data);
    return st;
}

hn_status hn_tune(const struct hn_config *config, const char *path, struct hn_text *report)
{
    struct hn_config c = *config;
    struct hn_table *t = hn_calloc(2, sizeof *t);
    hn_graph *graph = NULL;
    hn_status st = t ? build(&graph, &c) : HN_ENOMEM;

    hn_backend_start();
    if (st == HN_OK) {
        hn_text_add(report, "%s, %s; one thread\n%4s x%3s x%3s %5s ->%5s %2s /%s %4s %-8s", hn_cpu_describe(),
                    hn_backend_libraries(), "rows", "h", "w", "in", "out", "k", "s", "", "GF/s");
        for (int way = 0; way < HN_WAYS; way++)
            hn_text_add(report, " %14s", hn_way_names()[way]);
        hn_text_add(report, "  chosen\n");
        st = tune_all(graph, 2 * c.batch / c.microbatches, t, t + 1, report);
    }
    if (st == HN_OK && (st = hn_text_status(report)) == HN_OK && path)
        st = hn_table_write(t, path);
    hn_graph_free(graph);
    hn_free(t);
    return st;
}
