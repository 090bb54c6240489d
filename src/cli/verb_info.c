#include "cli/verbs.h"
#include "hardneg/ckpt.h"
#include "hardneg/data.h"
#include "hardneg/train.h"
#include <stdio.h>
#include <sys/stat.h>

static const struct hn_option options[] = {{0}};

static hn_status describe_checkpoint(const char *path)
{
    hn_ckpt *c = NULL;
    char hash[33];
    hn_status st = hn_run_checkpoint(&c, path);

    if (st == HN_OK && (st = hn_ckpt_hash(c, "model/", hash)) == HN_OK) {
        const char *versions = hn_ckpt_get_text(c, "versions"), *config = hn_ckpt_get_text(c, "config");
        printf(
            "%s: checkpoint of step %llu\nweights and running statistics: %s\n\nwritten by\n%s\nconfig\n%s",
            hn_ckpt_path(c), (unsigned long long)hn_ckpt_step(c), hash, versions ? versions : "unknown\n",
            config ? config : "none\n");
    }
    hn_ckpt_close(c);
    return st;
}

static hn_status run(hn_comm *comm, const char *const *operand, size_t operands)
{
    hn_dataset *d = NULL;
    char *text = NULL;
    struct stat info;
    hn_status st;

    (void)comm;
    (void)operands;
    if (stat(operand[0], &info) == 0 && S_ISDIR(info.st_mode))
        return describe_checkpoint(operand[0]);
    st = hn_dataset_open(&d, operand[0]);
    if (st != HN_OK) {
        char why[1024];
        if (st != HN_EDATA)
            return st;
        snprintf(why, sizeof why, "%s", hn_error_text());
        if (describe_checkpoint(operand[0]) == HN_OK)
            return HN_OK;
        return hn_fail(st, "%s", why);
    }
    if ((st = hn_dataset_describe(d, &text)) == HN_OK)
        fputs(text, stdout);
    hn_dataset_text_free(text);
    hn_dataset_close(d);
    return st;
}

const struct hn_verb hn_verb_info = {.name = "info",
                                     .operands = "FILE|RUN",
                                     .summary =
                                         "describes a data set, a checkpoint, or a run's newest checkpoint",
                                     .least = 1,
                                     .most = 1,
                                     .options = options,
                                     .run = run};
