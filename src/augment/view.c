/* augment/view.c - what happens to a sample on its way to the encoder, in this order:
 *
 *   images:   crop and resize, flip, jitter of colours, grey, blur, normalise
 *   vectors:  noise, mask
 *
 * Every random decision has a fixed place in the stream of draws of (seed, id,
 * epoch, view), so that no decision shifts another, whatever is switched on.
 * The places are part of what a seed means: add new ones, never move one. */
#include "augment/view.h"
#include "base/mem.h"
#include <string.h>

#define AT_CROP   0u  /* 44 draws at most */
#define AT_FLIP   64u /* 2 */
#define AT_JITTER 68u /* 2: whether at all */
#define AT_COLOUR 72u /* 10: order and factors */
#define AT_GREY   84u /* 2 */
#define AT_BLUR   88u /* 4: whether at all, sigma */
#define AT_NOISE  (1u << 30)
#define AT_MASK   (1u << 31)

static hn_draws *at(hn_draws *d, uint32_t place)
{
    d->next = place; /* a multiple of 4: the next draw begins a block */
    return d;
}

struct hn_view_plan hn_view_draw(const hn_augment *a, uint64_t epoch, uint64_t id, int view)
{
    const struct hn_augment_options *o = &a->o;
    hn_draws d = hn_draws_for(a->seed, HN_DRAW_VIEW, id, epoch * 2 + (uint64_t)view);
    struct hn_view_plan plan = {.crop = o->crop_scale[0] < 1.0};

    if (plan.crop)
        plan.box = hn_crop_draw(at(&d, AT_CROP), o->h, o->w, o->crop_scale, o->crop_ratio);
    plan.flip = o->flip > 0.0 && hn_draw_unit(at(&d, AT_FLIP)) < o->flip;
    plan.jittered = o->jitter > 0.0 && hn_draw_unit(at(&d, AT_JITTER)) < o->jitter;
    if (plan.jittered)
        plan.jitter =
            hn_jitter_draw(at(&d, AT_COLOUR), (double[HN_JITTER_OPS]){[HN_BRIGHTNESS] = o->brightness,
                                                                      [HN_CONTRAST] = o->contrast,
                                                                      [HN_SATURATION] = o->saturation,
                                                                      [HN_HUE] = o->hue});
    plan.grey = o->greyscale > 0.0 && hn_draw_unit(at(&d, AT_GREY)) < o->greyscale;
    plan.blurred = a->blur && hn_draw_unit(at(&d, AT_BLUR)) < o->blur_probability;
    if (plan.blurred)
        plan.sigma = o->blur_sigma[0] + (o->blur_sigma[1] - o->blur_sigma[0]) * hn_draw_unit(&d);
    return plan;
}

/* ---- scratch: one layout, run to count and to hand out ---- */
static struct hn_view_scratch layout(const hn_augment *a, hn_carver *c)
{
    const struct hn_augment_options *o = &a->o;
    struct hn_view_scratch s;
    size_t crop = hn_resize_scratch(a->view_h, a->view_w, o->h, o->w, o->c);
    size_t fit = hn_resize_scratch(a->fit_h, a->fit_w, o->h, o->w, o->c);

    s.image = hn_carve(c, a->view_w * o->c, a->view_h);
    s.whole = hn_carve(c, a->fit_w * o->c, a->fit_h);
    s.resize = hn_carve(c, 1, crop > fit ? crop : fit);
    s.blur = hn_carve(c, 1, a->blur ? hn_blur_scratch(a->view_h, a->view_w, o->c, a->kernel) : 0);
    return s;
}

size_t hn_view_scratch_bytes(const hn_augment *a)
{
    hn_carver count = {0};

    (void)layout(a, &count);
    return count.bytes < SIZE_MAX - HN_ALIGN ? count.bytes + HN_ALIGN : SIZE_MAX;
}

struct hn_view_scratch hn_view_scratch(const hn_augment *a, void *scratch)
{
    hn_carver c = {.block = scratch};

