/* cli/options.h - a verb's options as one table: parsing and help come from the same lines. */
#ifndef HN_CLI_OPTIONS_H
#define HN_CLI_OPTIONS_H

#include "base/text.h"

enum hn_option_kind {
    HN_OPT_FLAG, /* bool */
    HN_OPT_TEXT, /* const char * */
    HN_OPT_LIST, /* struct hn_list: may be repeated */
    HN_OPT_COUNT /* uint64_t */,
    HN_OPT_REAL /* double */
};

enum { HN_LIST_MOST = 256 };
struct hn_list {
    const char *item[HN_LIST_MOST];
    size_t count;
};

struct hn_option {
    const char *name; /* "resume" for --resume; NULL ends the table */
    char letter;      /* 'o' for -o; 0: none */
    enum hn_option_kind kind;
    void *value;
    const char *arg; /* "FILE"; NULL for a flag */
    const char *help;
};

/* Options may stand anywhere among the operands; "--" ends them.  Operands go to operand[0 ..], at most
 * `most` of them.  *help is set when -h or --help is there (nothing else is checked then). */
hn_status hn_options_parse(const struct hn_option *option, int argc, char **argv, const char **operand,
                           size_t most, size_t *operands, bool *help);
void hn_options_describe(const struct hn_option *option, struct hn_text *out);

#endif
