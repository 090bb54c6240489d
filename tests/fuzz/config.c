/* Any text as a config; its lines "--set KEY=VALUE" as options of the command line. */
#include "hardneg/config.h"
#include "fuzz/fuzz.h"

enum { SETS = 16 };

/* Cuts the lines of --set off the text, the last ones first. */
static size_t take_sets(char *text, const char *set[SETS])
{
    size_t count = 0;
    char *at;

    while (count < SETS && (at = strstr(text, "\n--set ")) != NULL) {
        for (char *next; (next = strstr(at + 1, "\n--set ")) != NULL;)
            at = next;
        *at = '\0';
        set[count++] = at + strlen("\n--set ");
    }
    return count;
}

/* What was taken can be written down, and reads back as the same. */
static void again(const struct hn_config *c)
{
    struct hn_config back;
    char *text = NULL, *second = NULL;

    must(hn_config_dump(c, &text) == HN_OK);
    must(hn_config_read(&back, "dump", text, NULL, 0) == HN_OK);
    must(hn_config_dump(&back, &second) == HN_OK);
    must(strcmp(text, second) == 0);
    must(hn_config_resumable(c, &back) == HN_OK);
    hn_config_text_free(text);
    hn_config_text_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    const char *set[SETS];
    struct hn_config c;

    fuzz_begin();
    size_t sets = take_sets(text, set);
    if (fuzz_good(hn_config_read(&c, "f.cfg", text, set, sets), HN_EUSAGE))
        again(&c);
    else
        must(strncmp(hn_error_text(), "f.cfg:", 6) == 0 || strncmp(hn_error_text(), "--set ", 6) == 0);
    free(text);
    return fuzz_end();
}
