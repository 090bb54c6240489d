/* Image operations and samplers against $HN_GOLDEN/augment.h5, exactly; and damaged files of that layout. */
#include "base/mem.h"
#include "check/verify.h"
#include "tap.h"

/* In place of verify.c's: what the cases report, kept for us to look at. */
static struct {
    char kind[40], name[160];
    bool skipped;
    double deviation, tolerance;
} note[512];
static size_t notes;

static void add(const char *kind, const char *name, bool skipped, double deviation, double tolerance)
{
    if (notes == sizeof note / sizeof *note)
        return;
    snprintf(note[notes].kind, sizeof note->kind, "%s", kind);
    snprintf(note[notes].name, sizeof note->name, "%s", name);
    note[notes].skipped = skipped;
    note[notes].deviation = deviation;
    note[notes++].tolerance = tolerance;
}

void hn_verify_note(struct hn_verify *v, const char *kind, const char *name, double deviation,
                    double tolerance)
{
    (void)v;
    add(kind, name, false, deviation, tolerance);
}

void hn_verify_skip(struct hn_verify *v, const char *kind, const char *name, const char *why)
{
    (void)v;
    add(kind, name, true, 0.0, strlen(why) > 0 ? 0.0 : 1.0);
}

static void check_kind(const char *kind, size_t least)
{
    size_t count = 0, over = 0;

    for (size_t i = 0; i < notes; i++)
        if (!note[i].skipped && strcmp(note[i].kind, kind) == 0) {
            bool bad = !(note[i].deviation <= note[i].tolerance);
            if (bad || getenv("HN_SHOW") != NULL)
                printf("# %s %s: %g\n", kind, note[i].name, note[i].deviation);
            count++;
            over += bad;
        }
    ok(count >= least && over == 0, "%s: %zu cases within tolerance", kind, count);
}

static void against_golden(const char *folder)
{
    static const struct {
        const char *kind;
        size_t least;
    } want[] = {{"resized_crop", 14}, {"hflip", 3},      {"grey", 3},      {"brightness", 3}, {"contrast", 3},
                {"normalize", 3},     {"test_view", 11}, {"pipelines", 4}, {"sampler", 18}};
    char path[4096];
    struct hn_verify v = {.factor = 1.0};
    size_t skipped = 0;

    snprintf(path, sizeof path, "%s/augment.h5", folder);
    tap_status(hn_store_open_foreign(&v.file, path), HN_OK, "augment.h5 opens");
    ok(hn_verify_augment.recognise(v.file), "it is recognised by its content");
    tap_status(hn_verify_augment.run(&v), HN_OK, "every case is read");
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        check_kind(want[i].kind, want[i].least);
    for (size_t i = 0; i < notes; i++)
        skipped += note[i].skipped;
    ok(skipped > 0, "%zu cases are named as not supported", skipped);
    hn_store_close(v.file);
}

int main(void)
{
    const char *folder = getenv("HN_GOLDEN");

    if (folder == NULL)
        tap_skip_all("HN_GOLDEN is not set");
    tap_plan(14);
    against_golden(folder);
    ok(hn_live_blocks() == 0, "all memory is given back");
    return tap_done();
}
