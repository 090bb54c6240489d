/* Whole networks: gradients, state by name, initial values, evaluation, refusals. */
#include "backend/backend.h"
#include "base/mem.h"
#include "nets.h"
#include "tap.h"

static hn_threads *crew;

static hn_net *net_with(hn_graph *g, struct hn_net_options o)
{
    hn_net *net = NULL;

    o.own = (struct hn_range){0, o.microbatches};
    if (hn_net_new(&net, g, &o, crew) != HN_OK) {
        printf("Bail out! %s\n", hn_error_text());
        exit(1);
    }
    hn_net_initialise(net, 11);
    return net;
}

static double loss(hn_net *net, const struct hn_net_options *o)
{
    hn_net_forward(net, NULL);
    return fill_doutputs(net, o);
}

static double slope_at(hn_net *net, const struct hn_net_options *o, real *value, double step)
{
    real before = *value;

    *value = (real)((double)before + step);
    double up = loss(net, o), width = (double)*value;
    *value = (real)((double)before - step);
    double slope = (up - loss(net, o)) / (width - (double)*value);
    *value = before;
    return slope;
}

/* Central differences of a good part of all parameters.  A kink (ReLU, maxpool) inside a difference spoils
 * it: a few may be off. */
static void whole_gradient(const char *what, bool norm, bool per_view, enum hn_norm_scope scope)
{
    struct hn_net_options o = {.views = 2,
                               .samples = 2,
                               .microbatches = 3,
                               .own = {0, 3},
                               .norm_scope = scope,
                               .norm_per_view = per_view};
    hn_net *net = net_with(every_op(norm), o);
    size_t bad = 0, tried = 0, count;
    double step = TAP_TOL(2e-3, 1e-6), largest = 0.0;
    real *gradient;

    fill_inputs(net, &o, 1);
    loss(net, &o);
    hn_net_backward(net, NULL);
    hn_net_parameters(net, &count);
    gradient = calloc(count, sizeof *gradient);
    memcpy(gradient, hn_net_gradient(net), count * sizeof *gradient);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)gradient[i]));
    for (size_t a = 0; a < hn_net_arrays(net); a++) {
        const struct hn_array *p = hn_net_array(net, a);
        for (size_t i = 0; p->role <= HN_NORM_BIAS && i<p->count; i += p->count> 50 ? 7 : 1, tried++) {
            double slope = slope_at(net, &o, p->value + i, step);
            bad += !(fabs(slope - (double)gradient[p->offset + i]) < TAP_TOL(3e-2, 1e-6) * largest);
        }
    }
    ok(largest > 0.01 && bad <= tried / TAP_TOL(15, 60), "%s: %zu central differences (%zu off)", what, tried,
       bad);
    free(gradient);
    hn_net_free(net);
}

static void names(void)
{
    static const char *const want[] = {"encoder.0.weight",
                                       "encoder.1.weight",
                                       "encoder.1.bias",
                                       "encoder.3.weight",
                                       "encoder.4.weight",
                                       "encoder.4.bias",
                                       "encoder.6.weight",
                                       "encoder.6.bias",
                                       "projector.0.weight",
                                       "projector.1.weight",
                                       "projector.1.bias",
                                       "projector.3.weight",
                                       "projector.3.bias",
                                       "encoder.1.running_mean",
                                       "encoder.1.running_var",
                                       "encoder.1.num_batches_tracked",
                                       "encoder.4.running_mean",
                                       "encoder.4.running_var",
                                       "encoder.4.num_batches_tracked",
                                       "projector.1.running_mean",
                                       "projector.1.running_var",
                                       "projector.1.num_batches_tracked"};
    hn_net *net =
        net_with(every_op(true), (struct hn_net_options){.views = 2, .samples = 2, .microbatches = 2});
    size_t count, bad = 0, end = 0;
    real *w = hn_net_parameters(net, &count);

    ok(hn_net_arrays(net) == 22, "22 named arrays");
    for (size_t i = 0; i < 22; i++) {
        const struct hn_array *a = hn_net_array(net, i);
        bad += strcmp(a->name, want[i]) != 0;
        if (a->role <= HN_NORM_BIAS) {
            bad += a->value != w + a->offset || (uintptr_t)a->value % HN_ALIGN != 0 || a->offset < end;
            end = a->offset + a->count;
        }
    }
    ok(bad == 0 && end <= count, "under PyTorch's names, parameters first, aligned and in order");
    const struct hn_array *a = hn_net_array(net, 0);
    ok(a->rank == 4 && a->dim[0] == 4 && a->dim[1] == 2 && a->dim[2] == 3 && a->dim[3] == 3 && a->count == 72,
       "a convolution's weight is (out, in, kernel, kernel)");
    ok(hn_net_input_size(net) == 72 && hn_net_feature_size(net) == 10 && hn_net_output_size(net) == 5,
       "sizes of input, feature, output");
    ok(hn_net_bytes(net) > count * sizeof(real) && hn_net_flops_per_sample(net) > 0,
       "bytes and FLOPs are known");
    hn_net_free(net);
}

