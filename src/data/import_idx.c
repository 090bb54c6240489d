/* IDX, as MNIST and Fashion-MNIST are distributed: a folder with
 *
 *   train-images-idx3-ubyte  train-labels-idx1-ubyte  t10k-images-idx3-ubyte  t10k-labels-idx1-ubyte
 *
 * plain or compressed.  A file is a big-endian header (0, 0, type, dimensions;
 * then each dimension in 4 bytes) and the values; ours have type 8, u8.  The
 * t10k pair may be missing.  Classes are 0 .. the largest training label. */
#include "base/mem.h"
#include "data/archive.h"
#include "data/sink.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PARTS = 2, PIECE = 1 << 20, LARGEST = 1 << 26 /* pixels of an image */ };
static const char *const stem_of[PARTS] = {"train", "t10k"};

struct part {
    char images[1200], labels[1200]; /* paths; "" when the part is not there */
    uint64_t samples, h, w;
    struct hn_text label; /* a byte per sample: grows as they are read, whatever the header says */
};

/* ---- finding the files ---- */

static bool find(char path[1200], const char *folder, const char *stem, const char *what, int dimensions)
{
    static const char *const suffix[] = {"", ".gz", ".xz", ".bz2", ".zst"};
    struct stat at;

    for (size_t i = 0; i < 2 * sizeof suffix / sizeof *suffix; i++) {
        /* some copies have a dot: train-images.idx3-ubyte */
        snprintf(path, 1200, "%.1000s/%s-%s%cidx%d-ubyte%s", folder, stem, what, i % 2 ? '.' : '-',
                 dimensions, suffix[i / 2]);
        if (stat(path, &at) == 0)
            return true;
    }
    path[0] = '\0';
    return false;
}

static hn_status find_part(struct part *p, const char *folder, const char *stem, bool needed)
{
    bool images = find(p->images, folder, stem, "images", 3),
         labels = find(p->labels, folder, stem, "labels", 1);

    if (images == labels && (images || !needed))
        return HN_OK;
    return hn_fail(HN_ENOINPUT, "%s: no %s-%s-ubyte in this folder (nor with .gz, .xz, .bz2, .zst)", folder,
                   stem, images ? "labels-idx1" : "images-idx3");
}

static hn_status find_parts(struct part part[PARTS], const char *folder)
{
    struct stat at;
    hn_status st;

    hn_archive *probe = NULL; /* says what is wrong with a path that is not there */
    if ((st = hn_archive_open(&probe, folder)) != HN_OK)
        return st;
    hn_archive_close(probe);
    if (stat(folder, &at) != 0 || !S_ISDIR(at.st_mode))
        return hn_fail(HN_EUSAGE,
                       "%s: import idx wants the folder that holds train-images-idx3-ubyte and the like",
                       folder);
    st = find_part(&part[0], folder, stem_of[0], true);
    return st == HN_OK ? find_part(&part[1], folder, stem_of[1], false) : st;
}

/* ---- reading one file ---- */

struct idx {
    hn_archive *archive;
    const char *path;
    uint64_t dim[3];
};

static hn_status read_header(struct idx *f, int dimensions)
{
    unsigned char b[16];
    size_t want = 4 + 4 * (size_t)dimensions, got;
    hn_status st = hn_archive_read(f->archive, b, want, &got);

    if (st != HN_OK)
        return st;
    if (got < want)
        return hn_fail(HN_EDATA, "%s: %zu bytes are no IDX file", f->path, got);
    if (b[0] != 0 || b[1] != 0 || b[2] != 8 || b[3] != dimensions)
        return hn_fail(HN_EDATA,
                       "%s: begins with %02x%02x%02x%02x, wanted 000008%02x (IDX, 8 bits, %d dimensions)",
                       f->path, b[0], b[1], b[2], b[3], dimensions, dimensions);
    for (int i = 0; i < dimensions; i++) {
        const unsigned char *d = b + 4 + 4 * i;
        f->dim[i] = (uint64_t)d[0] << 24 | (uint64_t)d[1] << 16 | (uint64_t)d[2] << 8 | d[3];
        if (f->dim[i] == 0)
            return hn_fail(HN_EDATA, "%s: empty: dimension %d of its header is 0", f->path, i);
    }
    return HN_OK;
}

