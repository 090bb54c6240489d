#include "base/mem.h"
#include "comm/ranks.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Lowest rank of this one's node: the node's name. */
static int node_of(MPI_Comm comm, int rank, int size, const struct hn_comm_options *options)
{
    MPI_Comm node;
    int lowest = rank;

    if (options != NULL && options->ranks_per_node > 0) {
        size_t nodes = ((size_t)size + options->ranks_per_node - 1) / options->ranks_per_node;
        return (int)((size_t)rank % nodes); /* dealt out in turn, so that the order really changes */
    }
    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node);
    MPI_Bcast(&lowest, 1, MPI_INT, 0, node);
    MPI_Comm_free(&node);
    return lowest;
}

/* Place of `rank` when ranks are sorted by (node, rank); also counts the nodes. */
static int place_of(int rank, const int *node, int size, size_t *nodes)
{
    int place = 0;

    *nodes = 0;
    for (int r = 0; r < size; r++) {
        place += node[r] < node[rank] || (node[r] == node[rank] && r < rank);
        *nodes += node[r] == r;
    }
    return place;
}

/* Collective: does everybody have memory? */
static hn_status all_have(MPI_Comm comm, bool mine)
{
    int have = mine, all;

    MPI_Allreduce(&have, &all, 1, MPI_INT, MPI_MIN, comm);
    if (all)
        return HN_OK;
    return mine ? hn_fail(HN_ENOMEM, "out of memory on another rank") : HN_ENOMEM;
}

static void order_ranks(hn_comm *c, MPI_Comm given, const struct hn_comm_options *options)
{
    int rank, node;

    MPI_Comm_rank(given, &rank);
    MPI_Comm_size(given, &c->size);
    node = node_of(given, rank, c->size, options);
    MPI_Allgather(&node, 1, MPI_INT, c->count, 1, MPI_INT, given);
    MPI_Comm_split(given, 0, place_of(rank, c->count, c->size, &c->nodes), &c->control);
    MPI_Comm_rank(c->control, &c->rank);
    MPI_Comm_dup(c->control, &c->pool);
    MPI_Comm_dup(c->control, &c->stats);
    MPI_Comm_dup(c->control, &c->scatter);
    MPI_Comm_dup(c->control, &c->spread);
}

hn_status hn_comm_new(hn_comm **out, MPI_Comm comm, const struct hn_comm_options *options)
{
    hn_comm *c = hn_zalloc(sizeof *c);
    MPI_Comm own;
    hn_status st;
    int size;

    MPI_Comm_dup(comm, &own);
    MPI_Comm_size(own, &size);
    if (c != NULL) {
        c->control = c->pool = c->stats = c->scatter = c->spread = MPI_COMM_NULL;
        c->largest = INT_MAX;
        c->count = hn_calloc((size_t)size, sizeof *c->count);
        c->offset = hn_calloc((size_t)size, sizeof *c->offset);
    }
    st = all_have(own, c != NULL && c->count != NULL && c->offset != NULL);
    if (st == HN_OK) {
        order_ranks(c, own, options);
        *out = c;
        c = NULL;
    }
    MPI_Comm_free(&own);
    hn_comm_free(c);
    return st;
}

void hn_comm_free(hn_comm *c)
{
    int finalized = 0;

    if (c == NULL)
        return;
    MPI_Finalized(&finalized);
    if (!finalized && c->control != MPI_COMM_NULL) {
        MPI_Comm_free(&c->spread);
        MPI_Comm_free(&c->scatter);
        MPI_Comm_free(&c->stats);
        MPI_Comm_free(&c->pool);
        MPI_Comm_free(&c->control);
    }
    hn_free(c->offset);
    hn_free(c->count);
    hn_free(c);
}

size_t hn_comm_rank(const hn_comm *c)
{
    return (size_t)c->rank;
}

size_t hn_comm_size(const hn_comm *c)
{
    return (size_t)c->size;
}

size_t hn_comm_nodes(const hn_comm *c)
{
    return c->nodes;
}

const char *hn_comm_version(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;

    if (text[0] == '\0') {
        MPI_Get_library_version(text, &length);
        text[strcspn(text, ",\n")] = '\0'; /* "Open MPI v4.1.4, package: ..." */
    }
    return text;
}
