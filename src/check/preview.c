#include "check/preview.h"
#include "base/mem.h"
#include "check/sheet.h"

enum { PAIRS_MOST = 10000 };

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

hn_status hn_preview_samples(const char *out_png, const unsigned char *samples, const uint64_t *id,
                             size_t count, size_t h, size_t w, size_t c, const hn_augment *augment,
                             uint64_t epoch)
{
    size_t view_h, view_w, view_c;
    unsigned char *picture = NULL;
    void *scratch = NULL;
    hn_sheet *sheet = NULL;
    hn_status st;

    hn_augment_view_shape(augment, &view_h, &view_w, &view_c);
    if (view_c != c)
        return hn_fail(HN_EBUG, "views of %zu channels from images of %zu", view_c, c);
    if ((st = hn_sheet_new(&sheet, count, 3, larger(h, view_h), larger(w, view_w), c)) != HN_OK)
        return st;
    picture = hn_calloc(hn_augment_view_size(augment), 1);
    scratch = hn_zalloc(hn_augment_scratch_bytes(augment));
    if (picture == NULL || scratch == NULL) {
        st = HN_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        const unsigned char *sample = samples + i * h * w * c;
        hn_sheet_put(sheet, i, 0, sample, h, w);
        for (int view = 0; view < 2; view++) {
            hn_augment_picture(augment, picture, sample, epoch, id[i], view, scratch);
            hn_sheet_put(sheet, i, 1 + (size_t)view, picture, view_h, view_w);
        }
    }
    st = hn_sheet_write(sheet, out_png);
out:
    hn_free(scratch);
    hn_free(picture);
    hn_sheet_free(sheet);
    return st;
}

hn_status hn_preview(const char *out_png, hn_dataset *data, enum hn_split split, const hn_augment *augment,
                     size_t pairs, uint64_t epoch)
{
    const struct hn_dataset_info *info = hn_dataset_info(data);
    uint64_t there = info->samples[split];
    unsigned char *samples = NULL;
    uint64_t *id = NULL;
    int64_t label;
    hn_status st = HN_OK;

    if (info->kind != HN_IMAGES)
        return hn_fail(HN_EUSAGE, "%s: holds vectors; only images can be drawn", info->name);
    if (there == 0)
        return hn_fail(HN_EUSAGE, "%s: has no samples for %s", info->name, hn_split_name(split));
    if (pairs < 1 || pairs > PAIRS_MOST)
        return hn_fail(HN_EUSAGE, "%zu pairs of views: 1 .. %d can be drawn", pairs, PAIRS_MOST);
    if (pairs > there)
        pairs = there;
    samples = hn_calloc(pairs, info->sample_bytes);
    id = hn_calloc(pairs, sizeof *id);
    if (samples == NULL || id == NULL)
        st = HN_ENOMEM;
    for (size_t i = 0; st == HN_OK && i < pairs; i++) {
        id[i] = i * there / pairs;
        st = hn_dataset_read(data, split, id[i], samples + i * info->sample_bytes, &label);
    }
    if (st == HN_OK)
        st = hn_preview_samples(out_png, samples, id, pairs, info->h, info->w, info->c, augment, epoch);
    hn_free(id);
    hn_free(samples);
    return st;
}
