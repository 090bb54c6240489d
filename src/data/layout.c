#include "data/layout.h"
#include "base/mem.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char magic[8] = "HNDATA1";

const char *hn_split_name(enum hn_split split)
{
    static const char *const name[HN_SPLITS] = {"train", "test", "unlabeled"};

    return name[split];
}

const char *hn_layout_array(enum hn_sample_kind kind)
{
    return kind == HN_IMAGES ? "images" : "vectors";
}

char *hn_layout_path(char path[32], enum hn_split split, const char *array)
{
    snprintf(path, 32, "/%s/%s", hn_split_name(split), array);
    return path;
}

uint64_t hn_layout_block_samples(uint64_t sample_bytes)
{
    return sample_bytes >= HN_LAYOUT_BLOCK ? 1 : HN_LAYOUT_BLOCK / sample_bytes;
}

/* ---- reading with HDF5 ---- */

struct reader {
    hn_store *store;
    const char *path;
    struct hn_layout head;
    struct hn_store_blocks blocks[HN_EXTENTS];
    char importer[256], source[4096];
};

static hn_status bad(const struct reader *r, const char *array, const char *what)
{
    return hn_fail(HN_EDATA, "%s: %s: %s", r->path, array, what);
}

/* Notes where an array lies; it must hold `items` of item_bytes in blocks of whole ones. */
static hn_status find_extent(struct reader *r, size_t extent, const char *array, uint64_t items,
                             uint64_t item_bytes)
{
    struct hn_store_blocks *b = &r->blocks[extent];
    hn_status st = hn_store_blocks(r->store, array, b);

    if (st != HN_OK)
        return st;
    if (items == 0 || b->length / item_bytes != items || b->length % item_bytes != 0)
        return hn_fail(HN_EDATA, "%s: %s has %llu bytes, its shape says %llu of %llu", r->path, array,
                       (unsigned long long)b->length, (unsigned long long)items,
                       (unsigned long long)item_bytes);
    if (b->block == 0 || b->block % item_bytes != 0 || b->count != (b->length - 1) / b->block + 1)
        return bad(r, array, "its blocks are not whole samples");
    r->head.extent[extent] = (struct hn_layout_extent){b->offset, b->length, b->block, b->count};
    return HN_OK;
}

static hn_status read_samples(struct reader *r, enum hn_split split, enum hn_sample_kind kind)
{
    struct hn_layout *l = &r->head;
    struct hn_array_info a;
    char array[32];
    uint64_t h = 1, w = 1, c, bytes;
    size_t product;
    hn_status st = hn_store_info(r->store, hn_layout_path(array, split, hn_layout_array(kind)), &a);

    if (st != HN_OK)
        return st;
    if (a.rank != (kind == HN_IMAGES ? 4 : 2) || a.type != (kind == HN_IMAGES ? HN_U8 : HN_F32))
        return bad(r, array,
                   kind == HN_IMAGES ? "must be 8-bit (samples, height, width, channels)"
                                     : "must be 32-bit floats (samples, numbers)");
    if (a.dim[0] == 0)
        return bad(r, array, "no samples");
    if (kind == HN_IMAGES) {
        h = a.dim[1];
        w = a.dim[2];
    }
    c = a.dim[a.rank - 1];
    if (!hn_mul(&product, h, w) || !hn_mul(&product, product, c) || product == 0 || product > UINT32_MAX)
        return bad(r, array, "samples without content, or too large");
    bytes = product * hn_type_size(a.type);
    if (l->sample_bytes != 0 && (l->kind != kind || l->h != h || l->w != w || l->c != c))
        return bad(r, array, "has samples of another shape than the split before it");
    l->kind = kind;
    l->h = h;
    l->w = w;
    l->c = c;
    l->sample_bytes = bytes;
    l->samples[split] = a.dim[0];
    return find_extent(r, HN_EXTENT_SAMPLES(split), array, a.dim[0], bytes);
}

