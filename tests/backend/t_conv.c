/* Every way of convolution against a direct one in double, forward and both gradients; and that its bits are
 * those of its operands alone. */
#include "backend/backend.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "tap.h"

enum { CASES = 26 };

/* rows, h, w, c_in, c_out, kernel, stride, padding */
static const struct hn_conv cases[CASES] = {
    {2, 8, 8, 3, 4, 3, 1, 1, false},
    {2, 7, 9, 4, 5, 3, 2, 1, false},
    {1, 8, 6, 2, 3, 3, 2, 1, false},
    {2, 5, 7, 4, 6, 1, 1, 0, false},
    {2, 7, 7, 4, 6, 1, 2, 0, false},
    {2, 17, 15, 3, 4, 7, 2, 3, false},
    {1, 9, 11, 2, 3, 7, 1, 3, false},
    {2, 6, 5, 2, 2, 3, 1, 0, false},
    {1, 3, 3, 1, 1, 3, 1, 0, false},
    {3, 1, 1, 2, 2, 3, 1, 1, false},
    {1, 2, 2, 3, 5, 3, 2, 1, false},
    {2, 28, 28, 1, 8, 3, 1, 1, false},
    {1, 2, 3, 2, 70, 5, 1, 2, false},
    {2, 4, 4, 3, 2, 2, 2, 0, false},
    {1, 4, 4, 3, 2, 1, 1, 1, false},
    {9, 14, 14, 30, 5, 3, 1, 1, false}, /* several chunks, the last one shorter */
    {9, 15, 15, 30, 5, 3, 2, 1, false},
    {7, 21, 22, 64, 3, 2, 3, 1, false},  /* the same in steps */
    {1, 1, 2, 1, 2, 1, 1, 2, false},     /* patches that lie in the padding */
    {2, 16, 16, 16, 16, 3, 1, 1, false}, /* layers of ResNets: */
    {3, 8, 8, 32, 64, 3, 2, 1, false},
    {3, 8, 8, 32, 64, 1, 2, 0, false},
    {2, 7, 5, 64, 24, 1, 1, 0, false},
    {1, 32, 32, 3, 16, 7, 2, 3, false},
    {1, 4, 4, 72, 80, 3, 1, 1, false},
    {1, 1, 12, 33, 40, 1, 1, 0, false}, /* a matrix product */
};

static void draw(real *x, size_t n, uint64_t what)
{
    hn_draws d = hn_draws_for(11, HN_DRAW_TEST, what, n);

    for (size_t i = 0; i < n; i++)
        x[i] = (real)(hn_draw_unit(&d) * 2 - 1);
}

/* Every product x[i] weight[j] that some y[k] has, added to all three sums. */
struct sums {
    double *y, *dx, *dw;
    const real *x, *w, *dy;
};

static void directly(const struct hn_conv *c, const struct sums *s)
{
    size_t oh = hn_conv_out(c->h, c->kernel, c->stride, c->padding);
    size_t ow = hn_conv_out(c->w, c->kernel, c->stride, c->padding);
    long h = (long)c->h, w = (long)c->w, k = (long)c->kernel, stride = (long)c->stride;

    for (size_t r = 0; r < c->rows; r++)
        for (long oy = 0; oy < (long)oh; oy++)
            for (long ox = 0; ox < (long)ow; ox++)
                for (long kh = 0; kh < k; kh++)
                    for (long kw = 0; kw < k; kw++) {
                        long iy = oy * stride + kh - (long)c->padding,
                             ix = ox * stride + kw - (long)c->padding;
                        if (iy < 0 || iy >= h || ix < 0 || ix >= w)
                            continue;
                        for (size_t o = 0; o < c->c_out; o++)
                            for (size_t i = 0; i < c->c_in; i++) {
                                size_t at_y = ((r * oh + (size_t)oy) * ow + (size_t)ox) * c->c_out + o;
                                size_t at_x = ((r * c->h + (size_t)iy) * c->w + (size_t)ix) * c->c_in + i;
                                size_t at_w =
                                    ((o * c->c_in + i) * c->kernel + (size_t)kh) * c->kernel + (size_t)kw;
                                s->y[at_y] += (double)s->x[at_x] * s->w[at_w];
                                s->dx[at_x] += (double)s->dy[at_y] * s->w[at_w];
                                s->dw[at_w] += (double)s->dy[at_y] * s->x[at_x];
                            }
                    }
}

/* Largest difference over the largest value. */
static double distance(const real *got, const double *want, size_t n)
{
    double worst = 0, largest = 1e-300;

    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - want[i]);
        worst = d <= worst ? worst : d;
        largest = fabs(want[i]) > largest ? fabs(want[i]) : largest;
    }
    return worst / largest;
}

