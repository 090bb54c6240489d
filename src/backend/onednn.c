/* backend/onednn.c - convolutions by oneDNN 2.x, one thread per call.
 *
 * A job is one primitive with its arguments' layouts settled: x and y as they
 * are (NHWC) or in the library's blocks, weights as the library likes them.
 * What lies otherwise is copied ("reordered") into scratch before, or out of it after.
 *
 * oneDNN shares primitives between threads, but not the memory objects that
 * say where arguments lie: each caller borrows a set of them.  Scratch is
 * ours, so that a call on our side allocates nothing.  The number of threads
 * is a property of the calling thread (libgomp), and backward-weights' bits
 * follow it: it is set to 1 wherever the library is entered. */
#include "backend/onednn.h"

#ifdef HN_ONEDNN
#include "base/mem.h"
#include <dnnl.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { X, WEIGHT, Y, ARRAYS };
enum { PRIMITIVES = 2 * ARRAYS + 1 }; /* copies in, the convolution, copies out */
enum { MAIN = ARRAYS, AFTER = ARRAYS + 1 };

/* What is found out about a convolution before any code is made. */
struct layout {
    dnnl_primitive_desc_t pd[PRIMITIVES]; /* NULL: not needed */
    dnnl_memory_desc_t outside[ARRAYS], inside[ARRAYS], bias;
    bool copied[ARRAYS];
    size_t at[ARRAYS], pad_at, bytes; /* in scratch: copies, then what primitives scribble in */
};

/* The memory objects of one call. */
struct caller {
    atomic_flag busy;
    dnnl_stream_t stream;
    dnnl_memory_t outside[ARRAYS], inside[ARRAYS], bias, pad[PRIMITIVES];
};

struct hn_onednn {
    enum hn_conv_what what;
    struct layout layout;
    dnnl_primitive_t primitive[PRIMITIVES];
    struct caller *caller;
    size_t callers;
};

static dnnl_engine_t engine;

static void make_engine(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
}

static bool enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_engine);
    omp_set_num_threads(1);
    return engine != NULL;
}

const char *hn_onednn_version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();

    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

/* ---- layouts ---- */

static bool describe(struct layout *l, const struct hn_conv *c, enum hn_way way,
                     dnnl_memory_desc_t any[ARRAYS])
{
    dnnl_dim_t h = (dnnl_dim_t)hn_conv_out(c->h, c->kernel, c->stride, c->padding);
    dnnl_dim_t w = (dnnl_dim_t)hn_conv_out(c->w, c->kernel, c->stride, c->padding);
    dnnl_dim_t n = (dnnl_dim_t)c->rows, in = (dnnl_dim_t)c->c_in, out = (dnnl_dim_t)c->c_out;
    dnnl_dims_t dims[ARRAYS] = {{n, in, (dnnl_dim_t)c->h, (dnnl_dim_t)c->w},
                                {out, in, (dnnl_dim_t)c->kernel, (dnnl_dim_t)c->kernel},
                                {n, out, h, w}};

    for (int i = 0; i < ARRAYS; i++) {
        dnnl_format_tag_t ours = i == WEIGHT ? dnnl_oihw : dnnl_nhwc;
        dnnl_format_tag_t theirs = i == WEIGHT || way == HN_WAY_BLOCKED ? dnnl_format_tag_any : dnnl_nhwc;
        if (dnnl_memory_desc_init_by_tag(&l->outside[i], 4, dims[i], dnnl_f32, ours) != dnnl_success ||
            dnnl_memory_desc_init_by_tag(&any[i], 4, dims[i], dnnl_f32, theirs) != dnnl_success)
            return false;
    }
    return dnnl_memory_desc_init_by_tag(&l->bias, 1, (dnnl_dims_t){out}, dnnl_f32, dnnl_a) == dnnl_success;
}

