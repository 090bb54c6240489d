/* check/verify_layers.c - single layers against reference values (ops.h5's layout).
 *
 * Each case becomes a network of one op: one view, one microbatch, all rows.
 * Arrays are stored as PyTorch has them, (n, c, h, w) or (n, c); ours are
 * (n, h, w, c).  Deviations are relative to the largest entry of the stored
 * array.  Every rank does everything: it may be the one that calculates wrong. */
#include "base/mem.h"
#include "check/stored.h"
#include "check/verify.h"
#include "check/verify_residual.h"
#include "engine/graph.h"
#include <stdio.h>
#include <string.h>

enum { PART = 96, NAME = 2 * PART + 8 };
static const double TOLERANCE = sizeof(real) == 4 ? 1e-5 : 1e-12;

struct layer {
    struct hn_verify *v;
    const char *kind; /* "conv2d" */
    char path[NAME];  /* "/conv2d/03" */
    hn_net *net;
    size_t rows;
    struct hn_shape in, out; /* of a row */
};

/* ---- rows between the two layouts ---- */

/* (n, c, h, w); arrays of another rank are n vectors. */
static struct hn_shape shape_of(const struct hn_array_info *a)
{
    size_t rest = 1;

    if (a->rank == 4)
        return (struct hn_shape){a->dim[2], a->dim[3], a->dim[1]};
    for (int i = 1; i < a->rank; i++)
        rest *= a->dim[i];
    return (struct hn_shape){1, 1, rest};
}

/* Where element i of (n, c, h, w) lies in (n, h, w, c). */
static size_t place(size_t i, struct hn_shape s)
{
    size_t plane = s.h * s.w, row = i / (s.c * plane), channel = i / plane % s.c, pixel = i % plane;

    return (row * plane + pixel) * s.c + channel;
}

static size_t size_of(struct hn_shape s)
{
    return s.h * s.w * s.c;
}

static hn_status read_count(const struct layer *l, const char *name, size_t count, struct hn_stored *out)
{
    hn_status st = hn_stored_read(out, l->v->file, l->path, name);

    if (st == HN_OK && out->info.count != count) {
        st = hn_fail(HN_EDATA, "%s/%s has %zu numbers, not %zu", l->path, name, (size_t)out->info.count,
                     count);
        hn_stored_free(out);
    }
    return st;
}

static hn_status fill_rows(const struct layer *l, real *out, const char *name, struct hn_shape shape)
{
    struct hn_stored a = {0};
    hn_status st = read_count(l, name, l->rows * size_of(shape), &a);

    if (st != HN_OK)
        return st;
    for (size_t i = 0; i < a.info.count; i++)
        out[place(i, shape)] = (real)a.v[i];
    hn_stored_free(&a);
    return HN_OK;
}

static void note(const struct layer *l, const char *name, const struct hn_distance *d)
{
    char label[2 * NAME];

    snprintf(label, sizeof label, "%s/%s", l->path + 1, name);
    hn_verify_note(l->v, l->kind, label, hn_distance_worst(d), TOLERANCE);
}

/* The largest entry of a stored array; 0 when there is none. */
static double largest_of(const struct layer *l, const char *name)
{
    struct hn_stored a = {0};
    struct hn_distance d = {0};

    if (hn_stored_read(&a, l->v->file, l->path, name) == HN_OK)
        for (size_t i = 0; i < a.info.count; i++)
            hn_distance_add(&d, a.v[i], a.v[i]);
    hn_stored_free(&a);
    return d.largest;
}

/* Compares the first `rows` rows.  scale: relative to at least this. */
static hn_status compare_rows(const struct layer *l, const real *got, const char *name, struct hn_shape shape,
                              size_t rows, double scale)
{
    struct hn_stored a = {0};
    struct hn_distance d = {.largest = scale};
    hn_status st = read_count(l, name, l->rows * size_of(shape), &a);

    if (st != HN_OK)
        return st;
    for (size_t i = 0; i < rows * size_of(shape); i++)
        hn_distance_add(&d, (double)got[place(i, shape)], a.v[i]);
    note(l, name, &d);
    hn_stored_free(&a);
    return HN_OK;
}

