/* Features as NumPy arrays (format 1.0: magic, version, length, a Python dict, the numbers).
 *
 *   rank 0: begin - write - finish, through base/file.h: each file is there whole or not at all
 *
 * Every rank's rows come to rank 0 in order, in pieces.  When writing fails the
 * pieces still come, so that all ranks leave together. */
#include "base/file.h"
#include "base/mem.h"
#include "eval/shares.h"
#include <stdio.h>
#include <string.h>

static const size_t PIECE_BYTES = (size_t)8 << 20;

/* columns 0: one dimension. */
static hn_status write_header(struct hn_file *o, const char *type, size_t rows, size_t columns)
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
    return hn_file_write(o, text, padded);
}

/* With the status so far: on failure nothing is left behind. */
static hn_status finish(struct hn_file *o, hn_status st)
{
    if (st == HN_OK && o->fd >= 0)
        return hn_file_commit(o);
    hn_file_drop(o);
    return st;
}

/* Collective: every rank's items, `size` bytes each, in rank order through rank 0 into o. */
static hn_status write_items(struct hn_file *o, hn_comm *comm, const struct hn_range *share, const void *own,
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
                st = hn_file_write(o, from, n * size);
        }
    return st;
}

/* x.npy becomes x.labels.npy, any other name x x.labels.npy. */
static hn_status label_path(char out[PATH_MAX], const char *path)
{
    size_t length = strlen(path);

    if (length > 4 && strcmp(path + length - 4, ".npy") == 0)
        length -= 4;
    if (length + sizeof ".labels.npy" > PATH_MAX)
        return hn_fail(HN_EUSAGE, "%s: the name is too long", path);
    snprintf(out, PATH_MAX, "%.*s.labels.npy", (int)length, path);
    return HN_OK;
}

static hn_status begin_both(struct hn_file *rows, struct hn_file *labels, const char *path)
{
    char beside[PATH_MAX];
    hn_status st = label_path(beside, path);

    if (st == HN_OK && (st = hn_file_begin(rows, path)) == HN_OK)
        st = hn_file_begin(labels, beside);
    return st;
}

static hn_status write_headers(struct hn_file *rows, struct hn_file *labels, const struct hn_features *f)
{
    hn_status st = write_header(rows, "<f4", f->total, f->dim);

    return st == HN_OK ? write_header(labels, "<i8", f->total, 0) : st;
}

hn_status hn_features_npy_check(hn_comm *comm, const char *path)
{
    struct hn_file rows = HN_FILE_NONE, labels = HN_FILE_NONE;
    hn_status st = hn_comm_rank(comm) == 0 ? begin_both(&rows, &labels, path) : HN_OK;

    hn_file_drop(&labels);
    hn_file_drop(&rows);
    return hn_comm_agree(comm, st);
}

hn_status hn_features_write_npy(const struct hn_features *f, hn_comm *comm, const char *path)
{
    struct hn_file rows = HN_FILE_NONE, labels = HN_FILE_NONE;
    struct hn_range *share = NULL;
    size_t row_bytes = f->dim * sizeof *f->row;
    void *buffer = hn_zalloc(PIECE_BYTES + row_bytes);
    hn_status st = hn_comm_agree(comm, buffer ? HN_OK : HN_ENOMEM);

    if (st == HN_OK)
        st = hn_eval_shares(&share, comm, f);
    if (st == HN_OK) {
        if (hn_comm_rank(comm) == 0 && (st = begin_both(&rows, &labels, path)) == HN_OK)
            st = write_headers(&rows, &labels, f);
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