/* The convolution's descriptor, with scratch of ours. */
static bool describe_main(struct layout *l, const struct hn_conv *c, enum hn_conv_what what,
                          const dnnl_memory_desc_t any[ARRAYS], dnnl_primitive_attr_t attr)
{
    dnnl_dims_t stride = {(dnnl_dim_t)c->stride, (dnnl_dim_t)c->stride};
    dnnl_dims_t pad = {(dnnl_dim_t)c->padding, (dnnl_dim_t)c->padding};
    const dnnl_memory_desc_t *bias = what == HN_CONV_FORWARD && c->bias ? &l->bias : NULL;
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t hint = NULL;
    bool done;

    done =
        dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, &any[X],
                                           &any[WEIGHT], bias, &any[Y], stride, pad, pad) == dnnl_success &&
        dnnl_primitive_desc_create(&hint, &d, attr, engine, NULL) == dnnl_success;
    if (what == HN_CONV_FORWARD) {
        l->pd[MAIN] = hint;
        return done;
    }
    if (done && what == HN_CONV_DATA)
        done = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, &any[X], &any[WEIGHT],
                                                        &any[Y], stride, pad, pad) == dnnl_success;
    else if (done)
        done = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &any[X], &any[WEIGHT],
                                                           NULL, &any[Y], stride, pad, pad) == dnnl_success;
    done = done && dnnl_primitive_desc_create(&l->pd[MAIN], &d, attr, engine, hint) == dnnl_success;
    dnnl_primitive_desc_destroy(hint);
    return done;
}

static int result_of(enum hn_conv_what what)
{
    return what == HN_CONV_FORWARD ? Y : what == HN_CONV_DATA ? X : WEIGHT;
}

static bool describe_copy(struct layout *l, int i, bool is_result, dnnl_primitive_attr_t attr)
{
    const dnnl_memory_desc_t *from = is_result ? &l->inside[i] : &l->outside[i];
    const dnnl_memory_desc_t *to = is_result ? &l->outside[i] : &l->inside[i];

    return dnnl_reorder_primitive_desc_create(&l->pd[is_result ? AFTER + i : i], from, engine, to, engine,
                                              attr) == dnnl_success;
}

static size_t pad_bytes(const_dnnl_primitive_desc_t pd)
{
    return pd ? dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0)) : 0;
}

static void place(struct layout *l)
{
    for (int i = 0; i < ARRAYS; i++)
        if (l->copied[i]) {
            l->at[i] = l->bytes;
            l->bytes = hn_round_up(l->bytes + dnnl_memory_desc_get_size(&l->inside[i]), HN_ALIGN);
        }
    l->pad_at = l->bytes;
    for (int p = 0; p < PRIMITIVES; p++) {
        size_t end = l->pad_at + hn_round_up(pad_bytes(l->pd[p]), HN_ALIGN);
        l->bytes = end > l->bytes ? end : l->bytes;
    }
}

