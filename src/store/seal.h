/* store/seal.h - the trailer behind HDF5's last byte.  Local; plain bytes, no HDF5, no files.
 *
 *   HDF5 part | table | end                          all numbers little-endian
 *   table: per range  offset 8, length 8, block 8, then 16 bytes of XXH3-128 (big-endian) per block
 *   end:   magic 8, version 8, length of the HDF5 part 8, length of the table 8, hash 16
 *
 * Ranges lie in the HDF5 part, ascend, do not overlap and are not empty; the
 * last block of one may be shorter.  The hash covers every byte of the file in
 * file order except those in ranges and itself; so the block hashes, which are
 * in the table, are covered.  A file without ranges has an empty table. */
#ifndef HN_STORE_SEAL_H
#define HN_STORE_SEAL_H

#include "hardneg/base.h"

enum { HN_SEAL_END = 48, HN_SEAL_HASHED = 32 /* of the end */, HN_SEAL_RANGE = 24 };
#define HN_SEAL_MAGIC "HNSEAL\r\n"
enum { HN_SEAL_VERSION = 1 };

struct hn_seal_end {
    uint64_t hdf5, table; /* bytes */
    unsigned char hash[16];
};
struct hn_seal_range {
    uint64_t offset, length, block;
    size_t blocks;
    const unsigned char *hash; /* blocks x 16, in the table's bytes */
};

/* The end of a file of file_bytes, checked against that length. HN_EDATA: says what is wrong, label first. */
hn_status hn_seal_read_end(struct hn_seal_end *end, const unsigned char bytes[HN_SEAL_END],
                           uint64_t file_bytes, const char *label);
/* Whether the last bytes carry the magic at all. */
bool hn_seal_is_end(const unsigned char bytes[HN_SEAL_END]);

/* Parses a table of `count` bytes; *out (hn_free) has *ranges entries that point into bytes.  Allocates no
 * more than the table is long. */
hn_status hn_seal_read_table(struct hn_seal_range **out, size_t *ranges, const unsigned char *bytes,
                             size_t count, uint64_t hdf5, const char *label);

uint64_t hn_seal_blocks(uint64_t length, uint64_t block);
void hn_seal_write_range(unsigned char bytes[HN_SEAL_RANGE], uint64_t offset, uint64_t length,
                         uint64_t block);
/* All but the hash. */
void hn_seal_write_end(unsigned char bytes[HN_SEAL_END], uint64_t hdf5, uint64_t table);

#endif
