#include "check/bench.h"
#include "cli/verbs.h"
#include <stdio.h>

static struct {
    const char *encoder, *folder, *rows;
    uint64_t width, batch, microbatches, repeats, threads;
} given = {.encoder = "resnet18", .folder = ".", .width = 64, .batch = 64, .repeats = 3, .threads = 1};

static const struct hn_option options[] = {
    {"encoder", 'e', HN_OPT_TEXT, &given.encoder, "NAME", "steps: kind of encoder (resnet18)"},
    {"width", 'w', HN_OPT_COUNT, &given.width, "N", "steps: width of a ResNet (64)"},
    {"batch", 'b', HN_OPT_COUNT, &given.batch, "N", "steps: samples of a step over all ranks (64)"},
    {"microbatches", 'm', HN_OPT_COUNT, &given.microbatches, "N",
     "steps: equal parts of the batch; 0: as a run by default"},
    {"repeats", 'r', HN_OPT_COUNT, &given.repeats, "N", "how often; the median counts (3)"},
    {"threads", 't', HN_OPT_COUNT, &given.threads, "N", "of each rank (1)"},
    {"folder", 'd', HN_OPT_TEXT, &given.folder, "DIR", "where files are made and deleted again (.)"},
    {"json", 'j', HN_OPT_TEXT, &given.rows, "FILE", "appends each row as a line of JSON"},
    {0}};

static hn_status check(void)
{
    if (given.width < 1 || given.width > 4096)
        return hn_fail(HN_EUSAGE, "--width: 1 .. 4096");
    if (given.batch < 2 || given.batch > 1 << 20)
        return hn_fail(HN_EUSAGE, "--batch: 2 .. 1048576");
    if (given.repeats < 1 || given.repeats > 64)
        return hn_fail(HN_EUSAGE, "--repeats: 1 .. 64");
    if (given.threads < 1 || given.threads > 4096)
        return hn_fail(HN_EUSAGE, "--threads: 1 .. 4096");
    return HN_OK;
}

static void print(const char *line)
{
    puts(line);
    fflush(stdout);
}

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    struct hn_bench_options o = {.encoder = given.encoder,
                                 .width = given.width,
                                 .batch = given.batch,
                                 .microbatches = given.microbatches,
                                 .repeats = given.repeats,
                                 .threads = given.threads,
                                 .folder = given.folder,
                                 .rows = given.rows,
                                 .command = hn_cli_command(),
                                 .row = print};
    hn_status st = check();

    (void)operands;
    return st != HN_OK ? st : hn_bench_run(comm, operand[0], &o);
}

const struct hn_verb hn_verb_bench = {
    .name = "bench",
    .operands = "PART",
    .summary = "measures how fast a part of training is here",
    .more =
        "PART is steps (whole training steps on 32 x 32 pictures), loss, reduce (2 or more ranks), views or\n"
        "checkpoint.  Columns: ranks x threads, milliseconds, then name and number.  `make bench` runs them "
        "all.\n",
    .least = 1,
    .most = 1,
    .options = options,
    .parallel = true,
    .run = run};
