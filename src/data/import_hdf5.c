/* Anybody's HDF5: arrays of samples (data/foreign.h finds them) and labels.
 *
 *   integers, 3 or 4 dimensions   images; values must lie in 0..255
 *   floats, 3 or 4 dimensions     images; x becomes round(255 x), which must lie in 0..255
 *   2 dimensions                  vectors, kept as 32-bit floats; must be finite
 *
 * Where white is given, x becomes round(255 x / white) in images of either kind.
 *
 * Labels are whole numbers, one per sample; their different values, ascending,
 * become classes 0, 1, ... and the class names.  A data set of ours is copied as
 * it is, with its class names and provenance: while its seal is whole all its
 * blocks are verified first; one that lost its seal gets a new one. */
#include "base/mem.h"
#include "base/pulse.h"
#include "data/classes.h"
#include "data/dataset.h"
#include "data/foreign.h"
#include "data/sink.h"
#include "store/seal.h"
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE = 4 << 20 /* numbers of samples read at once */,
    CHUNKS = 1 << 16 /* in so many chunks at most: HDF5 takes half a KiB for each */,
    LABELS = 65536,
    LARGEST = 1 << 25 /* numbers of a sample */,
    NAMES = 1 << 26 /* bytes of all class names */
};

struct import {
    hn_store *store;
    const char *path;
    struct hn_foreign found;
    struct hn_sink_spec spec;
    uint64_t rows[HN_SPLITS];                        /* samples read at once, at most */
    bool planes, floats[HN_SPLITS], wide[HN_SPLITS]; /* N x C x H x W; the file's type is float; is not u8 */
    double white;                                    /* as the option; 0: not given */
    bool ours;                                       /* keep labels and texts */
    struct hn_classes classes;
    struct hn_text names;
    char name[64], importer[256], source[4096];
    void *raw; /* a piece as the file has it: u8, int64 or double */
    void *fit; /* and as the set will have it: u8 or float */
    int64_t label[LABELS];
    double label_f64[LABELS];
    int32_t label_i32[LABELS];
};

static bool has_seal(const char *path)
{
    unsigned char end[HN_SEAL_END];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t length = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    bool has = length >= HN_SEAL_END && pread(fd, end, sizeof end, length - HN_SEAL_END) == HN_SEAL_END &&
               hn_seal_is_end(end);

    if (fd >= 0)
        close(fd);
    return has;
}

/* A sealed data set must be whole before its bytes are taken. */
static hn_status check_seal(const char *path)
{
    hn_dataset *d = NULL;
    hn_status st = hn_dataset_open(&d, path);

    if (st == HN_OK)
        st = hn_dataset_verify(d, NULL, NULL);
    hn_dataset_close(d);
    return st;
}

/* ---- shapes ---- */

static hn_status bad(const struct import *m, const char *array, const char *what)
{
    return hn_fail(HN_EDATA, "%s: %s: %s", m->path, array, what);
}

/* Where are the channels?  Few of them, at one end. */
static hn_status find_channels(struct import *m, const char *array, const struct hn_array_info *a,
                               const char *layout)
{
    bool last = a->dim[3] <= 4, first = a->dim[1] <= 4;

    if (a->rank == 3) {
        m->planes = false;
        return HN_OK;
    }
    if (layout && strcmp(layout, "nhwc") != 0 && strcmp(layout, "nchw") != 0)
        return hn_fail(HN_EUSAGE, "layout %s: must be nhwc or nchw", layout);
    if (layout == NULL && first == last)
        return hn_fail(
            HN_EDATA,
            "%s: %s: %llu x %llu x %llu x %llu: cannot tell where the channels are; say nhwc or nchw",
            m->path, array, (unsigned long long)a->dim[0], (unsigned long long)a->dim[1],
            (unsigned long long)a->dim[2], (unsigned long long)a->dim[3]);
    m->planes = layout ? strcmp(layout, "nchw") == 0 : first;
    return HN_OK;
}

