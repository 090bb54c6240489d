#include "check/dryrun.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "hardneg/train.h"
#include <stdio.h>

#define NOT_GIVEN SIZE_MAX

static struct {
    const char *out, *resume;
    struct hn_list set;
    uint64_t steps;
    double max_minutes;
    bool help_config, dry_run;
    struct hn_dryrun_options dry; /* ranks and nodes: NOT_GIVEN or what was said */
} given = {.dry = {.ranks = NOT_GIVEN, .nodes = NOT_GIVEN}, .steps = UINT64_MAX /* not given: to the end */};

static const struct hn_option options[] = {
    {"out", 'o', HN_OPT_TEXT, &given.out, "RUN", "the run directory (made when missing)"},
    {"set", 's', HN_OPT_LIST, &given.set, "KEY=VALUE", "overrides a key of the config; may be repeated"},
    {"resume", 'r', HN_OPT_TEXT, &given.resume, "WHAT",
     "auto (default): the newest good checkpoint; never; a checkpoint, or a run's newest"},
    {"steps", 'n', HN_OPT_COUNT, &given.steps, "N", "stop after step N in all, save, exit 0"},
    {"max-minutes", 'm', HN_OPT_REAL, &given.max_minutes, "M", "stop after M minutes, save, exit 75"},
    {"help-config", 0, HN_OPT_FLAG, &given.help_config, NULL,
     "every key of a config with its default, and exit"},
    {"dry-run", 0, HN_OPT_FLAG, &given.dry_run, NULL,
     "prints what the run would take, and exits; nothing is written"},
    {"ranks", 0, HN_OPT_COUNT, &given.dry.ranks, "N", "dry run: plans for N ranks (those that run)"},
    {"nodes", 0, HN_OPT_COUNT, &given.dry.nodes, "N", "dry run: the ranks are on N nodes"},
    {"machine", 0, HN_OPT_TEXT, &given.dry.machine, "NAME=X,...",
     "dry run: times for a machine of so many gflops (of a core), views (per s and core), bandwidth (of a "
     "node, GB/s), latency (us), memory (GB/s), cores"},
    {"measure", 0, HN_OPT_FLAG, &given.dry.measure, NULL,
     "dry run: runs a few steps here, for the time to the end"},
    {"samples", 0, HN_OPT_TEXT, &given.dry.samples, "NxHxWxC",
     "dry run: what a data file that is not there will hold"},
    {"json", 0, HN_OPT_FLAG, &given.dry.json, NULL, "dry run: one line of JSON"},
    {0}};

static void show(void *ctx, const struct hn_train_progress *p)
{
    /* Where the progress line is, these lines go to log.txt alone. */
    enum hn_log_level plain = hn_progress_on_terminal() ? HN_LOG_DEBUG : HN_LOG_INFO;
    char left[32];

    (void)ctx;
    hn_progress_time(p->seconds_left, left);
    switch (p->what) {
    case HN_PROGRESS_STEP:
        hn_progress_line(
            p->step == p->steps, "epoch %llu/%llu  step %llu/%llu  loss %.4f  %.0f pairs/s  %s left",
            (unsigned long long)p->epoch, (unsigned long long)p->epochs, (unsigned long long)p->step,
            (unsigned long long)p->steps, p->loss, p->pairs_per_s, left);
        if (p->logged)
            hn_log(plain, "epoch %llu/%llu step %llu/%llu loss %.4f lr %.3g %.0f pairs/s %s left",
                   (unsigned long long)p->epoch, (unsigned long long)p->epochs, (unsigned long long)p->step,
                   (unsigned long long)p->steps, p->loss, p->lr, p->pairs_per_s, left);
        break;
    case HN_PROGRESS_EVAL:
        hn_progress_end();
        hn_log(HN_LOG_INFO, "epoch %llu/%llu step %llu: kNN top-1 %.2f %%, top-5 %.2f %%",
               (unsigned long long)p->epoch, (unsigned long long)p->epochs, (unsigned long long)p->step,
               100 * p->knn.top1, 100 * p->knn.top5);
        break;
    case HN_PROGRESS_SAVE:
        hn_log(plain, "saved %s", p->path);
        break;
    }
}

