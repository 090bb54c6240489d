/* check/verify_training.c - whole training steps against reference values (train_*.h5's layout).
 *
 * The core that trains gets the stored state and views and must go the stored
 * way.  Twice: with microbatches for every rank to have some, if there are
 * enough, and with so few that a rank has none.  Rows of a microbatch are view 1
 * of its samples, then view 2; the file numbers rows by view first. */
#include "base/mem.h"
#include "check/stored.h"
#include "check/training_settings.h"
#include "check/verify.h"
#include "train/core.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 256 };

/* The README's: loss absolute; gradients and states relative to the largest entry of each array (double), or
 * by norms (float). */
struct tolerance {
    double loss, gradient, state;
};
static const struct tolerance limit = {sizeof(real) == 4 ? 1e-5 : 1e-11, sizeof(real) == 4 ? 1e-4 : 1e-10,
                                       sizeof(real) == 4 ? 1e-4 : 1e-9};

struct pass {
    struct hn_verify *v;
    const struct hn_training_settings *s;
    hn_core *core;
    hn_net *net;
    size_t microbatches, samples; /* samples of one microbatch */
    struct hn_range own;
    double *views; /* (2, n, c, h, w) of one step */
    double *z;     /* (2, n, D) */
    int64_t *label;
    double *lr, *loss;
    real *input, *feature, *output; /* one block of evaluation */
    void *block;
};

static void note(struct pass *p, const char *what, const char *name, double deviation, double tolerance)
{
    char kind[NAME], label[2 * NAME];

    snprintf(kind, sizeof kind, "training %s", what);
    snprintf(label, sizeof label, "%s, S = %zu", name, p->microbatches);
    hn_verify_note(p->v, kind, label, deviation, tolerance);
}

/* ---- rows ---- */

/* (c, h, w) to (h, w, c). */
static void fill_row(const struct pass *p, real *out, const double *image)
{
    size_t channels = p->s->model.c, plane = p->s->model.h * p->s->model.w;

    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < plane; i++)
            out[i * channels + c] = (real)image[c * plane + i];
}

static hn_status read_step(const struct pass *p, size_t step)
{
    size_t n = p->s->batch, row = p->s->model.c * p->s->model.h * p->s->model.w;
    hn_status st;

    if ((st = hn_store_read_rows(p->v->file, "/views", HN_F64, step, 1, p->views)) != HN_OK ||
        (st = hn_store_read_rows(p->v->file, "/labels", HN_I64, step, 1, p->label)) != HN_OK ||
        (st = hn_store_read_rows(p->v->file, "/z", HN_F64, step, 1, p->z)) != HN_OK)
        return st;
    for (size_t k = 0; k < p->own.count; k++)
        for (size_t i = 0; i < p->samples; i++) {
            size_t sample = (p->own.first + k) * p->samples + i;
            hn_core_labels(p->core)[k * p->samples + i] = p->label[sample];
            for (size_t view = 0; view < 2; view++)
                fill_row(p, hn_net_input(p->net, k) + (view * p->samples + i) * row,
                         p->views + (view * n + sample) * row);
        }
    return HN_OK;
}

/* The own rows of the embedding or its gradient, against (2, n, D). */
static double rows_off(const struct pass *p, const real *got, const double *want)
{
    size_t n = p->s->batch, dim = p->s->dim;
    struct hn_distance d = {0};

    for (size_t i = 0; i < 2 * n * dim; i++)
        d.largest = fmax(d.largest, fabs(want[i]));
    for (size_t k = 0; k < p->own.count; k++)
        for (size_t view = 0; view < 2; view++)
            for (size_t i = 0; i < p->samples * dim; i++, got++)
                hn_distance_add(&d, (double)*got,
                                want[(view * n + (p->own.first + k) * p->samples) * dim + i]);
    return hn_distance_worst(&d);
}

/* ---- arrays ---- */
static bool is_parameter(const struct hn_array *a)
{
    return a->role != HN_RUNNING && a->role != HN_COUNTER;
}

