/* hardneg: finds the verb, runs it, prints the one line of an error, and turns the status into the exit code.
 */
#include "check/versions.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hn_verb *const verbs[] = {
    &hn_verb_train, &hn_verb_eval, &hn_verb_embed, &hn_verb_import, &hn_verb_preview, &hn_verb_tune,
    &hn_verb_info,  &hn_verb_hash, &hn_verb_fsck,  &hn_verb_verify, &hn_verb_bench};
enum { VERBS = sizeof verbs / sizeof *verbs };

static char command[4096];

const char *hn_cli_command(void)
{
    return command;
}

static void remember_command(int argc, char **argv)
{
    size_t n = 0;

    for (int i = 0; i < argc && n < sizeof command; i++) {
        const char *quote = argv[i][strcspn(argv[i], " \t\"'$&|;<>()*?\\")] ? "'" : "";
        n += (size_t)snprintf(command + n, sizeof command - n, "%s%s%s%s", i ? " " : "", quote, argv[i],
                              quote);
    }
}

/* Words end the progress line first, so that each stands alone. */
static void to_screen(void *ctx, enum hn_log_level level, const char *line)
{
    (void)ctx;
    hn_progress_end();
    fprintf(stderr, "hardneg: %s%s\n", level == HN_LOG_WARN ? "warning: " : "", line);
}

static void complain(void)
{
    if (hn_comm_first_process())
        hn_log(HN_LOG_ERROR, "%s", hn_error_text());
}

/* Results that could not be printed were not delivered. */
static hn_status flush_results(hn_status st)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && st == HN_OK)
        st = hn_fail(HN_EIO, "the results cannot be written to standard output: %s", strerror(errno));
    return st;
}

static hn_status print_text(struct hn_text *text)
{
    hn_status st = hn_text_status(text);

    if (st == HN_OK && text->length > 0 && hn_comm_first_process()) {
        fputs(text->at, stdout);
        if ((st = flush_results(HN_OK)) != HN_OK)
            complain();
    }
    hn_text_free(text);
    return st;
}

static hn_status print_help(void)
{
    struct hn_text t = {0};

    hn_text_add(&t, "hardneg - contrastive training with hard negatives, data-parallel over MPI\n\n"
                    "usage: hardneg VERB ...            on one process\n"
                    "       mpirun -n R hardneg VERB ... on R ranks\n\n");
    for (size_t i = 0; i < VERBS; i++)
        hn_text_add(&t, "  %-8s %-24s %s\n", verbs[i]->name, verbs[i]->operands, verbs[i]->summary);
    hn_text_add(
        &t,
        "\nhardneg VERB --help tells more; hardneg train --help-config lists every key of a config.\n"
        "hardneg --version names the libraries and the processor.\n\n"
        "Exit codes: 0 done; 1 a check failed; 64 usage or config; 65 bad data; 66 no input; 69 a rank was "
        "lost;\n"
        "70 a bug; 71 out of memory or resources; 73 cannot create; 74 input/output; 75 stopped on request,\n"
        "resume to go on; 79 diverged.\n");
    return print_text(&t);
}

static hn_status print_verb_help(const struct hn_verb *v)
{
    struct hn_text t = {0};

    hn_text_add(&t, "usage: %shardneg %s %s [OPTION ...]\n\n%s.\n", v->parallel ? "[mpirun -n R] " : "",
                v->name, v->operands, v->summary);
    if (v->more)
        hn_text_add(&t, "\n%s", v->more);
    hn_text_add(&t, "\n");
    hn_options_describe(v->options, &t);
    return print_text(&t);
}

static hn_status print_version(void)
{
    struct hn_text t = {0};

    hn_versions(&t);
    return print_text(&t);
}

static const struct hn_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static hn_status run_parallel(const struct hn_verb *v, const char *const *operand, size_t operands, int *argc,
                              char ***argv)
{
    hn_comm *comm = NULL;
    hn_status st = hn_comm_start(&comm, argc, argv);

    if (st != HN_OK) {
        complain();
        return st;
    }
    hn_log_to(to_screen, NULL, hn_comm_rank(comm) == 0 ? HN_LOG_INFO : HN_LOG_ERROR);
    st = v->run(comm, operand, operands);
    hn_progress_end();
    st = hn_comm_agree(comm, flush_results(st)); /* one exit code, and the sentence that rank 0 prints */
    if (st != HN_OK && hn_comm_rank(comm) == 0)
        hn_log(HN_LOG_ERROR, "%s", hn_error_text());
    hn_comm_finish(comm);
    return st;
}

/* The first process of a step alone speaks for verbs that need no ranks. */
static hn_status run_alone(const struct hn_verb *v, const char *const *operand, size_t operands)
{
    hn_status st;

    if (!hn_comm_first_process())
        return HN_OK;
    st = v->run(NULL, operand, operands);
    hn_progress_end();
    return flush_results(st);
}

/* The words behind the verb.  *help: that is all that is wanted; *done: so was what the verb does alone. */
static hn_status parse_verb(const struct hn_verb *v, int argc, char **argv, const char **operand,
                            size_t *operands, bool *help, bool *done)
{
    hn_status st = hn_options_parse(v->options, argc - 2, argv + 2, operand, v->most, operands, help);

    *done = st == HN_OK && !*help && v->alone && v->alone(&st);
    if (*done || *help)
        return st;
    if (st == HN_OK && *operands < v->least)
        st = hn_fail(HN_EUSAGE, "%zu operand%s missing", v->least - *operands,
                     v->least - *operands == 1 ? " is" : "s are");
    if (st != HN_OK)
        (void)hn_fail(st, "%s: %s (usage: hardneg %s %s; hardneg %s --help)", v->name, hn_error_text(),
                      v->name, v->operands, v->name);
    return st;
}

static hn_status run_verb(const struct hn_verb *v, int argc, char **argv)
{
    const char *operand[16];
    size_t operands = 0;
    bool help = false, done = false;
    hn_status st = parse_verb(v, argc, argv, operand, &operands, &help, &done);

    if (help)
        return print_verb_help(v);
    if (done)
        st = flush_results(st);
    else if (st == HN_OK && v->parallel)
        return run_parallel(v, operand, operands, &argc, &argv);
    else if (st == HN_OK)
        st = run_alone(v, operand, operands);
    if (st != HN_OK)
        complain();
    return st;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    const struct hn_verb *v = find_verb(word);
    hn_status st;

    remember_command(argc, argv);
    signal(SIGXFSZ, SIG_IGN); /* a file beyond ulimit -f is an error of write() like any other */
    hn_log_to(to_screen, NULL, HN_LOG_INFO);
    if (v != NULL) {
        st = run_verb(v, argc, argv);
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        st = print_help();
    } else if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        st = print_version();
    } else {
        st = hn_fail(HN_EUSAGE, "%s: no such verb; hardneg --help lists them", word);
        complain();
    }
    return st;
}
