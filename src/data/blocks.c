#include "data/blocks.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pulse.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* place[] of a block: never read, read and verified but not kept, or kept in slot place - KEPT. */
enum { UNREAD, VERIFIED, KEPT };

struct slot {
    uint32_t *place; /* of the block that lies here; NULL: free */
    uint64_t used;
    unsigned char *bytes;
};

struct hn_blocks {
    const char *path;
    int fd;
    struct hn_extent *extent;
    size_t extents;
    uint32_t **place; /* (extents, count of each) */
    uint32_t *places;
    struct slot *slot;
    size_t slots;
    unsigned char *memory;
    uint64_t clock;
    bool pieces;
};

hn_status hn_blocks_new(hn_blocks **out, const char *path, int fd, const struct hn_extent *extent,
                        size_t extents)
{
    hn_blocks *b = hn_zalloc(sizeof *b);
    size_t total = 0;

    if (b == NULL)
        return HN_ENOMEM;
    for (size_t i = 0; i < extents; i++)
        total += extent[i].count;
    b->path = path;
    b->fd = fd;
    b->extents = extents;
    b->extent = hn_calloc(extents, sizeof *b->extent);
    b->place = hn_calloc(extents, sizeof *b->place);
    b->places = hn_calloc(total, sizeof *b->places);
    if (b->extent == NULL || b->place == NULL || b->places == NULL) {
        hn_blocks_free(b);
        return HN_ENOMEM;
    }
    memcpy(b->extent, extent, extents * sizeof *extent);
    total = 0;
    for (size_t i = 0; i < extents; i++) {
        b->place[i] = b->places + total;
        total += extent[i].count;
    }
    *out = b;
    return HN_OK;
}

static void drop_cache(hn_blocks *b)
{
    for (size_t i = 0; i < b->slots; i++)
        if (b->slot[i].place)
            *b->slot[i].place = VERIFIED;
    hn_free(b->slot);
    hn_free(b->memory);
    b->slot = NULL;
    b->memory = NULL;
    b->slots = 0;
}

void hn_blocks_free(hn_blocks *b)
{
    if (b == NULL)
        return;
    drop_cache(b);
    hn_free(b->places);
    hn_free(b->place);
    hn_free(b->extent);
    hn_free(b);
}

hn_status hn_blocks_cache(hn_blocks *b, uint64_t bytes, bool pieces)
{
    uint64_t largest = 1, total = 0, slots;

    for (size_t i = 0; i < b->extents; i++) {
        const struct hn_extent *e = &b->extent[i];
        uint64_t block = e->block < e->length ? e->block : e->length;
        largest = block > largest ? block : largest;
        total += e->count;
    }
    slots = bytes / largest;
    slots = slots > total ? total : slots;
    slots = slots < 2 ? 2 : slots;
    drop_cache(b);
    b->slot = hn_calloc(slots, sizeof *b->slot);
    b->memory = hn_calloc(slots, largest);
    if (b->slot == NULL || b->memory == NULL)
        return hn_fail(HN_ENOMEM, "%s: out of memory for a cache of %llu blocks of %llu bytes", b->path,
                       (unsigned long long)slots, (unsigned long long)largest);
    for (size_t i = 0; i < slots; i++)
        b->slot[i].bytes = b->memory + i * largest;
    b->slots = slots;
    b->pieces = pieces && slots < total;
    return HN_OK;
}