static hn_status read_like(const struct pass *p, const char *group, const struct hn_array *a,
                           struct hn_stored *out)
{
    hn_status st = hn_stored_read(out, p->v->file, group, a->name);
    bool same;

    if (st != HN_OK)
        return st;
    same = out->info.count == a->count && (a->count == 1 || out->info.rank == a->rank);
    for (int i = 0; same && a->count > 1 && i < a->rank; i++)
        same = out->info.dim[i] == a->dim[i];
    if (same)
        return HN_OK;
    hn_stored_free(out);
    return hn_fail(HN_EDATA, "%s/%s is not of the shape that this network has", group, a->name);
}

static hn_status fill_state(const struct pass *p)
{
    for (size_t i = 0; i < hn_net_arrays(p->net); i++) {
        const struct hn_array *a = hn_net_array(p->net, i);
        struct hn_stored want = {0};
        hn_status st = read_like(p, "/init", a, &want);
        if (st != HN_OK)
            return st;
        for (size_t j = 0; j < a->count; j++)
            if (a->role == HN_COUNTER)
                a->counter[j] = (int64_t)want.v[j];
            else
                a->value[j] = (real)want.v[j];
        hn_stored_free(&want);
    }
    return HN_OK;
}

/* In float single entries are no fair test: where a gradient is near zero, Adam steps by the rate in either
 * direction.  Then the norm of the difference over the norm counts. */
static double array_off(const struct hn_distance *d)
{
    return sizeof(real) > 4 ? hn_distance_worst(d) : hn_distance_whole(d);
}

static hn_status compare_array(struct pass *p, const char *what, const char *group, const struct hn_array *a,
                               const real *got, struct hn_distance *whole)
{
    struct hn_stored want = {0};
    struct hn_distance d = {0};
    hn_status st = read_like(p, group, a, &want);

    if (st != HN_OK)
        return st;
    for (size_t i = 0; i < a->count; i++) {
        double value = got ? (double)got[i] : (double)a->counter[i];
        hn_distance_add(&d, value, want.v[i]);
        if (whole)
            hn_distance_add(whole, value, want.v[i]);
    }
    if (whole == NULL)
        note(p, what, a->name, array_off(&d), got ? limit.state : 0);
    else if (sizeof(real) > 4)
        note(p, what, a->name, array_off(&d), limit.gradient);
    hn_stored_free(&want);
    return HN_OK;
}

/* Array by array in double, and all arrays as one. */
static hn_status compare_gradient(struct pass *p)
{
    struct hn_distance whole = {0};

    for (size_t i = 0; i < hn_net_arrays(p->net); i++) {
        const struct hn_array *a = hn_net_array(p->net, i);
        hn_status st = HN_OK;
        if (is_parameter(a))
            st = compare_array(p, "gradient", "/grad", a, hn_net_gradient(p->net) + a->offset, &whole);
        if (st != HN_OK)
            return st;
    }
    note(p, "gradient", "whole", hn_distance_whole(&whole), limit.gradient);
    return HN_OK;
}

static hn_status compare_state(struct pass *p)
{
    for (size_t i = 0; i < hn_net_arrays(p->net); i++) {
        const struct hn_array *a = hn_net_array(p->net, i);
        hn_status st = compare_array(p, "state", "/final", a, a->value, NULL);
        if (st != HN_OK)
            return st;
    }
    return HN_OK;
}

static hn_status compare_moments(struct pass *p)
{
    hn_optim *optim = hn_core_optim(p->core);

    for (size_t m = 0; m < hn_optim_states(optim); m++) {
        char group[NAME];
        snprintf(group, sizeof group, "/%s", hn_optim_state_name(optim, m));
        for (size_t i = 0; hn_store_has(p->v->file, group) && i < hn_net_arrays(p->net); i++) {
            const struct hn_array *a = hn_net_array(p->net, i);
            hn_status st = HN_OK;
            if (is_parameter(a))
                st = compare_array(p, "moments", group, a, hn_optim_state(optim, m) + a->offset, NULL);
            if (st != HN_OK)
                return st;
        }
    }
    return HN_OK;
}

