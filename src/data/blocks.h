/* data/blocks.h - reading the ranges of a file block by block, each verified when it is first read.
 *
 * Local; plain pread, no HDF5; one thread at a time.  Whole blocks are kept in
 * a cache of fixed size, the least recently used one makes room.  An array that
 * is larger than the cache and read at random would fetch a block for every
 * sample: then only the first visit fetches the block (to verify it), later
 * ones fetch the bytes asked for (`pieces`). */
#ifndef HN_DATA_BLOCKS_H
#define HN_DATA_BLOCKS_H

#include "hardneg/data.h"

struct hn_extent {
    const char *what;               /* for messages: "train images" */
    uint64_t offset, length, block; /* bytes; the last block may be shorter; length 0: not there */
    uint64_t item;                  /* bytes of one sample or label */
    size_t count;                   /* blocks */
    const unsigned char *hash;      /* count x 16 bytes, XXH3-128, borrowed */
};

typedef struct hn_blocks hn_blocks;

/* path and fd are borrowed. */
hn_status hn_blocks_new(hn_blocks **out, const char *path, int fd, const struct hn_extent *extent,
                        size_t extents);
void hn_blocks_free(hn_blocks *b);
/* Replaces the cache: at most `bytes` (but two blocks at least), at most what the file holds. */
hn_status hn_blocks_cache(hn_blocks *b, uint64_t bytes, bool pieces);
/* Bytes at .. at+count-1 of an extent. */
hn_status hn_blocks_read(hn_blocks *b, size_t extent, uint64_t at, uint64_t count, void *bytes);
hn_status hn_blocks_verify(hn_blocks *b, hn_progress *progress, void *ctx);

#endif
