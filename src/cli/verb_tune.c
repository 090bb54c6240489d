#include "check/tune.h"
#include "cli/verbs.h"
#include <stdio.h>

static struct {
    struct hn_list set;
    const char *out;
} given;

static const struct hn_option options[] = {
    {"out", 'o', HN_OPT_TEXT, &given.out, "FILE",
     "writes the table there; a config names it as backend.table"},
    {"set", 's', HN_OPT_LIST, &given.set, "KEY=VALUE", "overrides a key of the config"},
    {0}};

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    struct hn_config config;
    struct hn_text report = {0};
    hn_status st = hn_config_read(&config, operand[0], NULL, given.set.item, given.set.count);

    (void)comm;
    (void)operands;
    if (st == HN_OK)
        st = hn_tune(&config, given.out, &report);
    if (st == HN_OK)
        fputs(report.at, stdout);
    hn_text_free(&report);
    return st;
}

const struct hn_verb hn_verb_tune = {
    .name = "tune",
    .operands = "CONFIG",
    .summary = "measures the libraries on every convolution and product of a model",
    .more = "In the shapes of the config's microbatch, on one thread: billions of operations per second of "
            "each way\n"
            "to compute it, and the fastest. The table holds for this processor and these libraries alone.\n"
            "A run never measures: its results follow from its config.\n",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run};