/* ---- evaluation mode: views[0, 0] in blocks of a microbatch's rows ---- */
static void add_unit_row(struct hn_distance *d, const real *got, const double *want, size_t width)
{
    double square = 0;

    for (size_t i = 0; i < width; i++)
        square += (double)got[i] * (double)got[i];
    for (size_t i = 0; i < width; i++)
        hn_distance_add(d, (double)got[i] / fmax(sqrt(square), 1e-12), want[i]);
}

static hn_status compare_eval(struct pass *p)
{
    size_t n = p->s->batch, rows = 2 * p->samples, width = hn_net_feature_size(p->net), dim = p->s->dim;
    size_t row = p->s->model.c * p->s->model.h * p->s->model.w;
    struct hn_stored feature = {0}, output = {0};
    struct hn_distance df = {0}, dz = {0};
    hn_status st = read_step(p, 0);

    if (st != HN_OK || (st = hn_stored_read(&feature, p->v->file, "/eval", "feature")) != HN_OK ||
        (st = hn_stored_read(&output, p->v->file, "/eval", "output")) != HN_OK)
        goto out;
    if (feature.info.count != n * width || output.info.count != n * dim) {
        st = hn_fail(HN_EDATA, "/eval: %zu rows of %zu and %zu numbers are expected", n, width, dim);
        goto out;
    }
    for (size_t first = 0; first < n; first += rows) {
        for (size_t i = 0; i < rows; i++)
            fill_row(p, p->input + i * row, p->views + (first + i < n ? first + i : n - 1) * row);
        hn_net_infer(p->net, 0, p->input, p->feature, p->output);
        for (size_t i = 0; i < rows && first + i < n; i++) {
            add_unit_row(&df, p->feature + i * width, feature.v + (first + i) * width, width);
            add_unit_row(&dz, p->output + i * dim, output.v + (first + i) * dim, dim);
        }
    }
    note(p, "evaluation", "feature", hn_distance_worst(&df), limit.state);
    note(p, "evaluation", "output", hn_distance_worst(&dz), limit.state);
out:
    hn_stored_free(&feature);
    hn_stored_free(&output);
    return st;
}

/* ---- the run ---- */
static void layout(struct pass *p, hn_carver *c)
{
    size_t n = p->s->batch, row = p->s->model.c * p->s->model.h * p->s->model.w, rows = 2 * p->samples;

    p->views = hn_carve(c, sizeof *p->views, 2 * n * row);
    p->z = hn_carve(c, sizeof *p->z, 2 * n * p->s->dim);
    p->label = hn_carve(c, sizeof *p->label, n);
    p->lr = hn_carve(c, sizeof *p->lr, p->s->steps);
    p->loss = hn_carve(c, sizeof *p->loss, p->s->steps);
    p->input = hn_carve(c, sizeof *p->input, rows * row);
    p->feature = hn_carve(c, sizeof *p->feature, rows * hn_net_feature_size(p->net));
    p->output = hn_carve(c, sizeof *p->output, rows * p->s->dim);
}

/* Local: what is left to do once the core stands. */
static hn_status prepare(struct pass *p)
{
    hn_carver c = {0};
    hn_status st;

    if (hn_net_output_size(p->net) != p->s->dim)
        return hn_fail(HN_EDATA, "/z has %zu numbers per row, the head makes %zu", p->s->dim,
                       hn_net_output_size(p->net));
    layout(p, &c);
    if ((st = hn_carver_start(&c, &p->block, "a stored training run")) != HN_OK)
        return st;
    layout(p, &c);
    if ((st = hn_store_read(p->v->file, "/lr", HN_F64, p->lr, p->s->steps)) != HN_OK ||
        (st = hn_store_read(p->v->file, "/loss", HN_F64, p->loss, p->s->steps)) != HN_OK)
        return st;
    return fill_state(p);
}

