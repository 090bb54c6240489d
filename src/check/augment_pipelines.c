/* check/augment_pipelines.c - whole pipelines against reference values, as far as their views need only what
 * is here. */
#include "augment/view.h"
#include "check/augment_cases.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct pipeline {
    struct hn_images source, result;
    struct hn_box *box;
    int32_t *image, *flip, *jitter, *order, *grey, *blur;
    double *factor;
};

static hn_status read_pipeline(struct hn_cases *b, const char *group, struct pipeline *p)
{
    void *flip, *jitter, *order, *grey, *blur, *factor;
    size_t size = 0, n;
    hn_status st;

    if ((st = hn_cases_named_source(b, group, &p->source)) != HN_OK ||
        (st = hn_cases_attr(b, group, "size", 1, HN_CASES_SIDE, &size)) != HN_OK ||
        (st = hn_cases_results(b, group, &p->source, &p->result, &p->image)) != HN_OK)
        return st;
    n = p->result.n;
    if ((st = hn_cases_must_be(group, &p->result, n, size, size, p->source.c)) != HN_OK ||
        (st = hn_cases_boxes(b, group, &p->source, n, &p->box)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "flip", HN_I32, n, &flip)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "jitter", HN_I32, n, &jitter)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "order", HN_I32, n * HN_JITTER_PLACES, &order)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "factors", HN_F64, n * HN_JITTER_PLACES, &factor)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "grey", HN_I32, n, &grey)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "blur", HN_I32, n, &blur)) != HN_OK)
        return st;
    p->flip = flip;
    p->jitter = jitter;
    p->order = order;
    p->grey = grey;
    p->blur = blur;
    p->factor = factor;
    for (size_t i = 0; i < n * HN_JITTER_PLACES; i++)
        if (p->order[i] < 0 || p->order[i] >= HN_JITTER_PLACES)
            return hn_fail(HN_EDATA, "%s/order: %d is not one of the four operations", group, p->order[i]);
    return HN_OK;
}

/* Saturation and hue leave grey images alone. */
static bool can_do(const struct pipeline *p, size_t k)
{
    return !p->blur[k] && !(p->jitter[k] && p->source.c == 3);
}

static struct hn_view_plan plan_of(const struct pipeline *p, size_t k)
{
    struct hn_view_plan plan = {
        .crop = true, .box = p->box[k], .flip = p->flip[k] != 0, .jittered = p->jitter[k] != 0};

    for (size_t i = 0; i < HN_JITTER_PLACES; i++)
        plan.jitter.order[i] = (unsigned char)p->order[k * HN_JITTER_PLACES + i];
    for (size_t op = 0; op < HN_JITTER_OPS; op++)
        plan.jitter.factor[op] = (float)p->factor[k * HN_JITTER_PLACES + op];
    return plan;
}

/* Grey of a colour image: three equal channels. */
static void make_grey(unsigned char *image, size_t pixels, size_t c)
{
    hn_cases_grey(image, pixels, c);
    for (size_t i = pixels; c == 3 && i-- > 0;)
        memset(image + 3 * i, image[i], 3);
}

/* Makes the views that can be made into p->source's place of got (n, size, size, c); the largest difference.
 */
static hn_status make_views(struct hn_cases *b, struct pipeline *p, unsigned char *got, double *most,
                            size_t *made)
{
    const struct hn_images *r = &p->result;
    struct hn_augment_options o = {.h = p->source.h,
                                   .w = p->source.w,
                                   .c = p->source.c,
                                   .size = r->h,
                                   .crop_scale = {0.5, 1.0},
                                   .crop_ratio = {1.0, 1.0},
                                   .std = {1.0, 1.0, 1.0, 1.0}};
    hn_augment *a = NULL;
    hn_status st = hn_augment_new(&a, &o, 0);
    void *scratch = st == HN_OK ? hn_cases_take(b, 1, hn_augment_scratch_bytes(a)) : NULL;

    if (scratch == NULL) {
        hn_augment_free(a);
        return st == HN_OK ? HN_ENOMEM : st;
    }
    struct hn_view_scratch s = hn_view_scratch(a, scratch);
    size_t pixels = r->h * r->w, bytes = pixels * r->c;
    *most = 0.0;
    *made = 0;
    for (size_t k = 0; k < r->n; k++) {
        if (!can_do(p, k))
            continue;
        struct hn_view_plan plan = plan_of(p, k);
        hn_view_apply(a, got + k * bytes, hn_cases_image(&p->source, (size_t)p->image[k]), &plan, &s);
        if (p->grey[k])
            make_grey(got + k * bytes, pixels, r->c);
        *most = fmax(*most, hn_cases_difference(got + k * bytes, hn_cases_image(r, k), bytes));
        ++*made;
    }
    hn_augment_free(a);
    return HN_OK;
}

/* `tensor`: the first views, normalised. */
static hn_status check_tensors(struct hn_cases *b, const char *group, const char *name,
                               const struct pipeline *p, const unsigned char *got)
{
    char path[2 * HN_CASES_NAME], constants[HN_CASES_NAME], label[2 * HN_CASES_NAME];
    size_t pixels = p->result.h * p->result.w, values = pixels * p->result.c;
    struct hn_array_info info;
    real table[HN_CHANNELS][256], *room = hn_cases_take(b, values, sizeof *room);
    void *want;
    double most = 0.0;
    hn_status st;

    hn_cases_path(path, group, "tensor");
    if (!hn_store_has(b->v->file, path))
        return HN_OK;
    if (!hn_store_attr_text(b->v->file, group, "constants", constants, sizeof constants))
        return hn_fail(HN_EDATA, "%s: the attribute constants is missing", group);
    if (room == NULL)
        return HN_ENOMEM;
    if ((st = hn_cases_array(b, path, HN_F64, &info, &want)) != HN_OK)
        return st;
    if (info.count % values != 0 || info.count / values > p->result.n)
        return hn_fail(HN_EDATA, "%s: not the first of the views", path);
    hn_cases_path(path, "/normalize", constants);
    if ((st = hn_cases_constants(b, path, p->result.c, table)) != HN_OK)
        return st;
    for (size_t k = 0; k < info.count / values; k++) {
        if (!can_do(p, k))
            continue;
        double d = hn_cases_normalised(got + k * values, (const double *)want + k * values, pixels,
                                       p->result.c, table, room);
        most = hn_cases_worse(most, d);
    }
    snprintf(label, sizeof label, "%s, normalised", name);
    hn_verify_note(b->v, "pipelines", label, most, 0.0);
    return HN_OK;
}

hn_status hn_case_pipeline(struct hn_cases *b, const char *group, const char *name)
{
    struct pipeline p;
    unsigned char *got;
    double most;
    size_t made;
    char label[2 * HN_CASES_NAME];
    hn_status st = read_pipeline(b, group, &p);

    if (st != HN_OK)
        return st;
    if ((got = hn_cases_take(b, p.result.n, p.result.h * p.result.w * p.result.c)) == NULL)
        return HN_ENOMEM;
    if ((st = make_views(b, &p, got, &most, &made)) != HN_OK)
        return st;
    if (made > 0) {
        snprintf(label, sizeof label, "%s, %zu of %zu views", name, made, p.result.n);
        hn_verify_note(b->v, "pipelines", label, most, 0.0);
        st = check_tensors(b, group, name, &p, got);
    }
    if (made < p.result.n) {
        snprintf(label, sizeof label, "%s (%zu views)", name, p.result.n - made);
        hn_verify_skip(b->v, "pipelines", label, "views that need saturation, hue or blur");
    }
    return st;
}
