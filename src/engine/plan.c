/* engine/plan.c - from a graph to a program with a place for everything.
 *
 *   check -> who wants gradients, who works in place -> steps in waves, noting
 *   when each thing is first and last touched (leases) -> places, first fit
 *
 * Steps of forward and backward share one clock, so memory that forward is done
 * with serves backward.  What lives inside one wave lies in a thread's memory,
 * what crosses a border in the microbatch's. */
#include "base/assert.h"
#include "engine/planner.h"
#include <string.h>

/* An op has at most two steps in each direction and one when it is run again, and ends at most one wave in
 * each direction. */
static size_t most_steps(const hn_graph *g)
{
    return 5 * (size_t)g->ops;
}

static size_t most_waves(const hn_graph *g)
{
    return 2 * (size_t)g->ops + 2;
}

/* Per tensor two lives of its value and a gradient; per op what is saved, twice; per step scratch, row and
 * two extras. */
static size_t most_leases(const hn_graph *g)
{
    return 3 * (size_t)g->tensors + 2 * (size_t)g->ops + most_steps(g) * (2 + HN_OP_INPUTS);
}

static struct lease *add_lease(struct planner *a, struct lease lease)
{
    HN_ASSERT(a->leases < most_leases(a->g) && lease.from <= lease.to);
    a->lease[a->leases] = lease;
    return &a->lease[a->leases++];
}

static size_t parameters_end(const struct hn_op *op)
{
    const struct hn_parameter *last = &op->parameter[op->parameters - 1];

    return last->offset + hn_round_up(last->count, HN_ALIGN / sizeof(real));
}

static hn_status check_statistics(const hn_graph *g, const struct hn_net_options *o)
{
    for (int i = 0; i < g->ops; i++) {
        const struct hn_op *op = &g->op[i];
        size_t n = o->samples * (o->norm_per_view ? 1 : o->views) * op->in.h * op->in.w *
                   (o->norm_scope == HN_NORM_GLOBAL ? o->microbatches : 1);
        if (op->kind->statistics && n < 2)
            return hn_fail(HN_EUSAGE, "%s: statistics of a single value", op->name);
    }
    return HN_OK;
}

/* Everything must lead to the output; what a microbatch needs must be countable. */
static hn_status check_tensors(struct planner *a)
{
    const hn_graph *g = a->g;
    size_t bytes;

    for (int i = 0; i < g->ops; i++)
        for (int j = 0; j < g->op[i].inputs; j++) {
            a->consumers[g->op[i].x[j]]++;
            a->last[g->op[i].x[j]] = i;
        }
    for (int t = 0; t < g->tensors; t++) {
        if ((a->consumers[t] == 0) != (t == g->output))
            return hn_fail(HN_EBUG, "tensor %d (%s) must lead to the output, and the output to nothing", t,
                           t ? g->op[g->producer[t]].kind->name : "input");
        if (!hn_mul(&bytes, a->rows, hn_shape_size(g->tensor[t])) || bytes > SIZE_MAX / 65536)
            return hn_fail(HN_EUSAGE, "a tensor of %zu rows of %zu numbers", a->rows,
                           hn_shape_size(g->tensor[t]));
    }
    return HN_OK;
}

/* Which gradients are wanted, which ops run backward, and which tensors share memory. */
static void look_at_tensors(struct planner *a)
{
    const hn_graph *g = a->g;

    a->wanted[0] = a->o->want_dinput;
    for (int i = 0; i < g->ops; i++) {
        const struct hn_op *op = &g->op[i];
        int x = op->x[0], maker = g->producer[x];
        a->scratch[i] = op->kind->scratch ? op->kind->scratch(op, a->rows) : 0;
        a->returns[i] = op->parameters > 0;
        for (int j = 0; j < op->inputs; j++)
            a->returns[i] |= a->wanted[op->x[j]];
        a->wanted[op->y] = a->returns[i];
        /* In place: nobody else looks at x, neither a consumer nor its maker's backward nor the caller. */
        bool shared = op->kind->in_place && a->consumers[x] == 1 && maker >= 0 &&
                      !g->op[maker].kind->reads_y && x != g->feature && op->y != g->output;
        a->root[op->y] = shared ? a->root[x] : op->y;
    }
}

