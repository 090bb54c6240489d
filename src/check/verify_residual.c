/* check/verify_residual.c - the end of a residual block, y = relu(x + shortcut), against reference values
 * (ops.h5's residual_add).
 *
 * A network has one input, so x and shortcut are its channels, x at every stride-th pixel: 1x1 convolutions
 * take x out by weights 0 and 1, and the shortcut as it is or through the case's own weight. */
#include "check/verify_residual.h"
#include "check/stored.h"
#include "check/verify.h"
#include "engine/graph.h"
#include <stdio.h>

enum { NAME = 256 };
static const double TOLERANCE = sizeof(real) == 4 ? 1e-5 : 1e-12;

struct residual {
    struct hn_verify *v;
    const char *path;
    hn_net *net;
    struct hn_stored x, shortcut, weight, y, dx, dshortcut, dweight, dy;
    size_t rows, cx, cs, h, w, stride; /* channels of x and y, of the shortcut; its pixels */
};

static hn_status read_case(struct residual *r)
{
    const struct {
        const char *name;
        struct hn_stored *to;
    } arrays[] = {
        {"x", &r->x},    {"shortcut", &r->shortcut},    {"weight", &r->weight}, {"y", &r->y},
        {"d_x", &r->dx}, {"d_shortcut", &r->dshortcut}, {"d_y", &r->dy},        {"d_weight", &r->dweight}};
    bool weighted = hn_stored_has(r->v->file, r->path, "weight");
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < sizeof arrays / sizeof *arrays; i++)
        if (weighted || (arrays[i].to != &r->weight && arrays[i].to != &r->dweight))
            st = hn_stored_read(arrays[i].to, r->v->file, r->path, arrays[i].name);
    r->stride = 1;
    if (st == HN_OK && weighted)
        st = hn_stored_size(r->v->file, r->path, "stride", &r->stride);
    return st;
}

static hn_status check_case(struct residual *r)
{
    const struct hn_array_info *x = &r->x.info, *s = &r->shortcut.info;

    if (x->rank != 4 || s->rank != 4 || x->count == 0 || s->count == 0 || x->dim[0] != s->dim[0] ||
        r->stride == 0)
        return hn_fail(HN_EDATA, "%s: x and shortcut are not rows of images", r->path);
    r->rows = x->dim[0];
    r->cx = x->dim[1];
    r->cs = s->dim[1];
    r->h = s->dim[2];
    r->w = s->dim[3];
    if ((r->h - 1) / r->stride + 1 != x->dim[2] || (r->w - 1) / r->stride + 1 != x->dim[3] ||
        r->y.info.count != x->count || r->dy.info.count != x->count || r->dx.info.count != x->count ||
        r->dshortcut.info.count != s->count || (r->weight.v == NULL && r->cx != r->cs) ||
        (r->weight.v && (r->weight.info.count != r->cx * r->cs || r->dweight.info.count != r->cx * r->cs)))
        return hn_fail(HN_EDATA, "%s: shapes that do not fit", r->path);
    return HN_OK;
}

static hn_status build(struct residual *r)
{
    struct hn_net_options options = {
        .views = 1, .samples = r->rows, .microbatches = 1, .own = {0, 1}, .want_dinput = true};
    hn_graph *graph = NULL;
    hn_status st = hn_graph_new(&graph, (struct hn_shape){r->h, r->w, r->cx + r->cs});

    if (st != HN_OK)
        return st;
    int x = hn_graph_conv2d(graph, "x", 0, r->cx, 1, r->stride, 0, false);
    int shortcut = hn_graph_conv2d(graph, "shortcut", 0, r->cx, 1, r->stride, 0, false);
    int y = hn_graph_relu(graph, hn_graph_add(graph, x, shortcut));
    hn_graph_mark(graph, y, y);
    if ((st = hn_graph_status(graph)) != HN_OK) {
        hn_graph_free(graph);
        return st;
    }
    return hn_net_new(&r->net, graph, &options, r->v->threads);
}

/* Where element i of x (n, c, h / stride, w / stride) or, at stride 1 and channel `first`, of the shortcut
 * stands in the input. */