static void initial_values(void)
{
    struct hn_net_options o = {.views = 1, .samples = 2, .microbatches = 1};
    hn_graph *g = NULL;
    hn_net *net = net_with(every_op(true), o), *other;
    const struct hn_array *linear = hn_net_array(net, 11);
    double bound = 1 / sqrt(11), largest = 0, sum = 0;

    for (size_t i = 0; i < linear->count; i++) {
        largest = fmax(largest, fabs((double)linear->value[i]));
        sum += (double)linear->value[i];
    }
    ok(largest <= bound && largest > 0.9 * bound && fabs(sum / (double)linear->count) < 0.2 * bound,
       "uniform within 1/sqrt(fan in)");
    ok(hn_net_array(net, 1)->value[2] == 1 && hn_net_array(net, 2)->value[2] == 0 &&
           hn_net_array(net, 13)->value[1] == 0 && hn_net_array(net, 14)->value[1] == 1,
       "BatchNorm begins with 1, 0 and running 0, 1");
    /* The same layer in another network. */
    hn_status st = hn_graph_new(&g, (struct hn_shape){1, 1, 11});
    int y = hn_graph_linear(g, "projector.3", 0, 5, true);
    hn_graph_mark(g, 0, y);
    other = net_with(g, o);
    ok(st == HN_OK && memcmp(hn_net_array(other, 0)->value, linear->value, linear->count * sizeof(real)) == 0,
       "values depend on the name, not on the network");
    hn_net_initialise(other, 12);
    ok(memcmp(hn_net_array(other, 0)->value, linear->value, linear->count * sizeof(real)) != 0,
       "and on the seed");
    hn_net_free(other);
    hn_net_free(net);
}

struct block {
    hn_net *net;
    const real *input;
    real feature[2][4 * 10], output[2][4 * 5];
};

static void infer_on(void *ctx, size_t worker)
{
    struct block *b = ctx;

    hn_net_infer(b->net, worker, b->input, b->feature[worker], b->output[worker]);
}

static void evaluation(void)
{
    struct hn_net_options o = {.views = 2, .samples = 2, .microbatches = 2, .own = {0, 2}};
    hn_net *net = net_with(every_op(false), o);
    static struct block b;

    fill_inputs(net, &o, 4);
    hn_net_forward(net, NULL);
    b = (struct block){.net = net, .input = hn_net_input(net, 1)};
    size_t before = hn_total_blocks();
    hn_threads_run(crew, infer_on, &b);
    ok(hn_total_blocks() == before, "evaluation does not allocate");
    tap_near("without BatchNorm, evaluation is training's forward", b.output[0], hn_net_output(net) + 20, 20,
             0);
    ok(memcmp(b.output[0], b.output[1], sizeof b.output[0]) == 0 &&
           memcmp(b.feature[0], b.feature[1], sizeof b.feature[0]) == 0,
       "the same on both workers, at the same time");
    real feature[40];
    hn_net_infer(net, 0, b.input, feature, NULL);
    ok(memcmp(feature, b.feature[0], sizeof feature) == 0 && feature[3] != 0, "features alone are the same");
    hn_net_free(net);
}

/* With a lot of steps on one batch, running statistics become the batch's, and evaluation nearly training. */
static void running_statistics(void)
{
    struct hn_net_options o = {.views = 1, .samples = 24, .microbatches = 1, .own = {0, 1}};
    hn_net *net = net_with(every_op(true), o);
    real output[24 * 5];

    fill_inputs(net, &o, 6);
    for (int i = 0; i < 200; i++)
        hn_net_forward(net, NULL);
    hn_net_infer(net, 0, hn_net_input(net, 0), NULL, output);
    tap_near("running statistics converge to the batch's", output, hn_net_output(net), 24 * 5, 0.05);
    ok(*hn_net_array(net, 15)->counter == 200, "batches are counted");
    hn_net_free(net);
}

