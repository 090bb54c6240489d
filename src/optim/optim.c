/* The update of the flat block: pieces of the parameters' spans, whichever thread is free takes the next.
 * The pieces' edges follow from the spans alone, and so does every sum. */
#include "hardneg/optim.h"
#include "base/mem.h"
#include "base/threads.h"
#include "optim/kinds.h"
#include <math.h>
#include <string.h>

static const char *const names[] = {"adam", "adamw", "sgd", "lars", NULL};
static const struct hn_optim_kind *const kinds[] = {&hn_optim_adam, &hn_optim_adamw, &hn_optim_sgd,
                                                    &hn_optim_lars};
_Static_assert(sizeof names / sizeof *names == sizeof kinds / sizeof *kinds + 1, "one name per kind");

enum { PIECE = 16384 };

struct piece {
    size_t offset, count, span;
};

struct hn_optim {
    struct hn_optim_options options;
    const struct hn_optim_kind *kind;
    struct hn_threads *threads;
    size_t count, spans, pieces, states;
    struct piece *piece;
    size_t *first; /* spans + 1: pieces first[s] .. first[s + 1] - 1 belong to span s */
    bool *excluded;
    double *square, *weight_square;
    real *state[HN_OPTIM_STATES];
    void *block;
    uint64_t updates;
    /* What the running call works on. */
    real *parameter, *scaled;
    const real *gradient;
    struct hn_optim_step *step; /* of each span */
    real factor;
};

const char *const *hn_optim_names(void)
{
    return names;
}

const char *const *hn_optim_kept(const struct hn_optim_options *options)
{
    return kinds[options->kind]->state;
}

const char *const *hn_optim_exclude_names(void)
{
    static const char *const exclude[] = {
        [HN_EXCLUDE_NONE] = "none", [HN_EXCLUDE_BIAS_NORM] = "bias_norm", NULL};
    return exclude;
}

static hn_status check(const struct hn_optim_options *o, size_t count, const struct hn_span *span,
                       size_t spans)
{
    if (o->kind < 0 || (size_t)o->kind >= sizeof kinds / sizeof *kinds)
        return hn_fail(HN_EUSAGE, "optimiser %d is not one of the %zu that exist", o->kind,
                       sizeof kinds / sizeof *kinds);
    if (!(o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1))
        return hn_fail(HN_EUSAGE, "beta1 and beta2 of the optimiser must lie in [0, 1): %g, %g", o->beta1,
                       o->beta2);
    if (!(o->momentum >= 0 && o->momentum < 1 && o->trust >= 0))
        return hn_fail(HN_EUSAGE,
                       "the optimiser's momentum must lie in [0, 1), its trust be at least 0: %g, %g",
                       o->momentum, o->trust);
    if (!(o->eps >= 0 && o->weight_decay >= 0 && o->clip >= 0))
        return hn_fail(HN_EUSAGE, "eps, weight decay and clipping of the optimiser cannot be negative");
    for (size_t s = 0; s < spans; s++)
        if (span[s].offset > count || span[s].count > count - span[s].offset)
            return hn_fail(HN_EBUG, "parameter %zu lies outside the block of %zu", s, count);
    return HN_OK;
}

static void layout(hn_optim *o, hn_carver *c)
{
    o->piece = hn_carve(c, sizeof *o->piece, o->pieces);
    o->first = hn_carve(c, sizeof *o->first, o->spans + 1);
    o->excluded = hn_carve(c, sizeof *o->excluded, o->spans);
    o->step = hn_carve(c, sizeof *o->step, o->spans);
    o->square = hn_carve(c, sizeof *o->square, o->pieces);
    o->weight_square = hn_carve(c, sizeof *o->weight_square, o->kind->scale ? o->pieces : 0);
    for (size_t i = 0; i < o->states; i++)
        o->state[i] = hn_carve(c, sizeof(real), o->count);
}

static void cut(hn_optim *o, const struct hn_span *span)
{
    size_t n = 0;

    for (size_t s = 0; s < o->spans; s++) {
        o->first[s] = n;
        o->excluded[s] = o->options.exclude == HN_EXCLUDE_BIAS_NORM && span[s].excludable;
        for (size_t at = 0; at < span[s].count; at += PIECE) {
            size_t rest = span[s].count - at;
            o->piece[n++] = (struct piece){span[s].offset + at, rest < PIECE ? rest : PIECE, s};
        }
    }
    o->first[o->spans] = n;
}

