/* Image operations and samplers against Pillow's and torchvision's values, exactly: those in tests/golden,
 * and the larger set in $HN_GOLDEN where there is one.  And files of that layout that are wrong or damaged.
 */
#include "base/mem.h"
#include "check/chisquare.h"
#include "check/verify.h"
#include "tap.h"
#include <unistd.h>

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

static void check_kind(const char *kind, size_t cases)
{
    size_t count = 0, over = 0;

    for (size_t i = 0; i < notes; i++)
        if (!note[i].skipped && strcmp(note[i].kind, kind) == 0) {
            bool bad = !(note[i].deviation <= note[i].tolerance);
            if (bad)
                printf("# %s %s: %g\n", kind, note[i].name, note[i].deviation);
            count++;
            over += bad;
        }
    ok(count == cases && over == 0, "%s: %zu cases within tolerance", kind, count);
}

struct expected {
    const char *kind;
    size_t cases;
};

static void against(const char *folder, const struct expected *want, size_t kinds)
{
    char path[4096];
    struct hn_verify v = {.factor = 1.0};

    notes = 0;
    snprintf(path, sizeof path, "%s/augment.h5", folder);
    tap_status(hn_store_open_foreign(&v.file, path), HN_OK, "augment.h5 opens");
    ok(hn_verify_augment.recognise(v.file), "it is recognised by its content");
    tap_status(hn_verify_augment.run(&v), HN_OK, "every case is read");
    for (size_t i = 0; i < kinds; i++)
        check_kind(want[i].kind, want[i].cases);
    hn_store_close(v.file);
}

/* Made by tests/golden/make_augment.py. */
static void against_ours(void)
{
    static const struct expected want[] = {{"resized_crop", 6}, {"hflip", 3},    {"grey", 2},
                                           {"brightness", 2},   {"contrast", 2}, {"normalize", 2},
                                           {"test_view", 4},    {"pipelines", 4}};
    const char *top = getenv("HN_TOP");
    char folder[4000];

    snprintf(folder, sizeof folder, "%s/tests/golden", top ? top : ".");
    against(folder, want, 8);
}

static void against_larger(void)
{
    static const struct expected want[] = {{"resized_crop", 14}, {"hflip", 3},      {"grey", 3},
                                           {"brightness", 3},    {"contrast", 3},   {"hue", 2},
                                           {"normalize", 3},     {"saturation", 2}, {"test_view", 11},
                                           {"sampler", 20},      {"blur_cv2", 6},   {"blur_torchvision", 8},
                                           {"jitter_orders", 1}, {"pipelines", 8}};
    size_t skipped = 0;

    if (getenv("HN_GOLDEN") == NULL) {
        tap_skip(18, "HN_GOLDEN is not set");
        return;
    }
    against(getenv("HN_GOLDEN"), want, 14);
    for (size_t i = 0; i < notes; i++)
        skipped += note[i].skipped;
    ok(skipped == 0, "no case is left out");
}

/* ---- files of our own: two grey images of 2 x 2, and what is claimed of them ---- */
struct claim {
    const char *what;
    unsigned char flipped[4]; /* of the first image */
    int32_t image, crop[4];   /* a crop of that image to 1 x 1 */
    unsigned char result;
    uint64_t results; /* how many; 1 is right */
    int64_t counts;   /* of a sampler without its attributes; 0: no sampler */
};

static void put(hn_store_writer *w, const char *name, enum hn_type type, int rank, const uint64_t *dim,
                const void *data)
{
    if (hn_store_put(w, name, type, rank, dim, data) != HN_OK) {
        printf("# %s\n", hn_error_text());
        exit(1);
    }
}
#define DIM(...)                                                                                             \
    (const uint64_t[])                                                                                       \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static void put_sampler(hn_store_writer *w, int64_t count)
{
    const int64_t line[3] = {0, count, 0}, place[3] = {count, 0, 0}, both[9] = {0, 0, 0, 0, count};

    put(w, "/sampler/crop/h", HN_I64, 1, DIM(3), line);
    put(w, "/sampler/crop/w", HN_I64, 1, DIM(3), line);
    put(w, "/sampler/crop/i", HN_I64, 1, DIM(3), place);
    put(w, "/sampler/crop/j", HN_I64, 1, DIM(3), place);
    put(w, "/sampler/crop/hw", HN_I64, 2, DIM(3, 3), both);
    if (hn_store_put_attr_i64(w, "/sampler/crop", "height", 2) != HN_OK ||
        hn_store_put_attr_i64(w, "/sampler/crop", "width", 2) != HN_OK)
        exit(1);
}

