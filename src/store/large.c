/* store/large.c - files larger than memory.
 *
 *   begin_large --> declare ... (HDF5 gives each array its place)
 *               --> fill ...    (plain writes at that place of the temporary)
 *               --> publish     (HDF5 closes; its bytes, then the seal, join the temporary; sync; rename)
 *
 * HDF5 itself writes to memory only (store/sparse.h).  Large arrays begin at
 * whole pages. */
#include "base/mem.h"
#include "store/sealed.h"
#include "store/writer.h"
#include <string.h>

enum { PAGE = 4096 };

hn_status hn_store_begin_large(hn_store_writer **out, const char *path)
{
    hn_store_writer *w = NULL;
    hn_status st = hn_writer_new(&w);

    if (st != HN_OK)
        return st;
    w->large = true;
    st = hn_file_begin(&w->out, path);
    if (st == HN_OK)
        st = hn_sparse_create(&w->file, &w->sparse, PAGE);
    if (st != HN_OK)
        hn_store_abandon(w);
    else
        *out = w;
    return st;
}

static void free_part(struct hn_part *p)
{
    if (p == NULL)
        return;
    hn_hasher_free(p->partial);
    hn_free(p->name);
    hn_free(p->entry);
    hn_free(p);
}

static hn_status new_part(struct hn_part **out, const char *name, uint64_t offset, uint64_t length,
                          uint64_t block)
{
    struct hn_part *p = hn_zalloc(sizeof *p);

    if (p == NULL)
        return HN_ENOMEM;
    p->offset = offset;
    p->length = length;
    p->block = block;
    p->entry_bytes = HN_SEAL_RANGE + 16 * (size_t)hn_seal_blocks(length, block);
    p->name = hn_strdup(name);
    p->entry = hn_zalloc(p->entry_bytes);
    if (p->name == NULL || p->entry == NULL) {
        free_part(p);
        return HN_ENOMEM;
    }
    hn_seal_write_range(p->entry, offset, length, block);
    *out = p;
    return HN_OK;
}

hn_status hn_store_declare(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                           const uint64_t *dim, uint64_t block)
{
    struct hn_part *p = NULL, **at = &w->part;
    size_t length = hn_type_size(type);
    hid_t set = H5I_INVALID_HID;

    for (int i = 0; i < rank && i < HN_STORE_RANK; i++)
        if (!hn_mul(&length, length, dim[i]))
            return hn_fail(HN_EUSAGE, "%s: %s: its dimensions overflow", w->out.path, name);
    if (!w->large || block == 0)
        return hn_fail(HN_EBUG, "%s: declared in a small file or without a block size", name);
    hn_status st = hn_writer_create(w, name, type, rank, dim, true, &set);
    if (st != HN_OK)
        return st;
    haddr_t offset = length ? H5Dget_offset(set) : 0;
    H5Dclose(set);
    if (offset == HADDR_UNDEF)
        return hn_fail(HN_EIO, "%s: %s: HDF5 gave it no place in the file", w->out.path, name);
    st = new_part(&p, name, offset, length, block);
    if (st != HN_OK)
        return st;
    while (*at != NULL && (*at)->offset < offset)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    return HN_OK;
}

/* Takes n bytes, which all belong to the block that p->done is in. */
static hn_status hash_piece(struct hn_part *p, const void *bytes, uint64_t n)
{
    uint64_t index = p->done / p->block, end = p->done + n;
    bool whole = p->done % p->block == 0, last = end % p->block == 0 || end == p->length;
    unsigned char *to = p->entry + HN_SEAL_RANGE + 16 * index;
    hn_status st = HN_OK;

    p->done = end;
    if (whole && last) {
        hn_hash_store(hn_hash_bytes(bytes, n), to);
        return HN_OK;
    }
    if (p->partial == NULL && (st = hn_hasher_new(&p->partial)) != HN_OK)
        return st;
    hn_hasher_add(p->partial, bytes, n);
    if (last) {
        hn_hash_store(hn_hasher_value(p->partial), to);
        hn_hasher_free(p->partial);
        p->partial = NULL;
    }
    return HN_OK;
}