static hn_status read_labels(struct reader *r, enum hn_split split)
{
    struct hn_array_info a;
    char array[32];
    hn_status st;

    if (!hn_store_has(r->store, hn_layout_path(array, split, "labels")))
        return HN_OK;
    if ((st = hn_store_info(r->store, array, &a)) != HN_OK)
        return st;
    if (a.rank != 1 || a.type != HN_I32)
        return bad(r, array, "must be one 32-bit integer per sample");
    if (a.dim[0] != r->head.samples[split])
        return hn_fail(HN_EDATA, "%s: %s: %llu labels for %llu samples", r->path, array,
                       (unsigned long long)a.dim[0], (unsigned long long)r->head.samples[split]);
    if (r->head.classes == 0)
        return bad(r, array, "labels, but the file says it has no classes");
    r->head.labelled[split] = 1;
    return find_extent(r, HN_EXTENT_LABELS(split), array, a.dim[0], 4);
}

static hn_status read_split(struct reader *r, enum hn_split split)
{
    char images[32], vectors[32];
    bool has_images = hn_store_has(r->store, hn_layout_path(images, split, "images"));
    bool has_vectors = hn_store_has(r->store, hn_layout_path(vectors, split, "vectors"));
    hn_status st;

    if (!has_images && !has_vectors)
        return HN_OK;
    if (has_images && has_vectors)
        return bad(r, images, "the split has vectors as well");
    st = read_samples(r, split, has_images ? HN_IMAGES : HN_VECTORS);
    return st == HN_OK ? read_labels(r, split) : st;
}

static hn_status read_attributes(struct reader *r)
{
    char format[64];
    int64_t version = 0, classes = 0;

    if (!hn_store_attr_text(r->store, "/", "format", format, sizeof format) ||
        strcmp(format, HN_LAYOUT_FORMAT) != 0)
        return hn_fail(HN_EDATA, "%s: not a data set of hardneg (its root has no format \"%s\")", r->path,
                       HN_LAYOUT_FORMAT);
    if (!hn_store_attr_i64(r->store, "/", "version", &version) || version != HN_LAYOUT_VERSION)
        return hn_fail(HN_EDATA, "%s: data set of version %lld, this program reads version %d", r->path,
                       (long long)version, HN_LAYOUT_VERSION);
    if (hn_store_attr_i64(r->store, "/", "classes", &classes) && (classes < 0 || classes > HN_LAYOUT_CLASSES))
        return hn_fail(HN_EDATA, "%s: says it has %lld classes", r->path, (long long)classes);
    r->head.classes = (uint64_t)classes;
    if (!hn_store_attr_text(r->store, "/", "name", r->head.name, sizeof r->head.name))
        memset(r->head.name, 0, sizeof r->head.name);
    if (!hn_store_attr_text(r->store, "/", "importer", r->importer, sizeof r->importer))
        r->importer[0] = '\0';
    if (!hn_store_attr_text(r->store, "/", "source", r->source, sizeof r->source))
        r->source[0] = '\0';
    return HN_OK;
}

static hn_status read_names(struct reader *r)
{
    struct hn_array_info a;
    hn_status st;

    if (!hn_store_has(r->store, HN_LAYOUT_CLASSNAMES))
        return HN_OK;
    if ((st = hn_store_info(r->store, HN_LAYOUT_CLASSNAMES, &a)) != HN_OK)
        return st;
    if (a.rank != 1 || a.type != HN_U8)
        return bad(r, HN_LAYOUT_CLASSNAMES, "must be text in bytes");
    return find_extent(r, HN_EXTENT_NAMES, HN_LAYOUT_CLASSNAMES, a.count, 1);
}

static hn_status read_all(struct reader *r)
{
    struct stat at;
    hn_status st = read_attributes(r);

    for (int s = 0; s < HN_SPLITS && st == HN_OK; s++)
        st = read_split(r, s);
    if (st == HN_OK)
        st = read_names(r);
    if (st == HN_OK && r->head.sample_bytes == 0)
        return hn_fail(HN_EDATA, "%s: an empty data set: no split has samples", r->path);
    if (st == HN_OK && stat(r->path, &at) != 0)
        return hn_fail(HN_ENOINPUT, "%s: %s", r->path, strerror(errno));
    if (st == HN_OK)
        r->head.file_bytes = (uint64_t)at.st_size;
    return st;
}

