/* Encoders and heads: PyTorch's names and shapes, refusals, and that the whole network's gradient is one. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "engine/graph.h"
#include "hardneg/model.h"
#include "tap.h"

enum { MLP, CONVNET, SAMPLES = 3, VIEWS = 2 };

static hn_threads *crew;

static hn_net *make(const struct hn_model_options *o)
{
    struct hn_net_options n = {.views = VIEWS, .samples = SAMPLES, .microbatches = 1, .own = {0, 1}};
    hn_graph *graph = NULL;
    hn_net *net = NULL;

    if (hn_model_build(&graph, o) == HN_OK && hn_net_new(&net, graph, &n, crew) == HN_OK)
        return net;
    printf("# %s\n", hn_error_text());
    return NULL;
}

/* want: "name dim dim ...;" for every array, in order. */
static void arrays(const char *what, const struct hn_model_options *o, const char *want)
{
    hn_net *net = make(o);
    char got[2000] = "";

    for (size_t i = 0; net && i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        size_t at = strlen(got);
        at += (size_t)snprintf(got + at, sizeof got - at, "%s", a->name);
        for (int d = 0; d < a->rank; d++)
            at += (size_t)snprintf(got + at, sizeof got - at, " %zu", a->dim[d]);
        snprintf(got + at, sizeof got - at, ";");
    }
    if (!ok(strcmp(got, want) == 0, "%s: arrays are called and shaped as in PyTorch", what))
        printf("# got  %s\n# want %s\n", got, want);
    hn_net_free(net);
}

static void names(void)
{
    /* train_mlp.h5, train_mlp_lars.h5, train_convnet.h5 */
    arrays("mlp",
           &(struct hn_model_options){.encoder = MLP,
                                      .h = 28,
                                      .w = 28,
                                      .c = 1,
                                      .channels = {24, 20},
                                      .stages = 2,
                                      .head_hidden = 32,
                                      .head_out = 16},
           "encoder.1.weight 24 784;encoder.1.bias 24;encoder.3.weight 20 24;encoder.3.bias 20;"
           "projector.0.weight 32 20;projector.0.bias 32;projector.2.weight 16 32;projector.2.bias 16;");
    arrays("mlp with BatchNorm in its head",
           &(struct hn_model_options){.encoder = MLP,
                                      .h = 1,
                                      .w = 1,
                                      .c = 9,
                                      .channels = {4},
                                      .stages = 1,
                                      .head_hidden = 3,
                                      .head_out = 2,
                                      .head_norm = true},
           "encoder.1.weight 4 9;encoder.1.bias 4;projector.0.weight 3 4;projector.1.weight "
           "3;projector.1.bias 3;"
           "projector.3.weight 2 3;projector.3.bias 2;projector.1.running_mean 3;projector.1.running_var 3;"
           "projector.1.num_batches_tracked;");
    arrays("convnet",
           &(struct hn_model_options){.encoder = CONVNET,
                                      .h = 28,
                                      .w = 28,
                                      .c = 1,
                                      .channels = {8, 16, 24},
                                      .stages = 3,
                                      .head_hidden = 32,
                                      .head_out = 16},
           "encoder.0.weight 8 1 3 3;encoder.0.bias 8;encoder.3.weight 16 8 3 3;encoder.3.bias 16;"
           "encoder.6.weight 24 16 3 3;encoder.6.bias 24;projector.0.weight 32 24;projector.0.bias 32;"
           "projector.2.weight 16 32;projector.2.bias 16;");
    arrays("convnet with BatchNorm, too small to pool the second time, one Linear as its head",
           &(struct hn_model_options){.encoder = CONVNET,
                                      .h = 3,
                                      .w = 2,
                                      .c = 2,
                                      .channels = {4, 5},
                                      .stages = 2,
                                      .norm = true,
                                      .head_out = 6},
           "encoder.0.weight 4 2 3 3;encoder.1.weight 4;encoder.1.bias 4;encoder.4.weight 5 4 3 3;"
           "encoder.5.weight 5;encoder.5.bias 5;projector.0.weight 6 5;projector.0.bias 6;"
           "encoder.1.running_mean 4;encoder.1.running_var 4;encoder.1.num_batches_tracked;"
           "encoder.5.running_mean 5;encoder.5.running_var 5;encoder.5.num_batches_tracked;");
}

static void alone(void *ctx, enum hn_combine how, double *row, size_t width)
{
    (void)ctx, (void)how, (void)row, (void)width;
}

static const struct hn_exchange nobody = {.stats = alone};

