#include "cli/signals.h"
#include "cli/verbs.h"
#include "hardneg/train.h"
#include <stdio.h>

static struct {
    struct hn_list set;
    bool untrained, pixels;
} given;

static const struct hn_option options[] = {{"set", 's', HN_OPT_LIST, &given.set, "KEY=VALUE",
                                            "overrides a key of the run's config (data.path, eval.k ...)"},
                                           {"untrained", 'u', HN_OPT_FLAG, &given.untrained, NULL,
                                            "judge the encoder as it was before its first step"},
                                           {"pixels", 'p', HN_OPT_FLAG, &given.pixels, NULL,
                                            "judge the raw pixels: what there was without an encoder"},
                                           {0}};

static bool alone(hn_status *st)
{
    (void)st;
    hn_catch_signals();
    return false;
}

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    enum hn_judged what = given.pixels ? HN_PIXELS : given.untrained ? HN_UNTRAINED : HN_TRAINED;
    struct hn_knn_result knn;
    hn_status st;

    (void)operands;
    hn_comm_stop_when(&hn_stop);
    if (given.pixels && given.untrained)
        return hn_fail(HN_EUSAGE, "--pixels and --untrained: one of them");
    if ((st = hn_evaluate(comm, operand[0], given.set.item, given.set.count, what, &knn)) != HN_OK)
        return st;
    if (hn_comm_rank(comm) == 0)
        printf("knn_top1 %.4f\nknn_top5 %.4f\n", knn.top1, knn.top5);
    return HN_OK;
}

const struct hn_verb hn_verb_eval = {
    .name = "eval",
    .operands = "RUN|CHECKPOINT",
    .summary = "weighted nearest neighbours of the test set among the training set's features",
    .more = "As in HCL: features before the head, k = 200, temperature 0.5 (keys eval.k, eval.temperature).\n"
            "Prints knn_top1 and knn_top5, shares of the test set.\n",
    .least = 1,
    .most = 1,
    .options = options,
    .parallel = true,
    .run = run,
    .alone = alone};