static hn_status idx_open(struct idx *f, const char *path, int dimensions)
{
    const char *member;
    hn_status st = hn_archive_open(&f->archive, path);

    f->path = path;
    if (st == HN_OK)
        st = hn_archive_next(f->archive, &member);
    if (st == HN_OK && member == NULL)
        st = hn_fail(HN_EDATA, "%s: holds no file", path);
    return st == HN_OK ? read_header(f, dimensions) : st;
}

/* Nothing may follow; also lets the archive check its sums. */
static hn_status idx_end(struct idx *f)
{
    unsigned char more;
    size_t got;
    const char *member;
    hn_status st = hn_archive_read(f->archive, &more, 1, &got);

    if (st == HN_OK && got > 0)
        return hn_fail(HN_EDATA, "%s: has more bytes than its header says", f->path);
    return st == HN_OK ? hn_archive_next(f->archive, &member) : st;
}

static hn_status read_items(struct idx *f, unsigned char *bytes, uint64_t first, uint64_t count,
                            uint64_t item)
{
    size_t got;
    hn_status st = hn_archive_read(f->archive, bytes, count * item, &got);

    if (st == HN_OK && got < count * item)
        return hn_fail(HN_EDATA, "%s: ends within entry %llu, its header says %llu", f->path,
                       (unsigned long long)(first + got / item), (unsigned long long)f->dim[0]);
    return st;
}

/* ---- the import ---- */

static hn_status read_labels(struct part *p, uint64_t samples)
{
    struct idx f = {0};
    unsigned char piece[4096];
    hn_status st = idx_open(&f, p->labels, 1);

    if (st == HN_OK && f.dim[0] != samples)
        st = hn_fail(HN_EDATA, "%s: %llu labels, but %s has %llu images", p->labels,
                     (unsigned long long)f.dim[0], p->images, (unsigned long long)samples);
    for (uint64_t at = 0, n; st == HN_OK && at < samples; at += n) {
        n = samples - at < sizeof piece ? samples - at : sizeof piece;
        st = read_items(&f, piece, at, n, 1);
        hn_text_add_bytes(&p->label, piece, st == HN_OK ? n : 0);
    }
    if (st == HN_OK)
        st = hn_text_status(&p->label);
    if (st == HN_OK)
        st = idx_end(&f);
    hn_archive_close(f.archive);
    return st;
}

static hn_status read_sizes(struct part *p)
{
    struct idx f = {0};
    hn_status st = idx_open(&f, p->images, 3);

    p->samples = f.dim[0];
    p->h = f.dim[1];
    p->w = f.dim[2];
    hn_archive_close(f.archive);
    if (st == HN_OK && p->h * p->w > LARGEST)
        return hn_fail(HN_EDATA, "%s: images of %llu x %llu: too large", p->images, (unsigned long long)p->h,
                       (unsigned long long)p->w);
    return st == HN_OK ? read_labels(p, p->samples) : st;
}

static int32_t label_of(const struct part *p, uint64_t i)
{
    return (unsigned char)p->label.at[i];
}

static hn_status check_parts(const struct part part[PARTS], uint64_t *classes)
{
    const struct part *train = &part[0], *test = &part[1];
    int32_t largest = 0;

    for (uint64_t i = 0; i < train->samples; i++)
        largest = label_of(train, i) > largest ? label_of(train, i) : largest;
    *classes = (uint64_t)largest + 1;
    if (test->samples && (test->h != train->h || test->w != train->w))
        return hn_fail(HN_EDATA, "%s: images of %llu x %llu, but %s has %llu x %llu", test->images,
                       (unsigned long long)test->h, (unsigned long long)test->w, train->images,
                       (unsigned long long)train->h, (unsigned long long)train->w);
    for (uint64_t i = 0; i < test->samples; i++)
        if (label_of(test, i) > largest)
            return hn_fail(
                HN_EDATA, "%s: entry %llu (byte %llu) has label %d, outside the training labels 0 .. %d",
                test->labels, (unsigned long long)i, (unsigned long long)(i + 8), label_of(test, i), largest);
    return HN_OK;
}

