/* Debug builds: do all ranks make the same call with the same sizes?  Where they do not, some would wait for
 * ever or read what they were not sent. */
#include "comm/ranks.h"

#ifdef HN_DEBUG
void hn_ranks_check(hn_comm *c, const char *call, size_t value)
{
    /* The largest of the value and of its negative: both ends in one call. */
    int64_t ends[2] = {(int64_t)value, -(int64_t)value};
    MPI_Request request;

    if (c->size == 1)
        return;
    MPI_Iallreduce(MPI_IN_PLACE, ends, 2, MPI_INT64_T, MPI_MAX, c->control, &request);
    hn_wait(c, &request, 1);
    if (ends[0] == -ends[1])
        return;
    (void)hn_fail(HN_EBUG, "%s: the ranks passed sizes from %lld to %lld, this one %zu", call,
                  (long long)-ends[1], (long long)ends[0], value);
    hn_comm_abort(c, HN_EBUG);
}
#endif
