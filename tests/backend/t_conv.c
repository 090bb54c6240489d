/* Convolution against a direct one in double, forward and both gradients.
 */
#include "backend/backend.h"
#include "base/mem.h"
#include "base/philox.h"
#include "tap.h"

enum { CASES = 19 };

/* rows, h, w, c_in, c_out, kernel, stride, padding */
static const struct hn_conv cases[CASES] = {
    {2, 8, 8, 3, 4, 3, 1, 1},    {2, 7, 9, 4, 5, 3, 2, 1},    {1, 8, 6, 2, 3, 3, 2, 1},
    {2, 5, 7, 4, 6, 1, 1, 0},    {2, 7, 7, 4, 6, 1, 2, 0},    {2, 17, 15, 3, 4, 7, 2, 3},
    {1, 9, 11, 2, 3, 7, 1, 3},   {2, 6, 5, 2, 2, 3, 1, 0},    {1, 3, 3, 1, 1, 3, 1, 0},
    {3, 1, 1, 2, 2, 3, 1, 1},    {1, 2, 2, 3, 5, 3, 2, 1},    {2, 28, 28, 1, 8, 3, 1, 1},
    {1, 2, 3, 2, 70, 5, 1, 2},   {2, 4, 4, 3, 2, 2, 2, 0},    {1, 4, 4, 3, 2, 1, 1, 1},
    {9, 14, 14, 30, 5, 3, 1, 1},                              /* several chunks, the last one shorter */
    {9, 15, 15, 30, 5, 3, 2, 1}, {7, 21, 22, 64, 3, 2, 3, 1}, /* the same in steps */
    {1, 1, 2, 1, 2, 1, 1, 2},                                 /* patches that lie in the padding */
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

static void one_case(const struct hn_conv *c)
{
    size_t oh = hn_conv_out(c->h, c->kernel, c->stride, c->padding);
    size_t ow = hn_conv_out(c->w, c->kernel, c->stride, c->padding);
    size_t nx = c->rows * c->h * c->w * c->c_in, ny = c->rows * oh * ow * c->c_out;
    size_t nw = c->c_out * c->c_in * c->kernel * c->kernel, ns = hn_conv_scratch(c);
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

    hn_conv_forward(c, y, x, w, NULL, scratch);
    double forward = distance(y, ry, ny);
    for (size_t i = 0; i < ny; i++) {
        ry[i] += (double)b[i % c->c_out];
        rb[i % c->c_out] += (double)dy[i];
    }
    hn_conv_forward(c, y, x, w, b, scratch);
    double biased = distance(y, ry, ny);
    hn_conv_backward_data(c, dx, dy, w, scratch);
    hn_conv_backward_weight(c, dw, db, dy, x, scratch);
    double data = distance(dx, rx, nx), weight = distance(dw, rw, nw), bias = distance(db, rb, c->c_out);
    hn_conv_backward_weight(c, dw, NULL, dy, x, scratch);
    double again = distance(dw, rw, nw);
    if (!ok(forward < eps && biased < eps && data < eps && weight < eps && bias < eps && again == weight &&
                scratch[ns] == 42,
            "%zux%zux%zu, %zu -> %zu channels, kernel %zu, stride %zu, padding %zu", c->rows, c->h, c->w,
            c->c_in, c->c_out, c->kernel, c->stride, c->padding))
        printf("# forward %g, with bias %g, data %g, weight %g and %g, bias %g\n", forward, biased, data,
               weight, again, bias);
    void *all[] = {x, w, b, y, dy, dx, dw, db, scratch, ry, rx, rw, rb};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        hn_free(all[i]);
}

int main(void)
{
    tap_plan(CASES + 1);
    hn_backend_start();
    for (size_t i = 0; i < CASES; i++)
        one_case(&cases[i]);
    ok(hn_live_blocks() == 0, "every block is freed");
    return tap_done();
}