static void begin_wave(struct planner *a, bool backward)
{
    struct hn_plan *p = a->p;

    HN_ASSERT(p->waves < most_waves(a->g));
    p->wave[p->waves++] = (struct hn_wave){.first = p->steps, .backward = backward, .meets = -1};
    p->forward_waves += !backward;
}

static struct hn_step *add_step(struct planner *a, int op, enum hn_phase phase)
{
    struct hn_plan *p = a->p;

    HN_ASSERT(p->steps < most_steps(a->g));
    p->wave[p->waves - 1].count++;
    a->wave_of[p->steps] = p->waves - 1;
    p->step[p->steps] = (struct hn_step){.op = op, .phase = phase};
    return &p->step[p->steps++];
}

/* The op's exchange ends this wave. */
static void meet(struct planner *a, int op, bool backward)
{
    a->p->wave[a->p->waves - 1].meets = op;
    begin_wave(a, backward);
}

static void extend(struct lease *l, size_t bytes, size_t step)
{
    if (l->bytes == 0)
        l->from = step;
    l->bytes = l->bytes > bytes ? l->bytes : bytes;
    l->to = step;
}

static size_t tensor_bytes(const struct planner *a, int t)
{
    return a->rows * hn_shape_size(a->g->tensor[t]) * sizeof(real);
}

/* Is tensor t's value, for the steps that are being written, the one that is made again? */
static bool made_again(const struct planner *a, int t)
{
    return a->returning && t != 0 && a->again[a->g->producer[t]];
}

/* Tensor t's value (or gradient) is touched at the last step written. */
static void use_value(struct planner *a, int t)
{
    if (t != 0 && t != a->g->output)
        extend(&(made_again(a, t) ? a->second_value : a->value)[a->root[t]], tensor_bytes(a, t),
               a->p->steps - 1);
}

static void use_saved(struct planner *a, int i, size_t bytes)
{
    if (bytes)
        extend(&(a->returning && a->again[i] ? a->second_saved : a->saved)[i], bytes, a->p->steps - 1);
}

static void use_grad(struct planner *a, int t)
{
    if (t != 0 && t != a->g->output && a->wanted[t])
        extend(&a->grad[a->root[t]], tensor_bytes(a, t), a->p->steps - 1);
}

/* Something that only the last step written needs. */
static void use_now(struct planner *a, struct hn_place *where, size_t bytes)
{
    size_t now = a->p->steps - 1;

    if (bytes)
        add_lease(a, (struct lease){bytes, now, now, where});
}

static bool is_global(const struct planner *a, const struct hn_op *op)
{
    return op->kind->statistics && a->o->norm_scope == HN_NORM_GLOBAL;
}

size_t hn_planner_saved(const struct planner *a, const struct hn_op *op)
{
    if (op->kind->statistics)
        return is_global(a, op) ? 0 : a->groups * 2 * op->in.c * sizeof(double); /* moments */
    return op->kind->saved ? op->kind->saved(op, a->rows) : 0;
}

/* Statistics of this microbatch alone need a row of `each` numbers per group and channel. */
static size_t row_bytes(const struct planner *a, const struct hn_op *op, size_t each)
{
    return op->kind->statistics && !is_global(a, op) ? a->groups * op->in.c * each * sizeof(double) : 0;
}

static void write_forward(struct planner *a, int i)
{
    const struct hn_op *op = &a->g->op[i];
    struct hn_step *s;

    if (is_global(a, op) && !a->returning) {
        add_step(a, i, HN_PARTIAL);
        use_value(a, op->x[0]);
        meet(a, i, false);
    }
    s = add_step(a, i, is_global(a, op) ? HN_APPLY : HN_FORWARD);
    s->returning = a->returning;
    use_now(a, &s->row, row_bytes(a, op, 3));
    for (int j = 0; j < op->inputs; j++)
        use_value(a, op->x[j]);
    use_value(a, op->y);
    use_now(a, &s->scratch, a->scratch[i]);
    use_saved(a, i, hn_planner_saved(a, op));
}