static size_t place(const struct residual *r, size_t i, size_t channels, size_t stride, size_t first)
{
    size_t w = (r->w - 1) / stride + 1, h = (r->h - 1) / stride + 1;
    size_t column = i % w, line = i / w % h, channel = i / (w * h) % channels, row = i / (w * h * channels);

    return ((row * r->h + line * stride) * r->w + column * stride) * (r->cx + r->cs) + first + channel;
}

static void fill(struct residual *r)
{
    size_t width = r->cx + r->cs, plane = r->y.info.count / r->rows / r->cx;
    real *in = hn_net_input(r->net, 0), *dy = hn_net_doutput(r->net);
    real *pick = hn_net_array(r->net, 0)->value, *shortcut = hn_net_array(r->net, 1)->value;

    for (size_t i = 0; i < r->rows * r->h * r->w * width; i++)
        in[i] = 0;
    for (size_t i = 0; i < r->x.info.count; i++)
        in[place(r, i, r->cx, r->stride, 0)] = (real)r->x.v[i];
    for (size_t i = 0; i < r->shortcut.info.count; i++)
        in[place(r, i, r->cs, 1, r->cx)] = (real)r->shortcut.v[i];
    for (size_t o = 0; o < r->cx; o++)
        for (size_t c = 0; c < width; c++) {
            double w = c < r->cx ? 0 : r->weight.v ? r->weight.v[o * r->cs + c - r->cx] : c - r->cx == o;
            pick[o * width + c] = c == o;
            shortcut[o * width + c] = (real)w;
        }
    for (size_t i = 0; i < r->dy.info.count; i++) /* (n, c, pixel) to (n, pixel, c) */
        dy[(i / (plane * r->cx) * plane + i % plane) * r->cx + i / plane % r->cx] = (real)r->dy.v[i];
}

static void note(const struct residual *r, const char *name, const struct hn_distance *d)
{
    char label[2 * NAME];

    snprintf(label, sizeof label, "%s/%s", r->path + 1, name);
    hn_verify_note(r->v, "residual_add", label, hn_distance_worst(d), TOLERANCE);
}

static void alone(void *ctx, enum hn_combine how, double *row, size_t width)
{
    (void)ctx, (void)how, (void)row, (void)width;
}

static void compare(struct residual *r)
{
    struct hn_distance y = {0}, dx = {0}, dshortcut = {0}, dweight = {0};
    size_t width = r->cx + r->cs, plane = r->y.info.count / r->rows / r->cx;
    const real *out = hn_net_output(r->net), *din = hn_net_dinput(r->net, 0);
    const real *dw = hn_net_gradient(r->net) + hn_net_array(r->net, 1)->offset;

    for (size_t i = 0; i < r->y.info.count; i++)
        hn_distance_add(&y,
                        (double)out[(i / (plane * r->cx) * plane + i % plane) * r->cx + i / plane % r->cx],
                        r->y.v[i]);
    for (size_t i = 0; i < r->dx.info.count; i++)
        hn_distance_add(&dx, (double)din[place(r, i, r->cx, r->stride, 0)], r->dx.v[i]);
    for (size_t i = 0; i < r->dshortcut.info.count; i++)
        hn_distance_add(&dshortcut, (double)din[place(r, i, r->cs, 1, r->cx)], r->dshortcut.v[i]);
    for (size_t i = 0; r->weight.v && i < r->dweight.info.count; i++)
        hn_distance_add(&dweight, (double)dw[i / r->cs * width + r->cx + i % r->cs], r->dweight.v[i]);
    note(r, "y", &y);
    note(r, "d_x", &dx);
    note(r, "d_shortcut", &dshortcut);
    if (r->weight.v)
        note(r, "d_weight", &dweight);
}

hn_status hn_verify_residual(struct hn_verify *v, const char *path)
{
    struct residual r = {.v = v, .path = path};
    const struct hn_exchange nobody = {.stats = alone};
    hn_status st;

    if ((st = read_case(&r)) == HN_OK && (st = check_case(&r)) == HN_OK && (st = build(&r)) == HN_OK) {
        fill(&r);
        hn_net_forward(r.net, &nobody);
        hn_net_backward(r.net, &nobody);
        compare(&r);
    }
    struct hn_stored *const arrays[] = {&r.x,  &r.shortcut,  &r.weight,  &r.y,
                                        &r.dx, &r.dshortcut, &r.dweight, &r.dy};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        hn_stored_free(arrays[i]);
    hn_net_free(r.net);
    return st;
}
