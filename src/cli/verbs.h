/* cli/verbs.h - what the program can do: one file and one line in cli/main.c per verb. */
#ifndef HN_CLI_VERBS_H
#define HN_CLI_VERBS_H

#include "cli/options.h"
#include "hardneg/comm.h"

struct hn_verb {
    const char *name, *operands, *summary;
    const char *more;   /* paragraphs of the verb's help; may be NULL */
    size_t least, most; /* operands */
    const struct hn_option *options;
    bool parallel; /* runs on all ranks with a communicator; else on one process without MPI */
    /* comm is NULL unless parallel; print results to stdout on rank 0 alone. */
    hn_status (*run)(hn_comm *comm, const char *const *operand, size_t operands);
    /* May do the whole job without a communicator; true: done, *st is the verb's status.  NULL: never. */
    bool (*alone)(hn_status *st);
};

extern const struct hn_verb hn_verb_train, hn_verb_eval, hn_verb_embed, hn_verb_import, hn_verb_info,
    hn_verb_hash, hn_verb_fsck, hn_verb_verify, hn_verb_preview, hn_verb_tune, hn_verb_bench;

/* What was typed, words in quotes where needed; valid until the end. */
const char *hn_cli_command(void);

#endif
