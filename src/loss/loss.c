/* loss/loss.c - life of a loss, and what all rows' statistics say about the step. */
#include "backend/backend.h"
#include "base/mem.h"
#include "loss/parts.h"
#include <math.h>

/* SIZE_MAX, which the carver refuses, when it is too large. */
static size_t product(size_t a, size_t b)
{
    size_t p;

    return hn_mul(&p, a, b) ? p : SIZE_MAX;
}

/* Columns that a row chooses. */
static size_t choices_of(const struct hn_loss_options *o, size_t rows)
{
    if (!hn_loss_kind(o->kind)->tilted || o->hardening != HN_HARDEN_TOPK)
        return 0;
    return o->topk < rows ? o->topk : rows;
}

static void layout_scratch(struct hn_scratch *sc, hn_carver *c, size_t n)
{
    size_t square = product(n, n);

    sc->tile = hn_carve(c, sizeof(real), square);
    sc->other = hn_carve(c, sizeof(real), square);
    sc->x = hn_carve(c, sizeof(real), n);
    sc->y = hn_carve(c, sizeof(real), n);
    sc->z = hn_carve(c, sizeof(real), n);
    sc->list = hn_carve(c, sizeof *sc->list, n);
}

static void layout_rows(hn_loss *l, hn_carver *c, size_t rows, size_t choices)
{
    struct hn_ends *e = &l->ends;
    real **const ends[] = {&e->max, &e->log_w, &e->log_s, &e->c, &e->b, &e->omega, &e->q, &e->open};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        *ends[i] = hn_carve(c, sizeof(real), rows);
    e->chosen = hn_carve(c, sizeof *e->chosen, product(rows, choices));
    l->anchor = hn_carve(c, sizeof *l->anchor, rows);
    l->choice = hn_carve(c, sizeof *l->choice, product(rows, choices));
    l->met = hn_carve(c, sizeof *l->met, rows);
}

static void layout(hn_loss *l, hn_carver *c)
{
    layout_rows(l, c, l->max_rows, l->choices);
    for (size_t i = 0; i < hn_threads_count(l->threads); i++)
        layout_scratch(&l->scratch[i], c, l->largest);
}

size_t hn_loss_bytes(const struct hn_loss_options *options, size_t max_rows, size_t largest_block,
                     size_t threads)
{
    hn_carver c = {0};

    layout_rows(&(hn_loss){0}, &c, max_rows, choices_of(options, max_rows));
    for (size_t i = 0; i < threads; i++)
        layout_scratch(&(struct hn_scratch){0}, &c, largest_block);
    return c.bytes;
}

hn_status hn_loss_new(hn_loss **out, const struct hn_loss_options *options, size_t max_rows, size_t dim,
                      size_t largest_block, struct hn_threads *threads)
{
    hn_carver c = {0};
    hn_status st = hn_loss_check(options);
    hn_loss *l;

    if (st != HN_OK)
        return st;
    if ((l = hn_zalloc(sizeof *l)) == NULL)
        return HN_ENOMEM;
    hn_backend_start();
    l->o = *options;
    l->kind = hn_loss_kind(options->kind);
    l->max_rows = max_rows;
    l->dim = dim;
    l->largest = largest_block;
    l->threads = threads;
    l->choices = choices_of(options, max_rows);
    hn_loss_set_beta(l, options->beta);
    st = HN_ENOMEM;
    if ((l->scratch = hn_calloc(hn_threads_count(threads), sizeof *l->scratch)) == NULL)
        goto out;
    layout(l, &c);
    if ((st = hn_carver_start(&c, &l->block, "the loss")) != HN_OK)
        goto out;
    layout(l, &c);
    *out = l;
    l = NULL;
out:
    hn_loss_free(l);
    return st;
}

void hn_loss_free(hn_loss *l)
{
    if (l == NULL)
        return;
    hn_free(l->block);
    hn_free(l->scratch);
    hn_free(l);
}

void hn_loss_set_beta(hn_loss *l, double beta)
{
    enum hn_hardening h = l->kind->tilted ? l->o.hardening : HN_HARDEN_NONE;

    l->o.beta = h == HN_HARDEN_TILT ? beta : 0;
    if (h == HN_HARDEN_THRESHOLD)
        l->hardener = &hn_threshold;
    else if (h == HN_HARDEN_TOPK)
        l->hardener = &hn_topk;
    else
        l->hardener = l->o.beta == 0 ? &hn_plain : l->o.detach ? &hn_tilt_constant : &hn_tilt;
}

size_t hn_loss_choices(hn_loss *l, uint32_t **columns)
{
    *columns = l->ends.chosen;
    return l->choices;
}

static bool has(const struct hn_row_stat *r, int flag)
{
    return ((int)r->flags & flag) != 0;
}

struct hn_tally hn_loss_tally(const struct hn_row_stat *all, size_t m)
{
    struct hn_tally t = {0};

    for (size_t i = 0; i < m; i++)
        if (has(&all[i], HN_ROW_COUNTS)) {
            t.anchors++;
            t.pairs += all[i].positives;
        }
    return t;
}

void hn_loss_summary(const hn_loss *l, struct hn_loss_summary *out, const struct hn_row_stat *all, size_t m)
{
    struct hn_tally tally = hn_loss_tally(all, m);
    double n = (double)m / 2, spread[2] = {0, 0};
    bool pairs = l->o.reduction == HN_REDUCTION_PAIRS;

    *out = (struct hn_loss_summary){.anchors = tally.anchors, .excluded = m - tally.anchors};
    for (size_t i = 0; i < m; i++) {
        const struct hn_row_stat *r = &all[i];
        out->clamped += has(r, HN_ROW_CLAMPED);
        out->undefined += has(r, HN_ROW_UNDEFINED);
        out->fell_back += has(r, HN_ROW_FELL_BACK);
        spread[0] += r->spread[0];
        spread[1] += r->spread[1];
        out->alignment += 2 - 2 * r->similarity; /* |z_a - z_p|^2 of unit rows */
        if (!has(r, HN_ROW_COUNTS))
            continue;
        out->loss += r->loss * (pairs ? r->positives : 1);
        out->ess += r->ess;
        out->ess_share += r->ess_share;
        out->largest_weight += r->largest;
        out->collision += r->collision;
    }
    out->alignment /= (double)m;
    out->uniformity = (log(2 * spread[0] / (n * (n - 1))) + log(2 * spread[1] / (n * (n - 1)))) / 2;
    if (m == 2)
        out->uniformity = NAN;
    if (!l->labelled)
        out->collision = NAN;
    if (tally.anchors == 0)
        return;
    out->loss /= pairs ? tally.pairs : (double)tally.anchors;
    out->ess /= (double)tally.anchors;
    out->ess_share /= (double)tally.anchors;
    out->collision /= (double)tally.anchors;
    out->largest_weight /= (double)tally.anchors;
}
