/* Any text as a backend.table; a first "@" stands for the head that this machine would write. */
#include "backend/table.h"
#include "fuzz/fuzz.h"
#include "hardneg/backend.h"

static void put_head(FILE *f)
{
    static struct hn_table empty;
    static char head[4096];
    static size_t length;
    FILE *in;

    if (length == 0) {
        must(hn_table_write(&empty, fuzz_path("head")) == HN_OK);
        must((in = fopen(fuzz_path("head"), "r")) != NULL);
        length = fread(head, 1, sizeof head, in);
        fclose(in);
    }
    fwrite(head, 1, length, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hn_table t, again;
    const char *path = fuzz_path("table");
    FILE *f = fopen(path, "w");
    size_t skip = size > 0 && data[0] == '@';

    must(f != NULL);
    fuzz_begin();
    if (skip)
        put_head(f);
    fwrite(data + skip, 1, size - skip, f);
    fclose(f);
    if (fuzz_good(hn_table_read(&t, path), HN_EUSAGE, HN_EDATA)) {
        must(hn_table_write(&t, path) == HN_OK && hn_table_read(&again, path) == HN_OK);
        must(again.lines == t.lines);
        for (size_t i = 0; i < t.lines; i++)
            must(hn_table_find(&again, &t.line[i].shape) != NULL);
    }
    return fuzz_end();
}