static hn_status look_at_samples(struct import *m, enum hn_split split, const char *layout)
{
    struct hn_sink_spec *s = &m->spec;
    const char *array = m->found.samples[split];
    bool first = s->c == 0;
    struct hn_array_info a;
    uint64_t h = 1, w = 1, c;
    size_t size;
    hn_status st = hn_store_info(m->store, array, &a);

    if (st != HN_OK)
        return st;
    if (a.rank < 2 || a.rank > 4)
        return hn_fail(HN_EDATA, "%s: %s has %d dimensions; wanted 2 (vectors), 3 or 4 (images)", m->path,
                       array, a.rank);
    if (a.count == 0)
        return bad(m, array, "empty");
    if (a.rank > 2) {
        if ((st = find_channels(m, array, &a, layout)) != HN_OK)
            return st;
        h = a.dim[m->planes ? 2 : 1];
        w = a.dim[m->planes ? 3 : 2];
    }
    c = a.rank == 3 ? 1 : a.dim[a.rank == 4 && !m->planes ? 3 : 1];
    enum hn_sample_kind kind = a.rank == 2 ? HN_VECTORS : HN_IMAGES;
    if (!first && (kind != s->kind || h != s->h || w != s->w || c != s->c))
        return bad(m, array, "has samples of another shape than the split before it");
    if (!hn_mul(&size, h, w) || !hn_mul(&size, size, c) || size > LARGEST)
        return bad(m, array, "its samples are too large");
    s->kind = kind;
    s->h = h;
    s->w = w;
    s->c = c;
    if (a.row_chunks > CHUNKS)
        return bad(m, array, "a sample lies in too many chunks (h5repack -l CONTI makes a file without)");
    m->rows[split] = CHUNKS / a.row_chunks;
    s->samples[split] = a.dim[0];
    m->floats[split] = a.type == HN_F32 || a.type == HN_F64;
    m->wide[split] = a.type != HN_U8;
    return HN_OK;
}

/* ---- labels ---- */

static hn_status look_at_labels(struct import *m, enum hn_split split, bool *floats)
{
    const char *array = m->found.labels[split];
    struct hn_array_info a;
    hn_status st = hn_store_info(m->store, array, &a);

    if (st != HN_OK)
        return st;
    if (a.rank < 1 || a.count != a.dim[0])
        return bad(m, array, "wanted one label per sample (for one-hot rows take their largest place)");
    if (a.count != m->spec.samples[split])
        return hn_fail(HN_EDATA, "%s: %s has %llu labels, %s has %llu samples", m->path, array,
                       (unsigned long long)a.count, m->found.samples[split],
                       (unsigned long long)m->spec.samples[split]);
    *floats = a.type == HN_F32 || a.type == HN_F64;
    return HN_OK;
}

/* Up to LABELS labels into m->label. */
static hn_status read_labels(struct import *m, enum hn_split split, bool floats, uint64_t first,
                             uint64_t count)
{
    const char *array = m->found.labels[split];
    hn_status st;

    if (!floats)
        return hn_store_read_rows(m->store, array, HN_I64, first, count, m->label);
    st = hn_store_read_rows(m->store, array, HN_F64, first, count, m->label_f64);
    for (uint64_t i = 0; st == HN_OK && i < count; i++) {
        double x = m->label_f64[i];
        if (!(fabs(x) < 0x1p53) || x != floor(x))
            return hn_fail(HN_EDATA, "%s: %s: label %g of sample %llu is not a whole number", m->path, array,
                           x, (unsigned long long)(first + i));
        m->label[i] = (int64_t)x;
    }
    return st;
}

static hn_status note_labels(struct import *m, enum hn_split split)
{
    uint64_t n = m->spec.samples[split];
    bool floats = false;
    hn_status st;

    if (m->found.labels[split][0] == '\0')
        return HN_OK;
    st = look_at_labels(m, split, &floats);
    m->spec.labelled[split] = true;
    for (uint64_t at = 0, part; st == HN_OK && !m->ours && at < n; at += part) {
        part = n - at < LABELS ? n - at : LABELS;
        hn_pulse();
        st = read_labels(m, split, floats, at, part);
        if (st == HN_OK && hn_classes_note(&m->classes, m->label, part) != HN_OK)
            st = hn_fail(HN_EDATA, "%s: %s: %s", m->path, m->found.labels[split], hn_error_text());
    }
    return st;
}

static hn_status to_class(struct import *m, enum hn_split split, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        int64_t x = m->label[i];
        uint64_t k = m->ours ? (uint64_t)x : hn_classes_of(&m->classes, x);
        if (k >= m->spec.classes)
            return hn_fail(HN_EDATA, "%s: %s: label %lld of sample %llu is outside 0 .. %lld", m->path,
                           m->found.labels[split], (long long)x, (unsigned long long)(first + i),
                           (long long)m->spec.classes - 1);
        m->label_i32[i] = (int32_t)k;
    }
    return HN_OK;
}