static hn_status dry_run(hn_comm *comm, const struct hn_config *config)
{
    struct hn_text text = {0};
    struct hn_dryrun_options o = given.dry;
    hn_status st;

    o.ranks = o.ranks == NOT_GIVEN ? 0 : o.ranks;
    o.nodes = o.nodes == NOT_GIVEN ? 0 : o.nodes;
    o.run_dir = given.out;
    o.steps = given.steps == UINT64_MAX ? 0 : given.steps;
    if ((st = hn_dryrun(comm, config, &o, &text)) == HN_OK && text.length > 0)
        fputs(text.at, stdout);
    hn_text_free(&text);
    return st;
}

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    struct hn_config config;
    struct hn_train_options o = {.run_dir = given.out,
                                 .resume = given.resume ? given.resume : "auto",
                                 .steps = given.steps == UINT64_MAX ? 0 : given.steps,
                                 .command = hn_cli_command(),
                                 .stop = &hn_stop,
                                 .progress = show};
    hn_comm *ordered = NULL;
    hn_trainer *trainer = NULL;
    hn_status st;

    (void)operands;
    if ((st = hn_config_read_shared(&config, comm, operand[0], given.set.item, given.set.count)) != HN_OK)
        return st;
    if (given.max_minutes > 0)
        config.max_minutes = given.max_minutes;
    if ((st = hn_comm_again(&ordered, comm, &config.comm)) != HN_OK)
        return st;
    if (given.dry_run) {
        st = dry_run(ordered, &config);
        goto out;
    }
    if ((st = hn_trainer_new(&trainer, ordered, &config, &o)) != HN_OK)
        goto out;
    st = hn_trainer_run(trainer);
out:
    hn_trainer_free(trainer);
    hn_comm_free(ordered);
    return st;
}

/* Options that would be ignored are refused. */
static hn_status check_dry_run(void)
{
    const struct hn_dryrun_options *o = &given.dry;
    struct hn_machine machine;
    struct hn_dataset_info info;
    hn_status st = HN_OK;

    if (!given.dry_run)
        return o->ranks != NOT_GIVEN || o->nodes != NOT_GIVEN || o->machine || o->measure || o->samples ||
                       o->json
                   ? hn_fail(
                         HN_EUSAGE,
                         "--ranks, --nodes, --machine, --measure, --samples and --json belong to --dry-run")
                   : HN_OK;
    if (given.resume)
        return hn_fail(HN_EUSAGE, "--resume: a dry run resumes nothing; it plans the whole run");
    if (given.max_minutes > 0)
        return hn_fail(HN_EUSAGE, "--max-minutes: a dry run ends at once; --steps plans for fewer steps");
    if (o->ranks == 0 || o->nodes == 0)
        return hn_fail(HN_EUSAGE, "--ranks and --nodes: must be at least 1");
    if (o->measure && o->samples)
        return hn_fail(HN_EUSAGE, "--measure needs the data file, --samples says that it is not there");
    if (o->samples)
        st = hn_samples_parse(&info, HN_TRAIN, o->samples);
    return st == HN_OK && o->machine ? hn_machine_parse(&machine, o->machine) : st;
}

/* Before MPI starts: help on the config, and what would fail anyway. */
static bool alone(hn_status *st)
{
    char *text = NULL;

    if (!given.help_config) {
        if (given.steps == 0)
            *st = hn_fail(HN_EUSAGE, "--steps: must be at least 1");
        else if (given.max_minutes < 0)
            *st = hn_fail(HN_EUSAGE, "--max-minutes: must not be below 0");
        else if ((*st = check_dry_run()) != HN_OK)
            return false;
        else if (given.out == NULL && !given.dry_run)
            *st = hn_fail(HN_EUSAGE, "-o RUN is missing: where the run lives");
        else if (!given.dry_run)
            hn_catch_signals();
        return false;
    }
    if ((*st = hn_config_help(&text)) == HN_OK && hn_comm_first_process())
        fputs(text, stdout);
    hn_config_text_free(text);
    return true;
}

const struct hn_verb hn_verb_train = {
    .name = "train",
    .operands = "CONFIG -o RUN",
    .summary = "trains an encoder, or goes on with a run that was interrupted",
    .more =
        "The run directory gets config.cfg (as used), metrics.jsonl, log.txt, starts.jsonl and "
        "checkpoints/.\n"
        "The same command resumes: in the middle of an epoch, on any number of ranks, with the same bits.\n"
        "USR1, USR2, TERM, INT and HUP that reach a rank stop all ranks after the same step: saved, exit "
        "75.\n"
        "--dry-run says what a run would take (memory, disk, messages, time) without starting it.\n",
    .least = 1,
    .most = 1,
    .options = options,
    .parallel = true,
    .run = run,
    .alone = alone};
