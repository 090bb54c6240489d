#include "data/archive.h"
#include "base/mem.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, WHERE = 1400 };

/* One file through two readers: `outer` only decompresses, `inner` takes the
 * result apart when it is a tar archive.  What flows between them is summed. */
struct stream {
    int fd;
    struct archive *outer, *inner;
    bool empty, ended, gzip;
    uint32_t crc, crc_wanted, size_wanted; /* gzip's trailer: CRC-32 and length mod 2^32 */
    uint64_t unpacked;
    hn_status status; /* what a read between the two met */
    const char *path;
    uint32_t table[256];
    unsigned char chunk[CHUNK];
};

struct hn_archive {
    char *path;
    struct stream *stream; /* NULL: a folder between its files, or a file not opened yet */
    char **file;           /* of a folder, in name order; NULL for a single file */
    size_t files, next;
    bool started, ended;
    char name[WHERE], where[2 * WHERE + 8], opened[2 * WHERE + 8]; /* current member; path of stream */
};

/* ---- one stream ---- */

static void crc_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        table[i] = c;
    }
}

static uint32_t crc_add(const uint32_t table[256], uint32_t crc, const unsigned char *bytes, size_t count)
{
    crc = ~crc;
    for (size_t i = 0; i < count; i++)
        crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static uint32_t little32(const unsigned char *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static hn_status broken(const struct stream *s, struct archive *a)
{
    const char *why = archive_error_string(a);

    return hn_fail(archive_errno(a) == EIO ? HN_EIO : HN_EDATA,
                   "%s: damaged or cut off: %llu bytes could be unpacked, then: %s", s->path,
                   (unsigned long long)s->unpacked, why ? why : "unknown error");
}

static hn_status check_gzip(const struct stream *s)
{
    if ((uint32_t)s->unpacked != s->size_wanted)
        return hn_fail(HN_EDATA,
                       "%s: unpacks to %llu bytes, its end says %u (damaged, or several gzip streams in one)",
                       s->path, (unsigned long long)s->unpacked, s->size_wanted);
    if (s->crc != s->crc_wanted)
        return hn_fail(HN_EDATA, "%s: damaged: CRC-32 of its %llu unpacked bytes is %08x, its end says %08x",
                       s->path, (unsigned long long)s->unpacked, s->crc, s->crc_wanted);
    return HN_OK;
}

/* Decompressed bytes; *got is 0 only at the end, which is checked then. */
static hn_status pull(struct stream *s, void *bytes, size_t want, size_t *got)
{
    la_ssize_t n;

    *got = 0;
    if (s->ended)
        return HN_OK;
    n = s->empty ? 0 : archive_read_data(s->outer, bytes, want);
    if (n < 0)
        return broken(s, s->outer);
    s->unpacked += (uint64_t)n;
    *got = (size_t)n;
    if (s->gzip)
        s->crc = crc_add(s->table, s->crc, bytes, (size_t)n);
    s->ended = n == 0;
    return s->ended && s->gzip ? check_gzip(s) : HN_OK;
}

static la_ssize_t feed(struct archive *inner, void *ctx, const void **bytes)
{
    struct stream *s = ctx;
    size_t got;

    s->status = pull(s, s->chunk, sizeof s->chunk, &got);
    *bytes = s->chunk;
    if (s->status == HN_OK)
        return (la_ssize_t)got;
    archive_set_error(inner, EIO, "%s", "unpacking failed");
    return -1;
}

static void stream_close(struct stream *s)
{
    if (s == NULL)
        return;
    archive_read_free(s->inner);
    archive_read_free(s->outer);
    if (s->fd >= 0)
        close(s->fd);
    hn_free(s);
}

static hn_status read_trailer(struct stream *s)
{
    unsigned char end[8];
    struct stat at;

    if (fstat(s->fd, &at) != 0 || at.st_size < 18 || pread(s->fd, end, 8, at.st_size - 8) != 8)
        return hn_fail(HN_EDATA, "%s: too short for a gzip file", s->path);
    s->crc_wanted = little32(end);
    s->size_wanted = little32(end + 4);
    return HN_OK;
}

static hn_status start_outer(struct stream *s)
{
    struct archive_entry *entry;
    int r;

    if ((s->outer = archive_read_new()) == NULL)
        return hn_fail(HN_ENOMEM, "out of memory for libarchive");
    archive_read_support_filter_gzip(s->outer);
    archive_read_support_filter_bzip2(s->outer);
    archive_read_support_filter_xz(s->outer);
    archive_read_support_filter_lzma(s->outer);
    archive_read_support_filter_zstd(s->outer);
    archive_read_support_format_raw(s->outer);
    archive_read_support_format_empty(s->outer);
    if (archive_read_open_fd(s->outer, s->fd, CHUNK) != ARCHIVE_OK)
        return broken(s, s->outer);
    r = archive_read_next_header(s->outer, &entry);
    s->empty = r == ARCHIVE_EOF;
    if (r != ARCHIVE_OK && !s->empty)
        return broken(s, s->outer);
    s->gzip = archive_filter_count(s->outer) == 2 && archive_filter_code(s->outer, 0) == ARCHIVE_FILTER_GZIP;
    return s->gzip ? read_trailer(s) : HN_OK;
}

static hn_status start_inner(struct stream *s, bool tar)
{
    if ((s->inner = archive_read_new()) == NULL)
        return hn_fail(HN_ENOMEM, "out of memory for libarchive");
    if (tar)
        archive_read_support_format_tar(s->inner);
    archive_read_support_format_raw(s->inner);
    archive_read_support_format_empty(s->inner);
    if (archive_read_open(s->inner, s, NULL, feed, NULL) == ARCHIVE_OK)
        return HN_OK;
    return s->status != HN_OK ? s->status : broken(s, s->inner);
}

static hn_status stream_open(struct stream **out, const char *path, bool tar)
{
    struct stream *s = hn_zalloc(sizeof *s);
    hn_status st = HN_ENOMEM;

    if (s == NULL)
        return HN_ENOMEM;
    s->path = path;
    crc_table(s->table);
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        st = hn_fail(HN_ENOINPUT, "%s: cannot be read: %s", path, strerror(errno));
    else if ((st = start_outer(s)) == HN_OK)
        st = start_inner(s, tar);
    if (st == HN_OK)
        *out = s;
    else
        stream_close(s);
    return st;
}

/* The stream's next regular file; *entry NULL at the end, which is then reached and checked. */
static hn_status stream_next(struct stream *s, struct archive_entry **entry)
{
    size_t got = 1;
    hn_status st = HN_OK;
    int r;

    while ((r = archive_read_next_header(s->inner, entry)) == ARCHIVE_OK || r == ARCHIVE_WARN)
        if (archive_format(s->inner) == ARCHIVE_FORMAT_RAW || archive_entry_filetype(*entry) == AE_IFREG)
            return HN_OK;
    *entry = NULL;
    if (r != ARCHIVE_EOF)
        return s->status != HN_OK ? s->status : broken(s, s->inner);
    while (st == HN_OK && got > 0)
        st = pull(s, s->chunk, sizeof s->chunk, &got);
    return st;
}

static hn_status stream_read(struct stream *s, void *bytes, size_t want, size_t *got)
{
    size_t have = 0;

    while (have < want && !s->empty) {
        la_ssize_t n = archive_read_data(s->inner, (char *)bytes + have, want - have);
        if (n < 0)
            return s->status != HN_OK ? s->status : broken(s, s->inner);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    *got = have;
    return HN_OK;
}

/* ---- folders ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool regular(const char *folder, const char *name)
{
    char path[WHERE];
    struct stat at;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &at) == 0 && S_ISREG(at.st_mode);
}

static hn_status add_file(hn_archive *a, size_t *room, const char *name)
{
    if (a->files == *room) {
        size_t wider = *room ? 2 * *room : 64;
        char **file = hn_calloc(wider, sizeof *file);
        if (file == NULL)
            return HN_ENOMEM;
        if (a->files)
            memcpy(file, a->file, a->files * sizeof *file);
        hn_free(a->file);
        a->file = file;
        *room = wider;
    }
    a->file[a->files] = hn_strdup(name);
    if (a->file[a->files] == NULL)
        return HN_ENOMEM;
    a->files++;
    return HN_OK;
}

static hn_status list_folder(hn_archive *a)
{
    DIR *dir = opendir(a->path);
    struct dirent *entry;
    hn_status st = HN_OK;
    size_t room = 0;

    if (dir == NULL)
        return hn_fail(HN_ENOINPUT, "%s: cannot be read: %s", a->path, strerror(errno));
    while (st == HN_OK && (entry = readdir(dir)) != NULL)
        if (regular(a->path, entry->d_name))
            st = add_file(a, &room, entry->d_name);
    closedir(dir);
    if (a->files)
        qsort(a->file, a->files, sizeof *a->file, by_name);
    return st;
}

/* ---- the public calls ---- */

hn_status hn_archive_open(hn_archive **out, const char *path)
{
    hn_archive *a = hn_zalloc(sizeof *a);
    hn_status st = HN_ENOMEM;
    struct stat at;

    if (a == NULL || (a->path = hn_strdup(path)) == NULL)
        goto out;
    if (stat(path, &at) != 0)
        st = hn_fail(HN_ENOINPUT, "%s: %s", path, strerror(errno));
    else if (strlen(path) >= WHERE / 2)
        st = hn_fail(HN_ENOINPUT, "%.60s...: path too long", path);
    else if (S_ISDIR(at.st_mode))
        st = list_folder(a);
    else
        st = stream_open(&a->stream, a->path, true);
    a->started = S_ISDIR(at.st_mode);
    if (st == HN_OK) {
        *out = a;
        a = NULL;
    }
out:
    hn_archive_close(a);
    return st;
}

void hn_archive_close(hn_archive *a)
{
    if (a == NULL)
        return;
    stream_close(a->stream);
    for (size_t i = 0; i < a->files; i++)
        hn_free(a->file[i]);
    hn_free(a->file);
    hn_free(a->path);
    hn_free(a);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void next_file(hn_archive *a, const char **member)
{
    stream_close(a->stream);
    a->stream = NULL;
    *member = NULL;
    if (a->next == a->files)
        return;
    snprintf(a->name, sizeof a->name, "%s", a->file[a->next++]);
    snprintf(a->where, sizeof a->where, "%s/%s", a->path, a->name);
    *member = a->name;
}

hn_status hn_archive_next(hn_archive *a, const char **member)
{
    struct archive_entry *entry;
    bool first = !a->started;
    hn_status st;

    if (a->stream == NULL || a->file != NULL) {
        next_file(a, member);
        return HN_OK;
    }
    a->started = true;
    *member = NULL;
    if (a->ended)
        return HN_OK;
    if ((st = stream_next(a->stream, &entry)) != HN_OK)
        return st;
    a->ended = entry == NULL;
    if (a->ended && !(first && a->stream->empty))
        return HN_OK;
    if (entry == NULL || archive_format(a->stream->inner) == ARCHIVE_FORMAT_RAW) {
        snprintf(a->name, sizeof a->name, "%s", base_name(a->path));
        snprintf(a->where, sizeof a->where, "%s", a->path);
    } else {
        const char *name = archive_entry_pathname(entry);
        snprintf(a->name, sizeof a->name, "%s", name ? name : "?");
        snprintf(a->where, sizeof a->where, "%s: %.600s", a->path, a->name);
    }
    *member = a->name;
    return HN_OK;
}

hn_status hn_archive_read(hn_archive *a, void *bytes, size_t want, size_t *got)
{
    struct archive_entry *entry;
    hn_status st;

    if (a->stream == NULL) { /* a folder's file is opened when it is read */
        memcpy(a->opened, a->where, sizeof a->opened);
        if ((st = stream_open(&a->stream, a->opened, false)) != HN_OK)
            return st;
        if ((st = stream_next(a->stream, &entry)) != HN_OK)
            return st;
    }
    return stream_read(a->stream, bytes, want, got);
}

bool hn_archive_single(const hn_archive *a)
{
    return a->stream && a->file == NULL &&
           (a->stream->empty || archive_format(a->stream->inner) == ARCHIVE_FORMAT_RAW);
}

const char *hn_archive_where(const hn_archive *a)
{
    return a->where;
}

void hn_archive_stem(const char *member, char *stem, size_t room)
{
    static const char *const suffix[] = {".gz", ".xz", ".bz2", ".lzma", ".zst"};
    size_t length;

    snprintf(stem, room, "%s", base_name(member));
    length = strlen(stem);
    for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
        size_t n = strlen(suffix[i]);
        if (length > n && strcmp(stem + length - n, suffix[i]) == 0) {
            stem[length - n] = '\0';
            return;
        }
    }
}

const char *hn_archive_version(void)
{
    const char *text = archive_version_string(); /* "libarchive 3.6.2" */
    const char *blank = strrchr(text, ' ');

    return blank ? blank + 1 : text;
}
