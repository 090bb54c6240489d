#include "base/mem.h"
#include "engine/ops/ops.h"
#include <string.h>

hn_status hn_graph_new(hn_graph **out, struct hn_shape input)
{
    hn_graph *g;
    size_t size;

    if (!hn_mul(&size, input.h, input.w) || !hn_mul(&size, size, input.c) || size == 0)
        return hn_fail(HN_EUSAGE, "a network's input cannot be %zu x %zu x %zu", input.h, input.w, input.c);
    g = hn_zalloc(sizeof *g);
    if (g == NULL)
        return HN_ENOMEM;
    g->room = 16;
    g->feature = g->output = -1;
    g->tensor = hn_calloc(g->room, sizeof *g->tensor);
    g->producer = hn_calloc(g->room, sizeof *g->producer);
    g->op = hn_calloc(g->room, sizeof *g->op);
    if (g->tensor == NULL || g->producer == NULL || g->op == NULL) {
        hn_graph_free(g);
        return HN_ENOMEM;
    }
    g->tensor[0] = input;
    g->producer[0] = -1;
    g->tensors = 1;
    *out = g;
    return HN_OK;
}

void hn_graph_free(hn_graph *g)
{
    if (g == NULL)
        return;
    for (int i = 0; g->op && i < g->ops; i++) {
        hn_free(g->op[i].name);
        hn_conv_free(g->op[i].conv);
    }
    hn_free(g->op);
    hn_free(g->producer);
    hn_free(g->tensor);
    hn_free(g);
}

hn_status hn_graph_status(const hn_graph *g)
{
    return g->status;
}

struct hn_shape hn_graph_shape(const hn_graph *g, int tensor)
{
    return tensor >= 0 && tensor < g->tensors ? g->tensor[tensor] : (struct hn_shape){0, 0, 0};
}

/* A longer copy of an array of `count` things; the old one is freed. */
static bool grow(void **array, size_t count, size_t room, size_t size)
{
    void *longer = hn_calloc(room, size);

    if (longer == NULL)
        return false;
    memcpy(longer, *array, count * size);
    hn_free(*array);
    *array = longer;
    return true;
}

static hn_status make_room(hn_graph *g)
{
    size_t count = (size_t)g->tensors;

    if (count < g->room)
        return HN_OK;
    if (!grow((void **)&g->tensor, count, 2 * g->room, sizeof *g->tensor) ||
        !grow((void **)&g->producer, count, 2 * g->room, sizeof *g->producer) ||
        !grow((void **)&g->op, count - 1, 2 * g->room, sizeof *g->op))
        return HN_ENOMEM;
    g->room *= 2;
    return HN_OK;
}

static hn_status check_name(const hn_graph *g, const char *name)
{
    if (name[0] == '\0' || strlen(name) > 200)
        return hn_fail(HN_EBUG, "an op with parameters needs a name of 1 .. 200 bytes");
    for (int i = 0; i < g->ops; i++)
        if (g->op[i].name && strcmp(g->op[i].name, name) == 0)
            return hn_fail(HN_EBUG, "two ops are called %s", name);
    return HN_OK;
}

static hn_status check_inputs(const hn_graph *g, const struct hn_op *op)
{
    struct hn_shape a = hn_graph_shape(g, op->x[0]);

    for (int i = 0; i < op->inputs; i++) {
        struct hn_shape b = hn_graph_shape(g, op->x[i]);
        if (b.c == 0)
            return hn_fail(HN_EBUG, "%s of tensor %d, which does not exist", op->kind->name, op->x[i]);
        if (a.h != b.h || a.w != b.w || a.c != b.c)
            return hn_fail(HN_EUSAGE, "%s of %zu x %zu x %zu and %zu x %zu x %zu", op->kind->name, a.h, a.w,
                           a.c, b.h, b.w, b.c);
    }
    return HN_OK;
}

/* Every parameter begins on a boundary of HN_ALIGN bytes; the flat block follows the order of the ops. */
static hn_status place_parameters(hn_graph *g, struct hn_op *op, const char *name)
{
    for (int j = 0; j < op->parameters; j++) {
        struct hn_parameter *w = &op->parameter[j];
        if (w->count > SIZE_MAX / 256 || g->parameter_count > SIZE_MAX / 256)
            return hn_fail(HN_EUSAGE, "%s.%s: too large", name, w->suffix);
        w->offset = g->parameter_count;
        g->parameter_count = w->offset + hn_round_up(w->count, HN_ALIGN / sizeof(real));
    }
    return HN_OK;
}