/* What backward reads, at the last step written. */
static void read_back(struct planner *a, int i)
{
    const struct hn_op *op = &a->g->op[i];

    use_grad(a, op->y);
    for (int j = 0; op->kind->reads_x && j < op->inputs; j++)
        use_value(a, op->x[j]);
    if (op->kind->reads_y)
        use_value(a, op->y);
    use_saved(a, i, hn_planner_saved(a, op));
}

static void write_backward(struct planner *a, int i)
{
    const struct hn_op *op = &a->g->op[i];
    struct hn_step *s;

    if (is_global(a, op)) {
        add_step(a, i, HN_BACK_PARTIAL)->returning = true;
        read_back(a, i);
        meet(a, i, true);
        s = add_step(a, i, HN_BACK_APPLY);
    } else {
        s = add_step(a, i, HN_BACK);
        use_now(a, &s->row, row_bytes(a, op, 2));
    }
    s->returning = true;
    read_back(a, i);
    use_now(a, &s->scratch, a->scratch[i]);
    for (int j = 0; j < op->inputs; j++) {
        int x = op->x[j];
        use_grad(a, x);
        if (a->wanted[x] && a->written[x]) /* the first contribution writes, later ones are added */
            use_now(a, &s->extra[j], tensor_bytes(a, x));
        a->written[x] = true;
    }
}

/* Backward, segment by segment; one that was not kept is run again first.  That needs no other microbatch:
 * the statistics of the first pass are still there. */
static void write_program(struct planner *a)
{
    begin_wave(a, false);
    a->returning = false;
    for (int i = 0; i < a->g->ops; i++)
        write_forward(a, i);
    begin_wave(a, true);
    a->returning = true;
    for (int end = a->g->ops, first = end; end > 0; end = first) {
        do
            first--;
        while (!a->cut[first]);
        for (int i = first; i < end; i++)
            if (a->again[i])
                write_forward(a, i);
        for (int i = end - 1; i >= first; i--)
            if (a->returns[i])
                write_backward(a, i);
    }
}

/* The run of parameters whose gradients a backward wave makes: ops follow one another, so it has no gaps. */
static void find_parameters(const struct planner *a, struct hn_wave *w)
{
    size_t lo = SIZE_MAX, hi = 0;

    for (size_t s = w->first; s < w->first + w->count; s++) {
        const struct hn_op *op = &a->g->op[a->p->step[s].op];
        enum hn_phase phase = a->p->step[s].phase;
        if (op->parameters == 0 || (phase != HN_BACK && phase != HN_BACK_PARTIAL))
            continue;
        lo = op->parameter[0].offset < lo ? op->parameter[0].offset : lo;
        hi = parameters_end(op) > hi ? parameters_end(op) : hi;
    }
    if (hi > 0)
        w->parameters = (struct hn_range){lo, hi - lo};
}

/* ---- placing ---- */

/* Adds those leases of an array that are in use. */
static void collect(struct planner *a, const struct lease *from, size_t count, struct hn_place *where)
{
    for (size_t i = 0; i < count; i++)
        if (from[i].bytes)
            add_lease(a, from[i])->where = &where[i];
}

/* What lives from forward to backward of the segments that are run again. */
static size_t count_kept(const struct planner *a)
{
    size_t bytes = 0;

    for (int t = 1; t < a->g->tensors; t++)
        if (a->g->producer[t] < (int)a->p->kept_from && a->value[t].bytes &&
            a->wave_of[a->value[t].to] >= a->p->forward_waves)
            bytes += a->value[t].bytes;
    return bytes;
}

