/* check/verify_augment.c - image operations and samplers against reference values (augment.h5's layout).
 *
 * Pixels must be equal: the deviation is the largest difference in grey levels,
 * the tolerance 0; so must normalised values.  torchvision's blur is one of float
 * sums: one level, in 1 of 1,000 values.  A sampler's deviation is -log10
 * of the chi-square test's p against the reference counts.  Every rank does
 * everything: it may be the one that calculates wrong. */
#include "base/mem.h"
#include "check/augment_cases.h"
#include <stdio.h>

static const struct group {
    const char *name;
    hn_case *run; /* of every member */
} groups[] = {
    {"resized_crop", hn_case_resized_crop},
    {"hflip", hn_case_flip},
    {"grey", hn_case_grey},
    {"brightness", hn_case_brightness},
    {"contrast", hn_case_contrast},
    {"saturation", hn_case_saturation},
    {"hue", hn_case_hue},
    {"blur_cv2", hn_case_blur_opencv},
    {"blur_torchvision", hn_case_blur_torchvision},
    {"normalize", hn_case_normalize},
    {"test_view", hn_case_test_view},
    {"pipelines", hn_case_pipeline},
    {"sampler", hn_case_sampler},
};

static hn_status run_group(struct hn_cases *b, const struct group *g)
{
    char top[HN_CASES_NAME], name[HN_CASES_NAME], path[2 * HN_CASES_NAME];
    hn_status st = HN_OK;

    snprintf(top, sizeof top, "/%s", g->name);
    for (size_t i = 0; st == HN_OK && hn_store_member(b->v->file, top, i, name, sizeof name, NULL); i++) {
        hn_cases_path(path, top, name);
        st = g->run(b, path, name);
        hn_cases_release(b);
    }
    return st;
}

static hn_status run(struct hn_verify *v)
{
    struct hn_cases *b = hn_zalloc(sizeof *b);
    hn_status st = b ? HN_OK : HN_ENOMEM;

    if (b == NULL)
        return st;
    b->v = v;
    for (size_t i = 0; st == HN_OK && i < sizeof groups / sizeof *groups; i++)
        st = run_group(b, &groups[i]);
    if (st == HN_OK && hn_store_has(v->file, "/jitter_orders"))
        st = hn_case_orders(b, "/jitter_orders", "every order");
    hn_cases_release(b);
    hn_free(b);
    return st;
}

/* Source images and at least one of the groups above. */
static bool recognise(const hn_store *file)
{
    char path[HN_CASES_NAME];

    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        snprintf(path, sizeof path, "/%s", groups[i].name);
        if (hn_store_has(file, path))
            return hn_store_has(file, "/sources");
    }
    return false;
}

const struct hn_verify_kind hn_verify_augment = {.name = "augmentation", .recognise = recognise, .run = run};
