/* What cannot be agreed on: one line, the status, and every rank is gone.  This program runs itself under
 * mpirun: a rank that aborts takes its test with it.  And hangs that the watch ends. */
#include "hardneg/comm.h"
#include "tap.h"
#include <sys/wait.h>
#include <unistd.h>

enum { RANKS = 3 };

/* ---- as a rank ---- */
static void aborts(hn_comm *c, size_t rank)
{
    if (rank == 1)
        hn_comm_abort(c, hn_fail(HN_EDATA, "x.h5: cannot go on"));
    hn_comm_barrier(c);
}

/* Rank 1 waits for what rank 0 never sends, and the others for rank 1. */
static void all_wait(hn_comm *c, size_t rank)
{
    char byte = 0;

    hn_comm_stall_after(0.05);
    hn_comm_step(7);
    hn_comm_phase("testing");
    if (rank == 1)
        hn_comm_pass(c, &byte, 1, 0, 1);
    hn_comm_barrier(c);
}

static void one_hangs(hn_comm *c, size_t rank)
{
    hn_comm_stall_after(0.05);
    hn_comm_step(7);
    hn_comm_phase("testing");
    while (rank == 2)
        pause();
    hn_comm_barrier(c);
}

#ifdef HN_DEBUG
static void sums(hn_comm *c, size_t rank)
{
    int64_t value[4] = {1, 2, 3, 4};

    hn_comm_sum(c, value, rank == 2 ? 4 : 3);
}

static void other_call(hn_comm *c, size_t rank)
{
    if (rank == 1)
        hn_comm_barrier(c);
    else
        hn_comm_max(c, 3);
}

static void gathers(hn_comm *c, size_t rank)
{
    size_t count[RANKS] = {1, 2, 1};
    char all[4] = "";

    if (rank > 0) { /* as many in all */
        count[0] = 2;
        count[1] = 1;
    }
    hn_comm_gather(c, all, all, count);
}

static void starts(hn_comm *c, size_t rank)
{
    const struct hn_range run[RANKS] = {{0, 1}, {1, 1}, {2, 1}};
    real value[10] = {0}, root[10], *values[1] = {value};
    hn_reducer *r = NULL;

    if (hn_reducer_new(&r, c, RANKS, run, 10, HN_REDUCE_ORDERED) != HN_OK)
        return;
    hn_reducer_start(r, 0, 5, values, root);
    hn_reducer_start(r, 5, rank == 2 ? 4 : 5, values, root);
    hn_reducer_wait(r);
    hn_reducer_free(r);
}
#endif

static const struct {
    const char *name;
    void (*play)(hn_comm *c, size_t rank);
    hn_status status;
    const char *line; /* begins so */
} cases[] = {
    {"aborts", aborts, HN_EDATA, "hardneg: rank 1: x.h5: cannot go on [bad data "},
    {"all_wait", all_wait, HN_ELOST, "hardneg: all ranks have waited for one another for "},
    {"one_hangs", one_hangs, HN_ELOST, "hardneg: rank 2 (host "},
#ifdef HN_DEBUG
    {"sums", sums, HN_EBUG, "hardneg: rank 2: hn_comm_sum(4, 0) where rank 0 calls hn_comm_sum(3, 0) [bug "},
    {"other_call", other_call, HN_EBUG,
     "hardneg: rank 1: hn_comm_barrier(0, 0) where rank 0 calls hn_comm_max"},
    {"gathers", gathers, HN_EBUG, "hardneg: rank 1: hn_comm_gather(4, "},
    {"starts", starts, HN_EBUG,
     "hardneg: rank 2: hn_reducer_start(5, 4) where rank 0 calls hn_reducer_start(5, 5)"},
#endif
};
enum { CASES = sizeof cases / sizeof *cases };

static int as_rank(int argc, char **argv)
{
    const char *name = argv[1];
    hn_comm *c = NULL;

    if (hn_comm_start(&c, &argc, &argv) != HN_OK)
        return 1;
    for (size_t i = 0; i < CASES; i++)
        if (strcmp(cases[i].name, name) == 0)
            cases[i].play(c, hn_comm_rank(c));
    hn_comm_finish(c);
    return 0;
}

/* ---- and from outside ---- */
static void end_as_told(const char *program, size_t i)
{
    char command[1024], line[1024], said[1024] = "";
    int lines = 0, status;
    FILE *out;

    snprintf(command, sizeof command,
             "exec timeout 60 mpirun --quiet --oversubscribe --bind-to none -n %d '%s' %s 2>&1", RANKS,
             program, cases[i].name);
    out = popen(command, "r");
    while (out != NULL && fgets(line, sizeof line, out) != NULL)
        if (strncmp(line, "hardneg: ", 9) == 0 && lines++ == 0)
            snprintf(said, sizeof said, "%s", line);
    status = out ? pclose(out) : -1;
    bool right = lines == 1 && strncmp(said, cases[i].line, strlen(cases[i].line)) == 0 &&
                 WIFEXITED(status) && WEXITSTATUS(status) == (int)cases[i].status;
    if (!ok(right, "%s: one line, exit status %d", cases[i].name, (int)cases[i].status))
        printf("# %d lines, status %d: %s\n", lines, WIFEXITED(status) ? WEXITSTATUS(status) : -1, said);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return as_rank(argc, argv);
    tap_plan(CASES);
    for (size_t i = 0; i < CASES; i++)
        end_as_told(argv[0], i);
    return tap_done();
}
