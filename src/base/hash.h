/* base/hash.h - XXH3-128 (xxHash): against accidents, not against forgers.  Local. */
#ifndef HN_BASE_HASH_H
#define HN_BASE_HASH_H

#include "hardneg/base.h"

struct hn_hash {
    uint64_t hi, lo;
};
#define HN_HASH_TEXT 33 /* 32 hexadecimal digits and the end */

struct hn_hash hn_hash_bytes(const void *bytes, size_t count);
bool hn_hash_equal(struct hn_hash a, struct hn_hash b);
void hn_hash_text(struct hn_hash h, char text[HN_HASH_TEXT]);
/* Big-endian, 16 bytes: what our files hold. */
void hn_hash_store(struct hn_hash h, unsigned char bytes[16]);
struct hn_hash hn_hash_load(const unsigned char bytes[16]);

/* In pieces: the same value as over the whole. */
typedef struct hn_hasher hn_hasher;
hn_status hn_hasher_new(hn_hasher **out);
void hn_hasher_add(hn_hasher *h, const void *bytes, size_t count);
struct hn_hash hn_hasher_value(const hn_hasher *h);
void hn_hasher_free(hn_hasher *h);

#endif