/* sum of output * dy after moving all parameters by `by` along `along`. */
static double moved(hn_net *net, const real *home, const double *along, double by)
{
    size_t count, n = VIEWS * SAMPLES * hn_net_output_size(net);
    real *w = hn_net_parameters(net, &count);
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        w[i] = (real)((double)home[i] + by * along[i]);
    hn_net_forward(net, &nobody);
    for (size_t i = 0; i < n; i++)
        sum += (double)hn_net_output(net)[i] * (double)hn_net_doutput(net)[i];
    return sum;
}

static void gradient(const char *what, const struct hn_model_options *o)
{
    hn_net *net = make(o);
    hn_draws d = hn_draws_for(3, HN_DRAW_TEST, 0, 0);
    size_t count, rows = VIEWS * SAMPLES, dim = hn_net_output_size(net), in = hn_net_input_size(net);
    real *w = hn_net_parameters(net, &count), *home = hn_calloc(count, sizeof *home);
    double *along = hn_calloc(count, sizeof *along), length = 0, unit = 0;
    double h = TAP_TOL(3e-3, 1e-6);

    hn_net_initialise(net, 12);
    memcpy(home, w, count * sizeof *home);
    for (size_t i = 0; i < rows * in; i++)
        hn_net_input(net, 0)[i] = (real)hn_draw_normal(&d);
    for (size_t i = 0; i < rows * dim; i++)
        hn_net_doutput(net)[i] = (real)hn_draw_normal(&d);
    hn_net_forward(net, &nobody);
    for (size_t r = 0; r < rows; r++) {
        double square = 0;
        for (size_t i = 0; i < dim; i++)
            square += pow((double)hn_net_output(net)[r * dim + i], 2);
        unit = fmax(unit, fabs(square - 1));
    }
    hn_net_backward(net, &nobody);
    for (size_t i = 0; i < count; i++)
        length += pow((double)hn_net_gradient(net)[i], 2);
    length = sqrt(length);
    for (size_t i = 0; i < count; i++)
        along[i] = (double)hn_net_gradient(net)[i] / length;
    double slope = (moved(net, home, along, h) - moved(net, home, along, -h)) / (2 * h);
    ok(unit < 10 * TAP_EPS, "%s: rows have unit length", what);
    if (!ok(length > 0.01 && fabs(slope - length) < TAP_TOL(2e-2, 1e-5) * length,
            "%s: the gradient is the slope", what))
        printf("# |gradient| %g, slope along it %g\n", length, slope);
    hn_free(home), hn_free(along);
    hn_net_free(net);
}

/* Every kind of encoder, with and without BatchNorm, with every kind of head. */
static void gradients(void)
{
    for (int kind = 0; hn_encoder_names()[kind]; kind++)
        for (int head = 0; head < 4; head++) {
            struct hn_model_options o = {.encoder = kind,
                                         .h = 6,
                                         .w = 5,
                                         .c = 2,
                                         .channels = {7, 9},
                                         .stages = 2,
                                         .norm = head % 2 == 0,
                                         .head_hidden = head > 1 ? 8 : 0,
                                         .head_out = head > 0 ? 5 : 0,
                                         .head_norm = head == 2};
            char what[64];
            snprintf(what, sizeof what, "%s, head %d", hn_encoder_names()[kind], head);
            gradient(what, &o);
        }
}

static void refused(const char *what, struct hn_model_options o)
{
    hn_graph *graph = NULL;

    tap_status(hn_model_build(&graph, &o), HN_EUSAGE, "%s is refused", what);
}

static void refusals(void)
{
    struct hn_model_options good = {.encoder = CONVNET, .h = 8, .w = 8, .c = 1, .channels = {4}, .stages = 1},
                            o = good;

    o.encoder = 2;
    refused("an encoder that does not exist", o);
    o = good;
    o.h = o.w = 1;
    refused("a convnet on vectors", o);
    o = good;
    o.stages = 0;
    refused("an encoder without layers", o);
    o.stages = HN_MODEL_STAGES + 1;
    refused("one with too many", o);
    o = good;
    o.channels[0] = 0;
    refused("a layer without channels", o);
    o = good;
    o.head_hidden = 3;
    refused("a head without output", o);
    o = good;
    o.c = 0;
    refused("an image without channels", o);
}

int main(void)
{
    tap_plan(4 + 16 + 7 + 1);
    if (hn_threads_new(&crew, 1) != HN_OK)
        return 1;
    names();
    gradients();
    refusals();
    hn_threads_free(crew);
    ok(hn_live_blocks() == 0, "every block is freed");
    return tap_done();
}
