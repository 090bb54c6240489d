/* ckpt/image.c - a checkpoint that is made once and filled in time and again.
 *
 *   hn_ckpt_image_new  (HDF5 lays the file out, once; marks stand where step and hashes go)
 *   hn_ckpt_image_take (the arrays' bytes, copied to their places)
 *   hn_ckpt_image_write (step and hashes to theirs; seal; file)
 *
 * So a save costs the caller a copy of the state, can fail at the disk alone,
 * and takes no memory that was not there from the start. */
#include "base/mem.h"
#include "ckpt/content.h"
#include "ckpt/folder.h"
#include "hardneg/ckpt.h"
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MARK      "hardneg:hash"                /* and 20 digits: as long as a hash is */
#define STEP_MARK ((int64_t)0x9e3779b97f4a7c15) /* no text */
#define REAL_MAX  (sizeof(real) == 4 ? (double)FLT_MAX : DBL_MAX)

struct slot {
    const struct hn_ckpt_array *array;
    uint64_t offset;     /* of its bytes in the file */
    size_t bytes;        /* that it has */
    unsigned char *hash; /* where its hash goes: 32 digits */
};

struct hn_ckpt_image {
    struct hn_store_image file;
    struct slot *slot;
    size_t slots;
    uint64_t step;
    unsigned char *step_at;
};

static enum hn_type type_of(const struct hn_ckpt_array *a)
{
    return a->integer ? HN_I64 : HN_TYPE_REAL;
}

/* ---- layout: HDF5's only part ---- */

static hn_status check_name(const char *name)
{
    return strlen(name) < HN_CKPT_NAME ? HN_OK : hn_fail(HN_EBUG, "%s: too long a name", name);
}

static hn_status reserve(hn_store_writer *w, struct slot *s, size_t index)
{
    const struct hn_ckpt_array *a = s->array;
    char mark[HN_HASH_TEXT];
    hn_status st = check_name(a->name);

    s->bytes = hn_type_size(type_of(a));
    for (int i = 0; i < a->rank; i++)
        s->bytes *= a->dim[i]; /* HDF5 checks it */
    snprintf(mark, sizeof mark, MARK "%020zu", index);
    if (st == HN_OK)
        st = hn_store_reserve(w, a->name, type_of(a), a->rank, a->dim, &s->offset);
    return st == HN_OK ? hn_store_put_attr_text(w, a->name, HN_CKPT_ATTRIBUTE, mark) : st;
}

static hn_status put_text(hn_store_writer *w, const struct hn_ckpt_text *t)
{
    char name[HN_CKPT_NAME], text[HN_HASH_TEXT];
    uint64_t length = strlen(t->text);
    struct hn_hash hash;
    hn_status st;

    if (snprintf(name, sizeof name, HN_CKPT_TEXTS "%s", t->name) >= (int)sizeof name)
        return hn_fail(HN_EBUG, "%s: too long a name", t->name);
    if ((st = hn_ckpt_array_hash(&hash, name, HN_U8, 1, &length, t->text)) == HN_OK)
        st = hn_store_put(w, name, HN_U8, 1, &length, t->text);
    if (st != HN_OK)
        return st;
    hn_hash_text(hash, text);
    return hn_store_put_attr_text(w, name, HN_CKPT_ATTRIBUTE, text);
}

static hn_status lay_out(hn_store_writer *w, struct slot *slot, size_t slots, const struct hn_ckpt_text *text,
                         size_t texts)
{
    hn_status st = hn_store_put_attr_text(w, "/", "format", HN_CKPT_FORMAT);

    if (st == HN_OK)
        st = hn_store_put_attr_i64(w, "/", "version", HN_CKPT_VERSION);
    if (st == HN_OK)
        st = hn_store_put_attr_i64(w, "/", "step", STEP_MARK);
    for (size_t i = 0; st == HN_OK && i < slots; i++)
        st = reserve(w, &slot[i], i);
    for (size_t i = 0; st == HN_OK && i < texts; i++)
        st = put_text(w, &text[i]);
    return st;
}

/* The arrays are zeros as yet, so each mark is there once, unless a text holds one: then there are too many.
 */
static hn_status find_marks(hn_ckpt_image *c)
{
    unsigned char *at = c->file.bytes, *end = at + c->file.length;
    int64_t step = STEP_MARK;
    size_t found = 0;

    c->step_at = memmem(at, (size_t)(end - at), &step, sizeof step);
    while ((at = memmem(at, (size_t)(end - at), MARK, strlen(MARK))) != NULL) {
        unsigned long long index = c->slots;
        if (sscanf((const char *)at, MARK "%20llu", &index) == 1 && index < c->slots) {
            c->slot[index].hash = at;
            found++;
        }
        at += strlen(MARK);
    }
    if (found != c->slots || c->step_at == NULL)
        return hn_fail(HN_EBUG, "a checkpoint's layout shows %zu places for %zu hashes", found, c->slots);
    return HN_OK;
}

