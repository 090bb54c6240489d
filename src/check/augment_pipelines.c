/* check/augment_pipelines.c - whole pipelines against reference values. */
#include "augment/view.h"
#include "check/augment_cases.h"
#include <stdio.h>
#include <string.h>

struct pipeline {
    struct hn_images source, result;
    struct hn_box *box;
    int32_t *image, *flip, *jitter, *order, *grey, *blur;
    double *factor, *sigma;
    enum hn_blur_kind kind;
    size_t kernel;
};

/* Which blur; one that no view has need not be said. */
static hn_status read_blur(struct hn_cases *b, const char *group, struct pipeline *p)
{
    char kind[HN_CASES_NAME];
    size_t blurred = 0;

    for (size_t k = 0; k < p->result.n; k++)
        blurred += p->blur[k] != 0;
    p->kind = HN_BLUR_NONE;
    p->kernel = 0;
    if (blurred == 0)
        return HN_OK;
    if (!hn_store_attr_text(b->v->file, group, "blur_kind", kind, sizeof kind) ||
        (strcmp(kind, "cv2") != 0 && strcmp(kind, "torchvision") != 0))
        return hn_fail(HN_EDATA, "%s: the attribute blur_kind is neither cv2 nor torchvision", group);
    p->kind = strcmp(kind, "cv2") == 0 ? HN_BLUR_OPENCV : HN_BLUR_TORCHVISION;
    return hn_cases_kernel(b, group, &p->result, &p->kernel);
}

static hn_status read_pipeline(struct hn_cases *b, const char *group, struct pipeline *p)
{
    void *flip, *jitter, *order, *grey, *blur, *factor, *sigma;
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
        (st = hn_cases_numbers(b, group, "order", HN_I32, n * HN_JITTER_OPS, &order)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "factors", HN_F64, n * HN_JITTER_OPS, &factor)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "grey", HN_I32, n, &grey)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "blur", HN_I32, n, &blur)) != HN_OK ||
        (st = hn_cases_sigmas(b, group, n, &sigma)) != HN_OK)
        return st;
    p->flip = flip;
    p->jitter = jitter;
    p->order = order;
    p->grey = grey;
    p->blur = blur;
    p->factor = factor;
    p->sigma = sigma;
    return read_blur(b, group, p);
}

static hn_status plan_of(struct hn_view_plan *plan, const struct pipeline *p, const char *group, size_t k)
{
    *plan = (struct hn_view_plan){.crop = true,
                                  .box = p->box[k],
                                  .flip = p->flip[k] != 0,
                                  .jittered = p->jitter[k] != 0,
                                  .jitter.on = {true, true, true, true},
                                  .grey = p->grey[k] != 0,
                                  .blurred = p->blur[k] != 0,
                                  .sigma = p->sigma[k]};
    for (size_t op = 0; op < HN_JITTER_OPS; op++)
        plan->jitter.factor[op] = (float)p->factor[k * HN_JITTER_OPS + op];
    return hn_cases_order(&plan->jitter, group, p->order + k * HN_JITTER_OPS);
}

/* got: (n, size, size, c). */
static hn_status make_views(struct hn_cases *b, struct pipeline *p, const char *group, unsigned char *got)
{
    const struct hn_images *r = &p->result;
    struct hn_augment_options o = {.h = p->source.h,
                                   .w = p->source.w,
                                   .c = p->source.c,
                                   .size = r->h,
                                   .crop_scale = {0.5, 1.0},
                                   .crop_ratio = {1.0, 1.0},
                                   .blur = p->kind,
                                   .blur_kernel = p->kernel,
                                   .blur_sigma = {1.0, 1.0},
                                   .std = {1.0, 1.0, 1.0, 1.0}};
    hn_augment *a = NULL;
    hn_status st = hn_augment_new(&a, &o, 0);
    void *scratch = st == HN_OK ? hn_cases_take(b, 1, hn_augment_scratch_bytes(a)) : NULL;

    if (st == HN_OK && scratch == NULL)
        st = HN_ENOMEM;
    for (size_t k = 0; st == HN_OK && k < r->n; k++) {
        struct hn_view_scratch s = hn_view_scratch(a, scratch);
        struct hn_view_plan plan;
        if ((st = plan_of(&plan, p, group, k)) == HN_OK)
            hn_view_apply(a, got + k * r->h * r->w * r->c, hn_cases_image(&p->source, (size_t)p->image[k]),
                          &plan, &s);
    }
    hn_augment_free(a);
    return st;
}

/* `tensor`: the first views, normalised.  Made from the reference's own pixels, which may be off by a level.
 */
static hn_status check_tensors(struct hn_cases *b, const char *group, const char *name,
                               const struct pipeline *p)
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
        double d = hn_cases_normalised(hn_cases_image(&p->result, k), (const double *)want + k * values,
                                       pixels, p->result.c, table, room);
        most = hn_cases_worse(most, d);
    }
    snprintf(label, sizeof label, "%s, normalised", name);
    hn_verify_note(b->v, "pipelines", label, most, 0.0);
    return HN_OK;
}

hn_status hn_case_pipeline(struct hn_cases *b, const char *group, const char *name)
{
    struct pipeline p;
    size_t bytes;
    unsigned char *got;
    hn_status st = read_pipeline(b, group, &p);

    if (st != HN_OK)
        return st;
    bytes = p.result.n * p.result.h * p.result.w * p.result.c;
    if ((got = hn_cases_take(b, bytes, 1)) == NULL)
        return HN_ENOMEM;
    if ((st = make_views(b, &p, group, got)) != HN_OK)
        return st;
    hn_cases_note_bytes(b, "pipelines", name, got, p.result.bytes, bytes, p.kind == HN_BLUR_TORCHVISION);
    return check_tensors(b, group, name, &p);
}