static hn_store *make(const struct claim *c)
{
    const unsigned char source[8] = {1, 2, 3, 4, 10, 20, 30, 40}, results[4] = {c->result};
    char path[] = "/tmp/hn-verify-XXXXXX";
    int fd = mkstemp(path);
    hn_store_writer *w = NULL;
    hn_store *s = NULL;

    if (fd < 0 || hn_store_begin(&w) != HN_OK)
        exit(1);
    close(fd);
    put(w, "/sources/s", HN_U8, 3, DIM(2, 2, 2), source);
    put(w, "/hflip/s", HN_U8, 3, DIM(1, 2, 2), c->flipped);
    put(w, "/resized_crop/s_to_1/image", HN_I32, 1, DIM(1), &c->image);
    put(w, "/resized_crop/s_to_1/crop", HN_I32, 2, DIM(1, 4), c->crop);
    put(w, "/resized_crop/s_to_1/result", HN_U8, 3, DIM(c->results, 1, 1), results);
    if (hn_store_put_attr_text(w, "/resized_crop/s_to_1", "source", "s") != HN_OK ||
        hn_store_put_attr_i64(w, "/resized_crop/s_to_1", "size", 1) != HN_OK)
        exit(1);
    if (c->counts)
        put_sampler(w, c->counts);
    if (hn_store_publish(w, path) != HN_OK || hn_store_open(&s, path) != HN_OK) {
        printf("# %s\n", hn_error_text());
        exit(1);
    }
    unlink(path);
    return s;
}

/* Runs the claim; the largest deviation in levels of grey. */
static hn_status judge(const struct claim *c, double *deviation)
{
    struct hn_verify v = {.file = make(c), .factor = 1.0};
    hn_status st = hn_verify_augment.run(&v);

    *deviation = 0.0;
    for (size_t i = 0; i < notes; i++)
        *deviation = fmax(*deviation, note[i].deviation);
    hn_store_close(v.file);
    return st;
}

static void our_own(void)
{
    /* The lower right pixel of image 1 is 40; the right column's mean is 30. */
    static const struct claim right = {"right", {2, 1, 4, 3}, 1, {0, 1, 2, 1}, 30, 1, 0},
                              wrong[] = {{"a flip that was none", {1, 2, 3, 4}, 1, {0, 1, 2, 1}, 30, 1, 0},
                                         {"another grey", {2, 1, 4, 3}, 1, {0, 1, 2, 1}, 31, 1, 0}},
                              bad[] = {
                                  {"an image that is not there", {2, 1, 4, 3}, 2, {0, 1, 2, 1}, 30, 1, 0},
                                  {"a negative image", {2, 1, 4, 3}, -1, {0, 1, 2, 1}, 30, 1, 0},
                                  {"a box beyond the edge", {2, 1, 4, 3}, 1, {0, 1, 2, 2}, 30, 1, 0},
                                  {"an empty box", {2, 1, 4, 3}, 1, {0, 1, 0, 1}, 30, 1, 0},
                                  {"a huge box", {2, 1, 4, 3}, 1, {0, 1, INT32_MAX, 1}, 30, 1, 0},
                                  {"more results than images", {2, 1, 4, 3}, 1, {0, 1, 2, 1}, 30, 2, 0},
                                  {"a sampler without scale", {2, 1, 4, 3}, 1, {0, 1, 2, 1}, 30, 1, 5}};
    double deviation;

    notes = 0;
    tap_status(judge(&right, &deviation), HN_OK, "a small file of our own");
    ok(notes == 2 && deviation == 0.0, "holds");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        notes = 0;
        hn_status st = judge(&wrong[i], &deviation);
        ok(st == HN_OK && deviation == 1.0, "%s is seen", wrong[i].what);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hn_status st = judge(&bad[i], &deviation);
        ok(st == HN_EDATA, "%s: %s", bad[i].what, hn_error_text());
    }
}

static void chi_square(void)
{
    const int64_t a[4] = {10, 20, 3, 1}, b[4] = {20, 10, 1, 3}, none[4] = {0};

    ok(fabs(hn_gamma_q(0.5, 1.9207294103470617) - 0.05) < 1e-12 &&
           fabs(hn_gamma_q(5.0, 2.0) - 0.947346982656289) < 1e-12 &&
           fabs(hn_gamma_q(1.0, 30.0) / exp(-30.0) - 1.0) < 1e-12,
       "the incomplete gamma function");
    ok(fabs(hn_chisquare_p(a, b, 2, 5) - 0.0098234) < 1e-6, "10, 20 against 20, 10: chi-square 20/3");
    ok(hn_chisquare_p(a, a, 4, 5) == 1.0, "equal counts");
    const int64_t joined_a[3] = {10, 20, 4}, joined_b[3] = {20, 10, 4};
    ok(hn_chisquare_p(a, b, 4, 8) == hn_chisquare_p(joined_a, joined_b, 3, 8),
       "small cells are joined with their neighbours");
    ok(hn_chisquare_p(a, none, 4, 5) == 0.0 && hn_chisquare_p(none, none, 4, 5) == 1.0,
       "nothing against something");
}

int main(void)
{
    tap_plan(11 + 18 + 11 + 5 + 1);
    against_ours();
    against_larger();
    our_own();
    chi_square();
    ok(hn_live_blocks() == 0, "all memory is given back");
    return tap_done();
}
