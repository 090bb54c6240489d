/* Any values in a data set (fuzz/recipe.h), sealed again: what our own checks behind the seal make of them.
 */
#include "fuzz/dataset.h"
#include "check/fsck.h"
#include "fuzz/recipe.h"

static void hear(void *ctx, const char *verdict, const char *path, const char *text)
{
    (void)ctx, (void)verdict, (void)path;
    fuzz_check_text(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hn_fsck f = {.say = hear};
    hn_dataset *d = NULL;

    fuzz_begin();
    if (recipe_make("set.h5", data, size, false, true)) {
        const char *path = fuzz_path("set.h5");
        bool good = fuzz_good(hn_dataset_open(&d, path), HN_EDATA);
        if (good)
            fuzz_read_dataset(d);
        hn_dataset_close(d);
        (void)fuzz_good(hn_fsck(&f, path), HN_ECHECK);
        must(f.good + f.damaged == 1 && (f.good || !good));
    }
    return fuzz_end();
}
