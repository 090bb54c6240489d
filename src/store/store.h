/* store/store.h - named, typed arrays in one HDF5 file; the only door to HDF5.
 *
 * Local.  Names are absolute paths ("/train/images"); groups appear as needed.
 * Arrays are little-endian, contiguous, row-major, at most HN_STORE_RANK
 * dimensions; rank 0 is a scalar.  Attributes are scalars: text, int64, double.
 *
 * Files of ours are *sealed*: after HDF5's last byte comes a trailer (see
 * store/seal.h) that is checked before HDF5 sees a byte. */
#ifndef HN_STORE_STORE_H
#define HN_STORE_STORE_H

#include "hardneg/base.h"

enum { HN_STORE_RANK = 8 };
enum hn_type { HN_U8, HN_I32, HN_I64, HN_F32, HN_F64 };
size_t hn_type_size(enum hn_type type);

struct hn_array_info {
    enum hn_type type; /* the nearest of ours; what a file holds may be narrower */
    int rank;
    uint64_t dim[HN_STORE_RANK];
    uint64_t count;  /* product of dim */
    uint64_t offset; /* of the first byte in the file; UINT64_MAX: not contiguous */
    uint64_t
        row_chunks; /* in how many chunks of the file a row (along the first dimension) lies; 1: in none */
};

/* ---- reading ---- */
typedef struct hn_store hn_store;

/* A sealed file, read whole and verified (checkpoints and other files that fit in memory). */
hn_status hn_store_open(hn_store **out, const char *path);
/* A sealed file with ranges: only what lies outside the ranges is read and verified (data sets). */
hn_status hn_store_open_head(hn_store **out, const char *path);
/* Anybody's HDF5 file, opened read-only. */
hn_status hn_store_open_foreign(hn_store **out, const char *path);
/* Anybody's HDF5 file as bytes in memory (copied); label is for messages. */
hn_status hn_store_open_image(hn_store **out, const void *bytes, size_t count, const char *label);
void hn_store_close(hn_store *s);

bool hn_store_has(const hn_store *s, const char *name); /* array or group */
/* The i-th member of a group in name order, or false past the last; *is_group may be NULL. */
bool hn_store_member(const hn_store *s, const char *group, size_t i, char *name, size_t room, bool *is_group);
hn_status hn_store_info(const hn_store *s, const char *name, struct hn_array_info *info);
/* Reads a whole array, converted to type; count must be the array's. */
hn_status hn_store_read(const hn_store *s, const char *name, enum hn_type type, void *out, uint64_t count);
/* Reads rows first .. first+count-1 (along the first dimension), converted to type. */
hn_status hn_store_read_rows(const hn_store *s, const char *name, enum hn_type type, uint64_t first,
                             uint64_t count, void *out);
/* HN_REAL's type. */
#define HN_TYPE_REAL (sizeof(real) == 4 ? HN_F32 : HN_F64)

/* Attributes of an array or group ("/": the file's own); false when absent, of another kind, or a text that
 * does not fit in room with its end.
 * Integers of any width read as int64, floats of any width as double; numbers convert into one another. */
bool hn_store_attr_text(const hn_store *s, const char *name, const char *attr, char *text, size_t room);
bool hn_store_attr_i64(const hn_store *s, const char *name, const char *attr, int64_t *value);
bool hn_store_attr_f64(const hn_store *s, const char *name, const char *attr, double *value);
/* A small vector of numbers: returns how many it holds, 0 when absent, of another kind or longer than room.
 */
size_t hn_store_attr_f64s(const hn_store *s, const char *name, const char *attr, double *value, size_t room);

/* ---- writing ---- */
typedef struct hn_store_writer hn_store_writer;

/* A file that is made in memory and published in one go. */
hn_status hn_store_begin(hn_store_writer **out);
hn_status hn_store_put(hn_store_writer *w, const char *name, enum hn_type type, int rank, const uint64_t *dim,
                       const void *data);
hn_status hn_store_put_attr_text(hn_store_writer *w, const char *name, const char *attr, const char *text);
hn_status hn_store_put_attr_i64(hn_store_writer *w, const char *name, const char *attr, int64_t value);
hn_status hn_store_put_attr_f64(hn_store_writer *w, const char *name, const char *attr, double value);

/* The bytes of a file made in memory, for those who fill in content time and again: HDF5 is done with them.
 */
struct hn_store_image {
    unsigned char *bytes;
    uint64_t length; /* of the HDF5 part; the seal has room behind it */
};
/* An array whose content comes later, at *offset of the image (zeros until then). */
hn_status hn_store_reserve(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                           const uint64_t *dim, uint64_t *offset);
/* Makes the bytes.  The writer is done for, whatever comes back. */
hn_status hn_store_finish(hn_store_writer *w, struct hn_store_image *out);
uint64_t hn_store_image_file_bytes(const struct hn_store_image *i); /* with its seal */
/* Whether the file system of a folder has room for it; HN_ECREATE with the sizes. */
hn_status hn_store_image_room(const struct hn_store_image *i, const char *folder);
/* Seals the bytes as they are and puts them in place as hn_store_publish() does.  Any thread: no HDF5.
 * may, if not NULL, is asked just before that, and its failure is the write's. */
hn_status hn_store_write_image(struct hn_store_image *i, const char *path, hn_status (*may)(void *ctx),
                               void *ctx);
void hn_store_free_image(struct hn_store_image *i);
/* What a file begun with hn_store_begin() would take on disk.  The writer is done for. */
hn_status hn_store_measure(hn_store_writer *w, uint64_t *bytes);

/* A file larger than memory: begun at its place on disk (as a temporary beside
 * path), arrays declared first, then filled in order.  Every declared array is
 * a range of whole blocks of `block` bytes, hashed on the way.  HDF5's
 * own bytes are kept in memory until publish().  put() works as well, for arrays too small for blocks;
 * attributes may come at any time. */
hn_status hn_store_begin_large(hn_store_writer **out, const char *path);
hn_status hn_store_declare(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                           const uint64_t *dim, uint64_t block);
/* The next `count` bytes, in pieces of any size; HN_EBUG beyond the array's end. */
hn_status hn_store_fill(hn_store_writer *w, const char *name, const void *bytes, uint64_t count);

/* Seals and puts the file in place: temporary, fsync, rename, fsync of the folder.  A file that is
 * there already is replaced whole or not at all.  The writer is done for, whatever comes back. A large file's
 * path must be the one it was begun with; all its arrays must be full. */
hn_status hn_store_publish(hn_store_writer *w, const char *path);
/* Gives up: nothing is left behind.  Takes NULL. */
void hn_store_abandon(hn_store_writer *w);

/* ---- ranges of a sealed file: for those who read its bytes themselves (pread) ---- */
struct hn_store_blocks {
    uint64_t offset, length, block; /* bytes; the last block may be shorter */
    size_t count;
    const unsigned char *hash; /* count x 16 bytes, XXH3-128; valid until close */
};
/* The range that holds array `name`; HN_EDATA when it is not one. */
hn_status hn_store_blocks(const hn_store *s, const char *name, struct hn_store_blocks *blocks);

/* A sealed file without ranges: does its seal hold?  Any thread: no HDF5, and little memory. */
hn_status hn_store_check(const char *path);

const char *hn_store_version(void); /* of HDF5 */

#endif