static hn_status copy_labels(struct import *m, hn_sink *sink, enum hn_split split)
{
    uint64_t n = m->spec.samples[split];
    bool floats = false;
    hn_status st = HN_OK;

    if (!m->spec.labelled[split])
        return HN_OK;
    st = look_at_labels(m, split, &floats);
    for (uint64_t at = 0, part; st == HN_OK && at < n; at += part) {
        part = n - at < LABELS ? n - at : LABELS;
        st = read_labels(m, split, floats, at, part);
        if (st == HN_OK)
            st = to_class(m, split, at, part);
        if (st == HN_OK)
            st = hn_sink_labels(sink, split, m->label_i32, part);
    }
    return st;
}

/* ---- samples ---- */

static size_t sample_size(const struct import *m)
{
    return m->spec.h * m->spec.w * m->spec.c;
}

static hn_status out_of_range(const struct import *m, enum hn_split split, uint64_t value_at, double value)
{
    uint64_t sample = value_at / sample_size(m), at = value_at % sample_size(m);
    char why[128];

    if (m->spec.kind == HN_VECTORS)
        snprintf(why, sizeof why, "is not finite as a 32-bit float");
    else if (m->white > 0.0)
        snprintf(why, sizeof why, "is outside 0..%.9g, where pixels must lie with --white %.9g", m->white,
                 m->white);
    else if (m->floats[split])
        snprintf(why, sizeof why,
                 "is outside 0..1, where pixels must lie that are floats (--white 255: 0..255)");
    else
        snprintf(why, sizeof why,
                 "is outside 0..255, where pixels must lie (--white 65535: 0..65535, scaled)");
    return hn_fail(HN_EDATA, "%s: %s: %.9g in sample %llu (value %llu of it) %s", m->path,
                   m->found.samples[split], value, (unsigned long long)sample, (unsigned long long)at, why);
}

/* One piece of `count` values, of which the first is value `first` of the array. */
static hn_status fit_vectors(struct import *m, enum hn_split split, uint64_t first, size_t count)
{
    const double *raw = m->raw;
    float *fit = m->fit;

    for (size_t i = 0; i < count; i++) {
        fit[i] = (float)raw[i];
        if (!isfinite(fit[i]))
            return out_of_range(m, split, first + i, raw[i]);
    }
    return HN_OK;
}

/* Is it read as double, and scaled? */
static bool is_scaled(const struct import *m, enum hn_split split)
{
    return m->floats[split] || m->white > 0.0;
}

static hn_status fit_scaled_pixels(struct import *m, enum hn_split split, uint64_t first, size_t count)
{
    const double *raw = m->raw;
    double white = m->white > 0.0 ? m->white : 1.0;
    unsigned char *fit = m->fit;

    for (size_t i = 0; i < count; i++) {
        double x = round(255.0 * raw[i] / white);
        if (!(x >= 0.0 && x <= 255.0)) /* nor a NaN */
            return out_of_range(m, split, first + i, raw[i]);
        fit[i] = (unsigned char)x;
    }
    return HN_OK;
}

static hn_status fit_pixels(struct import *m, enum hn_split split, uint64_t first, size_t count)
{
    const int64_t *raw = m->raw;
    unsigned char *fit = m->fit;

    for (size_t i = 0; i < count; i++) {
        if (raw[i] < 0 || raw[i] > 255)
            return out_of_range(m, split, first + i, (double)raw[i]);
        fit[i] = (unsigned char)raw[i];
    }
    return HN_OK;
}

static void planes_to_pixels(unsigned char *pixels, const unsigned char *planes, size_t plane,
                             size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < plane; i++)
            pixels[i * channels + c] = planes[c * plane + i];
}

