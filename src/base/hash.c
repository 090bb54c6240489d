#include "base/hash.h"
#include "base/mem.h"
#include <stdio.h>
#include <xxhash.h>

struct hn_hasher {
    XXH3_state_t *state;
};

static struct hn_hash from_xxh(XXH128_hash_t h)
{
    return (struct hn_hash){h.high64, h.low64};
}

struct hn_hash hn_hash_bytes(const void *bytes, size_t count)
{
    return from_xxh(XXH3_128bits(bytes, count));
}

bool hn_hash_equal(struct hn_hash a, struct hn_hash b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

void hn_hash_text(struct hn_hash h, char text[HN_HASH_TEXT])
{
    snprintf(text, HN_HASH_TEXT, "%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
}

void hn_hash_store(struct hn_hash h, unsigned char bytes[16])
{
    XXH128_canonical_t c;

    XXH128_canonicalFromHash(&c, (XXH128_hash_t){.low64 = h.lo, .high64 = h.hi});
    for (int i = 0; i < 16; i++)
        bytes[i] = c.digest[i];
}

struct hn_hash hn_hash_load(const unsigned char bytes[16])
{
    XXH128_canonical_t c;

    for (int i = 0; i < 16; i++)
        c.digest[i] = bytes[i];
    return from_xxh(XXH128_hashFromCanonical(&c));
}

hn_status hn_hasher_new(hn_hasher **out)
{
    hn_hasher *h = hn_zalloc(sizeof *h);

    if (h == NULL)
        return HN_ENOMEM;
    h->state = XXH3_createState();
    if (h->state == NULL) {
        hn_free(h);
        return hn_fail(HN_ENOMEM, "out of memory for a hash");
    }
    XXH3_128bits_reset(h->state);
    *out = h;
    return HN_OK;
}

void hn_hasher_add(hn_hasher *h, const void *bytes, size_t count)
{
    XXH3_128bits_update(h->state, bytes, count);
}

struct hn_hash hn_hasher_value(const hn_hasher *h)
{
    return from_xxh(XXH3_128bits_digest(h->state));
}

void hn_hasher_free(hn_hasher *h)
{
    if (h == NULL)
        return;
    XXH3_freeState(h->state);
    hn_free(h);
}
