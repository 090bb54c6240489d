/* make.h - files for the tests of data: a folder that goes away, plain and packed files, damage. */
#ifndef HN_TESTS_DATA_MAKE_H
#define HN_TESTS_DATA_MAKE_H

#include "data/sink.h"
#include "tap.h"
#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static inline void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/hn-data-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        exit(1);
    }
}

static int remove_one(const char *path, const struct stat *at, int kind, struct FTW *ftw)
{
    (void)at;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void remove_folder(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder; eight of them live at the same time. */
static inline const char *in_folder(const char *name)
{
    static char path[8][256];
    static int turn;

    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static inline void make_dir(const char *name)
{
    mkdir(in_folder(name), 0700);
}

static inline void put_file(const char *name, const void *bytes, size_t count)
{
    FILE *f = fopen(in_folder(name), "wb");

    if (f == NULL || fwrite(bytes, 1, count, f) != count || fclose(f) != 0) {
        perror(name);
        exit(1);
    }
}

/* filter: "gzip", "xz", "bzip2"; members: NULL-terminated names for a tar, or NULL for the bytes alone. */
static inline void put_packed(const char *name, const char *filter, const char *const *members,
                              const unsigned char *const *bytes, const size_t *count)
{
    struct archive *a = archive_write_new();

    archive_write_add_filter_by_name(a, filter);
    if (members)
        archive_write_set_format_ustar(a);
    else
        archive_write_set_format_raw(a);
    archive_write_open_filename(a, in_folder(name));
    for (size_t i = 0; members ? members[i] != NULL : i < 1; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, members ? members[i] : "data");
        archive_entry_set_size(e, (la_int64_t)count[i]);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_write_header(a, e);
        archive_write_data(a, bytes[i], count[i]);
        archive_entry_free(e);
    }
    if (archive_write_close(a) != ARCHIVE_OK) {
        printf("Bail out! %s: %s\n", name, archive_error_string(a));
        exit(1);
    }
    archive_write_free(a);
}

static inline void put_one(const char *name, const char *filter, const unsigned char *bytes, size_t count)
{
    put_packed(name, filter, NULL, &bytes, &count);
}

static inline long size_of(const char *path)
{
    struct stat at;

    return stat(path, &at) == 0 ? (long)at.st_size : -1;
}

static inline void cut_file(const char *path, long size)
{
    if (truncate(path, size) != 0)
        perror(path);
}

static inline void flip_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    int c;

    fseek(f, at, SEEK_SET);
    c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 0x10, f);
    fclose(f);
}

/* Is the folder free of anything that begins with `start`? */
static int found_start;
static const char *wanted_start;
static int look(const char *path, const struct stat *at, int kind, struct FTW *ftw)
{
    (void)at;
    (void)kind;
    found_start += strstr(path + ftw->base, wanted_start) != NULL;
    return 0;
}
static inline bool nothing_like(const char *start)
{
    wanted_start = start;
    found_start = 0;
    nftw(folder, look, 8, FTW_PHYS);
    return found_start == 0;
}

static inline bool said(const char *words)
{
    if (strstr(hn_error_text(), words) != NULL && strchr(hn_error_text(), '\n') == NULL)
        return true;
    printf("# said: %s\n", hn_error_text());
    return false;
}

/* Byte k of sample i of a made set. */
static inline unsigned char made_byte(uint64_t i, uint64_t k)
{
    return (unsigned char)(i * 7 + k * 31 + i / 256);
}
static inline int32_t made_label(uint64_t i)
{
    return (int32_t)(i * i % 5);
}

/* Images of h x w x 1 with made bytes and labels (5 classes) in train, as many as asked; a few in test. */
static inline hn_status make_set(const char *path, uint64_t samples, uint64_t h, uint64_t w)
{
    struct hn_sink_spec spec = {.name = "made",
                                .importer = "test",
                                .source = "nowhere",
                                .kind = HN_IMAGES,
                                .h = h,
                                .w = w,
                                .c = 1,
                                .samples = {samples, 3, 0},
                                .labelled = {true, true, false},
                                .classes = 5,
                                .names = "a\nb\nc\nd\ne\n"};
    unsigned char *bytes = malloc(h * w);
    hn_sink *s = NULL;
    hn_status st = hn_sink_new(&s, path, &spec);

    for (int split = HN_TRAIN; split <= HN_TEST && st == HN_OK; split++) {
        for (uint64_t i = 0; i < spec.samples[split] && st == HN_OK; i++) {
            for (uint64_t k = 0; k < h * w; k++)
                bytes[k] = made_byte(i, k);
            st = hn_sink_samples(s, split, bytes, 1);
        }
        for (uint64_t i = 0; i < spec.samples[split] && st == HN_OK; i++) {
            int32_t label = made_label(i);
            st = hn_sink_labels(s, split, &label, 1);
        }
    }
    free(bytes);
    if (st == HN_OK)
        return hn_sink_publish(s);
    hn_sink_free(s);
    return st;
}

#endif