hn_status hn_store_fill(hn_store_writer *w, const char *name, const void *bytes, uint64_t count)
{
    const unsigned char *at = bytes;
    struct hn_part *p = w->part;

    while (p != NULL && strcmp(p->name, name) != 0)
        p = p->next;
    if (p == NULL || count > p->length - p->done)
        return hn_fail(HN_EBUG, "%s: %s: filled without being declared, or beyond its end", w->out.path,
                       name);
    hn_status st = hn_file_write_at(&w->out, bytes, count, p->offset + p->done);
    while (st == HN_OK && count > 0) {
        uint64_t n = p->block - p->done % p->block;
        if (n > count)
            n = count;
        st = hash_piece(p, at, n);
        at += n;
        count -= n;
    }
    return st;
}

/* All parts are full: their entries, one after the other. */
static hn_status make_table(const hn_store_writer *w, struct hn_sealed *s)
{
    size_t bytes = 0, at = 0;

    for (const struct hn_part *p = w->part; p != NULL; p = p->next) {
        if (p->done != p->length)
            return hn_fail(HN_EBUG, "%s: %s: %llu of %llu bytes were filled in", w->out.path, p->name,
                           (unsigned long long)p->done, (unsigned long long)p->length);
        bytes += p->length ? p->entry_bytes : 0;
    }
    s->end.table = bytes;
    s->table = hn_zalloc(bytes ? bytes : 1);
    if (s->table == NULL)
        return HN_ENOMEM;
    for (const struct hn_part *p = w->part; p != NULL; p = p->next)
        if (p->length) {
            memcpy(s->table + at, p->entry, p->entry_bytes);
            at += p->entry_bytes;
        }
    return hn_seal_read_table(&s->range, &s->ranges, s->table, bytes, s->end.hdf5, w->out.path);
}

/* HDF5's bytes [from, to) go into the hash and into the temporary. */
static hn_status copy_bytes(hn_store_writer *w, hn_hasher *h, uint64_t from, uint64_t to)
{
    unsigned char piece[1 << 16];
    hn_status st = HN_OK;

    while (st == HN_OK && from < to) {
        size_t n = to - from < sizeof piece ? (size_t)(to - from) : sizeof piece;
        hn_sparse_read(&w->sparse, piece, n, from);
        hn_hasher_add(h, piece, n);
        st = hn_file_write_at(&w->out, piece, n, from);
        from += n;
    }
    return st;
}

static hn_status copy_outside(hn_store_writer *w, hn_hasher *h, const struct hn_sealed *s)
{
    uint64_t at = 0;
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < s->ranges; i++) {
        st = copy_bytes(w, h, at, s->range[i].offset);
        at = s->range[i].offset + s->range[i].length;
    }
    return st == HN_OK ? copy_bytes(w, h, at, s->end.hdf5) : st;
}

static hn_status write_seal(hn_store_writer *w, hn_hasher *h, const struct hn_sealed *s)
{
    unsigned char end[HN_SEAL_END];
    hn_status st;

    hn_seal_write_end(end, s->end.hdf5, s->end.table);
    hn_hasher_add(h, s->table, s->end.table);
    hn_hasher_add(h, end, HN_SEAL_HASHED);
    hn_hash_store(hn_hasher_value(h), end + HN_SEAL_HASHED);
    st = hn_file_write_at(&w->out, s->table, s->end.table, s->end.hdf5);
    return st == HN_OK ? hn_file_write_at(&w->out, end, sizeof end, s->end.hdf5 + s->end.table) : st;
}

hn_status hn_large_publish(hn_store_writer *w)
{
    struct hn_sealed s = {0};
    hn_hasher *h = NULL;
    hn_status st = hn_hasher_new(&h);

    if (st == HN_OK)
        st = hn_writer_close(w, w->out.path, &s.end.hdf5);
    if (st == HN_OK)
        st = make_table(w, &s);
    if (st == HN_OK)
        st = copy_outside(w, h, &s);
    if (st == HN_OK)
        st = write_seal(w, h, &s);
    if (st == HN_OK)
        st = hn_file_commit(&w->out);
    hn_sealed_free(&s);
    hn_hasher_free(h);
    return st;
}

void hn_large_free_parts(hn_store_writer *w)
{
    while (w->part != NULL) {
        struct hn_part *next = w->part->next;
        free_part(w->part);
        w->part = next;
    }
}