static hn_conv_job *job_of(const struct hn_conv *c, struct hn_ways ways, bool bias, size_t callers)
{
    struct hn_conv shape = *c;
    hn_conv_job *j = NULL;

    shape.bias = bias;
    if (hn_conv_new(&j, &shape, ways, callers) != HN_OK) {
        printf("Bail out! %s\n", hn_error_text());
        exit(1);
    }
    return j;
}

/* This way wherever there is it. */
static struct hn_ways wherever(const struct hn_conv *c, enum hn_way way)
{
    struct hn_ways ways;

    for (int i = 0; i < HN_CONV_WHATS; i++)
        ways.of[i] = hn_conv_can(c, (enum hn_conv_what)i, way) ? way : HN_WAY_UNFOLD;
    return ways;
}

/* For both jobs. */
static size_t scratch_of(const struct hn_conv *c, struct hn_ways ways)
{
    struct hn_conv biased = *c;

    biased.bias = true;
    size_t a = hn_conv_scratch(c, ways), b = hn_conv_scratch(&biased, ways);
    return a > b ? a : b;
}

static void one_case(const struct hn_conv *c, enum hn_way way)
{
    struct hn_ways ways = wherever(c, way);
    hn_conv_job *plain = job_of(c, ways, false, 1), *with_bias = job_of(c, ways, true, 1);
    size_t oh = hn_conv_out(c->h, c->kernel, c->stride, c->padding);
    size_t ow = hn_conv_out(c->w, c->kernel, c->stride, c->padding);
    size_t nx = c->rows * c->h * c->w * c->c_in, ny = c->rows * oh * ow * c->c_out;
    size_t nw = c->c_out * c->c_in * c->kernel * c->kernel, ns = scratch_of(c, ways);
    real *x = hn_calloc(nx, sizeof *x), *w = hn_calloc(nw, sizeof *w), *b = hn_calloc(c->c_out, sizeof *b);
    real *y = hn_calloc(ny, sizeof *y), *dy = hn_calloc(ny, sizeof *dy), *dx = hn_calloc(nx, sizeof *dx);
    real *dw = hn_calloc(nw, sizeof *dw), *db = hn_calloc(c->c_out, sizeof *db);
    real *scratch = hn_calloc(ns + 1, sizeof *scratch);
    double *ry = hn_calloc(ny, sizeof *ry), *rx = hn_calloc(nx, sizeof *rx), *rw = hn_calloc(nw, sizeof *rw);
    double *rb = hn_calloc(c->c_out, sizeof *rb);
    double eps = 20 * TAP_EPS;

    draw(x, nx, 1), draw(w, nw, 2), draw(b, c->c_out, 3), draw(dy, ny, 4);
    /* What the calls find in their outputs must not matter. */
    draw(dx, nx, 5), draw(dw, nw, 6), draw(db, c->c_out, 7), draw(y, ny, 8);
    for (size_t i = 0; i < ns; i++)
        scratch[i] = (real)NAN;
    scratch[ns] = 42;
    directly(c, &(struct sums){ry, rx, rw, x, w, dy});

    hn_conv_forward(plain, y, x, w, NULL, scratch);
    double forward = distance(y, ry, ny);
    for (size_t i = 0; i < ny; i++) {
        ry[i] += (double)b[i % c->c_out];
        rb[i % c->c_out] += (double)dy[i];
    }
    hn_conv_forward(with_bias, y, x, w, b, scratch);
    double biased = distance(y, ry, ny);
    hn_conv_backward_data(plain, dx, dy, w, scratch);
    hn_conv_backward_weight(plain, dw, db, dy, x, scratch);
    double data = distance(dx, rx, nx), weight = distance(dw, rw, nw), bias = distance(db, rb, c->c_out);
    hn_conv_backward_weight(plain, dw, NULL, dy, x, scratch);
    double again = distance(dw, rw, nw);
    if (!ok(forward < eps && biased < eps && data < eps && weight < eps && bias < eps && again == weight &&
                scratch[ns] == 42,
            "%s: %zux%zux%zu, %zu -> %zu channels, kernel %zu, stride %zu, padding %zu", hn_way_names()[way],
            c->rows, c->h, c->w, c->c_in, c->c_out, c->kernel, c->stride, c->padding))
        printf("# forward %g, with bias %g, data %g, weight %g and %g, bias %g\n", forward, biased, data,
               weight, again, bias);
    void *all[] = {x, w, b, y, dy, dx, dw, db, scratch, ry, rx, rw, rb};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        hn_free(all[i]);
    hn_conv_free(plain);
    hn_conv_free(with_bias);
}

/* ---- bits ---- */

enum { WORKERS = 4, TIMES = 6, SLACK = 16 };

