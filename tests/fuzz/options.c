/* Any lines as the words of a command line: verb, options, operands.  Nothing is run. */
#include "fuzz/fuzz.h"
#define main hn_program
int main(int argc, char **argv);
#include "cli/main.c"
#undef main

enum { WORDS = 64 };

static size_t bytes_of(const struct hn_option *o)
{
    static const size_t bytes[] = {[HN_OPT_FLAG] = sizeof(bool),
                                   [HN_OPT_TEXT] = sizeof(char *),
                                   [HN_OPT_LIST] = sizeof(struct hn_list),
                                   [HN_OPT_COUNT] = sizeof(uint64_t),
                                   [HN_OPT_REAL] = sizeof(double)};

    return bytes[o->kind];
}

/* A verb's options are variables of the program: as they were before it, each time. */
static void restore(const struct hn_verb *v, bool first)
{
    static char was[VERBS][64][sizeof(struct hn_list)];
    size_t k = 0, i = 0;

    while (verbs[k] != v)
        k++;
    for (const struct hn_option *o = v->options; o->name; o++, i++) {
        must(i < 64);
        if (first)
            memcpy(was[k][i], o->value, bytes_of(o));
        else
            memcpy(o->value, was[k][i], bytes_of(o));
    }
}

static int split(char *text, char *word[WORDS + 1])
{
    int n = 0;

    while (n < WORDS && text) {
        word[n++] = strsep(&text, "\n");
    }
    word[n] = NULL;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    char *text = fuzz_text(data, size), *word[WORDS + 1];
    const char *operand[16];
    size_t operands = 0;
    bool help = false, done = false;

    for (size_t i = 0; !started && i < VERBS; i++)
        restore(verbs[i], true);
    started = true;
    fuzz_begin();
    int n = split(text, word);
    const struct hn_verb *v = n > 1 ? find_verb(word[1]) : NULL;
    remember_command(n, word);
    if (v && fuzz_good(parse_verb(v, n, word, operand, &operands, &help, &done), HN_EUSAGE) && !help && !done)
        must(operands >= v->least && operands <= v->most);
    if (v)
        restore(v, false);
    free(text);
    return fuzz_end();
}
