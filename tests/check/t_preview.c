/* Contact sheets: what is drawn where, what cannot be drawn, and files that cannot be made. */
#include "base/mem.h"
#include "check/preview.h"
#include "check/sheet.h"
#include "data/sink.h"
#include "tap.h"
#include <dirent.h>
#include <png.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/hn-preview-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static size_t files_there(void)
{
    size_t count = 0;
    DIR *d = opendir(folder);

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        count += e->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    return count;
}

/* ---- a sheet read back ---- */
struct picture {
    size_t h, w;
    bool colour;
    unsigned char *rgb; /* malloc */
};

static struct picture read_back(const char *path)
{
    struct picture p = {0};
    png_image image = {.version = PNG_IMAGE_VERSION};

    if (!png_image_begin_read_from_file(&image, path))
        return p;
    p = (struct picture){
        .h = image.height, .w = image.width, .colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0};
    image.format = PNG_FORMAT_RGB;
    p.rgb = malloc(p.h * p.w * 3);
    if (p.rgb == NULL || !png_image_finish_read(&image, NULL, p.rgb, 0, NULL))
        exit(1);
    return p;
}

static const unsigned char *at(const struct picture *p, size_t y, size_t x)
{
    return p->rgb + (y * p->w + x) * 3;
}

static hn_augment *nothing_random(size_t h, size_t w, size_t c, size_t size, bool vectors)
{
    struct hn_augment_options o = {.h = h,
                                   .w = w,
                                   .c = c,
                                   .size = size,
                                   .vectors = vectors,
                                   .crop_scale = {1.0, 1.0},
                                   .crop_ratio = {1.0, 1.0},
                                   .std = {1.0, 1.0, 1.0, 1.0}};
    hn_augment *a = NULL;

    if (hn_augment_new(&a, &o, 1) != HN_OK)
        exit(1);
    return a;
}

/* Every pixel of the n-th cell of a lone line: side s, enlarged e times, each 12 from the edge and 2 from the
 * next. */
static size_t wrong_pixels(const struct picture *p, const unsigned char *want, size_t c, size_t s, size_t e,
                           size_t cell)
{
    size_t wrong = 0;

    for (size_t y = 0; y < s * e; y++)
        for (size_t x = 0; x < s * e; x++)
            for (size_t k = 0; k < 3; k++)
                wrong += at(p, 12 + y, 12 + cell * (s * e + 2) + x)[k] !=
                         want[(y / e * s + x / e) * c + (c < 3 ? 0 : k)];
    return wrong;
}

static void draws_what_it_should(void)
{
    unsigned char sample[32 * 32 * HN_CHANNELS];
    const uint64_t id[1] = {0};

    for (size_t i = 0; i < sizeof sample; i++)
        sample[i] = (unsigned char)(i * 37 + i / 64);
    for (size_t c = 1; c <= HN_CHANNELS; c++) {
        hn_augment *a = nothing_random(32, 32, c, 0, false);
        tap_status(hn_preview_samples(in_folder("a.png"), sample, id, 1, 32, 32, c, a, 0), HN_OK,
                   "%zu channels: written", c);
        struct picture p = read_back(in_folder("a.png"));
        ok(p.h == 96 + 24 && p.w == 3 * 96 + 4 + 24 && p.colour == (c > 2),
           "a set of three, three times as large");
        size_t wrong = 0;
        for (size_t cell = 0; cell < 3 && p.rgb != NULL; cell++)
            wrong += wrong_pixels(&p, sample, c, 32, 3, cell);
        ok(wrong == 0, "original and both views lie where they should");
        ok(p.rgb != NULL && at(&p, 0, 0)[0] == 32 && at(&p, 20, 12 + 96)[1] == 32,
           "dark gutters between them");
        free(p.rgb);
        hn_augment_free(a);
    }
}

static void smaller_views_lie_in_the_middle(void)
{
    unsigned char sample[100 * 100];
    const uint64_t id[1] = {0};
    hn_augment *a = nothing_random(100, 100, 1, 50, false);

    memset(sample, 200, sizeof sample);
    tap_status(hn_preview_samples(in_folder("b.png"), sample, id, 1, 100, 100, 1, a, 0), HN_OK,
               "views of half the size: written");
    struct picture p = read_back(in_folder("b.png"));
    ok(p.rgb && p.h == 124 && at(&p, 12, 12)[0] == 200 && at(&p, 12 + 24, 114 + 25)[0] == 32 &&
           at(&p, 12 + 25, 114 + 25)[0] == 200 && at(&p, 12 + 74, 114 + 74)[0] == 200 &&
           at(&p, 12 + 75, 114 + 74)[0] == 32,
       "the original fills its cell, a view the middle of it");
    free(p.rgb);
    hn_augment_free(a);
}