hn_status hn_optim_new(hn_optim **out, const struct hn_optim_options *options, size_t count,
                       const struct hn_span *span, size_t spans, struct hn_threads *threads)
{
    hn_status st = check(options, count, span, spans);
    hn_optim *o = st == HN_OK ? hn_zalloc(sizeof *o) : NULL;
    hn_carver c = {0};

    if (o == NULL)
        return st == HN_OK ? HN_ENOMEM : st;
    *o = (hn_optim){.options = *options,
                    .kind = kinds[options->kind],
                    .threads = threads,
                    .count = count,
                    .spans = spans};
    while (o->kind->state[o->states])
        o->states++;
    for (size_t s = 0; s < spans; s++)
        o->pieces += (span[s].count + PIECE - 1) / PIECE;
    layout(o, &c);
    if ((st = hn_carver_start(&c, &o->block, "the optimiser's state")) != HN_OK) {
        hn_optim_free(o);
        return st;
    }
    layout(o, &c);
    cut(o, span);
    *out = o;
    return HN_OK;
}

void hn_optim_free(hn_optim *o)
{
    if (o == NULL)
        return;
    hn_free(o->block);
    hn_free(o);
}

size_t hn_optim_states(const hn_optim *o)
{
    return o->states;
}

const char *hn_optim_state_name(const hn_optim *o, size_t i)
{
    return o->kind->state[i];
}

real *hn_optim_state(hn_optim *o, size_t i)
{
    return o->state[i];
}

uint64_t *hn_optim_updates(hn_optim *o)
{
    return &o->updates;
}

/* ---- the norm and clipping: torch.nn.utils.clip_grad_norm_ ---- */

static void square_piece(void *ctx, size_t item, size_t index)
{
    hn_optim *o = ctx;

    (void)index;
    o->square[item] = hn_optim_square(o->gradient + o->piece[item].offset, o->piece[item].count);
}

static void scale_piece(void *ctx, size_t item, size_t index)
{
    hn_optim *o = ctx;
    real *restrict g = o->scaled + o->piece[item].offset, factor = o->factor;

    (void)index;
    for (size_t i = 0; i < o->piece[item].count; i++)
        g[i] *= factor;
}

static double sum_of_span(const hn_optim *o, const double *square, size_t s)
{
    double sum = 0;

    for (size_t i = o->first[s]; i < o->first[s + 1]; i++)
        sum += square[i];
    return sum;
}

/* The norm of the tensors' norms, tensors in order. */
static double norm(const hn_optim *o)
{
    double total = 0;

    for (size_t s = 0; s < o->spans; s++)
        total += sum_of_span(o, o->square, s);
    return sqrt(total);
}

double hn_optim_clip(hn_optim *o, real *gradient)
{
    double total;

    o->gradient = gradient;
    hn_threads_each(o->threads, o->pieces, square_piece, o);
    total = norm(o);
    if (o->options.clip > 0 && isfinite(total) && o->options.clip / (total + 1e-6) < 1) {
        o->scaled = gradient;
        o->factor = (real)(o->options.clip / (total + 1e-6));
        hn_threads_each(o->threads, o->pieces, scale_piece, o);
    }
    return total;
}

/* ---- the update ---- */

static void square_both(void *ctx, size_t item, size_t index)
{
    hn_optim *o = ctx;
    const struct piece *p = &o->piece[item];
    const real *w = o->parameter + p->offset;

    (void)index;
    if (o->excluded[p->span])
        return;
    o->weight_square[item] = hn_optim_square(w, p->count);
    o->square[item] = hn_optim_square_decayed(o->gradient + p->offset, w, o->step[p->span].l2, p->count);
}

/* Each parameter's numbers: without decay for those left out of it, scaled by norms where the kind wants it.
 */
static void prepare(hn_optim *o, double lr)
{
    struct hn_optim_options undecayed = o->options;

    undecayed.weight_decay = 0;
    for (size_t s = 0; s < o->spans; s++)
        o->step[s] = o->kind->prepare(o->excluded[s] ? &undecayed : &o->options, lr, o->updates);
    if (o->kind->scale == NULL)
        return;
    hn_threads_each(o->threads, o->pieces, square_both, o);
    for (size_t s = 0; s < o->spans; s++)
        if (!o->excluded[s])
            o->kind->scale(&o->step[s], &o->options, lr, sqrt(sum_of_span(o, o->weight_square, s)),
                           sqrt(sum_of_span(o, o->square, s)));
}

static void update_piece(void *ctx, size_t item, size_t index)
{
    hn_optim *o = ctx;
    struct piece p = o->piece[item];
    real *state[HN_OPTIM_STATES] = {NULL};

    (void)index;
    for (size_t i = 0; i < o->states; i++)
        state[i] = o->state[i] + p.offset;
    o->kind->update(o->parameter + p.offset, o->gradient + p.offset, state, p.count, &o->step[p.span]);
}

void hn_optim_update(hn_optim *o, real *parameter, const real *gradient, double lr)
{
    o->updates++;
    o->parameter = parameter;
    o->gradient = gradient;
    prepare(o, lr);
    hn_threads_each(o->threads, o->pieces, update_piece, o);
}
