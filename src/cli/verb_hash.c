#include "cli/verbs.h"
#include "hardneg/train.h"
#include <stdio.h>

static const struct hn_option options[] = {{0}};

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    char text[33];
    uint64_t step;
    hn_status st = hn_run_hash(operand[0], text, &step);

    (void)comm;
    (void)operands;
    if (st == HN_OK)
        printf("%s  step %llu\n", text, (unsigned long long)step);
    return st;
}

const struct hn_verb hn_verb_hash = {
    .name = "hash",
    .operands = "RUN|CHECKPOINT",
    .summary = "one hash of weights and running statistics",
    .more = "Of the newest good checkpoint of a run. Equal hashes: the same bits.\n",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run};