/* Local: what only the first step has stored. */
static hn_status compare_first(struct pass *p)
{
    struct hn_stored want = {0};
    hn_status st = hn_stored_read(&want, p->v->file, "", "z_grad");

    if (st != HN_OK)
        return st;
    if (want.info.count == 2 * p->s->batch * p->s->dim)
        note(p, "z_grad", "step 1", rows_off(p, hn_net_doutput(p->net), want.v), limit.gradient);
    else
        st = hn_fail(HN_EDATA, "/z_grad is not [view, n, D]");
    hn_stored_free(&want);
    return st == HN_OK ? compare_gradient(p) : st;
}

static hn_status run_step(struct pass *p, size_t step)
{
    struct hn_core_report report;
    char name[NAME];
    hn_status st = hn_comm_agree(p->v->comm, read_step(p, step));

    if (st != HN_OK)
        return st;
    snprintf(name, sizeof name, "step %zu", step + 1);
    hn_core_forward(p->core);
    note(p, "z", name, rows_off(p, hn_net_output(p->net), p->z), limit.state);
    hn_core_backward(p->core, &report);
    note(p, "loss", name, fabs(report.loss.loss - p->loss[step]), limit.loss);
    return step == 0 ? hn_comm_agree(p->v->comm, compare_first(p)) : HN_OK;
}

static hn_status run_steps(struct pass *p)
{
    hn_status st = hn_comm_agree(p->v->comm, prepare(p));

    for (size_t step = 0; st == HN_OK && step < (p->s->no_update ? 1 : p->s->steps); step++) {
        st = run_step(p, step);
        if (st == HN_OK && p->s->no_update == NULL)
            hn_core_update(p->core, p->lr[step]);
    }
    if (st != HN_OK || p->s->no_update)
        return st;
    if ((st = compare_state(p)) == HN_OK && (st = compare_moments(p)) == HN_OK)
        st = compare_eval(p);
    return hn_comm_agree(p->v->comm, st);
}

static hn_status run_pass(struct hn_verify *v, const struct hn_training_settings *s, size_t microbatches)
{
    struct pass p = {.v = v, .s = s, .microbatches = microbatches, .samples = s->batch / microbatches};
    struct hn_core_options options = s->core;
    hn_graph *graph = NULL;
    hn_status st = hn_comm_agree(v->comm, hn_model_build(&graph, &s->model));

    if (st != HN_OK) {
        hn_graph_free(graph);
        return st;
    }
    options.microbatches = microbatches;
    if ((st = hn_core_new(&p.core, v->comm, v->threads, graph, &options)) != HN_OK)
        return st;
    p.net = hn_core_net(p.core);
    p.own = hn_core_own(p.core);
    st = run_steps(&p);
    hn_free(p.block);
    hn_core_free(p.core);
    return st;
}

/* The largest divisor of n that is at most `most`. */
static size_t divisor(size_t n, size_t most)
{
    size_t d = most < n ? most : n;

    while (n % d != 0)
        d--;
    return d;
}

static hn_status run(struct hn_verify *v)
{
    struct hn_training_settings s = {0};
    size_t ranks = hn_comm_size(v->comm), many, few;
    hn_status st = hn_comm_agree(v->comm, hn_training_settings_read(&s, v->file));

    if (st != HN_OK)
        return st;
    if (s.refused) {
        hn_verify_skip(v, "training", s.model.encoder < 0 ? s.net : s.loss, s.refused);
        return HN_OK;
    }
    if (s.no_update)
        hn_verify_skip(v, "training", "later steps", s.no_update);
    many = divisor(s.batch, 8);
    few = divisor(s.batch, ranks > 1 ? ranks - 1 : 1);
    st = run_pass(v, &s, many);
    if (st == HN_OK && few != many)
        st = run_pass(v, &s, few);
    return st == HN_EUSAGE ? HN_EDATA : st; /* options that make no sense are the file's */
}

static bool recognise(const hn_store *file)
{
    return hn_store_has(file, "/settings") && hn_store_has(file, "/views") && hn_store_has(file, "/z") &&
           hn_store_has(file, "/init");
}

const struct hn_verify_kind hn_verify_training = {"training", recognise, run};
