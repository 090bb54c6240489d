/* Bytes on their way: to all from one, to all from all, from one to one.
 *
 * MPI counts and places in int.  What is larger travels in several calls. */
#include "base/assert.h"
#include "base/hash.h"
#include "comm/ranks.h"
#include <string.h>

static size_t piece(const hn_comm *c, size_t left)
{
    return left < c->largest ? left : c->largest;
}

static void bcast(hn_comm *c, MPI_Comm comm, char *bytes, size_t count, size_t root)
{
    for (size_t at = 0, step; at < count; at += step) {
        MPI_Request request;
        step = piece(c, count - at);
        MPI_Ibcast(bytes + at, (int)step, MPI_BYTE, (int)root, comm, &request);
        hn_wait(c, &request, 1);
    }
}

void hn_comm_bcast(hn_comm *c, void *bytes, size_t count, size_t root)
{
    HN_ASSERT(root < (size_t)c->size);
    hn_ranks_check(c, "hn_comm_bcast", count, root);
    if (c->size > 1)
        bcast(c, c->control, bytes, count, root);
}

void hn_comm_gather(hn_comm *c, const void *mine, void *all, const size_t *count)
{
    MPI_Request request;
    char *own = all;
    size_t total = 0;

    for (int r = 0; r < c->size; r++) {
        if (r == c->rank)
            own += total;
        total += count[r];
    }
    hn_ranks_check(c, "hn_comm_gather", total, hn_hash_bytes(count, (size_t)c->size * sizeof *count).lo);
    if (mine != own)
        memcpy(own, mine, count[c->rank]);
    if (c->size == 1)
        return;
    if (total > c->largest) {
        for (size_t r = 0, at = 0; r < (size_t)c->size; at += count[r++])
            bcast(c, c->pool, (char *)all + at, count[r], r);
        return;
    }
    for (int r = 0, at = 0; r < c->size; at += c->count[r++]) {
        c->count[r] = (int)count[r];
        c->offset[r] = at;
    }
    MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, all, c->count, c->offset, MPI_BYTE, c->pool, &request);
    hn_wait(c, &request, 1);
}

void hn_comm_pass(hn_comm *c, void *bytes, size_t count, size_t from, size_t to)
{
    HN_ASSERT(from < (size_t)c->size && to < (size_t)c->size);
    if (from == to)
        return;
    for (size_t at = 0, step; at < count; at += step) {
        MPI_Request request;
        step = piece(c, count - at);
        if ((size_t)c->rank == from)
            MPI_Isend((char *)bytes + at, (int)step, MPI_BYTE, (int)to, 0, c->control, &request);
        else if ((size_t)c->rank == to)
            MPI_Irecv((char *)bytes + at, (int)step, MPI_BYTE, (int)from, 0, c->control, &request);
        else
            return;
        hn_wait(c, &request, 1);
    }
}
