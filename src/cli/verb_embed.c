#include "cli/signals.h"
#include "cli/verbs.h"
#include "hardneg/train.h"

static struct {
    struct hn_list set;
    const char *split;
} given = {.split = "test"};

static const struct hn_option options[] = {
    {"split", 'p', HN_OPT_TEXT, &given.split, "SPLIT", "train, test (default) or unlabeled"},
    {"set", 's', HN_OPT_LIST, &given.set, "KEY=VALUE", "overrides a key of the run's config (data.path ...)"},
    {0}};

static bool alone(hn_status *st)
{
    (void)st;
    hn_catch_signals();
    return false;
}

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    (void)operands;
    hn_comm_stop_when(&hn_stop);
    return hn_embed(comm, operand[0], given.set.item, given.set.count, given.split, operand[1]);
}

const struct hn_verb hn_verb_embed = {
    .name = "embed",
    .operands = "RUN|CHECKPOINT OUT.npy",
    .summary = "writes the features of a split for numpy",
    .more = "OUT.npy gets float32 unit rows (samples, features), OUT.labels.npy int64 labels (-1: none).\n",
    .least = 2,
    .most = 2,
    .options = options,
    .parallel = true,
    .run = run,
    .alone = alone};
