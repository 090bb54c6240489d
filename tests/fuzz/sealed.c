/* Any bytes as a sealed file: the seal itself, and that nothing behind it is believed that it does not hold
 * for. A text that begins with "a" is a recipe (fuzz/recipe.h) whose file is then damaged by its lines
 *
 *   byte AT VALUE     a byte from the start
 *   end AT VALUE      from the end
 *   cut BYTES         off the end */
#include "fuzz/dataset.h"
#include "fuzz/recipe.h"
#include "hardneg/ckpt.h"

static const char *damage(const uint8_t *data, size_t size, bool *damaged)
{
    static unsigned char bytes[1 << 20];
    char *text = fuzz_text(data, size), what[8];
    FILE *f = fopen(fuzz_path("sealed.h5"), "rb");
    unsigned long long at, value;

    must(f != NULL);
    size_t length = fread(bytes, 1, sizeof bytes, f), whole = length;
    fclose(f);
    for (char *line, *rest = text; (line = strsep(&rest, "\n")) != NULL;) {
        int n = sscanf(line, "%7s %llu %llu", what, &at, &value);
        bool byte = n == 3 && strcmp(what, "byte") == 0, end = n == 3 && strcmp(what, "end") == 0;
        if (n == 2 && strcmp(what, "cut") == 0 && at < length)
            length -= at;
        if ((byte || end) && at < length) {
            unsigned char *p = bytes + (byte ? at : length - 1 - at);
            *damaged = *damaged || *p != (unsigned char)value; /* a second change may undo the first */
            *p = (unsigned char)value;
        }
    }
    free(text);
    *damaged = *damaged || length != whole;
    return fuzz_file("sealed.h5", bytes, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path;
    bool damaged = false, lines = size > 0 && data[0] == 'a';
    hn_dataset *d = NULL;
    hn_ckpt *c = NULL;

    fuzz_begin();
    if (lines && !recipe_make("sealed.h5", data, size, true, true))
        return fuzz_end();
    path = lines ? damage(data, size, &damaged) : fuzz_file("sealed.h5", data, size);
    if (fuzz_good(hn_dataset_open(&d, path), HN_EDATA) && !damaged)
        fuzz_read_dataset(d);
    hn_dataset_close(d);
    (void)fuzz_good(hn_ckpt_open(&c, path), HN_EDATA);
    hn_ckpt_close(c);
    (void)fuzz_good(hn_store_check(path), HN_EDATA);
    return fuzz_end();
}
