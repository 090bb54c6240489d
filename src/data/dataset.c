/* Opening: hn_layout_read on one rank, the same bytes on all; then plain files.
 *
 * Labels are read in full once, by the rank that opens (hn_dataset_open), and
 * must lie in 0 .. classes-1.  Attached ranks rely on that: the blocks they
 * read carry the hashes that were verified then. */
#include "data/dataset.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pulse.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUIET_CACHE = 8 << 20 }; /* before a prefetch asks for more: enough to read in order */

static hn_status open_file(hn_dataset *d, const char *path)
{
    struct stat at;

    d->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (d->fd < 0)
        return hn_fail(HN_ENOINPUT, "%s: cannot be read: %s", path, strerror(errno));
    if (fstat(d->fd, &at) != 0)
        return hn_fail(HN_ENOINPUT, "%s: %s", path, strerror(errno));
    if ((uint64_t)at.st_size != d->layout->file_bytes)
        return hn_fail(HN_EDATA, "%s: has %llu bytes here, %llu where it was opened first (another file?)",
                       path, (unsigned long long)at.st_size, (unsigned long long)d->layout->file_bytes);
    return HN_OK;
}

static void fill_info(hn_dataset *d)
{
    const struct hn_layout *l = d->layout;
    struct hn_dataset_info *info = &d->info;

    info->kind = l->kind == HN_IMAGES ? HN_IMAGES : HN_VECTORS;
    info->h = l->h;
    info->w = l->w;
    info->c = l->c;
    info->sample_bytes = l->sample_bytes;
    info->classes = l->classes;
    info->file_bytes = l->file_bytes;
    memcpy(info->name, l->name, sizeof info->name);
    for (int s = 0; s < HN_SPLITS; s++) {
        info->samples[s] = l->samples[s];
        info->labelled[s] = l->labelled[s] != 0;
        info->block_samples[s] = l->extent[HN_EXTENT_SAMPLES(s)].block / l->sample_bytes;
    }
    hn_hash_store(hn_hash_bytes(l, l->bytes), info->file_hash);
    d->source = (const char *)l + l->bytes - l->source_bytes;
    d->importer = d->source - l->importer_bytes;
}

static hn_status start_blocks(hn_dataset *d)
{
    static const char *const what[HN_EXTENTS] = {"train samples", "train labels",      "test samples",
                                                 "test labels",   "unlabeled samples", "unlabeled labels",
                                                 "class names"};
    const struct hn_layout *l = d->layout;
    const unsigned char *hash = (const unsigned char *)(l + 1);
    struct hn_extent extent[HN_EXTENTS];
    hn_status st;

    for (int i = 0; i < HN_EXTENTS; i++) {
        const struct hn_layout_extent *e = &l->extent[i];
        uint64_t item = i == HN_EXTENT_NAMES ? 1 : i % 2 ? 4 : l->sample_bytes;
        extent[i] = (struct hn_extent){what[i], e->offset, e->length, e->block, item, e->count, hash};
        hash += 16 * e->count;
    }
    st = hn_blocks_new(&d->blocks, d->path, d->fd, extent, HN_EXTENTS);
    return st == HN_OK ? hn_blocks_cache(d->blocks, QUIET_CACHE, false) : st;
}

static hn_status read_names(hn_dataset *d)
{
    uint64_t length = d->layout->extent[HN_EXTENT_NAMES].length;
    size_t found = 0;
    hn_status st;

    if (length == 0)
        return HN_OK;
    d->names = hn_zalloc(length + 1);
    d->name = hn_calloc(d->info.classes, sizeof *d->name);
    if (d->names == NULL || d->name == NULL)
        return HN_ENOMEM;
    if ((st = hn_blocks_read(d->blocks, HN_EXTENT_NAMES, 0, length, d->names)) != HN_OK)
        return st;
    for (char *at = d->names, *end; (end = memchr(at, '\n', (size_t)(d->names + length - at))) != NULL;
         at = end + 1) {
        *end = '\0';
        if (found < d->info.classes)
            d->name[found] = at;
        found++;
    }
    if (found != d->info.classes || d->names[length - 1] != '\0')
        return hn_fail(HN_EDATA, "%s: %s: %zu names for %zu classes", d->path, HN_LAYOUT_CLASSNAMES, found,
                       d->info.classes);
    return HN_OK;
}

/* Takes the layout over, also on failure. */
static hn_status start(hn_dataset **out, const char *path, struct hn_layout *layout)
{
    hn_dataset *d = hn_zalloc(sizeof *d);
    hn_status st = HN_ENOMEM;

    if (d == NULL) {
        hn_free(layout);
        return HN_ENOMEM;
    }
    d->layout = layout;
    d->fd = -1;
    pthread_mutex_init(&d->lock, NULL);
    if ((d->path = hn_strdup(path)) == NULL || (st = open_file(d, path)) != HN_OK)
        goto out;
    fill_info(d);
    if ((st = start_blocks(d)) != HN_OK || (st = read_names(d)) != HN_OK)
        goto out;
    *out = d;
    d = NULL;
out:
    hn_dataset_close(d);
    return st;
}

