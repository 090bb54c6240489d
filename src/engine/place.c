/* engine/place.c - a place for every lease: first fit, the larger first, which packs better. */
#include "engine/planner.h"

/* First fit: the lowest offset that is free for as long as lease i lasts, among the leases placed before. */
static size_t lowest_free(const struct lease *lease, size_t i)
{
    size_t offset = 0;

    for (bool moved = true; moved;) {
        moved = false;
        for (size_t j = 0; j < i; j++) {
            const struct lease *b = &lease[j];
            bool together = b->from <= lease[i].to && lease[i].from <= b->to;
            bool overlap = b->where->offset < offset + lease[i].bytes && offset < b->where->offset + b->bytes;
            if (together && overlap && b->where->home == lease[i].where->home) {
                offset = b->where->offset + b->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

void hn_place_leases(struct lease *lease, size_t count, const size_t *wave_of, size_t *microbatch_bytes,
                     size_t *thread_bytes)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i; j > 0 && lease[j].bytes > lease[j - 1].bytes; j--) {
            struct lease swap = lease[j];
            lease[j] = lease[j - 1];
            lease[j - 1] = swap;
        }
    for (size_t i = 0; i < count; i++) {
        struct lease *l = &lease[i];
        bool stays = wave_of && wave_of[l->from] != wave_of[l->to];
        size_t *total = stays ? microbatch_bytes : thread_bytes;
        l->bytes = hn_round_up(l->bytes, HN_ALIGN);
        l->where->home = stays ? HN_PER_MICROBATCH : HN_PER_THREAD;
        l->where->offset = lowest_free(lease, i);
        if (l->where->offset + l->bytes > *total)
            *total = l->where->offset + l->bytes;
    }
}
