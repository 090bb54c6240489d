/* store/writer.h - a store that is being written, as the files of this room see it. */
#ifndef HN_STORE_WRITER_H
#define HN_STORE_WRITER_H

#include "base/file.h"
#include "base/hash.h"
#include "store/hdf.h"
#include "store/sparse.h"

/* A declared array of a large file: its place and how far it is filled. */
struct hn_part {
    struct hn_part *next; /* ascending offset */
    char *name;
    uint64_t offset, length, block, done;
    unsigned char *entry; /* of the seal's table: numbers, then block hashes as they become known */
    size_t entry_bytes;
    hn_hasher *partial; /* of the block that is begun, or NULL */
};

struct hn_store_writer {
    hid_t file;  /* in memory */
    hid_t links; /* groups appear as needed */
    bool large;
    struct hn_file out;      /* large: from the beginning */
    struct hn_sparse sparse; /* what HDF5 writes to */
    struct hn_part *part;
};

/* Creates an empty array; `early`: with its place in the file fixed and nothing written there. */
hn_status hn_writer_create(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                           const uint64_t *dim, bool early, hid_t *set);
hn_status hn_writer_new(hn_store_writer **out);
/* HDF5 closes the file; its length. */
hn_status hn_writer_close(hn_store_writer *w, const char *path, uint64_t *bytes);
hn_status hn_large_publish(hn_store_writer *w);
void hn_large_free_parts(hn_store_writer *w);

#endif
