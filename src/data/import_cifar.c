/* CIFAR-10 and CIFAR-100 in the binary layout: records without a header, one after the other,
 *
 *   CIFAR-10   label, 3072 pixels               CIFAR-100   coarse label, fine label, 3072 pixels
 *
 * pixels being 32 x 32 of red, of green, of blue.  The source is the folder of
 * the .bin files, plain or compressed, or the distributed .tar.gz, or one file
 * of records.  Files may hold any whole number of records.
 *
 * It is read twice.  The first time everything is checked and the labels are
 * kept; the second time the pixels are written, file by file in name order
 * (an archive has them in any order, and is started again to go back). */
#include "base/mem.h"
#include "data/archive.h"
#include "data/sink.h"
#include <stdio.h>
#include <string.h>

enum { PLANE = 32 * 32, PIXELS = 3 * PLANE, RECORDS = 256 /* read at once */, MEMBERS = 64 };

struct format {
    const char *importer;
    size_t record, pixels_at, label_at;
    int classes;
    const char *names;              /* the member with the class names */
    const char *train[2], *test[2]; /* how stems begin */
};
static const struct format cifar10 = {HN_IMPORTER("cifar10"), 1 + PIXELS,    1, 0, 10, "batches.meta.txt",
                                      {"data_batch"},         {"test_batch"}};
static const struct format cifar100_coarse = {HN_IMPORTER("cifar100 (coarse labels)"),
                                              2 + PIXELS,
                                              2,
                                              0,
                                              20,
                                              "coarse_label_names.txt",
                                              {"train.bin", "cifar100_train"},
                                              {"test.bin", "cifar100_test"}};
static const struct format cifar100_fine = {HN_IMPORTER("cifar100 (fine labels)"),
                                            2 + PIXELS,
                                            2,
                                            1,
                                            100,
                                            "fine_label_names.txt",
                                            {"train.bin", "cifar100_train"},
                                            {"test.bin", "cifar100_test"}};

struct member {
    char *name; /* as the archive calls it */
    char stem[64];
    enum hn_split split;
    uint64_t records;
    struct hn_text labels; /* a byte per record */
};

struct import {
    const struct format *format;
    const char *source;
    const volatile sig_atomic_t *stop; /* as in hn_import_options */
    hn_archive *archive;
    struct member member[MEMBERS];
    size_t members;
    struct hn_text names;
    unsigned char *piece, *pixels; /* RECORDS records; their pixels as HWC */
};

/* ---- what is what ---- */

static bool begins(const char *text, const char *const start[2])
{
    for (int i = 0; i < 2; i++)
        if (start[i] && strncmp(text, start[i], strlen(start[i])) == 0)
            return true;
    return false;
}

static bool is_names(const struct format *f, const char *stem)
{
    const char *plain = strncmp(stem, "cifar100_", 9) == 0 ? stem + 9 : stem;

    return strcmp(plain, f->names) == 0;
}

/* A single file is what it is called, else training data. */
static bool is_records(const struct import *m, const char *stem, enum hn_split *split)
{
    const struct format *f = m->format;

    *split = begins(stem, f->test) ? HN_TEST : HN_TRAIN;
    return *split == HN_TEST || begins(stem, f->train) || hn_archive_single(m->archive);
}

static struct member *seen(struct import *m, const char *stem)
{
    for (size_t i = 0; i < m->members; i++)
        if (strcmp(m->member[i].stem, stem) == 0)
            return &m->member[i];
    return NULL;
}

/* ---- the first reading ---- */

static hn_status take_names(struct import *m)
{
    char bytes[8192], *line = bytes, *end;
    const char *where = hn_archive_where(m->archive);
    int found = 0;
    size_t got;
    hn_status st = hn_archive_read(m->archive, bytes, sizeof bytes - 2, &got);

    if (st != HN_OK || m->names.at)
        return st;
    bytes[got] = '\n';
    bytes[got + 1] = '\0';
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        size_t length = (size_t)(end - line) - (end > line && end[-1] == '\r');
        if (length == 0)
            continue; /* the distributed file ends with an empty line */
        hn_text_add(&m->names, "%.*s\n", (int)length, line);
        found++;
    }
    if (found != m->format->classes)
        return hn_fail(HN_EDATA, "%s: %d class names, wanted %d", where, found, m->format->classes);
    return hn_text_status(&m->names);
}

