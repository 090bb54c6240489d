/* Any values in a checkpoint (fuzz/recipe.h), hashed and sealed again. */
#include "check/fsck.h"
#include "fuzz/recipe.h"
#include "hardneg/ckpt.h"

static void hear(void *ctx, const char *verdict, const char *path, const char *text)
{
    (void)ctx, (void)verdict, (void)path;
    fuzz_check_text(text);
}

/* What a resume does with an open one: its texts, then arrays of the shapes that the config's model has. */
static void take(const hn_ckpt *c)
{
    real weight[6];
    int64_t step;
    const struct hn_ckpt_array array[] = {
        {.name = "model/a.weight", .rank = 2, .dim = {2, 3}, .data = weight},
        {.name = "state/step", .integer = true, .data = &step},
    };
    const char *text = hn_ckpt_get_text(c, "config");
    char hash[33];

    must(text == NULL || strlen(text) < SIZE_MAX);
    must(hn_ckpt_hash(c, "model/", hash) == HN_OK && strlen(hash) == 32);
    if (fuzz_good(hn_ckpt_load(c, array, 2), HN_EUSAGE, HN_EDATA))
        must(step == step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hn_fsck f = {.say = hear};
    hn_ckpt *c = NULL, *newest = NULL;

    fuzz_begin();
    if (recipe_make("step-00000001.h5", data, size, true, true)) {
        const char *path = fuzz_path("step-00000001.h5");
        bool good = fuzz_good(hn_ckpt_open(&c, path), HN_EDATA), named = good && hn_ckpt_step(c) == 1;
        if (good)
            take(c);
        hn_ckpt_close(c);
        (void)fuzz_good(hn_fsck(&f, path), HN_ECHECK);
        must(fuzz_good(hn_ckpt_newest(&newest, fuzz_folder), HN_EDATA) == named);
        hn_ckpt_close(newest);
    }
    return fuzz_end();
}
