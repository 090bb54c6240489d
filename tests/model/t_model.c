/* Encoders and heads: PyTorch's names and shapes, refusals, and that the whole network's gradient is one. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "engine/graph.h"
#include "hardneg/model.h"
#include "tap.h"

enum { MLP, CONVNET, RESNET18, RESNET34, RESNET50, SAMPLES = 3, VIEWS = 2 };

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

/* ---- ResNets ---- */
static const struct hn_array *array_of(const hn_net *net, const char *name)
{
    for (size_t i = 0; net && i < hn_net_arrays(net); i++)
        if (strcmp(hn_net_array(net, i)->name, name) == 0)
            return hn_net_array(net, i);
    return NULL;
}

/* Parameters as counted, with torchvision's names where blocks begin and end. */
static void resnet(const struct hn_model_options *o, size_t parameters, size_t arrays_wanted, size_t features,
                   const char *const *some)
{
    hn_net *net = make(o);
    size_t count = 0, weights = 0, missing = 0;

    for (size_t i = 0; net && i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        bool parameter = a->role != HN_RUNNING && a->role != HN_COUNTER;
        count += parameter;
        weights += parameter ? a->count : 0;
    }
    for (; *some; some++)
        if (array_of(net, *some) == NULL) {
            printf("# no array %s\n", *some);
            missing++;
        }
    if (!ok(net && weights == parameters && count == arrays_wanted && hn_net_feature_size(net) == features &&
                missing == 0,
            "%s: %zu parameters in %zu arrays with torchvision's names, %zu features",
            hn_encoder_names()[o->encoder], parameters, arrays_wanted, features))
        printf("# %zu parameters in %zu arrays, %zu features\n", weights, count,
               net ? hn_net_feature_size(net) : 0);
    hn_net_free(net);
}

/* torchvision's documentation counts 11689512, 21797672 and 25557032 parameters with fc; without its
 * 1000 x features + 1000 these. */
static void resnets(void)
{
    struct hn_model_options o = {
        .h = 16, .w = 16, .c = 3, .width = 64, .stem = HN_STEM_IMAGENET, .norm = true};

    o.encoder = RESNET18;
    resnet(&o, 11176512, 60, 512,
           (const char *[]){"encoder.conv1.weight", "encoder.bn1.running_var", "encoder.layer1.1.bn2.bias",
                            "encoder.layer2.0.downsample.0.weight",
                            "encoder.layer4.0.downsample.1.num_batches_tracked",
                            "encoder.layer4.1.conv2.weight", NULL});
    o.encoder = RESNET34;
    resnet(&o, 21284672, 108, 512, (const char *[]){"encoder.layer3.5.conv2.weight", NULL});
    o.encoder = RESNET50;
    resnet(&o, 23508032, 159, 2048,
           (const char *[]){"encoder.layer1.0.downsample.0.weight", "encoder.layer3.5.conv3.weight",
                            "encoder.layer4.2.bn3.weight", NULL});
}

/* Mean and standard deviation of an array's values. */
static void spread(const hn_net *net, const char *name, double *mean, double *deviation, double *largest)
{
    const struct hn_array *a = array_of(net, name);
    double sum = 0, squares = 0;

    *largest = 0;
    for (size_t i = 0; i < a->count; i++) {
        sum += (double)a->value[i];
        squares += (double)a->value[i] * (double)a->value[i];
        *largest = fmax(*largest, fabs((double)a->value[i]));
    }
    *mean = sum / (double)a->count;
    *deviation = sqrt(squares / (double)a->count - *mean * *mean);
}

static void resnet_begins(void)
{
    struct hn_model_options o = {.encoder = RESNET18, .h = 8, .w = 8, .c = 3, .width = 32, .norm = true};
    hn_net *net = make(&o);
    double mean, deviation, largest, want = sqrt(2.0 / (64 * 9));

    hn_net_initialise(net, 5);
    spread(net, "encoder.layer2.1.conv2.weight", &mean, &deviation, &largest); /* 64 * 64 * 9 draws */
    if (!ok(fabs(mean) < 5 * want / 192 && fabs(deviation / want - 1) < 0.02 && largest > 3.5 * want,
            "convolutions start normal with variance 2 / fan out"))
        printf("# mean %g, deviation %g (want %g), largest %g\n", mean, deviation, want, largest);
    spread(net, "encoder.conv1.weight", &mean, &deviation, &largest); /* 32 * 3 * 9 draws */
    ok(largest <= 1 / sqrt(27) && largest > 0.95 / sqrt(27), "stem cifar starts as PyTorch's Conv2d");
    hn_net_free(net);
    o.stem = HN_STEM_IMAGENET;
    net = make(&o);
    hn_net_initialise(net, 5);
    spread(net, "encoder.conv1.weight", &mean, &deviation, &largest); /* 32 * 3 * 49 draws */
    want = sqrt(2.0 / (32 * 49));
    ok(fabs(deviation / want - 1) < 0.05 && largest > 3 * want, "stem imagenet starts as torchvision's");
    hn_net_free(net);
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
    double h;

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
    h = TAP_TOL(3e-3, 1e-6 / fmax(1, length)); /* deep networks bend at once */
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

/* Every kind of encoder, with and without BatchNorm, with every kind of head.  ResNets in double alone: in
 * float no step is both long enough for its digits and short enough for so many borders of ReLU. */
static void gradients(void)
{
    for (int kind = 0; kind < (sizeof(real) > 4 ? RESNET50 + 1 : RESNET18); kind++)
        for (int head = 0; head < 4; head++) {
            struct hn_model_options o = {.encoder = kind,
                                         .h = kind < RESNET18 ? 6 : 24,
                                         .w = kind < RESNET18 ? 5 : 20,
                                         .c = 2,
                                         .channels = {7, 9},
                                         .stages = 2,
                                         .width = 2,
                                         .stem = head / 2,
                                         .norm = head % 2 == 0 || kind >= RESNET18,
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

    o.encoder = RESNET50 + 1;
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
    struct hn_model_options residual = {
        .encoder = RESNET18, .h = 8, .w = 8, .c = 3, .width = 4, .norm = true};
    o = residual;
    o.norm = false;
    refused("a ResNet without BatchNorm", o);
    o = residual;
    o.width = 0;
    refused("a ResNet of width 0", o);
    o = residual;
    o.stem = 2;
    refused("a stem that does not exist", o);
    o = residual;
    o.h = o.w = 1;
    refused("a ResNet on vectors", o);
}

int main(void)
{
    tap_plan(4 + 3 + 3 + (sizeof(real) > 4 ? 40 : 16) + 11 + 1);
    if (hn_threads_new(&crew, 1) != HN_OK)
        return 1;
    names();
    resnets();
    resnet_begins();
    gradients();
    refusals();
    hn_threads_free(crew);
    ok(hn_live_blocks() == 0, "every block is freed");
    return tap_done();
}
