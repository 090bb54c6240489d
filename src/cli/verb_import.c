#include "base/apart.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "hardneg/data.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STUCK = 60 /* seconds of processor time */ };

static struct {
    const char *name, *train_images, *train_labels, *test_images, *test_labels, *unlabeled, *layout;
    bool coarse;
    double white; /* NAN: not given */
} given = {.white = NAN};

static const struct hn_option options[] = {
    {"name", 0, HN_OPT_TEXT, &given.name, "NAME", "what the set is called"},
    {"coarse", 0, HN_OPT_FLAG, &given.coarse, NULL,
     "cifar100: the 20 coarse labels (else the 100 fine ones)"},
    {"train-images", 0, HN_OPT_TEXT, &given.train_images, "ARRAY", "hdf5: where the training samples are"},
    {"train-labels", 0, HN_OPT_TEXT, &given.train_labels, "ARRAY", "hdf5: and their labels"},
    {"test-images", 0, HN_OPT_TEXT, &given.test_images, "ARRAY", "hdf5: where the test samples are"},
    {"test-labels", 0, HN_OPT_TEXT, &given.test_labels, "ARRAY", "hdf5: and their labels"},
    {"unlabeled", 0, HN_OPT_TEXT, &given.unlabeled, "ARRAY", "hdf5: samples without labels"},
    {"layout", 0, HN_OPT_TEXT, &given.layout, "nhwc|nchw",
     "hdf5: order of an image's dimensions (else from the shape)"},
    {"white", 0, HN_OPT_REAL, &given.white, "X",
     "hdf5: the pixel value that becomes 255 (else 1 in floats, 255 in integers)"},
    {0}};

static void show(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    hn_progress_line(done == total, "%llu of %llu samples", (unsigned long long)done,
                     (unsigned long long)total);
}

struct job {
    const char *source, *out;
    struct hn_import_options options;
};

static hn_status import_hdf5(void *ctx)
{
    const struct job *j = ctx;

    return hn_import_hdf5(j->source, j->out, &j->options);
}

/* Address space for what is read: the head of a sealed file takes as much as the file is long. */
static uint64_t room_for(const char *source)
{
    struct stat info;
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

    return memory / 2 + (stat(source, &info) == 0 ? (uint64_t)info.st_size : 0);
}

/* HDF5 1.10 can crash on a damaged file, loop for ever, or ask for all memory; ours have a seal, others none.
 */
static hn_status import_apart(const char *source, const char *out, const struct hn_import_options *o)
{
    struct job job = {source, out, *o};
    const struct hn_apart apart = {.source = source,
                                   .reader = "HDF5",
                                   .out = out,
                                   .bytes = room_for(source),
                                   .seconds = STUCK,
                                   .stop = &hn_stop,
                                   .progress = show};

    job.options.progress = hn_apart_progress;
    return hn_apart(&apart, import_hdf5, &job);
}

static const struct {
    const char *name;
    hn_status (*import)(const char *source, const char *out, const struct hn_import_options *options);
} formats[] = {{"idx", hn_import_idx},
               {"cifar10", hn_import_cifar10},
               {"cifar100", hn_import_cifar100},
               {"hdf5", import_apart}};

static bool is_given(const struct hn_option *o)
{
    if (o->kind == HN_OPT_FLAG)
        return *(const bool *)o->value;
    if (o->kind == HN_OPT_REAL)
        return !isnan(*(const double *)o->value);
    return *(const char *const *)o->value != NULL;
}

/* An option that the format knows nothing of would be passed over. */
static hn_status check_options(const char *format)
{
    for (const struct hn_option *o = options; o->name; o++) {
        const char *only = o->value == &given.name ? format : o->value == &given.coarse ? "cifar100" : "hdf5";
        if (is_given(o) && strcmp(only, format) != 0)
            return hn_fail(HN_EUSAGE, "--%s: not for %s, only for %s", o->name, format, only);
    }
    if (given.white <= 0.0) /* 0 means "not given" to the library */
        return hn_fail(HN_EUSAGE, "--white %g: must be above 0", given.white);
    return HN_OK;
}

static hn_status describe(const char *path)
{
    hn_dataset *d = NULL;
    char *text = NULL;
    hn_status st = hn_dataset_open(&d, path);

    if (st == HN_OK && (st = hn_dataset_describe(d, &text)) == HN_OK)
        fputs(text, stdout);
    hn_dataset_text_free(text);
    hn_dataset_close(d);
    return st;
}

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    struct hn_import_options o = {.name = given.name,
                                  .train_images = given.train_images,
                                  .train_labels = given.train_labels,
                                  .test_images = given.test_images,
                                  .test_labels = given.test_labels,
                                  .unlabeled = given.unlabeled,
                                  .layout = given.layout,
                                  .white = isnan(given.white) ? 0.0 : given.white,
                                  .fine = !given.coarse,
                                  .progress = show,
                                  .stop = &hn_stop};
    hn_status st;

    (void)comm;
    (void)operands;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, operand[0]) != 0)
            continue;
        if ((st = check_options(operand[0])) != HN_OK)
            return st;
        hn_catch_signals();
        st = formats[i].import(operand[1], operand[2], &o);
        hn_progress_end();
        return st == HN_OK ? describe(operand[2]) : st;
    }
    return hn_fail(HN_EUSAGE, "import: \"%s\" is no format: idx, cifar10, cifar100, hdf5", operand[0]);
}

const struct hn_verb hn_verb_import = {
    .name = "import",
    .operands = "FORMAT SOURCE OUT.h5",
    .summary = "makes a data set of ours from idx, cifar10, cifar100 or hdf5",
    .more =
        "idx: a folder with train-images-idx3-ubyte and so on, gzipped or not (MNIST, Fashion-MNIST).\n"
        "cifar10, cifar100: the binary version as a folder, a .tar.gz, or single .bin files, packed or not.\n"
        "hdf5: anybody's file with an image or vector array and labels; also mends a file of ours that was\n"
        "opened for writing and lost its seal.\n"
        "USR1, USR2, TERM, INT and HUP: nothing is kept, exit 75.\n",
    .least = 3,
    .most = 3,
    .options = options,
    .run = run};
