#include "base/hash.h"
#include "base/mem.h"
#include "train/session.h"
#include <sched.h>
#include <string.h>
#include <unistd.h>

struct seat {
    struct hn_hash host;
    cpu_set_t allowed;
    size_t threads;
};

static struct seat own_seat(void)
{
    struct seat s;
    char host[256] = "";

    memset(&s, 0, sizeof s); /* padding too: seats are compared and sent as bytes */
    gethostname(host, sizeof host - 1);
    s.host = hn_hash_bytes(host, strlen(host));
    if (sched_getaffinity(0, sizeof s.allowed, &s.allowed) != 0)
        CPU_SET(0, &s.allowed);
    return s;
}

static bool share_cores(const struct seat *a, const struct seat *b)
{
    cpu_set_t both;

    CPU_AND(&both, &a->allowed, &b->allowed);
    return hn_hash_equal(a->host, b->host) && CPU_COUNT(&both) > 0;
}

static void gather_seats(hn_comm *comm, const struct seat *mine, struct seat *all, size_t *bytes)
{
    for (size_t r = 0; r < hn_comm_size(comm); r++)
        bytes[r] = sizeof *mine;
    hn_comm_gather(comm, mine, all, bytes);
}

hn_status hn_binding_find(struct hn_binding *out, hn_comm *comm, size_t wanted, size_t most)
{
    size_t ranks = hn_comm_size(comm), sharing = 0;
    struct seat mine = own_seat(), *all = hn_calloc(ranks, sizeof *all);
    size_t *bytes = hn_calloc(ranks, sizeof *bytes);
    hn_status st = hn_comm_agree(comm, all && bytes ? HN_OK : HN_ENOMEM);
    cpu_set_t host;

    if (st != HN_OK)
        goto out;
    *out = (struct hn_binding){.cores = (size_t)CPU_COUNT(&mine.allowed)};
    gather_seats(comm, &mine, all, bytes);
    for (size_t r = 0; r < ranks; r++)
        sharing += share_cores(&mine, &all[r]);
    out->threads = wanted ? wanted : out->cores / sharing;
    if (!wanted && out->threads > most)
        out->threads = most;
    if (out->threads == 0)
        out->threads = 1;
    mine.threads = out->threads;
    gather_seats(comm, &mine, all, bytes);
    CPU_ZERO(&host);
    for (size_t r = 0; r < ranks; r++)
        if (hn_hash_equal(mine.host, all[r].host)) {
            out->host_threads += all[r].threads;
            CPU_OR(&host, &host, &all[r].allowed);
        }
    out->host_cores = (size_t)CPU_COUNT(&host);
out:
    hn_free(bytes);
    hn_free(all);
    return st;
}
