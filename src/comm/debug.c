/* Debug builds: do all ranks make the same call with the same sizes?  Where they do not, some would wait for
 * ever or read what they were not sent. */
#include "comm/ranks.h"

#ifdef HN_DEBUG
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct call {
    char name[40];
    uint64_t size[2];
};

void hn_ranks_check(hn_comm *c, const char *call, uint64_t size, uint64_t other_size)
{
    struct call mine = {.size = {size, other_size}}, first;
    MPI_Request request;
    int differs, lowest;

    if (c->size == 1)
        return;
    snprintf(mine.name, sizeof mine.name, "%s", call);
    first = mine;
    MPI_Ibcast(&first, sizeof first, MPI_BYTE, 0, c->control, &request);
    hn_wait(c, &request, 1);
    differs = memcmp(&mine, &first, sizeof mine) == 0 ? c->size : c->rank;
    MPI_Iallreduce(&differs, &lowest, 1, MPI_INT, MPI_MIN, c->control, &request);
    hn_wait(c, &request, 1);
    if (lowest == c->size)
        return;
    if (lowest != c->rank)
        sleep(10); /* that rank has the word, and ends all */
    (void)hn_fail(HN_EBUG, "%s(%llu, %llu) where rank 0 calls %s(%llu, %llu)", mine.name,
                  (unsigned long long)mine.size[0], (unsigned long long)mine.size[1], first.name,
                  (unsigned long long)first.size[0], (unsigned long long)first.size[1]);
    hn_comm_abort(c, HN_EBUG);
}
#endif
