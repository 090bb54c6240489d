/* The ways in which ranks meet.  ranks: 5 */
#define TAP_MPI
#include "base/mem.h"
#include "comm/ranks.h"
#include "tap.h"

static void order(void)
{
    hn_comm *c, *pretended;
    int world;

    MPI_Comm_rank(MPI_COMM_WORLD, &world);
    ok(hn_comm_new(&c, MPI_COMM_WORLD, NULL) == HN_OK, "a communicator");
    ok(hn_comm_size(c) == 5 && hn_comm_rank(c) == (size_t)world && hn_comm_nodes(c) == 1,
       "one machine: the order stays");
    hn_comm_new(&pretended, MPI_COMM_WORLD, &(struct hn_comm_options){.ranks_per_node = 2});
    /* Nodes {0, 3}, {1, 4}, {2}. */
    const size_t want[5] = {0, 2, 4, 1, 3};
    ok(hn_comm_nodes(pretended) == 3 && hn_comm_rank(pretended) == want[world],
       "pretended nodes: ranks of a node are neighbours");
    hn_comm_free(pretended);
    hn_comm_free(c);
    ok(hn_comm_new(&c, MPI_COMM_SELF, NULL) == HN_OK && hn_comm_size(c) == 1 && hn_comm_rank(c) == 0,
       "a communicator of one");
    (void)hn_fail(HN_EDATA, "mine alone");
    ok(hn_comm_agree(c, HN_EDATA) == HN_EDATA && strcmp(hn_error_text(), "mine alone") == 0,
       "alone: no rank in front of the sentence");
    char byte = 'x', all = 0;
    hn_comm_gather(c, &byte, &all, &(size_t){1});
    hn_comm_bcast(c, &byte, 1, 0);
    ok(all == 'x' && hn_comm_max(c, -4) == -4, "alone: gather, max");
    hn_comm_free(c);
}

static void agreement(hn_comm *c)
{
    size_t rank = hn_comm_rank(c);
    hn_status st;

    ok(hn_comm_agree(c, HN_OK) == HN_OK, "all well");
    (void)hn_fail(rank == 2 ? HN_EDATA : HN_EIO, "trouble of %zu", rank);
    st = hn_comm_agree(c, rank == 2 ? HN_EDATA : rank == 4 ? HN_EIO : HN_OK);
    ok(st == HN_EDATA, "the lowest failing rank's status");
    ok(strcmp(hn_error_text(), "rank 2: trouble of 2") == 0, "and its sentence");
    ok(strstr(hn_error_place(), "t_comm.mpi.c") != NULL, "and its place");
    ok(hn_comm_agree(c, st) == HN_EDATA && strcmp(hn_error_text(), "rank 2: trouble of 2") == 0,
       "agreed on again: the same sentence");
    hn_comm *again = NULL;
    tap_status(hn_comm_again(&again, c, NULL), HN_OK, "the same ranks again");
    ok(hn_comm_agree(again, st) == HN_EDATA && strcmp(hn_error_text(), "rank 2: trouble of 2") == 0,
       "there, too");
    hn_comm_free(again);
    st = hn_fail(st, "%s, after all", hn_error_text());
    ok(hn_comm_agree(c, st) == HN_EDATA && strcmp(hn_error_text(), "rank 2: trouble of 2, after all") == 0,
       "and with what all have added");
    st = hn_fail(HN_ENOINPUT, "nowhere");
    ok(hn_comm_agree(c, st) == HN_ENOINPUT && strcmp(hn_error_text(), "nowhere") == 0,
       "what all say is no rank's own");
    ok(hn_comm_max(c, rank == 3 ? 7 : -(int64_t)rank) == 7, "largest value");
    int64_t value[3] = {(int64_t)rank, 1, -(int64_t)rank};
    hn_comm_sum(c, value, 3);
    ok(value[0] == 10 && value[1] == 5 && value[2] == -10, "sums");
}

static void same(hn_comm *c)
{
    size_t rank = hn_comm_rank(c);

    ok(hn_comm_same(c, "the config", "abc", 3) == HN_OK, "the same bytes");
    ok(hn_comm_same(c, "the config", rank >= 3 ? "abd" : "abc", 3) == HN_EUSAGE &&
           strcmp(hn_error_text(), "rank 3 differs from rank 0 in the config") == 0,
       "other bytes: named with the lowest rank");
    ok(hn_comm_same(c, "the data set", "abc", rank == 1 ? 2 : 3) == HN_EUSAGE &&
           strcmp(hn_error_text(), "rank 1 differs from rank 0 in the data set") == 0,
       "another length");
}

/* Rank r brings r * 1000 bytes (rank 0 none), in place or from elsewhere. */
static void gather(hn_comm *c, bool in_place)
{
    size_t rank = hn_comm_rank(c), count[5], at = 0, mine_at = 0;
    char mine[4000], all[10000];
    int bad = 0;

    for (size_t r = 0; r < 5; at += count[r++]) {
        count[r] = r * 1000;
        if (r == rank)
            mine_at = at;
    }
    memset(all, 0, sizeof all);
    char *source = in_place ? all + mine_at : mine;
    for (size_t i = 0; i < count[rank]; i++)
        source[i] = (char)(rank * 31 + i * 7);
    hn_comm_gather(c, source, all, count);
    for (size_t r = 0, i = 0; r < 5; r++)
        for (size_t k = 0; k < count[r]; k++)
            bad += all[i++] != (char)(r * 31 + k * 7);
    ok(bad == 0, "gather of uneven counts, %s, at most %zu bytes a call",
       in_place ? "in place" : "from elsewhere", c->largest);
}

static void bytes(hn_comm *c)
{
    size_t rank = hn_comm_rank(c), whole = c->largest;
    char text[100];

    for (int small = 0; small < 2; small++) {
        c->largest = small ? 24 : whole; /* as if these were gigabytes */
        gather(c, false);
        gather(c, true);
        memset(text, rank == 3 ? 'y' : 'n', sizeof text);
        hn_comm_bcast(c, text, sizeof text, 3);
        ok(text[0] == 'y' && text[99] == 'y', "bcast");
        memset(text, (int)rank, sizeof text);
        if (rank == 4 || rank == 1)
            hn_comm_pass(c, text, sizeof text, 4, 1);
        ok(text[99] == (rank == 1 ? 4 : (char)rank), "from one to another");
        int64_t value[10];
        for (size_t i = 0; i < 10; i++)
            value[i] = (int64_t)(rank * i);
        hn_comm_sum(c, value, 10);
        ok(value[9] == 90 && value[1] == 10, "sums in parts");
    }
    c->largest = whole;
}

int main(int argc, char **argv)
{
    hn_comm *c;

    MPI_Init(&argc, &argv);
    tap_plan(33);
    order();
    hn_comm_new(&c, MPI_COMM_WORLD, NULL);
    agreement(c);
    same(c);
    bytes(c);
    hn_comm_barrier(c);
    ok(true, "a barrier ends");
    ok(strstr(hn_comm_version(), "MPI") != NULL, "the library has a name: %s", hn_comm_version());
    hn_comm_free(c);
    ok(hn_live_blocks() == 0, "nothing is left");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
