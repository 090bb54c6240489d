/* Damage of every kind: each byte of a small checkpoint flipped once, random flips and truncations of a
 * checkpoint and of a data set.  All are found, and HDF5 sees no byte of a file whose hash is wrong.
 *
 * HN_FLIPS says how many random ones (default: a few hundred), and then takes every byte of the data set,
 * too. */
#include "base/mem.h"
#include "base/philox.h"
#include "data/layout.h"
#include "data/sink.h"
#include "hardneg/ckpt.h"
#include "hardneg/data.h"
#include "store/files.h"
#include "tap.h"
#include <dlfcn.h>
#include <fcntl.h>

/* Stands in for HDF5's own, and counts. */
static size_t hdf5_opened;
int64_t H5Fopen(const char *name, unsigned flags, int64_t access);
int64_t H5Fopen(const char *name, unsigned flags, int64_t access)
{
    static int64_t (*real_one)(const char *, unsigned, int64_t);

    if (real_one == NULL)
        *(void **)&real_one = dlsym(RTLD_NEXT, "H5Fopen");
    hdf5_opened++;
    return real_one(name, flags, access);
}

struct file {
    const char *path;
    int fd;
    size_t bytes;
    struct hn_layout layout; /* of a data set */
};

static struct file file_at(const char *path)
{
    struct file f = {.path = path, .fd = open(path, O_RDWR | O_CLOEXEC)};
    struct stat info;

    if (f.fd < 0 || fstat(f.fd, &info) != 0) {
        perror(path);
        exit(1);
    }
    f.bytes = (size_t)info.st_size;
    return f;
}

static void flip(const struct file *f, size_t at, unsigned bit)
{
    unsigned char byte = 0;

    if (pread(f->fd, &byte, 1, (off_t)at) != 1)
        exit(1);
    byte ^= (unsigned char)(1u << bit);
    if (pwrite(f->fd, &byte, 1, (off_t)at) != 1)
        exit(1);
}

/* ---- found: the file is refused; early: before HDF5 saw it ---- */
typedef bool found(const struct file *f, size_t at);

static bool checkpoint_found(const struct file *f, size_t at)
{
    hn_ckpt *c = NULL;
    size_t before = hdf5_opened;
    hn_status st = hn_ckpt_open(&c, f->path);

    (void)at;
    hn_ckpt_close(c);
    return st == HN_EDATA && hdf5_opened == before;
}

static bool in_range(const struct hn_layout *l, size_t at)
{
    for (int i = 0; i < HN_EXTENTS; i++)
        if (at >= l->extent[i].offset && at < l->extent[i].offset + l->extent[i].length)
            return true;
    return false;
}

/* Samples and labels are not HDF5's to read: a flip there is found at opening or when its block is read. */
static bool dataset_found(const struct file *f, size_t at)
{
    hn_dataset *d = NULL;
    size_t before = hdf5_opened;
    hn_status st = hn_dataset_open(&d, f->path);

    if (st == HN_OK)
        st = hn_dataset_verify(d, NULL, NULL);
    hn_dataset_close(d);
    return st == HN_EDATA && (hdf5_opened == before || in_range(&f->layout, at));
}

static size_t every_byte(const struct file *f, size_t stride, found *is_found)
{
    size_t lost = 0;

    for (size_t at = 0; at < f->bytes; at += stride) {
        flip(f, at, (unsigned)(at % 8));
        lost += !is_found(f, at);
        flip(f, at, (unsigned)(at % 8));
    }
    return lost;
}

/* One to four bits anywhere. */
static size_t random_flips(const struct file *f, found *is_found, size_t count)
{
    hn_draws draws = hn_draws_for(12, HN_DRAW_TEST, f->bytes, 0);
    size_t lost = 0;

    for (size_t i = 0; i < count; i++) {
        size_t at[4] = {0}, flips = (size_t)hn_draw_between(&draws, 1, 4), strictest = 0;
        unsigned bit[4] = {0};
        for (size_t k = 0; k < flips; k++) { /* in stretches of their own: they do not undo one another */
            at[k] = (size_t)hn_draw_between(&draws, 0, f->bytes / flips - 1) + k * (f->bytes / flips);
            bit[k] = hn_draw_u32(&draws) % 8;
            strictest = in_range(&f->layout, at[k]) ? strictest : k;
            flip(f, at[k], bit[k]);
        }
        lost += !is_found(f, at[strictest]);
        for (size_t k = 0; k < flips; k++)
            flip(f, at[k], bit[k]);
    }
    return lost;
}

