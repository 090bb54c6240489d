/* check/augment_samplers.c - random crops and factors against the counts of as many reference draws.
 *
 * The deviation is -log10 of the chi-square test's p, to the tolerance 4: p > 1e-4. */
#include "check/augment_cases.h"
#include "check/chisquare.h"
#include <math.h>
#include <stdio.h>

enum { CELL = 20, DRAWS = 10 * 1000 * 1000 };
static const double SAMPLER = 4.0;

static void note_counts(struct hn_cases *b, const char *name, const char *what, const int64_t *got,
                        const int64_t *want, size_t cells)
{
    char label[2 * HN_CASES_NAME];

    snprintf(label, sizeof label, "%s, %s", name, what);
    hn_verify_note(b->v, "sampler", label, 0.0 - log10(hn_chisquare_p(got, want, cells, CELL)), SAMPLER);
}

/* Reads counts, with room for our own beside them. */
static hn_status read_counts(struct hn_cases *b, const char *group, const char *name, size_t cells,
                             int64_t **want, int64_t **got)
{
    void *numbers;
    hn_status st = hn_cases_numbers(b, group, name, HN_I64, cells, &numbers);

    if (st != HN_OK)
        return st;
    *want = numbers;
    for (size_t i = 0; i < cells; i++)
        if ((*want)[i] < 0 || (*want)[i] > DRAWS)
            return hn_fail(HN_EDATA, "%s/%s: a count of %lld", group, name, (long long)(*want)[i]);
    *got = hn_cases_take(b, cells, sizeof **got);
    return *got ? HN_OK : HN_ENOMEM;
}

static hn_status count_draws(const char *group, const int64_t *count, size_t cells, uint64_t *draws)
{
    *draws = 0;
    for (size_t i = 0; i < cells; i++)
        *draws += (uint64_t)count[i];
    return *draws <= DRAWS ? HN_OK : hn_fail(HN_EDATA, "%s: counts of more than %d draws", group, DRAWS);
}

static hn_status run_crop_sampler(struct hn_cases *b, const char *group, const char *name)
{
    int64_t *want[5], *got[5];
    size_t h = 0, w = 0;
    double scale[2], ratio[2];
    uint64_t draws;
    hn_status st;

    if ((st = hn_cases_attr(b, group, "height", 1, HN_CASES_SIDE, &h)) != HN_OK ||
        (st = hn_cases_attr(b, group, "width", 1, HN_CASES_SIDE, &w)) != HN_OK)
        return st;
    if (hn_store_attr_f64s(b->v->file, group, "scale", scale, 2) != 2 ||
        hn_store_attr_f64s(b->v->file, group, "ratio", ratio, 2) != 2 || !(scale[0] > 0.0 && ratio[0] > 0.0))
        return hn_fail(HN_EDATA, "%s: the attributes scale and ratio must be pairs above 0", group);
    const char *const what[5] = {"h", "w", "i", "j", "hw"};
    const size_t cells[5] = {h + 1, w + 1, h + 1, w + 1, (h + 1) * (w + 1)};
    for (int q = 0; q < 5; q++)
        if ((st = read_counts(b, group, what[q], cells[q], &want[q], &got[q])) != HN_OK)
            return st;
    if ((st = count_draws(group, want[0], cells[0], &draws)) != HN_OK)
        return st;
    for (uint64_t n = 0; n < draws; n++) {
        hn_draws d = hn_draws_for(1, HN_DRAW_VIEW, n, 0);
        struct hn_box box = hn_crop_draw(&d, h, w, scale, ratio);
        got[0][box.h]++;
        got[1][box.w]++;
        got[2][box.top]++;
        got[3][box.left]++;
        got[4][box.h * (w + 1) + box.w]++;
    }
    for (int q = 0; q < 5; q++)
        note_counts(b, name, what[q], got[q], want[q], cells[q]);
    return HN_OK;
}

/* Orders are numbered as itertools.permutations numbers them: lexicographically. */
static size_t order_number(const unsigned char order[HN_JITTER_OPS])
{
    static const size_t ways[HN_JITTER_OPS] = {6, 2, 1, 0};
    size_t number = 0;

    for (int i = 0; i < HN_JITTER_OPS; i++)
        for (int k = i + 1; k < HN_JITTER_OPS; k++)
            number += order[k] < order[i] ? ways[i] : 0;
    return number;
}

static size_t bin_of(double x, const double limits[2], size_t bins)
{
    double at = (x - limits[0]) / (limits[1] - limits[0]) * (double)bins;

    return at < 0.0 ? 0 : at >= (double)bins ? bins - 1 : (size_t)at;
}

static hn_status run_jitter_sampler(struct hn_cases *b, const char *group, const char *name)
{
    enum { BINS = 40, ORDERS = 24 };
    static const char *const what[HN_JITTER_OPS] = {"brightness", "contrast", "saturation", "hue"};
    int64_t *want, *got = NULL, *want_order, *got_order = NULL;
    void *numbers;
    uint64_t draws;
    hn_status st;

    if ((st = hn_cases_numbers(b, group, "limits", HN_F64, 2 * HN_JITTER_OPS, &numbers)) != HN_OK ||
        (st = read_counts(b, group, "histogram", HN_JITTER_OPS * BINS, &want, &got)) != HN_OK ||
        (st = read_counts(b, group, "order", ORDERS, &want_order, &got_order)) != HN_OK ||
        (st = count_draws(group, want_order, ORDERS, &draws)) != HN_OK)
        return st;
    const double(*limits)[2] = numbers;
    double strength[HN_JITTER_OPS];
    for (int op = 0; op < HN_JITTER_OPS; op++) {
        double middle = op == HN_HUE ? 0.0 : 1.0;
        strength[op] = limits[op][1] - middle;
        if (!(strength[op] > 0.0 && limits[op][0] < limits[op][1]))
            return hn_fail(HN_EDATA, "%s/limits: %g .. %g are not around %g", group, limits[op][0],
                           limits[op][1], middle);
    }
    for (uint64_t n = 0; n < draws; n++) {
        hn_draws d = hn_draws_for(1, HN_DRAW_VIEW, n, 0);
        struct hn_jitter j = hn_jitter_draw(&d, strength);
        for (int op = 0; op < HN_JITTER_OPS; op++)
            got[(size_t)op * BINS + bin_of((double)j.factor[op], limits[op], BINS)]++;
        got_order[order_number(j.order)]++;
    }
    for (int op = 0; op < HN_JITTER_OPS; op++)
        note_counts(b, name, what[op], got + op * BINS, want + op * BINS, BINS);
    note_counts(b, name, "order", got_order, want_order, ORDERS);
    return HN_OK;
}

hn_status hn_case_sampler(struct hn_cases *b, const char *group, const char *name)
{
    char path[2 * HN_CASES_NAME];

    hn_cases_path(path, group, "limits");
    return hn_store_has(b->v->file, path) ? run_jitter_sampler(b, group, name)
                                          : run_crop_sampler(b, group, name);
}