/* ---- parameters and running statistics: arrays called "op.NAME" ---- */
static hn_status find(const struct layer *l, const char *name, const struct hn_array **out)
{
    for (size_t i = 0; i < hn_net_arrays(l->net); i++) {
        const struct hn_array *a = hn_net_array(l->net, i);
        if (strcmp(a->name + strlen("op."), name) == 0) {
            *out = a;
            return HN_OK;
        }
    }
    return hn_fail(HN_EDATA, "%s: no array %s in such a layer", l->path, name);
}

static hn_status fill_array(const struct layer *l, const char *name, const char *stored)
{
    struct hn_stored s = {0};
    const struct hn_array *a = NULL;
    hn_status st = find(l, name, &a);

    if (st != HN_OK || (st = read_count(l, stored, a->count, &s)) != HN_OK)
        return st;
    for (size_t i = 0; i < a->count; i++)
        a->value[i] = (real)s.v[i];
    hn_stored_free(&s);
    return HN_OK;
}

static hn_status compare_array(const struct layer *l, const char *name, const char *stored, bool gradient)
{
    struct hn_stored s = {0};
    struct hn_distance d = {0};
    const struct hn_array *a = NULL;
    hn_status st = find(l, name, &a);

    if (st != HN_OK || (st = read_count(l, stored, a->count, &s)) != HN_OK)
        return st;
    const real *got = gradient ? hn_net_gradient(l->net) + a->offset : a->value;
    for (size_t i = 0; i < a->count; i++)
        hn_distance_add(&d, (double)got[i], s.v[i]);
    note(l, stored, &d);
    hn_stored_free(&s);
    return HN_OK;
}

/* ---- the layers: each appends its op to the input ---- */
static hn_status conv2d(struct layer *l, hn_graph *g, int *y)
{
    size_t kernel, stride, padding;
    struct hn_stored w = {0};
    hn_status st;

    if ((st = hn_stored_size(l->v->file, l->path, "kernel", &kernel)) != HN_OK ||
        (st = hn_stored_size(l->v->file, l->path, "stride", &stride)) != HN_OK ||
        (st = hn_stored_size(l->v->file, l->path, "padding", &padding)) != HN_OK ||
        (st = hn_stored_read(&w, l->v->file, l->path, "weight")) != HN_OK)
        return st;
    *y = hn_graph_conv2d(g, "op", 0, w.info.rank == 4 ? w.info.dim[0] : 0, kernel, stride, padding,
                         hn_stored_has(l->v->file, l->path, "bias"));
    hn_stored_free(&w);
    return HN_OK;
}

static hn_status linear(struct layer *l, hn_graph *g, int *y)
{
    struct hn_stored w = {0};
    hn_status st = hn_stored_read(&w, l->v->file, l->path, "weight");

    if (st != HN_OK)
        return st;
    *y = hn_graph_linear(g, "op", 0, w.info.rank == 2 ? w.info.dim[0] : 0,
                         hn_stored_has(l->v->file, l->path, "bias"));
    hn_stored_free(&w);
    return HN_OK;
}

static hn_status batchnorm(struct layer *l, hn_graph *g, int *y)
{
    (void)l;
    *y = hn_graph_batchnorm(g, "op", 0);
    return HN_OK;
}

static hn_status relu(struct layer *l, hn_graph *g, int *y)
{
    (void)l;
    *y = hn_graph_relu(g, 0);
    return HN_OK;
}

static hn_status maxpool(struct layer *l, hn_graph *g, int *y)
{
    size_t kernel, stride, padding;
    hn_status st;

    if ((st = hn_stored_size(l->v->file, l->path, "kernel", &kernel)) != HN_OK ||
        (st = hn_stored_size(l->v->file, l->path, "stride", &stride)) != HN_OK ||
        (st = hn_stored_size(l->v->file, l->path, "padding", &padding)) != HN_OK)
        return st;
    *y = hn_graph_maxpool(g, 0, kernel, stride, padding);
    return HN_OK;
}

static hn_status avgpool(struct layer *l, hn_graph *g, int *y)
{
    (void)l;
    *y = hn_graph_avgpool(g, 0);
    return HN_OK;
}

static hn_status normalize(struct layer *l, hn_graph *g, int *y)
{
    (void)l;
    *y = hn_graph_l2norm(g, 0);
    return HN_OK;
}

