#include "base/mem.h"
#include "base/assert.h"
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t live, total, bytes_live;

void *hn_zalloc(size_t bytes)
{
    size_t padded = hn_round_up(bytes ? bytes : 1, HN_ALIGN);
    void *block = padded >= bytes ? aligned_alloc(HN_ALIGN, padded) : NULL;

    if (block == NULL) {
        (void)hn_fail(HN_ENOMEM, "out of memory (%zu bytes wanted)", bytes);
        return NULL;
    }
    atomic_fetch_add(&live, 1);
    atomic_fetch_add(&total, 1);
    atomic_fetch_add(&bytes_live, malloc_usable_size(block));
    return memset(block, 0, padded);
}

void *hn_calloc(size_t count, size_t size)
{
    size_t bytes;

    if (!hn_mul(&bytes, count, size)) {
        (void)hn_fail(HN_ENOMEM, "out of memory (%zu x %zu bytes wanted)", count, size);
        return NULL;
    }
    return hn_zalloc(bytes);
}

char *hn_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = hn_zalloc(bytes);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

void hn_free(void *block)
{
    if (block == NULL)
        return;
    atomic_fetch_sub(&live, 1);
    atomic_fetch_sub(&bytes_live, malloc_usable_size(block));
    free(block);
}

size_t hn_live_blocks(void)
{
    return atomic_load(&live);
}

size_t hn_live_bytes(void)
{
    return atomic_load(&bytes_live);
}

size_t hn_total_blocks(void)
{
    return atomic_load(&total);
}

bool hn_mul(size_t *product, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, product);
}

bool hn_add(size_t *sum, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, sum);
}

size_t hn_round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

void *hn_carve(hn_carver *c, size_t size, size_t count)
{
    void *at = c->block ? c->block + c->bytes : NULL;
    size_t bytes;

    if (!hn_mul(&bytes, size, count) || bytes > SIZE_MAX / 2 ||
        !hn_add(&c->bytes, c->bytes, hn_round_up(bytes, HN_ALIGN)))
        c->bytes = SIZE_MAX;
    HN_ASSERT(c->room == 0 || c->bytes <= c->room);
    return at;
}

hn_status hn_carver_start(hn_carver *c, void **block, const char *what)
{
    void *got = c->bytes == SIZE_MAX ? NULL : hn_zalloc(c->bytes);

    if (got == NULL)
        return hn_fail(HN_ENOMEM, "out of memory: %s needs %.1f MiB", what, (double)c->bytes / 1048576.0);
    c->block = got;
    c->room = c->bytes;
    c->bytes = 0;
    *block = got;
    return HN_OK;
}
