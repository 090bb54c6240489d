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
    char text[sizeof((struct hn_comm *)0)->agreed], place[128];
};

hn_status hn_comm_agree(hn_comm *c, hn_status status)
{
    struct verdict verdict = {.status = status};
    int first;

    hn_ranks_check(c, "hn_comm_agree", 0, 0);
    first = lowest(c, status != HN_OK);
    if (first == c->size)
        return HN_OK;
    if (c->size == 1)
        return status;
    if (first == c->rank) {
        const char *text = hn_error_text();
        if (strcmp(text, c->agreed) == 0) /* agreed on before: it names its rank */
            snprintf(verdict.text, sizeof verdict.text, "%s", text);
        else
            snprintf(verdict.text, sizeof verdict.text, "rank %d: %s", c->rank, text);
        snprintf(verdict.place, sizeof verdict.place, "%s", hn_error_place());
    }
    hn_comm_bcast(c, &verdict, sizeof verdict, (size_t)first);
    hn_error_set(verdict.text, verdict.place);
    snprintf(c->agreed, sizeof c->agreed, "%s", hn_error_text());
    return (hn_status)verdict.status;
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
