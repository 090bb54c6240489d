#include "store/seal.h"
#include "base/mem.h"
#include <string.h>

static uint64_t get_u64(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void put_u64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++, v >>= 8)
        p[i] = (unsigned char)v;
}

bool hn_seal_is_end(const unsigned char bytes[HN_SEAL_END])
{
    return memcmp(bytes, HN_SEAL_MAGIC, 8) == 0;
}

hn_status hn_seal_read_end(struct hn_seal_end *end, const unsigned char bytes[HN_SEAL_END],
                           uint64_t file_bytes, const char *label)
{
    struct hn_seal_end e = {.hdf5 = get_u64(bytes + 16), .table = get_u64(bytes + 24)};
    uint64_t version = get_u64(bytes + 8);

    if (!hn_seal_is_end(bytes))
        return hn_fail(HN_EDATA, "%s: no seal at its end", label);
    if (version != HN_SEAL_VERSION)
        return hn_fail(HN_EDATA, "%s: sealed in version %llu, this program knows version %d", label,
                       (unsigned long long)version, HN_SEAL_VERSION);
    if (file_bytes < HN_SEAL_END || e.hdf5 > file_bytes - HN_SEAL_END ||
        e.table != file_bytes - HN_SEAL_END - e.hdf5)
        return hn_fail(HN_EDATA, "%s: damaged: the seal speaks of %llu + %llu + %d bytes, the file has %llu",
                       label, (unsigned long long)e.hdf5, (unsigned long long)e.table, HN_SEAL_END,
                       (unsigned long long)file_bytes);
    memcpy(e.hash, bytes + HN_SEAL_HASHED, sizeof e.hash);
    *end = e;
    return HN_OK;
}

uint64_t hn_seal_blocks(uint64_t length, uint64_t block)
{
    return length / block + (length % block != 0);
}

/* Takes one range off the table; `floor` is where the one before ended. */
static bool take_range(struct hn_seal_range *r, const unsigned char **at, size_t *left, uint64_t floor,
                       uint64_t hdf5)
{
    const unsigned char *p = *at;

    if (*left < HN_SEAL_RANGE)
        return false;
    r->offset = get_u64(p);
    r->length = get_u64(p + 8);
    r->block = get_u64(p + 16);
    *left -= HN_SEAL_RANGE;
    if (r->offset < floor || r->offset > hdf5 || r->length == 0 || r->length > hdf5 - r->offset ||
        r->block == 0)
        return false;
    uint64_t blocks = hn_seal_blocks(r->length, r->block);
    if (blocks > *left / 16)
        return false;
    r->blocks = (size_t)blocks;
    r->hash = p + HN_SEAL_RANGE;
    *left -= r->blocks * 16;
    *at = r->hash + r->blocks * 16;
    return true;
}

/* Fills out[] unless it is NULL; false for a table that does not hold together. */
static bool parse(struct hn_seal_range *out, size_t *ranges, const unsigned char *bytes, size_t count,
                  uint64_t hdf5)
{
    uint64_t floor = 0;
    size_t n = 0;

    while (count > 0) {
        struct hn_seal_range r;
        if (!take_range(&r, &bytes, &count, floor, hdf5))
            return false;
        floor = r.offset + r.length;
        if (out != NULL)
            out[n] = r;
        n++;
    }
    *ranges = n;
    return true;
}

hn_status hn_seal_read_table(struct hn_seal_range **out, size_t *ranges, const unsigned char *bytes,
                             size_t count, uint64_t hdf5, const char *label)
{
    struct hn_seal_range *r;
    size_t n = 0;

    if (!parse(NULL, &n, bytes, count, hdf5))
        return hn_fail(HN_EDATA, "%s: damaged: the seal's table of ranges makes no sense", label);
    r = hn_calloc(n ? n : 1, sizeof *r);
    if (r == NULL)
        return HN_ENOMEM;
    parse(r, &n, bytes, count, hdf5);
    *out = r;
    *ranges = n;
    return HN_OK;
}

void hn_seal_write_range(unsigned char bytes[HN_SEAL_RANGE], uint64_t offset, uint64_t length, uint64_t block)
{
    put_u64(bytes, offset);
    put_u64(bytes + 8, length);
    put_u64(bytes + 16, block);
}

void hn_seal_write_end(unsigned char bytes[HN_SEAL_END], uint64_t hdf5, uint64_t table)
{
    memcpy(bytes, HN_SEAL_MAGIC, 8);
    put_u64(bytes + 8, HN_SEAL_VERSION);
    put_u64(bytes + 16, hdf5);
    put_u64(bytes + 24, table);
    memset(bytes + HN_SEAL_HASHED, 0, 16);
}