static hn_status copy_labels(hn_sink *sink, enum hn_split split, const struct part *p)
{
    int32_t label[1024];
    hn_status st = HN_OK;

    for (uint64_t at = 0, n; st == HN_OK && at < p->samples; at += n) {
        n = p->samples - at < 1024 ? p->samples - at : 1024;
        for (uint64_t i = 0; i < n; i++)
            label[i] = label_of(p, at + i);
        st = hn_sink_labels(sink, split, label, n);
    }
    return st;
}

static hn_status copy_images(hn_sink *sink, enum hn_split split, const struct part *p)
{
    uint64_t item = p->h * p->w, rows = item >= PIECE ? 1 : PIECE / item;
    struct idx f = {0};
    unsigned char *piece = hn_calloc(rows, item);
    hn_status st = piece ? idx_open(&f, p->images, 3) : HN_ENOMEM;

    if (st == HN_OK && (f.dim[0] != p->samples || f.dim[1] != p->h || f.dim[2] != p->w))
        st = hn_fail(HN_EDATA, "%s: changed while it was imported", p->images);
    for (uint64_t at = 0, n; st == HN_OK && at < p->samples; at += n) {
        n = p->samples - at < rows ? p->samples - at : rows;
        st = read_items(&f, piece, at, n, item);
        if (st == HN_OK)
            st = hn_sink_samples(sink, split, piece, n);
    }
    if (st == HN_OK)
        st = idx_end(&f);
    hn_archive_close(f.archive);
    hn_free(piece);
    return st == HN_OK ? copy_labels(sink, split, p) : st;
}

static hn_status write_set(const struct part part[PARTS], uint64_t classes, const char *source,
                           const char *out, const struct hn_import_options *o)
{
    char name[64], *text = hn_sink_name(name, o->name, source);
    struct hn_sink_spec spec = {.name = text,
                                .importer = HN_IMPORTER("idx"),
                                .kind = HN_IMAGES,
                                .h = part[0].h,
                                .w = part[0].w,
                                .c = 1,
                                .classes = classes,
                                .progress = o->progress,
                                .ctx = o->ctx,
                                .stop = o->stop};
    struct hn_text files = {0};
    hn_sink *sink = NULL;
    hn_status st;

    for (int i = 0; i < PARTS; i++)
        if (part[i].samples) {
            spec.samples[i] = part[i].samples;
            spec.labelled[i] = true;
            hn_text_add(&files, "%s%s %s", i ? " " : "", strrchr(part[i].images, '/') + 1,
                        strrchr(part[i].labels, '/') + 1);
        }
    spec.source = files.at;
    st = hn_text_status(&files);
    if (st == HN_OK)
        st = hn_sink_new(&sink, out, &spec);
    for (int i = 0; i < PARTS && st == HN_OK; i++)
        if (part[i].samples)
            st = copy_images(sink, i == 0 ? HN_TRAIN : HN_TEST, &part[i]);
    if (st == HN_OK) {
        st = hn_sink_publish(sink);
        sink = NULL;
    }
    hn_sink_free(sink);
    hn_text_free(&files);
    return st;
}

hn_status hn_import_idx(const char *source, const char *out, const struct hn_import_options *options)
{
    struct part *part = hn_calloc(PARTS, sizeof *part);
    uint64_t classes = 0;
    hn_status st = part ? find_parts(part, source) : HN_ENOMEM;

    for (int i = 0; i < PARTS && st == HN_OK; i++)
        if (part[i].images[0])
            st = read_sizes(&part[i]);
    if (st == HN_OK)
        st = check_parts(part, &classes);
    if (st == HN_OK)
        st = write_set(part, classes, source, out, options);
    for (int i = 0; part && i < PARTS; i++)
        hn_text_free(&part[i].label);
    hn_free(part);
    return st;
}
