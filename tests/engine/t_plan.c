/* Plans: exact bytes without allocating them, FLOPs by hand, sizes that no machine has. */
#include "backend/backend.h"
#include "base/mem.h"
#include "nets.h"
#include "tap.h"
#include <time.h>

static int norm_conv(hn_graph *g, int *layer, int x, size_t out, size_t kernel, size_t stride)
{
    char name[32];

    snprintf(name, sizeof name, "conv.%d", ++*layer);
    x = hn_graph_conv2d(g, name, x, out, kernel, stride, kernel / 2, false);
    snprintf(name, sizeof name, "bn.%d", *layer);
    return hn_graph_batchnorm(g, name, x);
}

/* torchvision's, 224 x 224 x 3 -> 2048, and a head. */
static hn_graph *resnet50(void)
{
    static const size_t blocks[] = {3, 4, 6, 3};
    hn_graph *g = NULL;
    int layer = 0, x;

    if (hn_graph_new(&g, (struct hn_shape){224, 224, 3}) != HN_OK)
        return NULL;
    x = hn_graph_maxpool(g, hn_graph_relu(g, norm_conv(g, &layer, 0, 64, 7, 2)), 3, 2, 1);
    for (size_t stage = 0; stage < 4; stage++)
        for (size_t i = 0; i < blocks[stage]; i++) {
            size_t width = (size_t)64 << stage, stride = i == 0 && stage > 0 ? 2 : 1;
            int y = hn_graph_relu(g, norm_conv(g, &layer, x, width, 1, 1));
            y = hn_graph_relu(g, norm_conv(g, &layer, y, width, 3, stride));
            y = norm_conv(g, &layer, y, 4 * width, 1, 1);
            if (i == 0)
                x = norm_conv(g, &layer, x, 4 * width, 1, stride);
            x = hn_graph_relu(g, hn_graph_add(g, y, x));
        }
    x = hn_graph_avgpool(g, x);
    hn_graph_mark(g, x, hn_graph_l2norm(g, hn_graph_linear(g, "head", x, 128, true)));
    return g;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void large(void)
{
    struct hn_net_options o = {
        .views = 2, .samples = 256, .microbatches = 16, .own = {0, 16}, .norm_per_view = true};
    struct hn_net_plan p = {0};
    hn_graph *g = resnet50();
    double began = seconds();
    hn_status st = hn_net_plan(&p, g, &o, 2);

    ok(st == HN_OK && seconds() - began < 0.5, "ResNet-50 at batch 4096 is planned in %.1f ms",
       1e3 * (seconds() - began));
    /* 25,557,032 of torchvision less its last layer of 2048 x 1000 + 1000, and a head of 2048 x 128 + 128. */
    ok(p.parameters >= 23508032 + 262272 && p.parameters < 23508032 + 262272 + 107 * 16,
       "its parameters: %zu with padding", p.parameters);
    ok(fabs(p.forward_flops / 8.2e9 - 1) < 0.05 && p.backward_flops < 2 * p.forward_flops,
       "FLOPs of a row: %.3g forward, %.3g backward", p.forward_flops, p.backward_flops);
    ok(p.activation_bytes == 16 * p.microbatch_bytes && p.scratch_bytes == 2 * p.thread_bytes &&
           p.microbatch_bytes > (size_t)1 << 34,
       "activations: %.1f GiB of a microbatch", (double)p.microbatch_bytes / 1073741824.0);
    ok(p.exchanges == 2 * 53 && p.exchanged == 2 * 5 * 26560, "a step exchanges %zu times, %zu numbers",
       p.exchanges, p.exchanged);
    size_t all = p.activation_bytes + p.scratch_bytes;
    o.activation_bytes = all / 5 * 2;
    began = seconds();
    st = hn_net_plan(&p, g, &o, 2);
    ok(st == HN_OK && p.activation_bytes + p.scratch_bytes <= all / 5 * 2 &&
           p.again_flops < 0.9 * p.forward_flops && p.recompute == HN_RECOMPUTE_SEGMENTS,
       "in two fifths of the memory: %zu segments, %.2f of forward again, planned in %.0f ms", p.segments,
       p.again_flops / p.forward_flops, 1e3 * (seconds() - began));
    o.activation_bytes = 1;
    st = hn_net_plan(&p, g, &o, 2);
    ok(st == HN_EUSAGE, "in a byte: %s", hn_error_text());
    o.samples = (size_t)1 << 44;
    st = hn_net_plan(&p, g, &o, 2);
    ok(st != HN_OK, "a microbatch that cannot be counted: %s", hn_error_text());
    hn_graph_free(g);
}

/* The plan's bytes are what is allocated. */
static void exact(void)
{
    size_t bad = 0, tried = 0;

    for (size_t threads = 1; threads <= 3; threads += 2)
        for (size_t own = 0; own <= 5; own += 2 + (own == 2))
            for (int kind = 0; kind < 8; kind++, tried++) {
                struct hn_net_options o = {.views = 2,
                                           .samples = 2,
                                           .microbatches = 5,
                                           .own = {0, own},
                                           .norm_scope = kind & 1 ? HN_NORM_MICROBATCH : HN_NORM_GLOBAL,
                                           .norm_per_view = kind & 2,
                                           .want_dinput = own == 2};
                struct hn_net_plan p = {0};
                hn_graph *g = every_op(kind & 4);
                hn_threads *crew = NULL;
                hn_net *net = NULL;
                bad += hn_threads_new(&crew, threads) != HN_OK || hn_net_plan(&p, g, &o, threads) != HN_OK ||
                       hn_net_new(&net, g, &o, crew) != HN_OK || hn_net_bytes(net) != p.bytes ||
                       p.bytes != p.parameter_bytes + p.gradient_bytes + p.row_bytes + p.activation_bytes +
                                      p.scratch_bytes + p.state_bytes;
                hn_net_free(net);
                hn_threads_free(crew);
            }
    ok(bad == 0, "%zu plans: bytes by kind add up to what a network takes (%zu do not)", tried, bad);
}

static size_t taken(const struct hn_net_plan *p)
{
    return p->activation_bytes + p->scratch_bytes;
}

static void squeezed(const char *what, bool norm, enum hn_norm_scope scope)
{
    struct hn_net_options o = {
        .views = 2, .samples = 2, .microbatches = 8, .own = {0, 8}, .norm_scope = scope};
    hn_graph *g = every_op(norm);
    struct hn_net_plan all = squeeze(&o, g, 1, 0), p = all;
    size_t bad = 0, ways = 0;

    for (size_t i = 1; i < 40; i++) {
        struct hn_net_options less = o;
        struct hn_net_plan next = squeeze(&less, g, 1, 1);
        if (less.activation_bytes == o.activation_bytes)
            break;
        printf("# %zu bytes: way %d, %zu segments, kept %zu, %.0f FLOPs\n", taken(&next), next.recompute,
               next.segments, next.kept_bytes, next.again_flops);
        bad += taken(&next) >= taken(&p) || next.again_flops < p.again_flops || next.again_flops <= 0 ||
               next.again_flops > next.forward_flops || next.recompute == HN_RECOMPUTE_NONE;
        p = next;
        o = less;
        ways++;
    }
    ok(ways > 0 && bad == 0, "%s: less memory costs more work, %zu times, down to %.2f of it", what, ways,
       (double)taken(&p) / (double)taken(&all));
    o.activation_bytes = taken(&p) - 1;
    ok(hn_net_plan(&p, g, &o, 1) == HN_EUSAGE && strstr(hn_error_text(), "need at least"), "then it ends: %s",
       hn_error_text());
    hn_graph_free(g);
}

int main(void)
{
    tap_plan(8 + 1 + 3 * 2 + 1);
    large();
    exact();
    squeezed("no norm", false, HN_NORM_GLOBAL);
    squeezed("global", true, HN_NORM_GLOBAL);
    squeezed("microbatch", true, HN_NORM_MICROBATCH);
    ok(hn_live_blocks() == 0, "nothing is left");
    return tap_done();
}