/* Samples first .. first+n-1 as they will lie in the set; returns where. */
static hn_status read_piece(struct import *m, enum hn_split split, uint64_t first, uint64_t n, void **piece)
{
    const char *array = m->found.samples[split];
    size_t size = sample_size(m), count = n * size;
    bool vectors = m->spec.kind == HN_VECTORS, scaled = !vectors && is_scaled(m, split);
    bool plain = !vectors && !scaled && !m->wide[split];
    enum hn_type type = plain ? HN_U8 : vectors || scaled ? HN_F64 : HN_I64;
    hn_status st = hn_store_read_rows(m->store, array, type, first, n, plain ? m->fit : m->raw);

    if (st == HN_OK && vectors)
        st = fit_vectors(m, split, first * size, count);
    else if (st == HN_OK && scaled)
        st = fit_scaled_pixels(m, split, first * size, count);
    else if (st == HN_OK && !plain)
        st = fit_pixels(m, split, first * size, count);
    *piece = m->fit;
    if (st != HN_OK || !m->planes)
        return st;
    for (uint64_t i = 0; i < n; i++)
        planes_to_pixels((unsigned char *)m->raw + i * size, (unsigned char *)m->fit + i * size,
                         m->spec.h * m->spec.w, m->spec.c);
    *piece = m->raw;
    return HN_OK;
}

/* Samples read at once, of a split with `most`. */
static uint64_t piece_samples(const struct import *m, uint64_t most)
{
    uint64_t size = sample_size(m), n = size >= PIECE ? 1 : PIECE / size;

    return n < most ? n : most;
}

static uint64_t most_samples(const struct import *m)
{
    uint64_t most = 0;

    for (int s = 0; s < HN_SPLITS; s++)
        most = m->spec.samples[s] > most ? m->spec.samples[s] : most;
    return most;
}

static hn_status copy_samples(struct import *m, hn_sink *sink, enum hn_split split)
{
    uint64_t n = m->spec.samples[split], rows = piece_samples(m, n);
    hn_status st = HN_OK;

    rows = rows < m->rows[split] ? rows : m->rows[split];
    for (uint64_t at = 0, part; st == HN_OK && at < n; at += part) {
        void *piece;
        part = n - at < rows ? n - at : rows;
        st = read_piece(m, split, at, part, &piece);
        if (st == HN_OK)
            st = hn_sink_samples(sink, split, piece, part);
    }
    return st;
}

/* ---- the import ---- */

/* One per class, each with its end, as the copy must have them. */
static hn_status check_old_names(const struct import *m)
{
    const struct hn_text *t = &m->names;
    uint64_t lines = 0;

    for (size_t i = 0; i < t->length; i++)
        lines += t->at[i] == '\n';
    if (lines == m->spec.classes && (t->length == 0 || t->at[t->length - 1] == '\n') &&
        (t->length == 0 || memchr(t->at, '\0', t->length) == NULL))
        return HN_OK;
    return hn_fail(HN_EDATA, "%s: %s: %llu names for %llu classes", m->path, HN_LAYOUT_CLASSNAMES,
                   (unsigned long long)lines, (unsigned long long)m->spec.classes);
}

static hn_status read_old_names(struct import *m)
{
    struct hn_array_info a;
    hn_status st;

    if (!hn_store_has(m->store, HN_LAYOUT_CLASSNAMES))
        return HN_OK;
    if ((st = hn_store_info(m->store, HN_LAYOUT_CLASSNAMES, &a)) != HN_OK)
        return st;
    if (a.type != HN_U8 || a.count > NAMES)
        return bad(m, HN_LAYOUT_CLASSNAMES, "are no names");
    char *bytes = hn_zalloc(a.count);
    st = bytes ? hn_store_read(m->store, HN_LAYOUT_CLASSNAMES, HN_U8, bytes, a.count) : HN_ENOMEM;
    if (st == HN_OK)
        hn_text_add_bytes(&m->names, bytes, a.count);
    hn_free(bytes);
    if (st == HN_OK && (st = hn_text_status(&m->names)) == HN_OK)
        st = check_old_names(m);
    return st;
}

/* A data set of ours keeps its texts, so a copy of an undamaged one is the same file. */
static hn_status look_at_texts(struct import *m, const struct hn_import_options *o)
{
    char format[64];
    int64_t classes = 0;

    m->ours = hn_store_attr_text(m->store, "/", "format", format, sizeof format) &&
              strcmp(format, HN_LAYOUT_FORMAT) == 0;
    hn_sink_name(m->name, o->name, m->path);
    snprintf(m->importer, sizeof m->importer, "%s", HN_IMPORTER("hdf5"));
    m->spec.name = m->name;
    m->spec.importer = m->importer;
    m->spec.source = m->source;
    if (!m->ours)
        return HN_OK;
    if (o->name == NULL)
        (void)hn_store_attr_text(m->store, "/", "name", m->name, sizeof m->name);
    (void)hn_store_attr_text(m->store, "/", "importer", m->importer, sizeof m->importer);
    (void)hn_store_attr_text(m->store, "/", "source", m->source, sizeof m->source);
    if (!hn_store_attr_i64(m->store, "/", "classes", &classes) || classes < 0 || classes > HN_LAYOUT_CLASSES)
        return bad(m, "/", "a data set of ours that does not say how many classes it has");
    m->spec.classes = (uint64_t)classes;
    return read_old_names(m);
}