static hn_status check_records(const struct import *m, struct member *k, size_t got)
{
    const struct format *f = m->format;

    for (size_t i = 0; i < got / f->record; i++) {
        uint64_t record = k->records + i;
        unsigned char label = m->piece[i * f->record + f->label_at];
        if (label >= f->classes)
            return hn_fail(HN_EDATA, "%s: record %llu (byte %llu) has label %d, outside 0 .. %d",
                           hn_archive_where(m->archive), (unsigned long long)record,
                           (unsigned long long)(record * f->record + f->label_at), label, f->classes - 1);
        hn_text_add_bytes(&k->labels, &label, 1);
    }
    k->records += got / f->record;
    if (got % f->record != 0)
        return hn_fail(HN_EDATA, "%s: %zu bytes after record %llu are no whole record of %zu bytes",
                       hn_archive_where(m->archive), got % f->record, (unsigned long long)k->records,
                       f->record);
    return hn_text_status(&k->labels);
}

static hn_status scan_records(struct import *m, struct member *k)
{
    size_t want = RECORDS * m->format->record, got = want;
    hn_status st = HN_OK;

    while (st == HN_OK && got == want) {
        if (m->stop && *m->stop)
            return hn_fail(HN_STOPPED, "%s: stopped on request while it was checked; nothing is kept",
                           m->source);
        st = hn_archive_read(m->archive, m->piece, want, &got);
        if (st == HN_OK)
            st = check_records(m, k, got);
    }
    if (st == HN_OK && k->records == 0)
        st = hn_fail(HN_EDATA, "%s: empty: no records", hn_archive_where(m->archive));
    return st;
}

static hn_status add_member(struct import *m, const char *name, const char *stem, enum hn_split split)
{
    struct member *k = &m->member[m->members];

    if (seen(m, stem)) /* in a folder "x.bin" comes before "x.bin.xz", its packed copy */
        return HN_OK;
    if (m->members == MEMBERS)
        return hn_fail(HN_EDATA, "%s: more than %d files of records", m->source, MEMBERS);
    if ((k->name = hn_strdup(name)) == NULL)
        return HN_ENOMEM;
    m->members++;
    snprintf(k->stem, sizeof k->stem, "%s", stem);
    k->split = split;
    return scan_records(m, k);
}

static hn_status scan(struct import *m)
{
    const char *name;
    char stem[64];
    enum hn_split split;
    hn_status st = hn_archive_open(&m->archive, m->source);

    while (st == HN_OK && (st = hn_archive_next(m->archive, &name)) == HN_OK && name != NULL) {
        hn_archive_stem(name, stem, sizeof stem);
        if (is_names(m->format, stem))
            st = take_names(m);
        else if (is_records(m, stem, &split))
            st = add_member(m, name, stem, split);
    }
    if (st == HN_OK && m->members == 0)
        st = hn_fail(HN_EDATA, "%s: holds no %s*.bin and no %s*.bin", m->source, m->format->train[0],
                     m->format->test[0]);
    return st;
}

/* A single file has its names beside it, or none. */
static hn_status names_beside(struct import *m)
{
    char folder[1200];
    const char *slash = strrchr(m->source, '/'), *name;
    hn_archive *file = m->archive;
    hn_status st;

    if (m->names.at || !hn_archive_single(file))
        return HN_OK;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - m->source + 1) : 2,
             slash ? m->source : "./");
    m->archive = NULL;
    st = hn_archive_open(&m->archive, folder);
    while (st == HN_OK && (st = hn_archive_next(m->archive, &name)) == HN_OK && name != NULL)
        if (is_names(m->format, name))
            st = take_names(m);
    hn_archive_close(m->archive);
    m->archive = file;
    return st;
}

static void sort_members(struct import *m)
{
    for (size_t i = 1; i < m->members; i++)
        for (size_t k = i; k > 0 && strcmp(m->member[k - 1].stem, m->member[k].stem) > 0; k--) {
            struct member swap = m->member[k];
            m->member[k] = m->member[k - 1];
            m->member[k - 1] = swap;
        }
}

/* ---- the second reading ---- */

static hn_status go_to(struct import *m, const char *wanted)
{
    const char *name = NULL;
    hn_status st = HN_OK;

    for (int lap = 0; lap < 2; lap++) { /* from here to the end, then once from the start */
        while (m->archive && (st = hn_archive_next(m->archive, &name)) == HN_OK && name)
            if (strcmp(name, wanted) == 0)
                return HN_OK;
        hn_archive_close(m->archive);
        m->archive = NULL;
        if (st == HN_OK)
            st = hn_archive_open(&m->archive, m->source);
        if (st != HN_OK)
            return st;
    }
    return hn_fail(HN_EDATA, "%s: %s was there and is gone", m->source, wanted);
}

static void planes_to_pixels(unsigned char *pixels, const unsigned char *planes)
{
    for (size_t i = 0; i < PLANE; i++)
        for (size_t c = 0; c < 3; c++)
            pixels[3 * i + c] = planes[c * PLANE + i];
}