static hn_status append(hn_graph *g, struct hn_op op, const char *name)
{
    hn_status st = make_room(g);
    size_t size;

    if (st == HN_OK)
        st = check_inputs(g, &op);
    if (st == HN_OK && name)
        st = check_name(g, name);
    if (st != HN_OK)
        return st;
    op.in = g->tensor[op.x[0]];
    op.y = g->tensors;
    st = op.kind->shape(&op);
    if (st != HN_OK)
        return st;
    if (!hn_mul(&size, op.out.h, op.out.w) || !hn_mul(&size, size, op.out.c) || size > SIZE_MAX / 64)
        return hn_fail(HN_EUSAGE, "%s: a tensor of %zu x %zu x %zu", op.kind->name, op.out.h, op.out.w,
                       op.out.c);
    if ((st = place_parameters(g, &op, name)) != HN_OK)
        return st;
    if (name && (op.name = hn_strdup(name)) == NULL)
        return HN_ENOMEM;
    g->op[g->ops] = op;
    g->tensor[g->tensors] = op.out;
    g->producer[g->tensors++] = g->ops++;
    return HN_OK;
}

/* Appends unless something went wrong before; the tensor made, or -1. */
static int add(hn_graph *g, struct hn_op op, const char *name)
{
    if (g->status == HN_OK)
        g->status = append(g, op, name);
    return g->status == HN_OK ? g->tensors - 1 : -1;
}

struct hn_parameter *hn_op_parameter(struct hn_op *op, const char *suffix, enum hn_array_role role, int rank,
                                     const size_t *dim)
{
    struct hn_parameter *p = &op->parameter[op->parameters++];

    *p = (struct hn_parameter){.suffix = suffix, .role = role, .rank = rank, .count = 1};
    for (int i = 0; i < rank; i++) {
        p->dim[i] = dim[i];
        if (!hn_mul(&p->count, p->count, dim[i]))
            p->count = SIZE_MAX; /* refused when it is placed */
    }
    return p;
}

int hn_graph_conv2d(hn_graph *g, const char *name, int x, size_t c_out, size_t kernel, size_t stride,
                    size_t padding, bool bias)
{
    return add(g,
               (struct hn_op){.kind = &hn_op_conv2d,
                              .inputs = 1,
                              .x = {x},
                              .outputs = c_out,
                              .kernel = kernel,
                              .stride = stride,
                              .padding = padding,
                              .bias = bias},
               name);
}

int hn_graph_linear(hn_graph *g, const char *name, int x, size_t out, bool bias)
{
    return add(g, (struct hn_op){.kind = &hn_op_linear, .inputs = 1, .x = {x}, .outputs = out, .bias = bias},
               name);
}

int hn_graph_batchnorm(hn_graph *g, const char *name, int x)
{
    return add(g, (struct hn_op){.kind = &hn_op_batchnorm, .inputs = 1, .x = {x}}, name);
}

int hn_graph_relu(hn_graph *g, int x)
{
    return add(g, (struct hn_op){.kind = &hn_op_relu, .inputs = 1, .x = {x}}, NULL);
}

int hn_graph_maxpool(hn_graph *g, int x, size_t kernel, size_t stride, size_t padding)
{
    return add(g,
               (struct hn_op){.kind = &hn_op_maxpool,
                              .inputs = 1,
                              .x = {x},
                              .kernel = kernel,
                              .stride = stride,
                              .padding = padding},
               NULL);
}

int hn_graph_avgpool(hn_graph *g, int x)
{
    return add(g, (struct hn_op){.kind = &hn_op_avgpool, .inputs = 1, .x = {x}}, NULL);
}

int hn_graph_flatten(hn_graph *g, int x)
{
    return add(g, (struct hn_op){.kind = &hn_op_flatten, .inputs = 1, .x = {x}}, NULL);
}

int hn_graph_l2norm(hn_graph *g, int x)
{
    return add(g, (struct hn_op){.kind = &hn_op_l2norm, .inputs = 1, .x = {x}}, NULL);
}

int hn_graph_add(hn_graph *g, int a, int b)
{
    return add(g, (struct hn_op){.kind = &hn_op_add, .inputs = 2, .x = {a, b}}, NULL);
}

void hn_graph_draw_normal(hn_graph *g, int y, double deviation)
{
    if (g->status == HN_OK && (y < 1 || y >= g->tensors || g->op[g->producer[y]].parameters == 0))
        g->status = hn_fail(HN_EBUG, "tensor %d has no weight that could be drawn", y);
    if (g->status == HN_OK)
        g->op[g->producer[y]].parameter[0].deviation = deviation;
}

void hn_graph_mark(hn_graph *g, int feature, int output)
{
    if (g->status == HN_OK && (feature < 0 || feature >= g->tensors || output < 1 || output >= g->tensors))
        g->status = hn_fail(HN_EBUG, "tensors %d and %d cannot be feature and output", feature, output);
    g->feature = feature;
    g->output = output;
}
