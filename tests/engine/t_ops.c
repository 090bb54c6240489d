/* Single ops: hand-worked cases, and gradients against central differences. */
#include "backend/backend.h"
#include "base/mem.h"
#include "nets.h"
#include "tap.h"

/* Numbers as an array that may stand in a macro's argument. */
#define LIST(...) ((const real[]){__VA_ARGS__})

static hn_threads *crew;

/* A net of the ops in g, with one microbatch of `rows` rows and the input's gradient. */
static hn_net *net_of(hn_graph *g, int y, size_t rows)
{
    struct hn_net_options o = {
        .views = 1, .samples = rows, .microbatches = 1, .own = {0, 1}, .want_dinput = true};
    hn_net *net = NULL;

    hn_graph_mark(g, y, y);
    if (hn_net_new(&net, g, &o, crew) != HN_OK) {
        printf("Bail out! %s\n", hn_error_text());
        exit(1);
    }
    hn_net_initialise(net, 3);
    return net;
}

static hn_graph *graph_of(size_t h, size_t w, size_t c)
{
    hn_graph *g = NULL;

    if (hn_graph_new(&g, (struct hn_shape){h, w, c}) != HN_OK)
        exit(1);
    return g;
}

static void run(hn_net *net, const real *x, const real *dy, size_t rows)
{
    memcpy(hn_net_input(net, 0), x, rows * hn_net_input_size(net) * sizeof(real));
    memcpy(hn_net_doutput(net), dy, rows * hn_net_output_size(net) * sizeof(real));
    hn_net_forward(net, NULL);
    hn_net_backward(net, NULL);
}

/* loss = sum of output * weights of a fixed series. */
static double loss(hn_net *net, size_t rows)
{
    double sum = 0.0;

    hn_net_forward(net, NULL);
    for (size_t i = 0; i < rows * hn_net_output_size(net); i++)
        sum += (double)hn_net_output(net)[i] * noise(2, i);
    return sum;
}

/* The largest difference between got[i] and the central difference at value[i], over the largest of got. */
static double difference(hn_net *net, size_t rows, real *value, const real *got, size_t count)
{
    double step = TAP_TOL(4e-3, 1e-5), worst = 0.0, largest = 1e-3;

    for (size_t i = 0; i < count; i++) {
        real before = value[i];
        value[i] = (real)((double)before + step);
        double up = loss(net, rows), width = (double)value[i];
        value[i] = (real)((double)before - step);
        double slope = (up - loss(net, rows)) / (width - (double)value[i]);
        value[i] = before;
        worst = fmax(worst, fabs(slope - (double)got[i]));
        largest = fmax(largest, fabs((double)got[i]));
    }
    return worst / largest;
}

/* Gradients of input and parameters.  Inputs keep away from kinks: they differ by steps of 0.03 when
 * `spread`. */
static void gradients(const char *what, hn_graph *g, int y, size_t rows, bool spread)
{
    hn_net *net = net_of(g, y, rows);
    size_t in = rows * hn_net_input_size(net), count;
    real *w = hn_net_parameters(net, &count);

    for (size_t i = 0; i < in; i++)
        hn_net_input(net, 0)[i] = (real)(spread ? 0.03 * ((double)(i * 37 % 101) - 50.5) : noise(1, i));
    for (size_t i = 0; i < hn_net_arrays(net); i++)
        for (size_t j = 0; hn_net_array(net, i)->role == HN_NORM_BIAS && j < hn_net_array(net, i)->count; j++)
            hn_net_array(net, i)->value[j] = (real)noise(5, j);
    hn_net_forward(net, NULL);
    for (size_t i = 0; i < rows * hn_net_output_size(net); i++)
        hn_net_doutput(net)[i] = (real)noise(2, i);
    hn_net_backward(net, NULL);
    double dx = difference(net, rows, hn_net_input(net, 0), hn_net_dinput(net, 0), in), dw = 0.0;
    if (count > 0)
        dw = difference(net, rows, w, hn_net_gradient(net), count);
    ok(dx < TAP_TOL(1e-3, 1e-8) && dw < TAP_TOL(1e-3, 1e-8), "%s: central differences (off by %.1e, %.1e)",
       what, dx, dw);
    hn_net_free(net);
}

