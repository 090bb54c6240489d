#include "check/fsck.h"
#include "cli/verbs.h"
#include <stdio.h>

static const struct hn_option options[] = {{0}};

static void say(void *ctx, const char *verdict, const char *path, const char *text)
{
    (void)ctx;
    printf("%-8s %s: %s\n", verdict, path, text);
}

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    struct hn_fsck f = {.say = say};
    hn_status other = HN_OK;

    (void)comm;
    for (size_t i = 0; i < operands; i++) {
        hn_status st = hn_fsck(&f, operand[i]);
        if (st != HN_OK && st != HN_ECHECK && other == HN_OK)
            other = st;
    }
    if (f.unread > 0)
        printf("%zu good, %zu damaged, %zu not read\n", f.good, f.damaged, f.unread);
    else if (f.good + f.damaged > 0)
        printf("%zu good, %zu damaged\n", f.good, f.damaged);
    if (f.damaged > 0)
        return hn_fail(HN_ECHECK, "%zu of %zu files are damaged", f.damaged, f.good + f.damaged + f.unread);
    if (f.unread > 0)
        return hn_fail(other, "%zu of %zu files could not be read", f.unread, f.good + f.unread);
    return other;
}

const struct hn_verb hn_verb_fsck = {
    .name = "fsck",
    .operands = "RUN|FILE ...",
    .summary = "finds damage in runs, checkpoints and data sets",
    .more =
        "Reads every byte, compares every hash, and changes nothing.  Of a run directory: config.cfg, all\n"
        "checkpoints, starts.jsonl, and whether metrics.jsonl has a row of every step it should.\n"
        "A resume passes over damaged checkpoints by itself; a damaged data set is to be imported again.\n"
        "Exit codes: 0 all good; 1 something is damaged; 65 a folder that is no run; 66 it cannot be read.\n",
    .least = 1,
    .most = 16,
    .options = options,
    .run = run};
