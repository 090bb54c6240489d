/* The named arrays of a graph, for those who plan without a net: hn_net_array()'s list without values. */
#include "base/mem.h"
#include "engine/op.h"
#include <stdio.h>
#include <string.h>

enum { STATISTICS = 3 };
static const char *const statistics[STATISTICS] = {"running_mean", "running_var", "num_batches_tracked"};

struct list {
    struct hn_array *array;
    size_t arrays;
    char *names;
    size_t name_bytes;
};

static void layout(struct list *l, hn_carver *c)
{
    l->array = hn_carve(c, sizeof *l->array, l->arrays);
    l->names = hn_carve(c, 1, l->name_bytes);
}

static void measure(struct list *l, const hn_graph *g)
{
    for (int i = 0; i < g->ops; i++) {
        const struct hn_op *op = &g->op[i];
        for (int j = 0; j < op->parameters; j++)
            l->name_bytes += strlen(op->name) + strlen(op->parameter[j].suffix) + 2;
        l->arrays += (size_t)op->parameters;
        for (int j = 0; op->kind->statistics && j < STATISTICS; j++)
            l->name_bytes += strlen(op->name) + strlen(statistics[j]) + 2;
        l->arrays += op->kind->statistics ? STATISTICS : 0;
    }
}

static struct hn_array *append(struct list *l, const struct hn_op *op, const char *suffix)
{
    size_t bytes = strlen(op->name) + strlen(suffix) + 2;
    struct hn_array *a = &l->array[l->arrays++];

    snprintf(l->names, bytes, "%s.%s", op->name, suffix);
    a->name = l->names;
    l->names += bytes;
    return a;
}

/* Parameters in the order of the ops, then the statistics. */
static void fill(struct list *l, const hn_graph *g)
{
    for (int i = 0; i < g->ops; i++)
        for (int j = 0; j < g->op[i].parameters; j++) {
            const struct hn_parameter *p = &g->op[i].parameter[j];
            struct hn_array *a = append(l, &g->op[i], p->suffix);
            a->role = p->role;
            a->rank = p->rank;
            a->count = p->count;
            memcpy(a->dim, p->dim, sizeof a->dim);
        }
    for (int i = 0; i < g->ops; i++)
        for (int j = 0; g->op[i].kind->statistics && j < STATISTICS; j++) {
            struct hn_array *a = append(l, &g->op[i], statistics[j]);
            bool counter = j == STATISTICS - 1;
            a->role = counter ? HN_COUNTER : HN_RUNNING;
            a->rank = counter ? 0 : 1;
            a->count = a->dim[0] = counter ? 1 : g->op[i].in.c;
        }
}

hn_status hn_graph_arrays(struct hn_array **out, size_t *count, const hn_graph *graph)
{
    struct list l = {0};
    hn_carver c = {0};
    void *block;
    hn_status st;

    measure(&l, graph);
    *count = l.arrays;
    layout(&l, &c);
    if ((st = hn_carver_start(&c, &block, "a list of arrays")) != HN_OK)
        return st;
    layout(&l, &c);
    l.arrays = 0;
    *out = block;
    fill(&l, graph);
    return HN_OK;
}

size_t hn_graph_feature_size(const hn_graph *graph)
{
    return hn_shape_size(graph->tensor[graph->feature]);
}

size_t hn_graph_output_size(const hn_graph *graph)
{
    return hn_shape_size(graph->tensor[graph->output]);
}
