/* engine/recompute.c - what backward runs again, so that activations fit a limit.
 *
 * Ops are cut into segments.  Tensors that cross a cut are kept until backward
 * has done with them, skip connections too; so is all of the last segment, with
 * which backward begins.  Of the others backward runs again what it will read,
 * right before it does (plan.c writes these steps into the wave that is under
 * way).  Nothing of it needs another microbatch: statistics of scope global are
 * kept from the first pass, others are the microbatch's own.
 *
 * Where no wave meets others there is one more way: a single segment that is
 * not kept either.  All its tensors then live and die inside one wave, in a
 * thread's memory, whatever the number of microbatches (gradient caching).
 *
 * Which way is taken changes no bit and no exchange, so ranks may differ. */
#include "engine/planner.h"
#include <math.h>
#include <string.h>

/* A way to cut, aiming at part/PARTS of what backward reads; gradients and scratch come on top.  narrow: only
 * where a single tensor crosses, at the borders of residual blocks. */
enum { PARTS = 64 };
struct trial {
    enum hn_recompute way;
    bool narrow;
    size_t part;
};

static bool crosses(const struct planner *a, int tensor, int op)
{
    return tensor != 0 && a->g->producer[tensor] < op && op <= a->last[tensor];
}

/* Where a segment may begin: not where a tensor that crosses will be overwritten in place. */
static void look_at_borders(struct planner *a)
{
    const hn_graph *g = a->g;

    for (int i = 1; i < g->ops; i++) {
        a->allowed[i] = true;
        for (int t = 1; t < g->tensors; t++)
            if (crosses(a, t, i)) {
                a->alive[i]++;
                a->border[i] += a->rows * hn_shape_size(g->tensor[t]) * sizeof(real);
            }
        for (int j = i; j < g->ops; j++) {
            const struct hn_op *op = &g->op[j];
            if (a->root[op->y] != op->y && crosses(a, op->x[0], i))
                a->allowed[i] = false;
        }
    }
}

static bool crosses_a_cut(const struct planner *a, int tensor)
{
    for (int i = a->g->producer[tensor] + 1; i <= a->last[tensor]; i++)
        if (a->cut[i])
            return true;
    return false;
}

/* Ops before kept_from whose output is gone when backward, or what runs again, reads it. */
static void mark(struct planner *a)
{
    const hn_graph *g = a->g;

    memset(a->needed, 0, (size_t)g->tensors * sizeof *a->needed);
    for (int i = g->ops - 1; i >= 0; i--) {
        const struct hn_op *op = &g->op[i];
        if (a->returns[i] && op->kind->reads_y)
            a->needed[op->y] = true;
        a->again[i] =
            (size_t)i < a->p->kept_from && a->needed[op->y] && op->y != g->output && !crosses_a_cut(a, op->y);
        for (int j = 0; j < op->inputs; j++)
            if (a->again[i] || (a->returns[i] && op->kind->reads_x))
                a->needed[op->x[j]] = true;
    }
}

static size_t weigh(struct planner *a)
{
    size_t total = 0;

    a->p->kept_from = 0;
    mark(a);
    for (int i = 0; i < a->g->ops; i++) {
        const struct hn_op *op = &a->g->op[i];
        a->weight[i] = hn_planner_saved(a, op);
        if (a->needed[op->y])
            a->weight[i] += a->rows * hn_op_out(op) * sizeof(real);
        total += a->weight[i];
    }
    return total;
}

static void cut_before(struct planner *a, size_t op)
{
    a->cut[op] = true;
    a->p->kept_from = op;
    a->p->segments++;
}

/* From the front: a segment grows while it and what is kept by then stay below the aim; as soon as all that
 * follows does too, it is the last. */
static void cut_segments(struct planner *a, struct trial t, size_t total)
{
    size_t aim = total / PARTS * t.part, kept = 0, passed = 0, began = 0, candidate = 0, at = 0;

    for (size_t i = 1; i < (size_t)a->g->ops; i++) {
        passed += a->weight[i - 1];
        if (!a->allowed[i] || (t.narrow && a->alive[i] > 1))
            continue;
        if (candidate > 0 && kept + passed - began > aim) {
            cut_before(a, candidate);
            kept += a->border[candidate];
            began = at;
        }
        candidate = i;
        at = passed;
        if (kept + a->border[i] + total - passed <= aim)
            break;
    }
    if (candidate > 0)
        cut_before(a, candidate);
}

static void cut(struct planner *a, struct trial t, size_t total)
{
    size_t ops = (size_t)a->g->ops;

    memset(a->cut, 0, ops * sizeof *a->cut);
    a->cut[0] = true;
    a->p->recompute = t.way;
    a->p->segments = 1;
    a->p->kept_from = t.way == HN_RECOMPUTE_MICROBATCHES ? ops : 0;
    if (t.way == HN_RECOMPUTE_SEGMENTS)
        cut_segments(a, t, total);
}

/* Plans that way; bytes of activations and scratch on this rank. */
static size_t attempt(struct planner *a, struct trial t, size_t total)
{
    size_t own, crew, bytes;

    cut(a, t, total);
    mark(a);
    hn_planner_write(a);
    if (!hn_mul(&own, a->o->own.count, a->p->microbatch_bytes) ||
        !hn_mul(&crew, a->threads, a->p->thread_bytes) || !hn_add(&bytes, own, crew))
        return SIZE_MAX;
    return bytes;
}

struct search {
    struct planner *a;
    size_t total, least; /* total: bytes that backward reads; least: that any way took */
    struct trial best;
    double cost;
    bool found;
};

/* Keeps the cheapest that fits. */
static void consider(struct search *s, struct trial t)
{
    size_t bytes = attempt(s->a, t, s->total);
    double cost = s->a->p->again_flops;

    s->least = bytes < s->least ? bytes : s->least;
    if (bytes > s->a->o->activation_bytes || (s->found && cost >= s->cost))
        return;
    s->found = true;
    s->best = t;
    s->cost = cost;
}

static hn_status fit(struct planner *a, size_t bytes)
{
    struct search s = {.a = a, .total = weigh(a), .least = bytes};

    if (a->p->forward_waves == 1)
        consider(&s, (struct trial){.way = HN_RECOMPUTE_MICROBATCHES});
    for (size_t part = PARTS; part-- > 0;) {
        consider(&s, (struct trial){HN_RECOMPUTE_SEGMENTS, true, part});
        consider(&s, (struct trial){HN_RECOMPUTE_SEGMENTS, false, part});
    }
    if (!s.found)
        return hn_fail(
            HN_EUSAGE,
            "activations of %zu microbatches need at least %.1f MiB on a rank with %zu thread%s, "
            "more than the limit of %.1f MiB: raise memory.activations_mib, or take more ranks, or "
            "more and smaller microbatches",
            a->o->own.count, ceil((double)s.least / 1048576.0 * 10) / 10, a->threads,
            a->threads == 1 ? "" : "s", (double)a->o->activation_bytes / 1048576.0);
    attempt(a, s.best, s.total);
    return HN_OK;
}

hn_status hn_recompute_choose(struct planner *a)
{
    size_t bytes = attempt(a, (struct trial){.way = HN_RECOMPUTE_NONE}, 0);

    if (a->o->activation_bytes == 0 || bytes <= a->o->activation_bytes)
        return HN_OK;
    look_at_borders(a);
    return fit(a, bytes);
}
