#include "check/augment_cases.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>

void *hn_cases_take(struct hn_cases *b, size_t count, size_t size)
{
    void *block = b->blocks < HN_CASES_BLOCKS ? hn_calloc(count, size) : NULL;

    if (block != NULL)
        b->block[b->blocks++] = block;
    return block;
}

void hn_cases_release(struct hn_cases *b)
{
    while (b->blocks > 0)
        hn_free(b->block[--b->blocks]);
}

void hn_cases_path(char path[2 * HN_CASES_NAME], const char *group, const char *name)
{
    snprintf(path, 2 * HN_CASES_NAME, "%s/%s", group, name);
}

unsigned char *hn_cases_image(const struct hn_images *m, size_t i)
{
    return m->bytes + i * m->h * m->w * m->c;
}

/* A whole array, whatever its shape. */
hn_status hn_cases_array(struct hn_cases *b, const char *path, enum hn_type type, struct hn_array_info *info,
                         void **out)
{
    hn_status st = hn_store_info(b->v->file, path, info);

    if (st != HN_OK)
        return st;
    if ((*out = hn_cases_take(b, info->count, hn_type_size(type))) == NULL)
        return HN_ENOMEM;
    return hn_store_read(b->v->file, path, type, *out, info->count);
}

/* An array of `count` numbers that belongs to a group. */
hn_status hn_cases_numbers(struct hn_cases *b, const char *group, const char *name, enum hn_type type,
                           size_t count, void **out)
{
    char path[2 * HN_CASES_NAME];
    struct hn_array_info info;
    hn_status st;

    hn_cases_path(path, group, name);
    if ((st = hn_cases_array(b, path, type, &info, out)) != HN_OK)
        return st;
    return info.count == count
               ? HN_OK
               : hn_fail(HN_EDATA, "%s: %zu numbers instead of %zu", path, (size_t)info.count, count);
}

/* [n,h,w,3], or in grey [n,h,w]; without the n when it is a single image. */
hn_status hn_cases_images(struct hn_cases *b, const char *path, bool single, struct hn_images *m)
{
    struct hn_array_info info;
    void *bytes;
    hn_status st = hn_cases_array(b, path, HN_U8, &info, &bytes);
    size_t skip = single ? 1 : 0, dim[4] = {1, 0, 0, 1};

    if (st != HN_OK)
        return st;
    if (info.type != HN_U8 || (size_t)info.rank + skip < 3 || (size_t)info.rank + skip > 4)
        return hn_fail(HN_EDATA, "%s: not an array of 8-bit images", path);
    for (size_t i = 0; i < (size_t)info.rank; i++)
        dim[i + skip] = info.dim[i];
    *m = (struct hn_images){.n = dim[0], .h = dim[1], .w = dim[2], .c = dim[3], .bytes = bytes};
    if (m->n < 1 || m->h < 1 || m->w < 1 || m->h > HN_CASES_SIDE || m->w > HN_CASES_SIDE ||
        (m->c != 1 && m->c != 3))
        return hn_fail(HN_EDATA, "%s: not images in grey or RGB, of 1 .. %d pixels a side", path,
                       HN_CASES_SIDE);
    return HN_OK;
}

hn_status hn_cases_source(struct hn_cases *b, const char *name, struct hn_images *m)
{
    char path[2 * HN_CASES_NAME];

    hn_cases_path(path, "/sources", name);
    return hn_cases_images(b, path, false, m);
}

/* The source that an attribute of the group names. */
hn_status hn_cases_named_source(struct hn_cases *b, const char *group, struct hn_images *m)
{
    char name[HN_CASES_NAME];

    if (!hn_store_attr_text(b->v->file, group, "source", name, sizeof name))
        return hn_fail(HN_EDATA, "%s: the attribute source is missing", group);
    return hn_cases_source(b, name, m);
}

hn_status hn_cases_attr(struct hn_cases *b, const char *group, const char *attr, int64_t low, int64_t high,
                        size_t *value)
{
    int64_t x;

    if (!hn_store_attr_i64(b->v->file, group, attr, &x) || x < low || x > high)
        return hn_fail(HN_EDATA, "%s: the attribute %s is missing or out of range", group, attr);
    *value = (size_t)x;
    return HN_OK;
}

/* `result` and `image` of a group: result k is made from image[k] of the source. */
hn_status hn_cases_results(struct hn_cases *b, const char *group, const struct hn_images *source,
                           struct hn_images *result, int32_t **image)
{
    char path[2 * HN_CASES_NAME];
    void *index;
    hn_status st;

    hn_cases_path(path, group, "result");
    if ((st = hn_cases_images(b, path, false, result)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "image", HN_I32, result->n, &index)) != HN_OK)
        return st;
    *image = index;
    if (result->c != source->c)
        return hn_fail(HN_EDATA, "%s: %zu channels from a source of %zu", path, result->c, source->c);
    for (size_t k = 0; k < result->n; k++)
        if ((*image)[k] < 0 || (size_t)(*image)[k] >= source->n)
            return hn_fail(HN_EDATA, "%s/image[%zu] is %d; there are %zu images", group, k, (*image)[k],
                           source->n);
    return HN_OK;
}