static void all_gradients(void)
{
    hn_graph *g = graph_of(5, 6, 3);

    gradients("conv2d with bias", g, hn_graph_conv2d(g, "a", 0, 4, 3, 1, 1, true), 2, false);
    g = graph_of(7, 5, 2);
    gradients("conv2d, stride 2, no bias", g, hn_graph_conv2d(g, "a", 0, 3, 3, 2, 1, false), 3, false);
    g = graph_of(1, 1, 7);
    gradients("linear with bias", g, hn_graph_linear(g, "a", 0, 5, true), 4, false);
    g = graph_of(1, 1, 7);
    gradients("linear without", g, hn_graph_linear(g, "a", 0, 5, false), 4, false);
    g = graph_of(3, 2, 18);
    gradients("batchnorm of images", g, hn_graph_batchnorm(g, "a", 0), 3, false);
    g = graph_of(1, 1, 17);
    gradients("batchnorm of vectors", g, hn_graph_batchnorm(g, "a", 0), 5, false);
    g = graph_of(3, 3, 2);
    gradients("relu", g, hn_graph_relu(g, 0), 2, true);
    g = graph_of(5, 4, 3);
    gradients("maxpool, overlapping and padded", g, hn_graph_maxpool(g, 0, 3, 2, 1), 1, true);
    g = graph_of(5, 4, 3);
    gradients("maxpool, apart", g, hn_graph_maxpool(g, 0, 2, 2, 0), 1, true);
    g = graph_of(3, 2, 5);
    gradients("avgpool", g, hn_graph_avgpool(g, 0), 2, false);
    g = graph_of(3, 2, 5);
    gradients("flatten", g, hn_graph_flatten(g, 0), 2, false);
    g = graph_of(1, 1, 6);
    gradients("l2norm", g, hn_graph_l2norm(g, 0), 4, false);
    g = graph_of(1, 1, 6);
    gradients("relu of l2norm, which must not work in place", g, hn_graph_relu(g, hn_graph_l2norm(g, 0)), 4,
              true);
    g = graph_of(1, 1, 6);
    gradients("relu of l2norm, further on", g,
              hn_graph_linear(g, "a", hn_graph_relu(g, hn_graph_l2norm(g, 0)), 3, true), 4, true);
    g = graph_of(2, 2, 3);
    gradients("a + a, and a fork", g, hn_graph_add(g, hn_graph_add(g, 0, 0), hn_graph_relu(g, 0)), 2, true);
}

static void relu_at_zero(void)
{
    hn_graph *g = graph_of(1, 1, 5);
    const real x[5] = {-1, 0, (real)-0.0, 2, -3}, dy[5] = {1, 2, 3, 4, 5};
    hn_net *net = net_of(g, hn_graph_relu(g, 0), 1);

    run(net, x, dy, 1);
    tap_near("relu", hn_net_output(net), LIST(0, 0, 0, 2, 0), 5, 0);
    tap_near("relu: no gradient at and below 0", hn_net_dinput(net, 0), LIST(0, 0, 0, 4, 0), 5, 0);
    hn_net_input(net, 0)[1] = (real)NAN;
    hn_net_forward(net, NULL);
    ok(isnan(hn_net_output(net)[1]) && hn_net_output(net)[3] == 2, "relu passes a NaN on");
    hn_net_free(net);
}

static void maxpool_ties(void)
{
    hn_graph *g = graph_of(2, 4, 1);
    const real x[8] = {1, 5, 2, 2, 5, 0, 2, 2}, dy[2] = {1, 10};
    hn_net *net = net_of(g, hn_graph_maxpool(g, 0, 2, 2, 0), 1);

    run(net, x, dy, 1);
    tap_near("maxpool", hn_net_output(net), LIST(5, 2), 2, 0);
    tap_near("maxpool: the first of equals gets the gradient", hn_net_dinput(net, 0),
             LIST(0, 1, 10, 0, 0, 0, 0, 0), 8, 0);
    hn_net_input(net, 0)[0] = (real)NAN;
    hn_net_forward(net, NULL);
    ok(isnan(hn_net_output(net)[0]), "maxpool passes a NaN on");
    hn_net_free(net);
}

static void maxpool_padded(void)
{
    hn_graph *g = graph_of(3, 3, 1);
    const real x[9] = {-1, -2, -3, -4, -5, -6, -7, -8, -9}, dy[4] = {1, 2, 4, 8};
    hn_net *net = net_of(g, hn_graph_maxpool(g, 0, 3, 2, 1), 1);

    run(net, x, dy, 1);
    tap_near("padding never wins", hn_net_output(net), LIST(-1, -2, -4, -5), 4, 0);
    tap_near("and gets nothing", hn_net_dinput(net, 0), LIST(1, 2, 0, 4, 8, 0, 0, 0, 0), 9, 0);
    hn_net_free(net);
}

static void order_of_flatten(void)
{
    hn_graph *g = graph_of(1, 2, 3);
    const real x[6] = {1, 2, 3, 4, 5, 6}, dy[6] = {1, 2, 3, 4, 5, 6};
    hn_net *net = net_of(g, hn_graph_flatten(g, 0), 1);

    run(net, x, dy, 1);
    tap_near("flatten: channels first", hn_net_output(net), LIST(1, 4, 2, 5, 3, 6), 6, 0);
    tap_near("flatten: and back", hn_net_dinput(net, 0), LIST(1, 3, 5, 2, 4, 6), 6, 0);
    hn_net_free(net);
}