static void place_training(struct planner *a)
{
    struct hn_plan *p = a->p;
    size_t tensors = (size_t)a->g->tensors, ops = (size_t)a->g->ops;
    int output = a->g->output;

    p->kept_bytes = count_kept(a);
    collect(a, a->value, tensors, p->value);
    collect(a, a->grad, tensors, p->grad);
    collect(a, a->saved, ops, p->saved);
    collect(a, a->second_value, tensors, p->second_value);
    collect(a, a->second_saved, ops, p->second_saved);
    hn_place_leases(a->lease, a->leases, a->wave_of, &p->microbatch_bytes, &p->thread_bytes);
    for (size_t t = 0; t < tensors; t++) {
        p->value[t] = p->value[a->root[t]];
        p->second_value[t] = (made_again(a, (int)t) ? p->second_value : p->value)[a->root[t]];
        p->grad[t] = p->grad[a->root[t]];
    }
    for (size_t i = 0; i < ops; i++)
        if (!a->again[i])
            p->second_saved[i] = p->saved[i];
    p->value[0].home = p->second_value[0].home = HN_INPUT;
    p->value[output].home = p->second_value[output].home = HN_OUTPUT;
    p->grad[output].home = HN_DOUTPUT;
    p->grad[0].home = a->o->want_dinput ? HN_DINPUT : HN_NOWHERE;
}

/* The same for evaluation, where time is counted in ops and only values live. */
static void place_infer(struct planner *a)
{
    const hn_graph *g = a->g;
    struct hn_plan *p = a->p;
    size_t tensors = (size_t)g->tensors, end = (size_t)g->ops;

    memset(a->value, 0, tensors * sizeof *a->value);
    a->leases = 0;
    for (size_t i = 0; i < end; i++) {
        const struct hn_op *op = &g->op[i];
        size_t saved = op->kind->saved ? op->kind->saved(op, a->rows) : 0, scratch = a->scratch[i];
        for (int j = 0; j < op->inputs; j++)
            if (op->x[j] != 0)
                extend(&a->value[a->root[op->x[j]]], tensor_bytes(a, op->x[j]), i);
        extend(&a->value[a->root[op->y]], tensor_bytes(a, op->y), i);
        if (saved)
            add_lease(a, (struct lease){saved, i, i, &p->infer_saved[i]});
        if (scratch)
            add_lease(a, (struct lease){scratch, i, i, &p->infer_scratch[i]});
    }
    if (g->feature != 0)
        extend(&a->value[a->root[g->feature]], 1, end);
    collect(a, a->value, tensors, p->infer_value);
    hn_place_leases(a->lease, a->leases, NULL, NULL, &p->thread_bytes);
    for (size_t t = 0; t < tensors; t++)
        p->infer_value[t] = p->infer_value[a->root[t]];
    p->infer_value[0].home = HN_INPUT;
}

/* Backward of an op is worth a forward for its parameters and one for its input. */
static void count_flops(struct planner *a)
{
    for (int i = 0; i < a->g->ops; i++) {
        const struct hn_op *op = &a->g->op[i];
        double forward = op->kind->flops(op);
        a->p->forward_flops += forward;
        if (a->again[i])
            a->p->again_flops += forward;
        if (a->returns[i])
            a->p->backward_flops += forward * ((op->parameters > 0) + a->wanted[op->x[0]]);
    }
}

/* ---- memory of the plan and of planning ---- */

static void layout_plan(struct hn_plan *p, hn_carver *c, const hn_graph *g)
{
    size_t ops = (size_t)g->ops, tensors = (size_t)g->tensors;

    p->step = hn_carve(c, sizeof *p->step, most_steps(g));
    p->wave = hn_carve(c, sizeof *p->wave, most_waves(g));
    p->value = hn_carve(c, sizeof *p->value, tensors);
    p->grad = hn_carve(c, sizeof *p->grad, tensors);
    p->saved = hn_carve(c, sizeof *p->saved, ops);
    p->second_value = hn_carve(c, sizeof *p->second_value, tensors);
    p->second_saved = hn_carve(c, sizeof *p->second_saved, ops);
    p->infer_value = hn_carve(c, sizeof *p->infer_value, tensors);
    p->infer_saved = hn_carve(c, sizeof *p->infer_saved, ops);
    p->infer_scratch = hn_carve(c, sizeof *p->infer_scratch, ops);
}