static hn_status copy_member(struct import *m, hn_sink *sink, const struct member *k)
{
    size_t record = m->format->record, got;
    hn_status st = go_to(m, k->name);

    for (uint64_t at = 0, n; st == HN_OK && at < k->records; at += n) {
        n = k->records - at < RECORDS ? k->records - at : RECORDS;
        st = hn_archive_read(m->archive, m->piece, n * record, &got);
        if (st == HN_OK && got < n * record)
            st = hn_fail(HN_EDATA, "%s: changed while it was imported", hn_archive_where(m->archive));
        for (size_t i = 0; i < n && st == HN_OK; i++)
            planes_to_pixels(m->pixels + i * PIXELS, m->piece + i * record + m->format->pixels_at);
        if (st == HN_OK)
            st = hn_sink_samples(sink, k->split, m->pixels, n);
    }
    return st;
}

static hn_status copy_labels(hn_sink *sink, const struct member *k)
{
    int32_t label[1024];
    hn_status st = HN_OK;

    for (uint64_t at = 0, n; st == HN_OK && at < k->records; at += n) {
        n = k->records - at < 1024 ? k->records - at : 1024;
        for (uint64_t i = 0; i < n; i++)
            label[i] = (unsigned char)k->labels.at[at + i];
        st = hn_sink_labels(sink, k->split, label, n);
    }
    return st;
}

static hn_status copy_split(struct import *m, hn_sink *sink, enum hn_split split)
{
    hn_status st = HN_OK;

    for (size_t i = 0; i < m->members && st == HN_OK; i++)
        if (m->member[i].split == split)
            st = copy_member(m, sink, &m->member[i]);
    for (size_t i = 0; i < m->members && st == HN_OK; i++)
        if (m->member[i].split == split)
            st = copy_labels(sink, &m->member[i]);
    return st;
}

static hn_status write_set(struct import *m, const char *out, const struct hn_import_options *o)
{
    char name[64], *text = hn_sink_name(name, o->name, m->source);
    struct hn_sink_spec spec = {.name = text,
                                .importer = m->format->importer,
                                .kind = HN_IMAGES,
                                .h = 32,
                                .w = 32,
                                .c = 3,
                                .classes = (uint64_t)m->format->classes,
                                .names = m->names.at,
                                .progress = o->progress,
                                .ctx = o->ctx,
                                .stop = o->stop};
    struct hn_text files = {0};
    hn_sink *sink = NULL;
    hn_status st;

    for (size_t i = 0; i < m->members; i++) {
        const struct member *k = &m->member[i];
        spec.samples[k->split] += k->records;
        spec.labelled[k->split] = true;
        hn_text_add(&files, "%s%s", i ? " " : "", k->name);
    }
    spec.source = files.at;
    st = hn_text_status(&files);
    if (st == HN_OK)
        st = hn_sink_new(&sink, out, &spec);
    if (st == HN_OK)
        st = copy_split(m, sink, HN_TRAIN);
    if (st == HN_OK)
        st = copy_split(m, sink, HN_TEST);
    if (st == HN_OK) {
        st = hn_sink_publish(sink);
        sink = NULL;
    }
    hn_sink_free(sink);
    hn_text_free(&files);
    return st;
}

static hn_status import(const struct format *format, const char *source, const char *out,
                        const struct hn_import_options *options)
{
    struct import *m = hn_zalloc(sizeof *m);
    hn_status st = HN_ENOMEM;

    if (m == NULL)
        return HN_ENOMEM;
    m->format = format;
    m->source = source;
    m->stop = options->stop;
    m->piece = hn_calloc(RECORDS, format->record);
    m->pixels = hn_calloc(RECORDS, PIXELS);
    if (m->piece && m->pixels)
        st = scan(m);
    if (st == HN_OK)
        st = names_beside(m);
    sort_members(m);
    if (st == HN_OK)
        st = write_set(m, out, options);
    hn_archive_close(m->archive);
    for (size_t i = 0; i < m->members; i++) {
        hn_text_free(&m->member[i].labels);
        hn_free(m->member[i].name);
    }
    hn_text_free(&m->names);
    hn_free(m->piece);
    hn_free(m->pixels);
    hn_free(m);
    return st;
}

hn_status hn_import_cifar10(const char *source, const char *out, const struct hn_import_options *options)
{
    return import(&cifar10, source, out, options);
}

hn_status hn_import_cifar100(const char *source, const char *out, const struct hn_import_options *options)
{
    return import(options->fine ? &cifar100_fine : &cifar100_coarse, source, out, options);
}
