/* Features as NumPy arrays (format 1.0: magic, version, length, a Python dict, the numbers).
 *
 *   rank 0: begin (temporary beside the file) - write - finish (sync, rename, sync of the folder)
 *
 * Every rank's rows come to rank 0 in order, in pieces.  When writing fails the
 * pieces still come, so that all ranks leave together. */
#include "base/mem.h"
#include "eval/shares.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const size_t PIECE_BYTES = (size_t)8 << 20;
enum { PATH = 4096 };

struct out {
    char path[PATH], temporary[PATH + 64];
    int file;
};

static hn_status write_all(struct out *o, const void *bytes, size_t count)
{
    const char *at = bytes;

    while (count > 0) {
        ssize_t n = write(o->file, at, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hn_fail(HN_EIO, "%s: %s", o->path, strerror(errno));
        at += n;
        count -= (size_t)n;
    }
    return HN_OK;
}

/* "DIR/" of a path, or "./". */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash + 1 - path) : 0;
}

static hn_status begin(struct out *o)
{
    int folder = folder_length(o->path);

    snprintf(o->temporary, sizeof o->temporary, "%.*s.%s.%ld.tmp", folder, o->path, o->path + folder,
             (long)getpid());
    o->file = open(o->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (o->file < 0)
        return hn_fail(HN_ECREATE, "%s: %s", o->path, strerror(errno));
    return HN_OK;
}

/* columns 0: one dimension. */
static hn_status write_header(struct out *o, const char *type, size_t rows, size_t columns)
{
    char shape[64], text[256] = "\x93NUMPY\x01"; /* and version .0, length in two bytes */
    size_t length, padded;

    snprintf(shape, sizeof shape, columns > 0 ? "(%zu, %zu)" : "(%zu,)", rows, columns);
    snprintf(text + 10, sizeof text - 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type,
             shape);
    length = 10 + strlen(text + 10);
    padded = hn_round_up(length + 1, 64);
    memset(text + length, ' ', padded - length);
    text[padded - 1] = '\n';
    text[8] = (char)(padded - 10);
    return write_all(o, text, padded);
}

/* With the status so far: on failure nothing is left behind. */
static hn_status finish(struct out *o, hn_status st)
{
    int folder = folder_length(o->path), at;
    char name[PATH];

    if (o->file < 0)
        return st;
    if (st == HN_OK && fsync(o->file) != 0)
        st = hn_fail(HN_EIO, "%s: %s", o->path, strerror(errno));
    if (close(o->file) != 0 && st == HN_OK)
        st = hn_fail(HN_EIO, "%s: %s", o->path, strerror(errno));
    if (st == HN_OK && rename(o->temporary, o->path) != 0)
        st = hn_fail(HN_ECREATE, "%s: %s", o->path, strerror(errno));
    if (st != HN_OK) {
        unlink(o->temporary);
        return st;
    }
    snprintf(name, sizeof name, "%.*s", folder, o->path);
    at = open(folder ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at >= 0) {
        (void)fsync(at); /* the name is there; some file systems cannot sync a folder */
        close(at);
    }
    return HN_OK;
}

/* Collective: every rank's items, `size` bytes each, in rank order through rank 0 into o. */
static hn_status write_items(struct out *o, hn_comm *comm, const struct hn_range *share, const void *own,
                             size_t size, void *buffer, hn_status st)
{
    size_t rank = hn_comm_rank(comm), most = PIECE_BYTES / size ? PIECE_BYTES / size : 1;

    for (size_t owner = 0; owner < hn_comm_size(comm); owner++)
        for (size_t at = 0, n; at < share[owner].count; at += n) {
            n = share[owner].count - at < most ? share[owner].count - at : most;
            const char *from = rank == owner ? (const char *)own + at * size : buffer;
            if (owner != 0) {
                if (rank == owner)
                    memcpy(buffer, from, n * size);
                hn_comm_pass(comm, buffer, n * size, owner, 0);
            }
            if (rank == 0 && st == HN_OK)
                st = write_all(o, from, n * size);
        }
    return st;
}

/* x.npy becomes x.labels.npy, any other name x x.labels.npy. */
static hn_status label_path(char out[PATH], const char *path)
{
    size_t length = strlen(path);

    if (length > 4 && strcmp(path + length - 4, ".npy") == 0)
        length -= 4;
    if (length + sizeof ".labels.npy" > PATH)
        return hn_fail(HN_EUSAGE, "%s: the name is too long", path);
    snprintf(out, PATH, "%.*s.labels.npy", (int)length, path);
    return HN_OK;
}

static hn_status begin_both(struct out *rows, struct out *labels, const struct hn_features *f,
                            const char *path)
{
    hn_status st = label_path(labels->path, path);

    if (st != HN_OK)
        return st;
    snprintf(rows->path, sizeof rows->path, "%s", path);
    if ((st = begin(rows)) != HN_OK || (st = begin(labels)) != HN_OK ||
        (st = write_header(rows, "<f4", f->total, f->dim)) != HN_OK)
        return st;
    return write_header(labels, "<i8", f->total, 0);
}

hn_status hn_features_write_npy(const struct hn_features *f, hn_comm *comm, const char *path)
{
    struct out rows = {.file = -1}, labels = {.file = -1};
    struct hn_range *share = NULL;
    size_t row_bytes = f->dim * sizeof *f->row;
    void *buffer = hn_zalloc(PIECE_BYTES + row_bytes);
    hn_status st = hn_comm_agree(comm, buffer ? HN_OK : HN_ENOMEM);

    if (st == HN_OK)
        st = hn_eval_shares(&share, comm, f);
    if (st == HN_OK) {
        if (hn_comm_rank(comm) == 0)
            st = begin_both(&rows, &labels, f, path);
        st = write_items(&rows, comm, share, f->row, row_bytes, buffer, st);
        st = write_items(&labels, comm, share, f->label, sizeof *f->label, buffer, st);
        st = finish(&labels, st);
        st = finish(&rows, st);
        st = hn_comm_agree(comm, st);
    }
    hn_free(share);
    hn_free(buffer);
    return st;
}