struct bits {
    const struct hn_conv *shape;
    struct hn_ways ways;
    const hn_conv_job *job;
    size_t nx, nw, ny, scratch;
    const real *x, *w, *dy; /* with SLACK behind */
    const real *want;       /* y, dx, dw of a call by itself */
    int differ[WORKERS];
};

static size_t results(const struct bits *b)
{
    return b->ny + b->nx + b->nw;
}

/* The three products into out, from operands that lie `shift` numbers further. */
static void all_three(const struct bits *b, real *out, size_t shift)
{
    real *x = hn_calloc(b->nx + SLACK, sizeof *x), *w = hn_calloc(b->nw + SLACK, sizeof *w);
    real *dy = hn_calloc(b->ny + SLACK, sizeof *dy), *scratch = hn_calloc(b->scratch + 1, sizeof *scratch);
    real *y = out + shift, *dx = y + b->ny, *dw = dx + b->nx;

    memcpy(x + shift, b->x, b->nx * sizeof *x);
    memcpy(w + shift, b->w, b->nw * sizeof *w);
    memcpy(dy + shift, b->dy, b->ny * sizeof *dy);
    hn_conv_forward(b->job, y, x + shift, w + shift, NULL, scratch);
    hn_conv_backward_data(b->job, dx, dy + shift, w + shift, scratch);
    hn_conv_backward_weight(b->job, dw, NULL, dy + shift, x + shift, scratch);
    hn_free(x), hn_free(w), hn_free(dy), hn_free(scratch);
}

static void work(void *ctx, size_t worker)
{
    struct bits *b = ctx;
    real *out = hn_calloc(results(b) + SLACK, sizeof *out);

    for (size_t i = 0; i < TIMES; i++) {
        size_t shift = (worker + i * WORKERS) % SLACK;
        all_three(b, out, shift);
        b->differ[worker] += memcmp(out + shift, b->want, results(b) * sizeof *out) != 0;
    }
    hn_free(out);
}

/* Threads that never heard of the library call one job at the same time, on operands at odd places. */
static void same_bits(const struct hn_conv *c, enum hn_way way, hn_threads *crew)
{
    size_t oh = hn_conv_out(c->h, c->kernel, c->stride, c->padding);
    size_t ow = hn_conv_out(c->w, c->kernel, c->stride, c->padding);
    struct bits b = {.shape = c,
                     .ways = wherever(c, way),
                     .nx = c->rows * c->h * c->w * c->c_in,
                     .nw = c->c_out * c->c_in * c->kernel * c->kernel,
                     .ny = c->rows * oh * ow * c->c_out};
    real *x = hn_calloc(b.nx, sizeof *x), *w = hn_calloc(b.nw, sizeof *w), *dy = hn_calloc(b.ny, sizeof *dy);
    real *want = hn_calloc(results(&b), sizeof *want);
    hn_conv_job *alone = job_of(c, b.ways, false, 1), *job = job_of(c, b.ways, false, WORKERS);
    int differ = 0;

    draw(x, b.nx, 1), draw(w, b.nw, 2), draw(dy, b.ny, 4);
    b.x = x, b.w = w, b.dy = dy;
    b.scratch = hn_conv_scratch(c, b.ways);
    b.job = alone;
    all_three(&b, want, 0);
    b.job = job;
    b.want = want;
    hn_threads_run(crew, work, &b);
    for (int i = 0; i < WORKERS; i++)
        differ += b.differ[i];
    ok(differ == 0,
       "%s: %zu -> %zu channels, kernel %zu, stride %zu: the same bits in every thread, every time, anywhere",
       hn_way_names()[way], c->c_in, c->c_out, c->kernel, c->stride);
    hn_conv_free(alone), hn_conv_free(job);
    hn_free(x), hn_free(w), hn_free(dy), hn_free(want);
}

/* What the library does with its own threads would show in backward-weights of these. */
static const struct hn_conv shared[] = {{4, 16, 16, 8, 8, 3, 1, 1, false},
                                        {4, 16, 16, 16, 64, 1, 1, 0, false},
                                        {3, 15, 15, 3, 16, 3, 2, 1, false}};
enum { SHARED = sizeof shared / sizeof *shared };

int main(void)
{
    hn_threads *crew = NULL;

    tap_plan(HN_WAYS * (CASES + SHARED) + 1);
    hn_backend_start();
    for (size_t i = 0; i < CASES; i++)
        for (int way = 0; way < HN_WAYS; way++)
            one_case(&cases[i], (enum hn_way)way);
    if (hn_threads_new(&crew, WORKERS) != HN_OK)
        return 1;
    for (size_t i = 0; i < SHARED; i++)
        for (int way = 0; way < HN_WAYS; way++)
            same_bits(&shared[i], (enum hn_way)way, crew);
    hn_threads_free(crew);
    ok(hn_live_blocks() == 0, "every block is freed");
    return tap_done();
}
