#include "comm/ranks.h"
#include <unistd.h>

void hn_comm_abort(hn_comm *c, hn_status status)
{
    int rank = 0;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    hn_log(HN_LOG_ERROR, "rank %d: %s [%s %s]", c ? c->rank : rank, hn_error_text(), hn_status_name(status),
           hn_error_place());
    MPI_Abort(MPI_COMM_WORLD, (int)status);
    for (;;) /* MPI may take a moment to end us */
        pause();
}