static hn_status check_labels(hn_dataset *d, enum hn_split split)
{
    enum { PIECE = 8192 };
    int32_t label[PIECE];

    for (uint64_t at = 0; d->info.labelled[split] && at < d->info.samples[split]; at += PIECE) {
        uint64_t left = d->info.samples[split] - at, n = left < PIECE ? left : PIECE;
        hn_status st = hn_dataset_labels(d, split, at, n, label);
        if (st != HN_OK)
            return st;
        for (uint64_t i = 0; i < n; i++)
            if (label[i] < 0 || (uint64_t)label[i] >= d->info.classes)
                return hn_fail(HN_EDATA, "%s: /%s/labels: label %d of sample %llu is outside 0 .. %zu",
                               d->path, hn_split_name(split), label[i], (unsigned long long)(at + i),
                               d->info.classes - 1);
    }
    return HN_OK;
}

hn_status hn_dataset_open(hn_dataset **out, const char *path)
{
    struct hn_layout *layout = NULL;
    hn_dataset *d = NULL;
    hn_status st = hn_layout_read(&layout, path);

    if (st == HN_OK)
        st = hn_layout_check(layout, layout->bytes, path);
    if (st != HN_OK) {
        hn_free(layout);
        return st;
    }
    st = start(&d, path, layout);
    for (int s = 0; s < HN_SPLITS && st == HN_OK; s++)
        st = check_labels(d, s);
    if (st == HN_OK)
        *out = d;
    else
        hn_dataset_close(d);
    return st;
}

void hn_dataset_layout(const hn_dataset *d, const void **bytes, size_t *count)
{
    *bytes = d->layout;
    *count = d->layout->bytes;
}

hn_status hn_dataset_attach(hn_dataset **out, const char *path, const void *bytes, size_t count)
{
    struct hn_layout *copy = hn_zalloc(count);
    hn_status st;

    if (copy == NULL)
        return HN_ENOMEM;
    memcpy(copy, bytes, count);
    st = hn_layout_check(copy, count, path);
    if (st != HN_OK) {
        hn_free(copy);
        return st;
    }
    return start(out, path, copy);
}

void hn_dataset_close(hn_dataset *d)
{
    if (d == NULL)
        return;
    hn_free(d->name);
    hn_free(d->names);
    hn_blocks_free(d->blocks);
    if (d->fd >= 0)
        close(d->fd);
    pthread_mutex_destroy(&d->lock);
    hn_free(d->path);
    hn_free(d->layout);
    hn_free(d);
}

const struct hn_dataset_info *hn_dataset_info(const hn_dataset *d)
{
    return &d->info;
}

const char *hn_dataset_class(const hn_dataset *d, size_t label)
{
    return d->name && label < d->info.classes ? d->name[label] : "";
}

/* ---- reading ---- */

hn_status hn_dataset_cache(hn_dataset *d, uint64_t bytes, bool pieces)
{
    hn_status st;

    pthread_mutex_lock(&d->lock);
    st = hn_blocks_cache(d->blocks, bytes, pieces);
    pthread_mutex_unlock(&d->lock);
    return st;
}

hn_status hn_dataset_labels(hn_dataset *d, enum hn_split split, uint64_t first, uint64_t count,
                            int32_t *label)
{
    hn_status st;

    pthread_mutex_lock(&d->lock);
    st = hn_blocks_read(d->blocks, HN_EXTENT_LABELS(split), 4 * first, 4 * count, label);
    pthread_mutex_unlock(&d->lock);
    return st;
}

static hn_status read_both(hn_dataset *d, enum hn_split split, uint64_t id, void *bytes, int64_t *label)
{
    uint64_t size = d->info.sample_bytes;
    int32_t value = -1;
    hn_status st = HN_OK;

    if (bytes)
        st = hn_blocks_read(d->blocks, HN_EXTENT_SAMPLES(split), id * size, size, bytes);
    if (st == HN_OK && label && d->info.labelled[split])
        st = hn_blocks_read(d->blocks, HN_EXTENT_LABELS(split), 4 * id, 4, &value);
    if (st == HN_OK && label && d->info.labelled[split] && (value < 0 || (uint64_t)value >= d->info.classes))
        st = hn_fail(HN_EDATA,
                     "%s: /%s/labels: label %d of sample %llu was another one when the file was opened",
                     d->path, hn_split_name(split), value, (unsigned long long)id);
    if (st == HN_OK && label)
        *label = value;
    return st;
}

hn_status hn_dataset_read(hn_dataset *d, enum hn_split split, uint64_t id, void *bytes, int64_t *label)
{
    hn_status st;

    if (id >= d->info.samples[split])
        return hn_fail(HN_EBUG, "%s: sample %llu of %s: it has %llu", d->path, (unsigned long long)id,
                       hn_split_name(split), (unsigned long long)d->info.samples[split]);
    hn_disk_begin(d->path); /* also the wait for a thread that reads */
    pthread_mutex_lock(&d->lock);
    st = read_both(d, split, id, bytes, label);
    pthread_mutex_unlock(&d->lock);
    hn_disk_end();
    return st;
}

hn_status hn_dataset_verify(hn_dataset *d, hn_progress *progress, void *ctx)
{
    hn_status st;

    pthread_mutex_lock(&d->lock);
    st = hn_blocks_verify(d->blocks, progress, ctx);
    pthread_mutex_unlock(&d->lock);
    return st;
}
