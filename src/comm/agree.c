/* Points at which all ranks go on, or leave, together. */
#include "base/hash.h"
#include "comm/ranks.h"
#include <stdio.h>
#include <string.h>

/* Collective: the lowest rank that says yes; size: nobody. */
static int lowest(hn_comm *c, bool mine)
{
    int rank = mine ? c->rank : c->size, first;
    MPI_Request request;

    MPI_Iallreduce(&rank, &first, 1, MPI_INT, MPI_MIN, c->control, &request);
    hn_wait(c, &request, 1);
    return first;
}

struct verdict {
    int status;
    char text[1024], place[128];
};

static struct verdict own_verdict(hn_status status)
{
    struct verdict v = {.status = status};

    if (status != HN_OK) {
        snprintf(v.text, sizeof v.text, "%s", hn_error_text());
        snprintf(v.place, sizeof v.place, "%s", hn_error_place());
    }
    return v;
}

hn_status hn_comm_agree(hn_comm *c, hn_status status)
{
    struct verdict first, mine;
    char who[32] = "", text[sizeof first.text + sizeof who];
    int rank;

    hn_ranks_check(c, "hn_comm_agree", 0, 0);
    rank = lowest(c, status != HN_OK);
    if (rank == c->size)
        return HN_OK;
    if (c->size == 1)
        return status;
    first = mine = own_verdict(status);
    hn_comm_bcast(c, &first, sizeof first, (size_t)rank);
    /* What all say, perhaps because it was agreed on before, is no rank's own. */
    if (lowest(c, mine.status != first.status || strcmp(mine.text, first.text) != 0) != c->size)
        snprintf(who, sizeof who, "rank %d: ", rank);
    snprintf(text, sizeof text, "%s%s", who, first.text);
    hn_error_set(text, first.place);
    return (hn_status)first.status;
}

int64_t hn_comm_max(hn_comm *c, int64_t value)
{
    int64_t largest;
    MPI_Request request;

    hn_ranks_check(c, "hn_comm_max", 0, 0);
    MPI_Iallreduce(&value, &largest, 1, MPI_INT64_T, MPI_MAX, c->control, &request);
    hn_wait(c, &request, 1);
    return largest;
}

void hn_comm_sum(hn_comm *c, int64_t *value, size_t count)
{
    hn_ranks_check(c, "hn_comm_sum", count, 0);
    for (size_t at = 0, step; at < count; at += step) {
        MPI_Request request;
        step = count - at < c->largest / sizeof *value ? count - at : c->largest / sizeof *value;
        MPI_Iallreduce(MPI_IN_PLACE, value + at, (int)step, MPI_INT64_T, MPI_SUM, c->control, &request);
        hn_wait(c, &request, 1);
    }
}

void hn_comm_barrier(hn_comm *c)
{
    MPI_Request request;

    hn_ranks_check(c, "hn_comm_barrier", 0, 0);
    MPI_Ibarrier(c->control, &request);
    hn_wait(c, &request, 1);
}

hn_status hn_comm_same(hn_comm *c, const char *what, const void *bytes, size_t count)
{
    struct {
        struct hn_hash hash;
        uint64_t count;
    } mine = {hn_hash_bytes(bytes, count), count}, first = mine;

    hn_ranks_check(c, "hn_comm_same", 0, 0);
    hn_comm_bcast(c, &first, sizeof first, 0);
    int other = lowest(c, !hn_hash_equal(mine.hash, first.hash) || mine.count != first.count);
    if (other == c->size)
        return HN_OK;
    return hn_fail(HN_EUSAGE, "rank %d differs from rank 0 in %s", other, what);
}