/* Head, hashes and texts in one piece. */
static hn_status assemble(struct hn_layout **out, struct reader *r)
{
    struct hn_layout *l = &r->head;
    size_t bytes = sizeof *l;
    char *at;

    memcpy(l->magic, magic, sizeof magic);
    for (int i = 0; i < HN_EXTENTS; i++)
        bytes += 16 * r->blocks[i].count;
    l->importer_bytes = strlen(r->importer) + 1;
    l->source_bytes = strlen(r->source) + 1;
    l->bytes = bytes + l->importer_bytes + l->source_bytes;
    if ((at = hn_zalloc(l->bytes)) == NULL)
        return HN_ENOMEM;
    *out = (struct hn_layout *)(void *)at;
    memcpy(at, l, sizeof *l);
    at += sizeof *l;
    for (int i = 0; i < HN_EXTENTS; i++)
        if (r->blocks[i].count) {
            memcpy(at, r->blocks[i].hash, 16 * r->blocks[i].count);
            at += 16 * r->blocks[i].count;
        }
    memcpy(at, r->importer, l->importer_bytes);
    memcpy(at + l->importer_bytes, r->source, l->source_bytes);
    return HN_OK;
}

hn_status hn_layout_read(struct hn_layout **out, const char *path)
{
    struct reader *r = hn_zalloc(sizeof *r);
    hn_status st = HN_ENOMEM;

    if (r == NULL)
        return HN_ENOMEM;
    r->path = path;
    st = hn_store_open_head(&r->store, path);
    if (st == HN_OK)
        st = read_all(r);
    if (st == HN_OK)
        st = assemble(out, r);
    hn_store_close(r->store);
    hn_free(r);
    return st;
}

/* ---- bytes from elsewhere ---- */

static bool extent_holds(const struct hn_layout *l, size_t i, uint64_t items, uint64_t item)
{
    const struct hn_layout_extent *e = &l->extent[i];

    if (items == 0)
        return e->length == 0 && e->count == 0;
    return e->block > 0 && e->block % item == 0 && e->length > 0 && e->length % item == 0 &&
           e->length / item == items && e->count == (e->length - 1) / e->block + 1 &&
           e->offset <= l->file_bytes && e->length <= l->file_bytes - e->offset;
}

static bool holds(const struct hn_layout *l, size_t count)
{
    uint64_t bytes = sizeof *l;

    if (memcmp(l->magic, magic, sizeof magic) != 0 || l->bytes != count || l->sample_bytes == 0 ||
        l->classes > HN_LAYOUT_CLASSES || l->name[sizeof l->name - 1] != '\0')
        return false;
    for (int s = 0; s < HN_SPLITS; s++)
        if (!extent_holds(l, HN_EXTENT_SAMPLES(s), l->samples[s], l->sample_bytes) ||
            !extent_holds(l, HN_EXTENT_LABELS(s), l->labelled[s] ? l->samples[s] : 0, 4))
            return false;
    if (!extent_holds(l, HN_EXTENT_NAMES, l->extent[HN_EXTENT_NAMES].length, 1))
        return false;
    for (int i = 0; i < HN_EXTENTS; i++) {
        if (l->extent[i].count > (count - bytes) / 16)
            return false;
        bytes += 16 * l->extent[i].count;
    }
    if (l->importer_bytes == 0 || l->source_bytes == 0 || l->importer_bytes > count - bytes ||
        l->source_bytes != count - bytes - l->importer_bytes)
        return false;
    const char *end = (const char *)l + count;
    return end[-1] == '\0' && end[-1 - (ptrdiff_t)l->source_bytes] == '\0';
}

hn_status hn_layout_check(const void *bytes, size_t count, const char *path)
{
    if (count < sizeof(struct hn_layout) || !holds(bytes, count))
        return hn_fail(HN_EBUG, "%s: the layout passed on does not hold together", path);
    return HN_OK;
}