/* ---- from data sets ---- */
static hn_dataset *make_set(const char *path, enum hn_sample_kind kind, size_t side, size_t c, size_t samples)
{
    struct hn_sink_spec spec = {.name = "tiny",
                                .importer = HN_IMPORTER("test"),
                                .source = "nowhere",
                                .kind = kind,
                                .h = side,
                                .w = side,
                                .c = c,
                                .samples = {[HN_TRAIN] = samples}};
    size_t bytes = side * side * c * (kind == HN_IMAGES ? 1 : 4);
    unsigned char *sample = hn_calloc(samples, bytes);
    hn_sink *s = NULL;
    hn_dataset *d = NULL;

    for (size_t i = 0; sample != NULL && i < samples; i++)
        memset(sample + i * bytes, kind == HN_IMAGES ? (int)(10 * i + 40) : 0, bytes);
    if (sample == NULL || hn_sink_new(&s, path, &spec) != HN_OK ||
        hn_sink_samples(s, HN_TRAIN, sample, samples) != HN_OK || hn_sink_publish(s) != HN_OK ||
        hn_dataset_open(&d, path) != HN_OK) {
        printf("# %s\n", hn_error_text());
        exit(1);
    }
    hn_free(sample);
    return d;
}

static void draws_data_sets(void)
{
    hn_dataset *d = make_set(in_folder("set.h5"), HN_IMAGES, 28, 1, 20);
    hn_augment *a = nothing_random(28, 28, 1, 0, false);

    tap_status(hn_preview(in_folder("c.png"), d, HN_TRAIN, a, 5, 0), HN_OK, "five pairs of a set: written");
    struct picture p = read_back(in_folder("c.png"));
    /* 84 pixels each, 256 and 12 a set, four a line; samples 0, 4, 8, 12, 16. */
    ok(p.rgb && p.w == 4 * 268 + 12 && p.h == 2 * 96 + 12 && at(&p, 15, 15)[0] == 40 &&
           at(&p, 15, 283)[0] == 80 && at(&p, 110, 15)[0] == 200 && at(&p, 110, 283)[0] == 32,
       "spread over the set, four a line");
    free(p.rgb);
    tap_status(hn_preview(in_folder("d.png"), d, HN_TRAIN, a, 1000, 0), HN_OK,
               "more than there are: all of them");
    tap_status(hn_preview(in_folder("e.png"), d, HN_TEST, a, 5, 0), HN_EUSAGE, "no such split: %s",
               hn_error_text());
    tap_status(hn_preview(in_folder("e.png"), d, HN_TRAIN, a, 0, 0), HN_EUSAGE, "no pairs: %s",
               hn_error_text());
    hn_augment_free(a);
    hn_dataset_close(d);

    d = make_set(in_folder("vectors.h5"), HN_VECTORS, 1, 8, 5);
    a = nothing_random(1, 1, 8, 0, true);
    tap_status(hn_preview(in_folder("e.png"), d, HN_TRAIN, a, 5, 0), HN_EUSAGE, "vectors: %s",
               hn_error_text());
    ok(access(in_folder("e.png"), F_OK) != 0, "and no file");
    hn_augment_free(a);
    hn_dataset_close(d);
}

/* ---- faults ---- */
static void whole_or_not_at_all(void)
{
    hn_sheet *s = NULL;
    struct stat before, after;
    struct rlimit limit, small;

    if (hn_sheet_new(&s, 64, 3, 28, 28, 3) != HN_OK)
        exit(1);
    unsigned char pixels[28 * 28 * 3];
    for (size_t i = 0; i < 64; i++) {
        for (size_t k = 0; k < sizeof pixels; k++)
            pixels[k] = (unsigned char)(k * k * 31 + i * 7 + k / 5);
        hn_sheet_put(s, i, 1, pixels, 28, 28);
    }
    tap_status(hn_sheet_write(s, "/nonexistent/x.png"), HN_ECREATE, "no folder: %s", hn_error_text());
    tap_status(hn_sheet_write(s, folder), HN_ECREATE, "a folder in its place: %s", hn_error_text());
    tap_status(hn_sheet_write(s, "/dev/null"), HN_ECREATE, "a device in its place: %s", hn_error_text());
    ok(stat("/dev/null", &before) == 0 && S_ISCHR(before.st_mode), "which is still a device");

    tap_status(hn_sheet_write(s, in_folder("f.png")), HN_OK, "written");
    size_t files = files_there();
    stat(in_folder("f.png"), &before);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    small.rlim_cur = 5000;
    setrlimit(RLIMIT_FSIZE, &small);
    hn_status st = hn_sheet_write(s, in_folder("f.png"));
    setrlimit(RLIMIT_FSIZE, &limit);
    tap_status(st, HN_EIO, "a disk that fills up: %s", hn_error_text());
    ok(stat(in_folder("f.png"), &after) == 0 && after.st_size == before.st_size &&
           after.st_ino == before.st_ino,
       "the old file is still whole");
    ok(files_there() == files, "and nothing else was left");
    hn_sheet_free(s);

    s = NULL;
    tap_status(hn_sheet_new(&s, 9000, 3, 300, 300, 3), HN_EUSAGE, "too large: %s", hn_error_text());
    tap_status(hn_sheet_new(&s, 0, 3, 28, 28, 3), HN_EUSAGE, "empty: %s", hn_error_text());
    ok(s == NULL, "and nothing made");
}

static void clean_up(void)
{
    const char *const names[] = {"a.png", "b.png", "c.png", "d.png", "f.png", "set.h5", "vectors.h5"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    ok(rmdir(folder) == 0, "no other file was made");
}

int main(void)
{
    tap_plan(38);
    if (mkdtemp(folder) == NULL)
        exit(1);
    draws_what_it_should();
    smaller_views_lie_in_the_middle();
    draws_data_sets();
    whole_or_not_at_all();
    clean_up();
    ok(hn_live_blocks() == 0, "all memory is given back");
    return tap_done();
}