static size_t truncations(const struct file *f, found *is_found, size_t count)
{
    hn_draws draws = hn_draws_for(13, HN_DRAW_TEST, f->bytes, 0);
    size_t n = 0, lost = 0;
    unsigned char *bytes = slurp(f->path, &n);

    for (size_t i = 0; i < count; i++) {
        size_t left = i < 64 ? f->bytes - 1 - i : (size_t)hn_draw_between(&draws, 0, f->bytes - 1);
        if (ftruncate(f->fd, (off_t)left) != 0)
            exit(1);
        lost += !is_found(f, SIZE_MAX);
        if (pwrite(f->fd, bytes + left, n - left, (off_t)left) != (ssize_t)(n - left))
            exit(1);
    }
    free(bytes);
    return lost;
}

static size_t wanted(void)
{
    const char *text = getenv("HN_FLIPS");

    return text ? (size_t)strtoull(text, NULL, 10) : 300;
}

static void play_with(const char *what, const struct file *f, found *is_found)
{
    size_t count = wanted(), lost = random_flips(f, is_found, count);

    ok(lost == 0, "%s of %zu bytes, %zu random flips: %zu not found", what, f->bytes, count, lost);
    lost = truncations(f, is_found, count);
    ok(lost == 0, "%s cut short at %zu places: %zu not found", what, count, lost);
}

/* ---- a checkpoint as small as one is ---- */
static void checkpoints(void)
{
    real w[6] = {1, 2, 3, 4, 5, 6};
    int64_t step = 7;
    struct hn_ckpt_array array[] = {{"model/w", false, 2, {2, 3}, w}, {"state/step", true, 0, {0}, &step}};
    struct hn_ckpt_text text[] = {{"config", "seed = 1;\n"}};
    hn_ckpt *c = NULL;
    char path[512];

    snprintf(path, sizeof path, "%s", in_play("run/step-00000007.h5"));
    tap_status(hn_ckpt_save(in_play("run"), 7, array, 2, text, 1), HN_OK, "a small checkpoint");
    struct file f = file_at(path);
    size_t lost = every_byte(&f, 1, checkpoint_found);
    ok(lost == 0, "every one of its %zu bytes flipped once: %zu not found", f.bytes, lost);
    play_with("a checkpoint", &f, checkpoint_found);
    tap_status(hn_ckpt_open(&c, path), HN_OK, "it is a good one after all");
    ok(hdf5_opened > 0, "which HDF5 does see");
    hn_ckpt_close(c);
    close(f.fd);
}

/* ---- a data set of two splits ---- */
static hn_status make_set(const char *path)
{
    enum { SAMPLES = 300 };
    static unsigned char images[SAMPLES * 48];
    static int32_t labels[SAMPLES];
    struct hn_sink_spec spec = {.name = "made",
                                .importer = HN_IMPORTER("test"),
                                .source = "nowhere",
                                .kind = HN_IMAGES,
                                .h = 4,
                                .w = 4,
                                .c = 3,
                                .samples = {SAMPLES, 10},
                                .labelled = {true, true},
                                .classes = 3,
                                .names = "a\nb\nc\n"};
    hn_sink *s = NULL;
    hn_status st = hn_sink_new(&s, path, &spec);

    for (int i = 0; i < SAMPLES * 48; i++)
        images[i] = (unsigned char)(i * 7 + i / 48);
    for (int i = 0; i < SAMPLES; i++)
        labels[i] = i % 3;
    for (int split = HN_TRAIN; st == HN_OK && split <= HN_TEST; split++) {
        st = hn_sink_samples(s, split, images, spec.samples[split]);
        if (st == HN_OK)
            st = hn_sink_labels(s, split, labels, spec.samples[split]);
    }
    if (st == HN_OK)
        return hn_sink_publish(s);
    hn_sink_free(s);
    return st;
}

static void datasets(void)
{
    char path[512];
    hn_dataset *d = NULL;
    const void *layout;
    size_t bytes;

    snprintf(path, sizeof path, "%s", in_play("set.h5"));
    tap_status(make_set(path), HN_OK, "a small data set");
    tap_status(hn_dataset_open(&d, path), HN_OK, "is opened");
    if (d == NULL)
        exit(1);
    struct file f = file_at(path);
    hn_dataset_layout(d, &layout, &bytes);
    memcpy(&f.layout, layout, sizeof f.layout);
    hn_dataset_close(d);
    size_t stride = getenv("HN_FLIPS") ? 1 : 13, lost = every_byte(&f, stride, dataset_found);
    ok(lost == 0, "of its %zu bytes every %zu. flipped once: %zu not found", f.bytes, stride, lost);
    play_with("a data set", &f, dataset_found);
    d = NULL;
    tap_status(hn_dataset_open(&d, path), HN_OK, "it is a good one after all");
    hn_dataset_close(d);
    close(f.fd);
}

int main(void)
{
    tap_plan(13);
    play_begin();
    checkpoints();
    datasets();
    ok(hn_live_blocks() == 0, "no memory is left behind");
    play_end();
    return tap_done();
}