    c.block += (HN_ALIGN - (uintptr_t)scratch % HN_ALIGN) % HN_ALIGN;
    return layout(a, &c);
}

/* ---- images ---- */
/* The whole image as evaluation sees it: shorter side to the view's, then the middle. */
static void fit(const hn_augment *a, unsigned char *out, const unsigned char *sample,
                const struct hn_view_scratch *s)
{
    const struct hn_augment_options *o = &a->o;

    hn_resize(s->whole, a->fit_h, a->fit_w, sample, o->w, o->c, (struct hn_box){.h = o->h, .w = o->w},
              s->resize);
    hn_centre_crop(out, a->view_h, a->view_w, s->whole, a->fit_h, a->fit_w, o->c);
}

void hn_view_apply(const hn_augment *a, unsigned char *out, const unsigned char *sample,
                   const struct hn_view_plan *plan, const struct hn_view_scratch *s)
{
    size_t c = a->o.c, pixels = a->view_h * a->view_w;

    if (plan->crop)
        hn_resize(out, a->view_h, a->view_w, sample, a->o.w, c, plan->box, s->resize);
    else
        fit(a, out, sample, s);
    if (plan->flip)
        hn_flip(out, a->view_h, a->view_w, c);
    if (plan->jittered)
        hn_jitter_apply(&plan->jitter, out, pixels, c);
    if (plan->grey)
        hn_greyscale(out, pixels, c);
    if (plan->blurred)
        a->blur(out, a->view_h, a->view_w, c, a->kernel, plan->sigma, s->blur);
}

void hn_augment_picture(const hn_augment *a, unsigned char *out, const unsigned char *sample, uint64_t epoch,
                        uint64_t id, int view, void *scratch)
{
    struct hn_view_scratch s = hn_view_scratch(a, scratch);
    struct hn_view_plan plan = hn_view_draw(a, epoch, id, view);

    hn_view_apply(a, out, sample, &plan, &s);
}

/* ---- vectors ---- */
static void widen(real *out, const unsigned char *sample, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x; /* samples lie wherever their bytes were read to */
        memcpy(&x, sample + i * sizeof x, sizeof x);
        out[i] = (real)x;
    }
}

static void vector_view(const hn_augment *a, real *out, uint64_t epoch, uint64_t id, int view)
{
    hn_draws d = hn_draws_for(a->seed, HN_DRAW_VIEW, id, epoch * 2 + (uint64_t)view);

    if (a->o.noise > 0.0)
        hn_add_noise(out, a->o.c, a->o.noise, at(&d, AT_NOISE));
    if (a->o.mask > 0.0)
        hn_mask(out, a->o.c, a->o.mask, at(&d, AT_MASK));
}

/* ---- what the encoder gets ---- */
void hn_augment_view(const hn_augment *a, real *out, const unsigned char *sample, uint64_t epoch, uint64_t id,
                     int view, void *scratch)
{
    if (a->o.vectors) {
        widen(out, sample, a->o.c);
        vector_view(a, out, epoch, id, view);
        return;
    }
    struct hn_view_scratch s = hn_view_scratch(a, scratch);
    struct hn_view_plan plan = hn_view_draw(a, epoch, id, view);
    hn_view_apply(a, s.image, sample, &plan, &s);
    hn_normalize(out, s.image, a->view_h * a->view_w, a->o.c, a->table);
}

void hn_augment_plain(const hn_augment *a, real *out, const unsigned char *sample, void *scratch)
{
    if (a->o.vectors) {
        widen(out, sample, a->o.c);
        return;
    }
    struct hn_view_scratch s = hn_view_scratch(a, scratch);
    const unsigned char *image = sample;
    if (a->fit_h != a->o.h || a->fit_w != a->o.w || a->view_h != a->o.h || a->view_w != a->o.w) {
        fit(a, s.image, sample, &s);
        image = s.image;
    }
    hn_normalize(out, image, a->view_h * a->view_w, a->o.c, a->table);
}
