/* store/sparse.h - a file in memory for HDF5 to write to, in which what was never written costs nothing.
 * Local.
 *
 * So HDF5 can lay out arrays of any size without a disk: when a write to disk
 * fails (full, quota), HDF5 1.10 can neither close the file nor end the program
 * without a crash.  A driver of our own, since the core driver fills holes with
 * zeros and the others want a path. */
#ifndef HN_STORE_SPARSE_H
#define HN_STORE_SPARSE_H

#include "store/hdf.h"

struct hn_sparse {
    struct hn_sparse_page *page; /* ascending */
    size_t pages, room;
    uint64_t length; /* HDF5's end of allocation */
    uint64_t end;    /* behind the last byte written */
    hid_t driver;    /* HDF5 1.10 looks at it once more after the file let go of it: ours to the end */
};

/* Makes a file in s (zeroed before), which must live until hn_sparse_free(), after the file is closed. Arrays
 * of at least `alignment` bytes begin at multiples of it. */
hn_status hn_sparse_create(hid_t *file, struct hn_sparse *s, uint64_t alignment);
void hn_sparse_read(const struct hn_sparse *s, unsigned char *bytes, size_t count, uint64_t offset);
/* What was written, each byte at its place in bytes (s->length of them); the rest of bytes is left alone. */
void hn_sparse_copy(const struct hn_sparse *s, unsigned char *bytes);
void hn_sparse_free(struct hn_sparse *s);

#endif