static bool lay_out(struct layout *l, const struct hn_conv *c, enum hn_conv_what what, enum hn_way way,
                    dnnl_primitive_attr_t attr)
{
    static const dnnl_query_t query[HN_CONV_WHATS][ARRAYS] = {
        {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
        {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
        {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md}};
    dnnl_memory_desc_t any[ARRAYS];

    if (!describe(l, c, way, any) || !describe_main(l, c, what, any, attr))
        return false;
    for (int i = 0; i < ARRAYS; i++) {
        l->inside[i] = *dnnl_primitive_desc_query_md(l->pd[MAIN], query[what][i], 0);
        l->copied[i] = !dnnl_memory_desc_equal(&l->inside[i], &l->outside[i]);
        if (l->copied[i] && !describe_copy(l, i, i == result_of(what), attr))
            return false;
    }
    place(l);
    return true;
}

static void layout_free(struct layout *l)
{
    for (int p = 0; p < PRIMITIVES; p++)
        if (l->pd[p])
            dnnl_primitive_desc_destroy(l->pd[p]);
}

/* False: the library has nothing for it, or no memory.  Free the layout in any case. */
static bool layout_make(struct layout *l, const struct hn_conv *c, enum hn_conv_what what, enum hn_way way)
{
    dnnl_primitive_attr_t attr = NULL;
    bool done;

    *l = (struct layout){0};
    done = enter() && dnnl_primitive_attr_create(&attr) == dnnl_success &&
           dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
           lay_out(l, c, what, way, attr);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return done;
}

/* The library has a slow plain loop for everything; unfolding is better than that. */
static bool is_reference(const struct layout *l)
{
    const char *name = NULL;

    return dnnl_primitive_desc_query(l->pd[MAIN], dnnl_query_impl_info_str, 0, &name) != dnnl_success ||
           name == NULL || strstr(name, "ref") != NULL;
}

bool hn_onednn_can(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way)
{
    struct layout l;
    bool can = layout_make(&l, c, what, way) && !is_reference(&l);

    layout_free(&l);
    return can;
}

size_t hn_onednn_scratch(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way)
{
    struct layout l;
    size_t bytes = layout_make(&l, c, what, way) ? l.bytes : 0;

    layout_free(&l);
    return bytes;
}

/* ---- jobs ---- */

static bool point_nowhere(dnnl_memory_t *m, const dnnl_memory_desc_t *desc)
{
    return dnnl_memory_create(m, desc, engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static bool caller_make(struct caller *k, const struct layout *l)
{
    atomic_flag_clear(&k->busy);
    if (dnnl_stream_create(&k->stream, engine, dnnl_stream_default_flags) != dnnl_success ||
        !point_nowhere(&k->bias, &l->bias))
        return false;
    for (int i = 0; i < ARRAYS; i++)
        if (!point_nowhere(&k->outside[i], &l->outside[i]) || !point_nowhere(&k->inside[i], &l->inside[i]))
            return false;
    for (int p = 0; p < PRIMITIVES; p++)
        if (pad_bytes(l->pd[p]) > 0 &&
            !point_nowhere(&k->pad[p], dnnl_primitive_desc_query_md(l->pd[p], dnnl_query_scratchpad_md, 0)))
            return false;
    return true;
}

static void forget(dnnl_memory_t m)
{
    if (m)
        dnnl_memory_destroy(m);
}

static void caller_free(struct caller *k)
{
    for (int i = 0; i < ARRAYS; i++) {
        forget(k->outside[i]);
        forget(k->inside[i]);
    }
    for (int p = 0; p < PRIMITIVES; p++)
        forget(k->pad[p]);
    forget(k->bias);
    if (k->stream)
        dnnl_stream_destroy(k->stream);
}

static bool make(hn_onednn *o)
{
    for (int p = 0; p < PRIMITIVES; p++)
        if (o->layout.pd[p] && dnnl_primitive_create(&o->primitive[p], o->layout.pd[p]) != dnnl_success)
            return false;
    for (size_t i = 0; i < o->callers; i++)
        if (!caller_make(&o->caller[i], &o->layout))
            return false;
    return true;
}

hn_status hn_onednn_new(hn_onednn **out, const struct hn_conv *c, enum hn_conv_what what, enum hn_way way,
                        size_t callers)
{
    hn_onednn *o = hn_zalloc(sizeof *o);
    hn_status st = HN_OK;

    if (o == NULL)
        return HN_ENOMEM;
    o->what = what;
    o->callers = callers;
    o->caller = hn_calloc(callers, sizeof *o->caller);
    if (o->caller == NULL)
        st = HN_ENOMEM;
    else if (!layout_make(&o->layout, c, what, way))
        st = hn_fail(HN_EUSAGE, "oneDNN has no convolution of %zu -> %zu channels, kernel %zu, stride %zu",
                     c->c_in, c->c_out, c->kernel, c->stride);
    else if (!make(o))
        st = hn_fail(HN_ENOMEM, "oneDNN cannot make a convolution of %zu -> %zu channels, kernel %zu",
                     c->c_in, c->c_out, c->kernel);
    if (st != HN_OK) {
        hn_onednn_free(o);
        return st;
    }
    *out = o;
    return HN_OK;
}

void hn_onednn_free(hn_onednn *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; o->caller && i < o->callers; i++)
        caller_free(&o->caller[i]);
    for (int p = 0; p < PRIMITIVES; p++)
        if (o->primitive[p])
            dnnl_primitive_destroy(o->primitive[p]);
    layout_free(&o->layout);
    hn_free(o->caller);
    hn_free(o);
}

/* ---- the call ---- */

/* There are as many sets as callers: one is free, or about to be. */
static struct caller *borrow(const hn_onednn *o)
{
    for (size_t i = 0;; i = (i + 1) % o->callers)
        if (!atomic_flag_test_and_set_explicit(&o->caller[i].busy, memory_order_acquire))
            return &o->caller[i];
}

static void give_back(struct caller *k)
{
    atomic_flag_clear_explicit(&k->busy, memory_order_release);
}

static dnnl_status_t execute(const hn_onednn *o, const struct caller *k, int p, dnnl_exec_arg_t *arg,
                             int args)
{
    if (k->pad[p])
        arg[args++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, k->pad[p]};
    return dnnl_primitive_execute(o->primitive[p], k->stream, args, arg);
}

static dnnl_status_t copy(const hn_onednn *o, const struct caller *k, int i, bool out)
{
    dnnl_exec_arg_t arg[3] = {{DNNL_ARG_FROM, out ? k->inside[i] : k->outside[i]},
                              {DNNL_ARG_TO, out ? k->outside[i] : k->inside[i]}};

    return execute(o, k, out ? AFTER + i : i, arg, 2);
}

static dnnl_status_t convolve(const hn_onednn *o, const struct caller *k, bool bias)
{
    static const int name[HN_CONV_WHATS][ARRAYS] = {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                                    {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
                                                    {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}};
    dnnl_exec_arg_t arg[ARRAYS + 2];
    int args = 0;

    for (; args < ARRAYS; args++)
        arg[args] = (dnnl_exec_arg_t){name[o->what][args],
                                      o->layout.copied[args] ? k->inside[args] : k->outside[args]};
    if (bias)
        arg[args++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, k->bias};
    return execute(o, k, MAIN, arg, args);
}

static void point(const hn_onednn *o, const struct caller *k, real *const at[ARRAYS], const real *bias,
                  char *scratch)
{
    for (int i = 0; i < ARRAYS; i++) {
        dnnl_memory_set_data_handle(k->outside[i], at[i]);
        dnnl_memory_set_data_handle(k->inside[i],
                                    o->layout.copied[i] ? (void *)(scratch + o->layout.at[i]) : at[i]);
    }
    for (int p = 0; p < PRIMITIVES; p++)
        if (k->pad[p])
            dnnl_memory_set_data_handle(k->pad[p], scratch + o->layout.pad_at);
    dnnl_memory_set_data_handle(k->bias, (void *)bias);
}

/* Happens where the library finds no memory for its own bookkeeping. */
static void say_once(dnnl_status_t st)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&said))
        hn_log(HN_LOG_ERROR,
               "oneDNN gave up inside a convolution%s (its status %d): what it computed is no number",
               st == dnnl_out_of_memory ? ", out of memory" : "", (int)st);
}

void hn_onednn_run(const hn_onednn *o, real *x, real *weight, real *y, const real *bias, void *scratch)
{
    real *const at[ARRAYS] = {x, weight, y};
    int result = result_of(o->what);
    dnnl_status_t st = dnnl_success;
    struct caller *k = borrow(o);

    enter();
    point(o, k, at, bias, scratch);
    for (int i = 0; i < ARRAYS && st == dnnl_success; i++)
        if (o->layout.copied[i] && i != result)
            st = copy(o, k, i, false);
    if (st == dnnl_success)
        st = convolve(o, k, bias != NULL);
    if (st == dnnl_success && o->layout.copied[result])
        st = copy(o, k, result, true);
    give_back(k);
    if (st != dnnl_success) {
        say_once(st);
        at[result][0] =
            (real)NAN; /* so that the step fails on all ranks: its loss or gradient is no number */
    }
}

#else

const char *hn_onednn_version(void)
{
    return NULL;
}

bool hn_onednn_can(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way)
{
    (void)c, (void)what, (void)way;
    return false;
}

size_t hn_onednn_scratch(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way)
{
    (void)c, (void)what, (void)way;
    return 0;
}

hn_status hn_onednn_new(hn_onednn **out, const struct hn_conv *c, enum hn_conv_what what, enum hn_way way,
                        size_t callers)
{
    (void)out, (void)c, (void)what, (void)way, (void)callers;
    return hn_fail(HN_EUSAGE, "this program was built without oneDNN");
}

void hn_onednn_free(hn_onednn *o)
{
    (void)o;
}

void hn_onednn_run(const hn_onednn *o, real *x, real *weight, real *y, const real *bias, void *scratch)
{
    (void)o, (void)x, (void)weight, (void)y, (void)bias, (void)scratch;
}

#endif
