#include "check/preview.h"
#include "cli/verbs.h"
#include "hardneg/train.h"

static struct {
    struct hn_list set;
    uint64_t pairs, epoch;
} given = {.pairs = 32};

static const struct hn_option options[] = {
    {"pairs", 'p', HN_OPT_COUNT, &given.pairs, "N", "how many samples are drawn, spread over the split (32)"},
    {"epoch", 'e', HN_OPT_COUNT, &given.epoch, "E", "the views of epoch E, from 0"},
    {"set", 's', HN_OPT_LIST, &given.set, "KEY=VALUE", "overrides a key of the config"},
    {0}};

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    struct hn_config config;
    hn_dataset *data = NULL;
    hn_augment *augment = NULL;
    hn_status st = hn_config_read(&config, operand[0], NULL, given.set.item, given.set.count);

    (void)comm;
    (void)operands;
    if (st != HN_OK || (st = hn_dataset_open(&data, config.data.path)) != HN_OK)
        return st;
    hn_config_take_data(&config, hn_dataset_info(data));
    if ((st = hn_augment_new(&augment, &config.augment, config.seed)) == HN_OK)
        st =
            hn_preview(operand[1], data, (enum hn_split)config.data.split, augment, given.pairs, given.epoch);
    hn_augment_free(augment);
    hn_dataset_close(data);
    return st;
}

const struct hn_verb hn_verb_preview = {
    .name = "preview",
    .operands = "CONFIG OUT.png",
    .summary = "draws pairs of views as training sees them",
    .more = "Each sample is a row of three pictures: the original, view 1, view 2.\n",
    .least = 2,
    .most = 2,
    .options = options,
    .run = run};
