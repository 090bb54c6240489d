/* Any lines as a run's metrics.jsonl and starts.jsonl: fsck looks at them, a resume cuts them back. */
#include "check/fsck.h"
#include "fuzz/fuzz.h"
#include "train/rundir.h"

static void hear(void *ctx, const char *verdict, const char *path, const char *text)
{
    (void)ctx, (void)verdict, (void)path;
    fuzz_check_text(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char config[] = "data: { path = \"x.h5\"; };\n";
    struct hn_fsck f = {.say = hear};
    struct hn_rundir d = {0};

    fuzz_begin();
    if (fuzz_folder[0] == '\0')
        fuzz_file("config.cfg", config, sizeof config - 1);
    fuzz_file("starts.jsonl", data, size);
    fuzz_file("metrics.jsonl", data, size);
    (void)fuzz_good(hn_fsck(&f, fuzz_folder), HN_ECHECK);
    must(f.good + f.damaged == 3 && f.unread == 0);
    snprintf(d.path, sizeof d.path, "%s", fuzz_folder);
    must(hn_rundir_open_metrics(&d, 20) == HN_OK);
    hn_rundir_close(&d);
    return fuzz_end();
}