static void unit_rows(void)
{
    hn_graph *g = graph_of(1, 1, 2);
    const real x[6] = {3, 4, 0, 0, 0, -2}, dy[6] = {1, 0, (real)1e-12, 0, 1, 1};
    hn_net *net = net_of(g, hn_graph_l2norm(g, 0), 3);

    run(net, x, dy, 3);
    tap_near("l2norm", hn_net_output(net), LIST((real)0.6, (real)0.8, 0, 0, 0, -1), 6, TAP_EPS);
    tap_near("l2norm: gradient across the row; of a zero row dy/eps", hn_net_dinput(net, 0),
             LIST((real)0.128, (real)-0.096, 1, 0, (real)0.5, 0), 6, 2 * TAP_EPS);
    hn_net_free(net);
}

static void mean_of_pixels(void)
{
    hn_graph *g = graph_of(2, 1, 2);
    const real x[4] = {1, 10, 3, 30}, dy[2] = {4, 8};
    hn_net *net = net_of(g, hn_graph_avgpool(g, 0), 1);

    run(net, x, dy, 1);
    tap_near("avgpool", hn_net_output(net), LIST(2, 20), 2, 0);
    tap_near("avgpool: an equal share for all", hn_net_dinput(net, 0), LIST(2, 4, 2, 4), 4, 0);
    hn_net_free(net);
}

static void dense(void)
{
    hn_graph *g = graph_of(1, 1, 2);
    const real x[4] = {1, 2, 3, 4}, dy[2] = {1, 10};
    hn_net *net = net_of(g, hn_graph_linear(g, "a", 0, 1, true), 2);
    const struct hn_array *w = hn_net_array(net, 0), *b = hn_net_array(net, 1);

    w->value[0] = 5;
    w->value[1] = -1;
    b->value[0] = 7;
    run(net, x, dy, 2);
    tap_near("linear", hn_net_output(net), LIST(10, 18), 2, 0);
    tap_near("linear: dx", hn_net_dinput(net, 0), LIST(5, -1, 50, -10), 4, 0);
    tap_near("linear: dW", hn_net_gradient(net) + w->offset, LIST(31, 42), 2, 0);
    tap_near("linear: db", hn_net_gradient(net) + b->offset, LIST(11), 1, 0);
    hn_net_free(net);
}

static void batchnorm_by_hand(void)
{
    /* values 1, 3: mean 2, biased variance 1, unbiased 2; gamma 2, beta 5 */
    hn_graph *g = graph_of(1, 1, 1);
    const real x[2] = {1, 3}, dy[2] = {1, 4};
    hn_net *net = net_of(g, hn_graph_batchnorm(g, "bn", 0), 2);
    double rstd = 1.0 / sqrt(1.0 + 1e-5), tol = 8 * TAP_EPS;
    real feature[2];

    hn_net_array(net, 0)->value[0] = 2;
    hn_net_array(net, 1)->value[0] = 5;
    run(net, x, dy, 2);
    tap_near("batchnorm", hn_net_output(net), LIST((real)(5 - 2 * rstd), (real)(5 + 2 * rstd)), 2, tol);
    real dg = (real)(3 * rstd), db = 5;
    ok(fabs((double)(hn_net_gradient(net)[hn_net_array(net, 0)->offset] - dg)) < tol &&
           hn_net_gradient(net)[hn_net_array(net, 1)->offset] == db,
       "batchnorm: dgamma, dbeta");
    double d = 2 * rstd * (1 - 2.5 + rstd * 1.5 * rstd);
    tap_near("batchnorm: dx", hn_net_dinput(net, 0), LIST((real)d, (real)-d), 2, tol);
    tap_near("running mean", hn_net_array(net, 2)->value, LIST((real)0.2), 1, tol);
    tap_near("running variance is the unbiased one", hn_net_array(net, 3)->value, LIST((real)1.1), 1, tol);
    ok(*hn_net_array(net, 4)->counter == 1, "one batch was tracked");
    hn_net_infer(net, 0, x, feature, NULL);
    tap_near("evaluation uses the running statistics", feature,
             LIST((real)(5 + 2 * 0.8 / sqrt(1.1 + 1e-5)), (real)(5 + 2 * 2.8 / sqrt(1.1 + 1e-5))), 2, tol);
    hn_net_free(net);
}

int main(void)
{
    tap_plan(15 + 3 + 3 + 2 + 2 + 2 + 2 + 4 + 7 + 1);
    hn_backend_start();
    if (hn_threads_new(&crew, 1) != HN_OK)
        return 1;
    all_gradients();
    relu_at_zero();
    maxpool_ties();
    maxpool_padded();
    order_of_flatten();
    unit_rows();
    mean_of_pixels();
    dense();
    batchnorm_by_hand();
    hn_threads_free(crew);
    ok(hn_live_blocks() == 0, "nothing is left");
    return tap_done();
}
