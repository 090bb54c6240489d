/* store/sealed.h - a seal on an open file: read and checked.  Local. */
#ifndef HN_STORE_SEALED_H
#define HN_STORE_SEALED_H

#include "store/seal.h"

/* Exactly count bytes at offset, or HN_EIO / HN_EDATA (the file ends before). */
hn_status hn_read_at(int fd, void *bytes, size_t count, uint64_t offset, const char *label);

/* What a file's seal says. */
struct hn_sealed {
    struct hn_seal_end end;
    unsigned char *table; /* end.table bytes */
    struct hn_seal_range *range;
    size_t ranges;
    uint64_t file_bytes;
};

/* Reads end and table. Nothing in them is verified yet. `remedy` ends the sentence about a file without a
 * seal. */
hn_status hn_sealed_read(struct hn_sealed *s, int fd, const char *label, const char *remedy);
void hn_sealed_free(struct hn_sealed *s);

/* Reads all bytes of the HDF5 part outside the ranges to where they belong in image (which is as long as the
 * HDF5 part; NULL: nowhere) and compares their hash. */
hn_status hn_sealed_verify_head(const struct hn_sealed *s, int fd, unsigned char *image, const char *label);

/* Reads block `index` of a range to bytes (at least its length) and compares its hash. */
hn_status hn_sealed_read_block(const struct hn_seal_range *r, size_t index, int fd, unsigned char *bytes,
                               const char *label);
uint64_t hn_sealed_block_bytes(const struct hn_seal_range *r, size_t index);

#endif
