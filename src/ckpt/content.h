/* ckpt/content.h - what is inside a checkpoint.  Local.
 *
 *   /             attributes format = "hardneg checkpoint", version = 1, step
 *   /NAME         an array; its groups appear as needed ("/model/encoder.0.weight")
 *   /text/NAME    a text: u8 array, as many bytes as it has
 *
 * Every array and text has an attribute "xxh3": XXH3-128, as 32 digits, over
 *
 *   name without the first "/", a zero byte, type ("u8" "i64" "f32" ...), a zero byte,
 *   rank as 8 bytes, each dimension as 8 bytes (little-endian), the bytes as they lie in the file.
 *
 * So the hash is one of what is stored: the same weights kept as float and as
 * double have different ones. */
#ifndef HN_CKPT_CONTENT_H
#define HN_CKPT_CONTENT_H

#include "base/hash.h"
#include "store/store.h"

#define HN_CKPT_FORMAT    "hardneg checkpoint"
#define HN_CKPT_TEXTS     "text/"
#define HN_CKPT_ATTRIBUTE "xxh3"
enum { HN_CKPT_VERSION = 1, HN_CKPT_NAME = 512 };

/* name without a leading "/". */
hn_status hn_ckpt_array_hash(struct hn_hash *out, const char *name, enum hn_type type, int rank,
                             const uint64_t *dim, const void *bytes);

struct hn_ckpt_item {
    char *name; /* without a leading "/" */
    struct hn_array_info info;
    struct hn_hash hash;
    char *text; /* of those below "text/", else NULL */
};

/* Reads and verifies everything: items in the order of strcmp. */
hn_status hn_ckpt_read_items(struct hn_ckpt_item **out, size_t *count, const hn_store *s, const char *path);
void hn_ckpt_free_items(struct hn_ckpt_item *item, size_t count);

#endif