static void layout_planner(struct planner *a, hn_carver *c)
{
    size_t ops = (size_t)a->g->ops, tensors = (size_t)a->g->tensors;

    a->consumers = hn_carve(c, sizeof *a->consumers, tensors);
    a->last = hn_carve(c, sizeof *a->last, tensors);
    a->needed = hn_carve(c, sizeof *a->needed, tensors);
    a->root = hn_carve(c, sizeof *a->root, tensors);
    a->wanted = hn_carve(c, sizeof *a->wanted, tensors);
    a->written = hn_carve(c, sizeof *a->written, tensors);
    a->value = hn_carve(c, sizeof *a->value, tensors);
    a->grad = hn_carve(c, sizeof *a->grad, tensors);
    a->returns = hn_carve(c, sizeof *a->returns, ops);
    a->saved = hn_carve(c, sizeof *a->saved, ops);
    a->second_value = hn_carve(c, sizeof *a->second_value, tensors);
    a->second_saved = hn_carve(c, sizeof *a->second_saved, ops);
    a->cut = hn_carve(c, sizeof *a->cut, ops);
    a->again = hn_carve(c, sizeof *a->again, ops);
    a->allowed = hn_carve(c, sizeof *a->allowed, ops);
    a->alive = hn_carve(c, sizeof *a->alive, ops);
    a->border = hn_carve(c, sizeof *a->border, ops);
    a->scratch = hn_carve(c, sizeof *a->scratch, ops);
    a->weight = hn_carve(c, sizeof *a->weight, ops);
    a->wave_of = hn_carve(c, sizeof *a->wave_of, most_steps(a->g));
    a->lease = hn_carve(c, sizeof *a->lease, most_leases(a->g));
}

static hn_status allocate(struct planner *a)
{
    hn_carver plan = {0}, own = {0};
    hn_status st;

    layout_plan(a->p, &plan, a->g);
    layout_planner(a, &own);
    if ((st = hn_carver_start(&plan, &a->p->block, "the plan of a network")) != HN_OK ||
        (st = hn_carver_start(&own, &a->block, "planning a network")) != HN_OK)
        return st;
    layout_plan(a->p, &plan, a->g);
    layout_planner(a, &own);
    return HN_OK;
}

/* Nothing of an earlier try is left. */
static void forget(struct planner *a)
{
    struct hn_plan *p = a->p;
    size_t ops = (size_t)a->g->ops, tensors = (size_t)a->g->tensors;

    p->steps = p->waves = p->forward_waves = p->microbatch_bytes = p->thread_bytes = a->leases = 0;
    p->forward_flops = p->backward_flops = p->again_flops = 0.0;
    for (size_t t = 0; t < tensors; t++) {
        p->value[t] = p->second_value[t] = p->grad[t] = p->infer_value[t] = (struct hn_place){0};
        a->value[t] = a->second_value[t] = a->grad[t] = (struct lease){0};
        a->written[t] = false;
    }
    for (size_t i = 0; i < ops; i++) {
        p->saved[i] = p->second_saved[i] = p->infer_saved[i] = p->infer_scratch[i] = (struct hn_place){0};
        a->saved[i] = a->second_saved[i] = (struct lease){0};
    }
}

void hn_planner_write(struct planner *a)
{
    forget(a);
    write_program(a);
    for (size_t w = a->p->forward_waves; w < a->p->waves; w++)
        find_parameters(a, &a->p->wave[w]);
    place_training(a);
    place_infer(a);
    count_flops(a);
}

hn_status hn_plan_make(struct hn_plan *plan, const hn_graph *graph, const struct hn_net_options *options,
                       size_t threads)
{
    struct planner a = {.g = graph,
                        .o = options,
                        .p = plan,
                        .threads = threads,
                        .rows = options->views * options->samples,
                        .groups = options->norm_per_view ? options->views : 1};
    hn_status st = allocate(&a);

    if (st == HN_OK)
        st = check_tensors(&a);
    if (st == HN_OK)
        st = check_statistics(graph, options);
    if (st == HN_OK) {
        look_at_tensors(&a);
        st = hn_recompute_choose(&a);
    }
    hn_free(a.block);
    return st;
}

void hn_plan_free(struct hn_plan *plan)
{
    hn_free(plan->block);
    plan->block = NULL;
}