hn_status hn_ckpt_image_new(hn_ckpt_image **out, const struct hn_ckpt_array *array, size_t arrays,
                            const struct hn_ckpt_text *text, size_t texts)
{
    hn_ckpt_image *c = hn_zalloc(sizeof *c);
    hn_store_writer *w = NULL;
    hn_status st = HN_ENOMEM;

    if (c == NULL || (c->slot = hn_calloc(arrays + 1, sizeof *c->slot)) == NULL)
        goto out;
    c->slots = arrays;
    for (size_t i = 0; i < arrays; i++)
        c->slot[i].array = &array[i];
    if ((st = hn_store_begin(&w)) != HN_OK)
        goto out;
    if ((st = lay_out(w, c->slot, arrays, text, texts)) != HN_OK) {
        hn_store_abandon(w);
        goto out;
    }
    if ((st = hn_store_finish(w, &c->file)) == HN_OK && (st = find_marks(c)) == HN_OK) {
        *out = c;
        c = NULL;
    }
out:
    hn_ckpt_image_free(c);
    return st;
}

void hn_ckpt_image_free(hn_ckpt_image *c)
{
    if (c == NULL)
        return;
    hn_store_free_image(&c->file);
    hn_free(c->slot);
    hn_free(c);
}

hn_status hn_ckpt_measure(uint64_t *bytes, const struct hn_ckpt_array *array, size_t arrays,
                          const struct hn_ckpt_text *text, size_t texts)
{
    struct slot *slot = hn_calloc(arrays + 1, sizeof *slot);
    hn_store_writer *w = NULL;
    hn_status st = slot ? hn_store_begin(&w) : HN_ENOMEM;

    for (size_t i = 0; st == HN_OK && i < arrays; i++)
        slot[i].array = &array[i];
    if (st == HN_OK && (st = lay_out(w, slot, arrays, text, texts)) == HN_OK)
        st = hn_store_measure(w, bytes);
    else
        hn_store_abandon(w);
    hn_free(slot);
    return st;
}

uint64_t hn_ckpt_image_bytes(const hn_ckpt_image *c)
{
    return hn_store_image_file_bytes(&c->file);
}

hn_status hn_ckpt_image_room(const hn_ckpt_image *c, const char *dir)
{
    return hn_store_image_room(&c->file, dir);
}

/* ---- the parts of a save ---- */

void hn_ckpt_image_take(hn_ckpt_image *c, uint64_t step)
{
    c->step = step;
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].bytes > 0)
            memcpy(c->file.bytes + c->slot[i].offset, c->slot[i].array->data, c->slot[i].bytes);
}

static bool is_finite(const unsigned char *bytes, size_t count)
{
    bool bad = false;

    for (size_t i = 0; i < count; i++) {
        real x;
        memcpy(&x, bytes + i * sizeof x, sizeof x);
        bad |= !(fabs((double)x) <= REAL_MAX);
    }
    return !bad;
}

static hn_status fill_in(hn_ckpt_image *c, const struct slot *s)
{
    const struct hn_ckpt_array *a = s->array;
    const unsigned char *bytes = c->file.bytes + s->offset;
    char text[HN_HASH_TEXT];
    struct hn_hash hash;
    hn_status st;

    if (!a->integer && !is_finite(bytes, s->bytes / sizeof(real)))
        return hn_fail(HN_EDIVERGED, "step %llu: %s is not finite; it is not saved",
                       (unsigned long long)c->step, a->name);
    if ((st = hn_ckpt_array_hash(&hash, a->name, type_of(a), a->rank, a->dim, bytes)) != HN_OK)
        return st;
    hn_hash_text(hash, text);
    memcpy(s->hash, text, HN_HASH_TEXT - 1);
    return HN_OK;
}

hn_status hn_ckpt_image_write(hn_ckpt_image *c, const char *dir, hn_status (*may)(void *ctx), void *ctx)
{
    char path[PATH_MAX];
    int64_t step = (int64_t)c->step;
    hn_status st = hn_ckpt_file_name(path, sizeof path, dir, c->step);

    memcpy(c->step_at, &step, sizeof step);
    for (size_t i = 0; st == HN_OK && i < c->slots; i++)
        st = fill_in(c, &c->slot[i]);
    if (st == HN_OK)
        st = hn_ckpt_make_folder(dir);
    if (st == HN_OK)
        st = hn_ckpt_image_room(c, dir);
    return st == HN_OK ? hn_store_write_image(&c->file, path, may, ctx) : st;
}