static const char *only_the_mean(const struct hn_verify *v, const char *path)
{
    int64_t size = 1;

    return hn_store_attr_i64(v->file, path, "output_size", &size) && size != 1
               ? "pools to one pixel only in this program yet"
               : NULL;
}

struct layer_kind {
    const char *begins; /* a group's name begins so */
    const char *kind;
    hn_status (*append)(struct layer *l, hn_graph *g, int *y);
    const char *(*refuse)(const struct hn_verify *v,
                          const char *path);                 /* why a case is not run; may be NULL */
    hn_status (*run)(struct hn_verify *v, const char *path); /* instead of all this; may be NULL */
};
static const struct layer_kind kinds[] = {
    {"conv2d", "conv2d", conv2d, NULL, NULL},
    {"batchnorm", "batchnorm", batchnorm, NULL, NULL},
    {"linear", "linear", linear, NULL, NULL},
    {"relu", "relu", relu, NULL, NULL},
    {"maxpool", "maxpool", maxpool, NULL, NULL},
    {"avgpool", "avgpool", avgpool, only_the_mean, NULL},
    {"normalize", "normalize", normalize, NULL, NULL},
    {"residual_add", "residual_add", NULL, NULL, hn_verify_residual},
};

static const struct layer_kind *kind_of(const char *group)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(group, kinds[i].begins, strlen(kinds[i].begins)) == 0)
            return &kinds[i];
    return NULL;
}

/* ---- one case ---- */

static hn_status build(struct layer *l, const struct layer_kind *kind)
{
    struct hn_net_options options = {.views = 1,
                                     .samples = l->rows,
                                     .microbatches = 1,
                                     .own = {0, 1},
                                     .norm_scope = HN_NORM_GLOBAL,
                                     .want_dinput = true};
    hn_graph *graph = NULL;
    int y = -1;
    hn_status st = hn_graph_new(&graph, l->in);

    if (st == HN_OK)
        st = kind->append(l, graph, &y);
    if (st == HN_OK) {
        hn_graph_mark(graph, y, y);
        l->out = hn_graph_shape(graph, y);
        st = hn_graph_status(graph);
    }
    if (st != HN_OK) {
        hn_graph_free(graph);
        return st;
    }
    return hn_net_new(&l->net, graph, &options, l->v->threads);
}

static hn_status fill(const struct layer *l)
{
    static const char *const names[][2] = {{"weight", "weight"},
                                           {"bias", "bias"},
                                           {"running_mean", "running_mean_before"},
                                           {"running_var", "running_var_before"}};
    hn_status st = fill_rows(l, hn_net_input(l->net, 0), "x", l->in);

    for (size_t i = 0; st == HN_OK && i < sizeof names / sizeof *names; i++)
        if (hn_stored_has(l->v->file, l->path, names[i][1]))
            st = fill_array(l, names[i][0], names[i][1]);
    return st;
}

/* One microbatch is the whole tree: its row is the root already. */
static void alone(void *ctx, enum hn_combine how, double *row, size_t width)
{
    (void)ctx, (void)how, (void)row, (void)width;
}

/* In float, the square of a row's norm must be a normal number: of a case with shorter rows only those before
 * them count. */
static size_t fair_rows(const struct layer *l)
{
    const real *x = hn_net_input(l->net, 0);
    size_t width = size_of(l->in), r = 0;

    if (sizeof(real) > 4 || strcmp(l->kind, "normalize") != 0)
        return l->rows;
    for (; r < l->rows; r++) {
        double square = 0;
        for (size_t i = 0; i < width; i++)
            square += (double)x[r * width + i] * (double)x[r * width + i];
        if (square < 1e-24)
            break;
    }
    return r;
}