static hn_status fetch(const hn_blocks *b, uint64_t offset, uint64_t count, unsigned char *bytes)
{
    while (count > 0) {
        ssize_t n = pread(b->fd, bytes, count, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hn_fail(HN_EIO, "%s: reading at byte %llu: %s", b->path, (unsigned long long)offset,
                           strerror(errno));
        if (n == 0)
            return hn_fail(HN_EDATA, "%s: ends at byte %llu, was longer when it was opened", b->path,
                           (unsigned long long)offset);
        offset += (uint64_t)n;
        bytes += n;
        count -= (uint64_t)n;
    }
    return HN_OK;
}

static uint64_t block_length(const struct hn_extent *e, uint64_t block)
{
    uint64_t left = e->length - block * e->block;

    return left < e->block ? left : e->block;
}

static hn_status check(const hn_blocks *b, const struct hn_extent *e, uint64_t block,
                       const unsigned char *bytes)
{
    uint64_t length = block_length(e, block), first = block * e->block;

    if (hn_hash_equal(hn_hash_bytes(bytes, length), hn_hash_load(e->hash + 16 * block)))
        return HN_OK;
    return hn_fail(
        HN_EDATA,
        "%s: damaged: block %llu of %s (entries %llu to %llu, bytes %llu to %llu of the file) does not "
        "match its hash",
        b->path, (unsigned long long)block, e->what, (unsigned long long)(first / e->item),
        (unsigned long long)((first + length) / e->item - 1), (unsigned long long)(e->offset + first),
        (unsigned long long)(e->offset + first + length - 1));
}

/* Brings a block into the slot that was not used for longest. */
static hn_status load(hn_blocks *b, size_t extent, uint64_t block)
{
    const struct hn_extent *e = &b->extent[extent];
    struct slot *slot = b->slot;
    hn_status st;

    for (size_t i = 1; i < b->slots && slot->place; i++)
        if (b->slot[i].place == NULL || b->slot[i].used < slot->used)
            slot = &b->slot[i];
    if (slot->place)
        *slot->place = VERIFIED;
    slot->place = NULL;
    st = fetch(b, e->offset + block * e->block, block_length(e, block), slot->bytes);
    if (st == HN_OK)
        st = check(b, e, block, slot->bytes);
    if (st != HN_OK)
        return st;
    slot->place = &b->place[extent][block];
    *slot->place = (uint32_t)(slot - b->slot) + KEPT;
    return HN_OK;
}

static hn_status read_part(hn_blocks *b, size_t extent, uint64_t block, uint64_t within, uint64_t count,
                           unsigned char *bytes)
{
    const struct hn_extent *e = &b->extent[extent];
    uint32_t *place = &b->place[extent][block];
    struct slot *slot;
    hn_status st;

    if (*place == VERIFIED && b->pieces)
        return fetch(b, e->offset + block * e->block + within, count, bytes);
    if (*place < KEPT && (st = load(b, extent, block)) != HN_OK)
        return st;
    slot = &b->slot[*place - KEPT];
    slot->used = ++b->clock;
    memcpy(bytes, slot->bytes + within, count);
    return HN_OK;
}

hn_status hn_blocks_read(hn_blocks *b, size_t extent, uint64_t at, uint64_t count, void *bytes)
{
    const struct hn_extent *e = &b->extent[extent];
    unsigned char *to = bytes;

    if (at > e->length || count > e->length - at)
        return hn_fail(HN_EBUG, "%s: bytes %llu + %llu of %s: it has %llu", b->path, (unsigned long long)at,
                       (unsigned long long)count, e->what, (unsigned long long)e->length);
    while (count > 0) {
        uint64_t block = at / e->block, within = at % e->block, part = block_length(e, block) - within;
        hn_status st;

        part = part < count ? part : count;
        if ((st = read_part(b, extent, block, within, part, to)) != HN_OK)
            return st;
        at += part;
        to += part;
        count -= part;
    }
    return HN_OK;
}

hn_status hn_blocks_verify(hn_blocks *b, hn_progress *progress, void *ctx)
{
    uint64_t total = 0, done = 0;
    size_t damaged = 0;
    char first[1024] = "";

    for (size_t i = 0; i < b->extents; i++)
        total += b->extent[i].length;
    for (size_t i = 0; i < b->extents; i++)
        for (size_t k = 0; k < b->extent[i].count; k++) {
            hn_pulse();
            hn_status st = b->place[i][k] < KEPT ? load(b, i, k) : HN_OK;
            if (st != HN_OK && st != HN_EDATA)
                return st;
            if (st == HN_EDATA && damaged++ == 0)
                snprintf(first, sizeof first, "%s", hn_error_text());
            done += block_length(&b->extent[i], k);
            if (progress)
                progress(ctx, done, total);
        }
    if (damaged > 1)
        return hn_fail(HN_EDATA, "%s; nor do %zu more blocks", first, damaged - 1);
    return damaged ? hn_fail(HN_EDATA, "%s", first) : HN_OK;
}
