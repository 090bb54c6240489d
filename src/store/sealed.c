#include "store/sealed.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pulse.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

hn_status hn_read_at(int fd, void *bytes, size_t count, uint64_t offset, const char *label)
{
    unsigned char *p = bytes;

    while (count > 0) {
        hn_disk_begin(label);
        ssize_t k = pread(fd, p, count < 1u << 24 ? count : 1u << 24, (off_t)offset);
        hn_disk_end();
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return hn_fail(HN_EIO, "%s: reading failed: %s", label, strerror(errno));
        if (k == 0)
            return hn_fail(HN_EDATA, "%s: ends at byte %llu, more was expected", label,
                           (unsigned long long)offset);
        p += k;
        count -= (size_t)k;
        offset += (uint64_t)k;
    }
    return HN_OK;
}

/* A file without a seal: what is it then? */
static hn_status unsealed(int fd, uint64_t file_bytes, const char *label, const char *remedy)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char head[8] = {0};
    hn_status st = file_bytes < 8 ? HN_OK : hn_read_at(fd, head, 8, 0, label);

    if (st != HN_OK)
        return st;
    if (memcmp(head, signature, 8) != 0)
        return hn_fail(HN_EDATA, "%s: not a file of ours, nor HDF5 at all (%llu bytes)", label,
                       (unsigned long long)file_bytes);
    return hn_fail(HN_EDATA, "%s: no seal at its end: cut short, or written by another program%s", label,
                   remedy);
}

hn_status hn_sealed_read(struct hn_sealed *s, int fd, const char *label, const char *remedy)
{
    unsigned char end[HN_SEAL_END] = {0};
    struct stat info;
    hn_status st;

    *s = (struct hn_sealed){0};
    if (fstat(fd, &info) != 0)
        return hn_fail(HN_EIO, "%s: %s", label, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return hn_fail(HN_ENOINPUT, "%s: not a regular file", label);
    s->file_bytes = (uint64_t)info.st_size;
    if (s->file_bytes >= HN_SEAL_END &&
        (st = hn_read_at(fd, end, HN_SEAL_END, s->file_bytes - HN_SEAL_END, label)) != HN_OK)
        return st;
    if (!hn_seal_is_end(end))
        return unsealed(fd, s->file_bytes, label, remedy);
    st = hn_seal_read_end(&s->end, end, s->file_bytes, label);
    if (st != HN_OK)
        return st;
    s->table = hn_zalloc(s->end.table ? s->end.table : 1);
    st = s->table == NULL ? HN_ENOMEM : hn_read_at(fd, s->table, s->end.table, s->end.hdf5, label);
    if (st == HN_OK)
        st = hn_seal_read_table(&s->range, &s->ranges, s->table, s->end.table, s->end.hdf5, label);
    if (st != HN_OK)
        hn_sealed_free(s);
    return st;
}

void hn_sealed_free(struct hn_sealed *s)
{
    hn_free(s->table);
    hn_free(s->range);
    *s = (struct hn_sealed){0};
}

/* Reads the HDF5 part's bytes [from, to) into the image, hashed while still in the cache.  Without an image
 * they pass through a piece of memory. */
static hn_status add_bytes(hn_hasher *h, int fd, uint64_t from, uint64_t to, unsigned char *image,
                           const char *label)
{
    enum { PIECE = 1 << 20 };
    unsigned char *piece = image ? NULL : hn_zalloc(PIECE);
    hn_status st = image || piece ? HN_OK : HN_ENOMEM;

    while (st == HN_OK && from < to) {
        size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;
        unsigned char *at = image ? image + from : piece;
        if ((st = hn_read_at(fd, at, n, from, label)) == HN_OK)
            hn_hasher_add(h, at, n);
        from += n;
    }
    hn_free(piece);
    return st;
}

static hn_status hash_outside(const struct hn_sealed *s, int fd, unsigned char *image, unsigned char hash[16],
                              const char *label)
{
    unsigned char end[HN_SEAL_END];
    hn_hasher *h = NULL;
    uint64_t at = 0;
    hn_status st = hn_hasher_new(&h);

    for (size_t i = 0; st == HN_OK && i < s->ranges; i++) {
        st = add_bytes(h, fd, at, s->range[i].offset, image, label);
        at = s->range[i].offset + s->range[i].length;
    }
    if (st == HN_OK)
        st = add_bytes(h, fd, at, s->end.hdf5, image, label);
    if (st == HN_OK) {
        hn_seal_write_end(end, s->end.hdf5, s->end.table);
        hn_hasher_add(h, s->table, s->end.table);
        hn_hasher_add(h, end, HN_SEAL_HASHED);
        hn_hash_store(hn_hasher_value(h), hash);
    }
    hn_hasher_free(h);
    return st;
}

hn_status hn_sealed_verify_head(const struct hn_sealed *s, int fd, unsigned char *image, const char *label)
{
    unsigned char hash[16];
    hn_status st = hash_outside(s, fd, image, hash, label);

    if (st == HN_OK && memcmp(hash, s->end.hash, 16) != 0)
        st = hn_fail(HN_EDATA, "%s: damaged: the hash of its contents is not the one it was sealed with",
                     label);
    return st;
}

uint64_t hn_sealed_block_bytes(const struct hn_seal_range *r, size_t index)
{
    uint64_t rest = r->length - index * r->block;

    return rest < r->block ? rest : r->block;
}

hn_status hn_sealed_read_block(const struct hn_seal_range *r, size_t index, int fd, unsigned char *bytes,
                               const char *label)
{
    uint64_t from = r->offset + index * r->block;
    size_t count = (size_t)hn_sealed_block_bytes(r, index);
    hn_status st = hn_read_at(fd, bytes, count, from, label);
    struct hn_hash want = hn_hash_load(r->hash + index * 16);

    if (st == HN_OK && !hn_hash_equal(hn_hash_bytes(bytes, count), want))
        st = hn_fail(HN_EDATA, "%s: damaged: bytes %llu to %llu do not have the hash they were sealed with",
                     label, (unsigned long long)from, (unsigned long long)(from + count - 1));
    return st;
}