static hn_status train(const struct layer *l)
{
    static const struct {
        const char *name, *stored;
        bool gradient;
    } after[] = {{"weight", "d_weight", true},
                 {"bias", "d_bias", true},
                 {"running_mean", "running_mean_after", false},
                 {"running_var", "running_var_after", false}};
    struct hn_exchange exchange = {.stats = alone};
    size_t rows = fair_rows(l);
    /* With two rows BatchNorm's d_x is what is left of d_y when all but a share of eps / variance cancels. */
    double scale = strcmp(l->kind, "batchnorm") == 0 ? largest_of(l, "d_y") : 0;
    hn_status st;

    hn_net_forward(l->net, &exchange);
    if ((st = compare_rows(l, hn_net_output(l->net), "y", l->out, rows, 0)) != HN_OK ||
        (st = fill_rows(l, hn_net_doutput(l->net), "d_y", l->out)) != HN_OK)
        return st;
    hn_net_backward(l->net, &exchange);
    st = compare_rows(l, hn_net_dinput(l->net, 0), "d_x", l->in, rows, scale);
    for (size_t i = 0; st == HN_OK && i < sizeof after / sizeof *after; i++)
        if (hn_stored_has(l->v->file, l->path, after[i].stored))
            st = compare_array(l, after[i].name, after[i].stored, after[i].gradient);
    return st;
}

/* Running statistics: forward only, nothing in this program trains through them. */
static hn_status evaluate(const struct layer *l)
{
    real *y = hn_calloc(l->rows * size_of(l->out), sizeof *y);
    char label[2 * NAME];
    hn_status st;

    if (y == NULL)
        return HN_ENOMEM;
    hn_net_infer(l->net, 0, hn_net_input(l->net, 0), NULL, y);
    st = compare_rows(l, y, "y", l->out, l->rows, 0);
    hn_free(y);
    snprintf(label, sizeof label, "%s/d_*", l->path + 1);
    hn_verify_skip(l->v, l->kind, label, "no gradients in evaluation mode");
    return st;
}

static hn_status run_case(struct hn_verify *v, const struct layer_kind *kind, const char *path)
{
    struct layer l = {.v = v, .kind = kind->kind};
    struct hn_array_info info;
    char name[NAME + 8];
    int64_t training = 1;
    hn_status st;

    snprintf(l.path, sizeof l.path, "%s", path);
    snprintf(name, sizeof name, "%s/x", path);
    if ((st = hn_store_info(v->file, name, &info)) != HN_OK)
        return st;
    if (info.rank < 2 || info.count == 0)
        return hn_fail(HN_EDATA, "%s: rows are expected", name);
    l.rows = info.dim[0];
    l.in = shape_of(&info);
    hn_store_attr_i64(v->file, path, "train", &training);
    if ((st = build(&l, kind)) == HN_OK && (st = fill(&l)) == HN_OK)
        st = training ? train(&l) : evaluate(&l);
    hn_net_free(l.net);
    return st;
}

static hn_status run_group(struct hn_verify *v, const char *group)
{
    const struct layer_kind *kind = kind_of(group);
    char top[PART + 1], name[PART], path[NAME];
    hn_status st = HN_OK;

    snprintf(top, sizeof top, "/%s", group);
    for (size_t i = 0; st == HN_OK && hn_store_member(v->file, top, i, name, sizeof name, NULL); i++) {
        const char *why = kind == NULL ? "no such layer in this program yet" : NULL;
        snprintf(path, sizeof path, "%s/%s", top, name);
        if (kind && kind->refuse)
            why = kind->refuse(v, path);
        if (why)
            hn_verify_skip(v, group, path + 1, why);
        else
            st = kind->run ? kind->run(v, path) : run_case(v, kind, path);
    }
    return st;
}

static hn_status run(struct hn_verify *v)
{
    char group[PART];
    bool is_group;
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && hn_store_member(v->file, "/", i, group, sizeof group, &is_group); i++)
        if (is_group)
            st = run_group(v, group);
    return st == HN_EUSAGE ? HN_EDATA : st; /* shapes that make no sense are the file's */
}

/* Some group has a layer's name, and its first member an x and a y. */
static bool recognise(const hn_store *file)
{
    char group[PART], top[PART + 1], name[PART], path[NAME];
    bool is_group;

    for (size_t i = 0; hn_store_member(file, "/", i, group, sizeof group, &is_group); i++) {
        snprintf(top, sizeof top, "/%s", group);
        if (!is_group || kind_of(group) == NULL || !hn_store_member(file, top, 0, name, sizeof name, NULL))
            continue;
        snprintf(path, sizeof path, "%s/%s", top, name);
        if (hn_stored_has(file, path, "x") && hn_stored_has(file, path, "y"))
            return true;
    }
    return false;
}

const struct hn_verify_kind hn_verify_layers = {"layers", recognise, run};