static void describe_source(struct import *m)
{
    const char *slash = strrchr(m->path, '/');
    int n = snprintf(m->source, sizeof m->source, "%.250s:", slash ? slash + 1 : m->path);

    for (int s = 0; s < HN_SPLITS; s++) {
        if (m->found.samples[s][0])
            n += snprintf(m->source + n, sizeof m->source - (size_t)n, " %s", m->found.samples[s]);
        if (m->found.labels[s][0])
            n += snprintf(m->source + n, sizeof m->source - (size_t)n, " %s", m->found.labels[s]);
    }
    if (m->white > 0.0)
        snprintf(m->source + n, sizeof m->source - (size_t)n, " white %.17g", m->white);
}

static hn_status look_at_white(struct import *m, double white)
{
    if (white == 0.0)
        return HN_OK;
    if (!(white > 0.0) || isinf(white))
        return hn_fail(HN_EUSAGE, "--white %g: must be above 0", white);
    if (m->ours || m->spec.kind == HN_VECTORS)
        return hn_fail(HN_EUSAGE, "--white: %s holds %s, whose values are kept", m->path,
                       m->ours ? "a data set of ours" : "vectors");
    m->white = white;
    return HN_OK;
}

static hn_status plan(struct import *m, const struct hn_import_options *o)
{
    hn_status st = look_at_texts(m, o);

    if (st == HN_OK)
        st = hn_foreign_find(&m->found, m->store, m->path, o);
    for (int s = 0; s < HN_SPLITS && st == HN_OK; s++)
        if (m->found.samples[s][0]) {
            st = look_at_samples(m, s, m->ours ? "nhwc" : o->layout);
            if (st == HN_OK)
                st = note_labels(m, s);
        }
    if (st == HN_OK)
        st = look_at_white(m, o->white);
    if (st != HN_OK)
        return st;
    if (!m->ours) {
        describe_source(m);
        hn_classes_names(&m->classes, &m->names);
        m->spec.classes = m->classes.count;
    }
    m->spec.names = m->names.at;
    m->spec.progress = o->progress;
    m->spec.ctx = o->ctx;
    m->spec.stop = o->stop;
    return hn_text_status(&m->names);
}

static hn_status copy(struct import *m, const char *out)
{
    size_t count = piece_samples(m, most_samples(m)) * sample_size(m);
    hn_sink *sink = NULL;
    hn_status st = HN_ENOMEM;

    m->raw = hn_calloc(count, 8);
    m->fit = hn_calloc(count, 4);
    if (m->raw == NULL || m->fit == NULL)
        return HN_ENOMEM;
    st = hn_sink_new(&sink, out, &m->spec);
    for (int s = 0; s < HN_SPLITS && st == HN_OK; s++) {
        st = copy_samples(m, sink, s);
        if (st == HN_OK)
            st = copy_labels(m, sink, s);
    }
    if (st == HN_OK) {
        st = hn_sink_publish(sink);
        sink = NULL;
    }
    hn_sink_free(sink);
    return st;
}

hn_status hn_import_hdf5(const char *source, const char *out, const struct hn_import_options *options)
{
    struct import *m;
    hn_status st = has_seal(source) ? check_seal(source) : HN_OK;

    if (st != HN_OK)
        return st;
    if ((m = hn_zalloc(sizeof *m)) == NULL)
        return HN_ENOMEM;
    m->path = source;
    st = hn_store_open_foreign(&m->store, source);
    if (st == HN_OK)
        st = plan(m, options);
    if (st == HN_OK)
        st = copy(m, out);
    hn_store_close(m->store);
    hn_classes_free(&m->classes);
    hn_text_free(&m->names);
    hn_free(m->raw);
    hn_free(m->fit);
    hn_free(m);
    return st;
}
