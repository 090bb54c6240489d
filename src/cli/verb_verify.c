#include "check/verify.h"
#include "cli/verbs.h"
#include <stdio.h>

static struct {
    double tolerance;
} given = {.tolerance = 1.0};

static const struct hn_option options[] = {
    {"tolerance", 't', HN_OPT_REAL, &given.tolerance, "X", "multiplies every tolerance"}, {0}};

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    hn_threads *threads = NULL;
    hn_status st, worst = HN_OK;

    if (!(given.tolerance > 0))
        return hn_fail(HN_EUSAGE, "--tolerance: must be above 0");
    if ((st = hn_comm_agree(comm, hn_threads_new(&threads, 1))) != HN_OK)
        return st;
    for (size_t i = 0; i < operands; i++) {
        struct hn_text table = {0};
        st = hn_verify_file(comm, threads, operand[i], given.tolerance, &table);
        if (hn_comm_rank(comm) == 0 && table.length > 0)
            fputs(table.at, stdout);
        hn_text_free(&table);
        if (st != HN_OK && st != HN_ECHECK) {
            worst = st;
            break;
        }
        worst = worst ? worst : st;
    }
    hn_threads_free(threads);
    return worst;
}

const struct hn_verb hn_verb_verify = {
    .name = "verify",
    .operands = "FILE.h5 ...",
    .summary = "holds the program against files of reference values",
    .more = "Knows by content what a file is (losses, training runs, layers, views, neighbours, schedules), "
            "runs every case\n"
            "over the ranks, rows spread unevenly, and prints the largest deviation per kind of case against "
            "its\n"
            "tolerance.  Exit 0: all within; 1: one is over; 65: a file is damaged or unknown.\n",
    .least = 1,
    .most = 16,
    .options = options,
    .parallel = true,
    .run = run};