hn_status hn_cases_must_be(const char *group, const struct hn_images *m, size_t n, size_t h, size_t w,
                           size_t c)
{
    if (m->n == n && m->h == h && m->w == w && m->c == c)
        return HN_OK;
    return hn_fail(HN_EDATA, "%s: the result is %zu x %zu x %zu x %zu instead of %zu x %zu x %zu x %zu",
                   group, m->n, m->h, m->w, m->c, n, h, w, c);
}

double hn_cases_difference(const unsigned char *got, const unsigned char *want, size_t n)
{
    int most = 0;

    for (size_t i = 0; i < n; i++) {
        int d = got[i] > want[i] ? got[i] - want[i] : want[i] - got[i];
        most = d > most ? d : most;
    }
    return most;
}

void hn_cases_note_bytes(struct hn_cases *b, const char *kind, const char *name, const unsigned char *got,
                         const unsigned char *want, size_t n, bool loose)
{
    char label[2 * HN_CASES_NAME];
    size_t differ = 0;

    hn_verify_note(b->v, kind, name, hn_cases_difference(got, want, n), loose ? 1.0 : 0.0);
    if (!loose)
        return;
    for (size_t i = 0; i < n; i++)
        differ += got[i] != want[i];
    snprintf(label, sizeof label, "%s, share that differs", name);
    hn_verify_note(b->v, kind, label, (double)differ / (double)n, 1e-3);
}

/* The larger one; NaN is the largest of all. */
double hn_cases_worse(double most, double d)
{
    return isnan(most) || d <= most ? most : d;
}

hn_status hn_cases_boxes(struct hn_cases *b, const char *group, const struct hn_images *source, size_t count,
                         struct hn_box **out)
{
    void *numbers;
    hn_status st = hn_cases_numbers(b, group, "crop", HN_I32, 4 * count, &numbers);
    const int32_t *crop = numbers;
    struct hn_box *box = st == HN_OK ? hn_cases_take(b, count, sizeof *box) : NULL;

    if (box == NULL)
        return st == HN_OK ? HN_ENOMEM : st;
    for (size_t k = 0; k < count; k++, crop += 4) {
        if (crop[0] < 0 || crop[1] < 0 || crop[2] < 1 || crop[3] < 1 ||
            crop[0] > (int32_t)source->h - crop[2] || crop[1] > (int32_t)source->w - crop[3])
            return hn_fail(HN_EDATA, "%s/crop[%zu] is not within the image", group, k);
        box[k] = (struct hn_box){(size_t)crop[0], (size_t)crop[1], (size_t)crop[2], (size_t)crop[3]};
    }
    *out = box;
    return HN_OK;
}

hn_status hn_cases_order(struct hn_jitter *j, const char *group, const int32_t order[HN_JITTER_OPS])
{
    for (size_t place = 0; place < HN_JITTER_OPS; place++) {
        if (order[place] < 0 || order[place] >= HN_JITTER_OPS)
            return hn_fail(HN_EDATA, "%s/order: %d is not one of the four operations", group, order[place]);
        j->order[place] = (unsigned char)order[place];
    }
    return HN_OK;
}

hn_status hn_cases_kernel(struct hn_cases *b, const char *group, const struct hn_images *images,
                          size_t *kernel)
{
    size_t side = images->h < images->w ? images->h : images->w;
    hn_status st = hn_cases_attr(b, group, "kernel", 1, (int64_t)side, kernel);

    return st != HN_OK || *kernel % 2 == 1
               ? st
               : hn_fail(HN_EDATA, "%s: a kernel of %zu has no middle", group, *kernel);
}

hn_status hn_cases_sigmas(struct hn_cases *b, const char *group, size_t count, void **out)
{
    hn_status st = hn_cases_numbers(b, group, "sigma", HN_F64, count, out);

    for (size_t k = 0; st == HN_OK && k < count; k++)
        if (!(((const double *)*out)[k] > 0.0))
            st = hn_fail(HN_EDATA, "%s/sigma[%zu] is not above 0", group, k);
    return st;
}

hn_status hn_cases_constants(struct hn_cases *b, const char *group, size_t c, real table[HN_CHANNELS][256])
{
    void *mean, *std;
    hn_status st;

    if ((st = hn_cases_numbers(b, group, "mean", HN_F64, c, &mean)) != HN_OK ||
        (st = hn_cases_numbers(b, group, "std", HN_F64, c, &std)) != HN_OK)
        return st;
    for (size_t k = 0; k < c; k++)
        hn_normalize_table(table[k], ((const double *)mean)[k], ((const double *)std)[k]);
    return HN_OK;
}

/* want: (c, pixels), as in PyTorch.  NaN when one of them is NaN. */
double hn_cases_normalised(const unsigned char *image, const double *want, size_t pixels, size_t c,
                           const real (*table)[256], real *room)
{
    double most = 0.0;

    hn_normalize(room, image, pixels, c, table);
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < c; k++) {
            double d = fabs((double)room[i * c + k] - want[k * pixels + i]);
            most = hn_cases_worse(most, d);
        }
    return most;
}

/* In place, one channel: the image becomes its luma. */
void hn_cases_grey(unsigned char *image, size_t pixels, size_t c)
{
    if (c == 3) /* value i is written after pixel i was read */
        hn_luma(image, image, pixels);
}