/* One microbatch, both scopes: the same statistics, so the same numbers. */
static void scopes_agree(void)
{
    struct hn_net_options o = {
        .views = 2, .samples = 4, .microbatches = 1, .own = {0, 1}, .norm_per_view = true};
    hn_net *a = net_with(every_op(true), o), *b;
    size_t count;

    o.norm_scope = HN_NORM_MICROBATCH;
    b = net_with(every_op(true), o);
    fill_inputs(a, &o, 8);
    fill_inputs(b, &o, 8);
    loss(a, &o);
    loss(b, &o);
    hn_net_backward(a, NULL);
    hn_net_backward(b, NULL);
    hn_net_parameters(a, &count);
    tap_near("of one microbatch, global and own statistics are one: output", hn_net_output(b),
             hn_net_output(a), 40, 0);
    tap_near("gradient", hn_net_gradient(b), hn_net_gradient(a), count, 0);
    size_t bad = 0;
    for (size_t i = 13; i < 22; i++)
        bad += hn_net_array(a, i)->value && memcmp(hn_net_array(a, i)->value, hn_net_array(b, i)->value,
                                                   hn_net_array(a, i)->count * sizeof(real)) != 0;
    ok(bad == 0, "running statistics");
    hn_net_free(a);
    hn_net_free(b);
}

static hn_graph *input_of(size_t h, size_t w, size_t c)
{
    hn_graph *g = NULL;

    return hn_graph_new(&g, (struct hn_shape){h, w, c}) == HN_OK ? g : NULL;
}

static void refused(const char *what, hn_graph *g, hn_status want, struct hn_net_options o)
{
    hn_net *net = NULL;
    hn_status st = hn_net_new(&net, g, &o, crew);

    ok(st == want && net == NULL && hn_error_text()[0] != '\0', "%s: %s", what, hn_error_text());
}

static void refusals(void)
{
    struct hn_net_options o = {.views = 2, .samples = 2, .microbatches = 2, .own = {0, 2}};
    hn_graph *g = NULL;

    ok(hn_graph_new(&g, (struct hn_shape){0, 2, 3}) == HN_EUSAGE && g == NULL, "an input without pixels");
    g = input_of(3, 3, 1);
    hn_graph_mark(g, 0, hn_graph_linear(g, "a", hn_graph_conv2d(g, "b", 0, 2, 7, 1, 1, true), 3, true));
    refused("a kernel larger than its input", g, HN_EUSAGE, o);
    g = input_of(3, 3, 1);
    hn_graph_mark(g, 0, hn_graph_linear(g, "a", 0, 3, true));
    refused("linear of an image", g, HN_EUSAGE, o);
    g = input_of(3, 3, 2);
    hn_graph_mark(g, 0, hn_graph_add(g, 0, hn_graph_avgpool(g, 0)));
    refused("a sum of unlike shapes", g, HN_EUSAGE, o);
    g = input_of(1, 1, 2);
    hn_graph_linear(g, "a", 0, 3, true);
    hn_graph_mark(g, 0, hn_graph_linear(g, "b", 0, 3, true));
    refused("a dead end", g, HN_EBUG, o);
    g = input_of(1, 1, 2);
    hn_graph_mark(g, 0, hn_graph_linear(g, "a", hn_graph_linear(g, "a", 0, 3, true), 3, true));
    refused("a name twice", g, HN_EBUG, o);
    g = input_of(1, 1, 2);
    hn_graph_linear(g, "a", 0, 3, true);
    refused("no output", g, HN_EBUG, o);
    g = input_of(1, 1, 2);
    hn_graph_mark(g, 0, hn_graph_batchnorm(g, "bn", 0));
    refused("BatchNorm of one value", g, HN_EUSAGE,
            (struct hn_net_options){.views = 2,
                                    .samples = 1,
                                    .microbatches = 4,
                                    .own = {0, 4},
                                    .norm_scope = HN_NORM_MICROBATCH,
                                    .norm_per_view = true});
    refused("microbatches that do not exist", every_op(true), HN_EBUG,
            (struct hn_net_options){.views = 2, .samples = 2, .microbatches = 2, .own = {1, 2}});
    refused("no samples", every_op(true), HN_EUSAGE, (struct hn_net_options){.views = 2, .microbatches = 1});
    refused(
        "too much memory", every_op(true), HN_ENOMEM,
        (struct hn_net_options){.views = 2, .samples = (size_t)1 << 35, .microbatches = 2, .own = {0, 2}});
}

int main(void)
{
    tap_plan(5 + 5 + 4 + 4 + 2 + 3 + 11 + 1);
    hn_backend_start();
    if (hn_threads_new(&crew, 2) != HN_OK)
        return 1;
    whole_gradient("no BatchNorm", false, false, HN_NORM_GLOBAL);
    whole_gradient("global, per view", true, true, HN_NORM_GLOBAL);
    whole_gradient("global, over both views", true, false, HN_NORM_GLOBAL);
    whole_gradient("microbatch, per view", true, true, HN_NORM_MICROBATCH);
    whole_gradient("microbatch, over both views", true, false, HN_NORM_MICROBATCH);
    names();
    initial_values();
    evaluation();
    running_statistics();
    scopes_agree();
    refusals();
    hn_threads_free(crew);
    ok(hn_live_blocks() == 0, "nothing is left");
    return tap_done();
}
