/* store/inside.h - an open store, as the files of this room see it. */
#ifndef HN_STORE_INSIDE_H
#define HN_STORE_INSIDE_H

#include "store/hdf.h"
#include "store/sealed.h"

/* What HDF5 reads from:
 *   sealed        `map`, as long as the HDF5 part.  Only verified bytes are in it; ranges of a store opened
 *                 by open_head() are pages of zeros that cost no memory, their bytes are read from fd.
 *   image         `copy`
 *   foreign       the path */
struct hn_store {
    hid_t file;
    int fd; /* open_head() only, else -1 */
    void *map;
    void *copy;
    struct hn_sealed seal; /* table NULL: not sealed */
    uint64_t file_bytes;
    char label[1024]; /* for messages: the path, mostly */
};

#endif
