/* Importing IDX and CIFAR: packed or not, folders and archives, the real files, every kind of damage. */
#include "base/mem.h"
#include "data/dataset.h"
#include "make.h"

static struct hn_import_options plain;

/* ---- IDX ---- */

static size_t idx(unsigned char *out, int dimensions, uint32_t n, uint32_t h, uint32_t w, int labels)
{
    uint32_t dim[3] = {n, h, w};
    size_t at = 4, count = labels ? n : (size_t)n * h * w;

    memcpy(out, (unsigned char[]){0, 0, 8, (unsigned char)dimensions}, 4);
    for (int i = 0; i < dimensions; i++)
        for (int k = 24; k >= 0; k -= 8)
            out[at++] = (unsigned char)(dim[i] >> k);
    for (size_t i = 0; i < count; i++)
        out[at++] = labels ? (unsigned char)made_label(i) : made_byte(i / (h * w), i % (h * w));
    return at;
}

static void put_idx(const char *name, const char *filter, int dimensions, uint32_t n, uint32_t h, uint32_t w,
                    int labels)
{
    static unsigned char bytes[1 << 20];
    size_t count = idx(bytes, dimensions, n, h, w, labels);

    if (filter)
        put_one(name, filter, bytes, count);
    else
        put_file(name, bytes, count);
}

static bool as_made(const char *path, uint64_t train, uint64_t test, size_t size)
{
    hn_dataset *d = NULL;
    unsigned char bytes[4096];
    int64_t label;
    bool fine = hn_dataset_open(&d, path) == HN_OK && d->info.samples[HN_TRAIN] == train &&
                d->info.samples[HN_TEST] == test && d->info.sample_bytes == size;

    for (int s = HN_TRAIN; s <= HN_TEST; s++)
        for (uint64_t i = 0; fine && i < d->info.samples[s]; i++) {
            fine = hn_dataset_read(d, s, i, bytes, &label) == HN_OK && label == made_label(i);
            for (size_t k = 0; fine && k < size; k++)
                fine = bytes[k] == made_byte(i, k);
        }
    hn_dataset_close(d);
    return fine;
}

static void made_idx(void)
{
    const char *out = in_folder("idx.h5"), *source = in_folder("mnist");
    static const char *const filter[] = {NULL, "gzip", "xz", "bzip2"};
    static const char *const suffix[] = {"", ".gz", ".xz", ".bz2"};
    char copy[2][256];

    snprintf(copy[0], 256, "%s", out);
    snprintf(copy[1], 256, "%s", source);
    out = copy[0];
    source = copy[1];
    for (int i = 0; i < 4; i++) {
        char name[64];
        make_dir("mnist");
        snprintf(name, sizeof name, "mnist/train-images-idx3-ubyte%s", suffix[i]);
        put_idx(name, filter[i], 3, 700, 9, 8, 0);
        snprintf(name, sizeof name, "mnist/train-labels-idx1-ubyte%s", suffix[i]);
        put_idx(name, filter[i], 1, 700, 0, 0, 1);
        snprintf(name, sizeof name, "mnist/t10k-images-idx3-ubyte%s", suffix[i]);
        put_idx(name, filter[i], 3, 90, 9, 8, 0);
        snprintf(name, sizeof name, "mnist/t10k-labels-idx1-ubyte%s", suffix[i]);
        put_idx(name, filter[i], 1, 90, 0, 0, 1);
        tap_status(hn_import_idx(source, out, &plain), HN_OK, "IDX files %s are imported",
                   i ? suffix[i] : "as they are");
        ok(as_made(out, 700, 90, 72), "and read back as they were made");
        if (i < 1) {
            char command[400]; /* the next lap packs them */
            snprintf(command, sizeof command, "rm -r '%s'", source);
            ok(system(command) == 0, "(folder emptied)");
        }
    }
}

static void bad_idx(void)
{
    const char *const images = "mnist/train-images-idx3-ubyte", *const labels =
                                                                    "mnist/train-labels-idx1-ubyte";
    char out[256], source[256];
    unsigned char *bytes = calloc(100000, 1);

    snprintf(out, sizeof out, "%s", in_folder("bad-idx.h5"));
    snprintf(source, sizeof source, "%s", in_folder("mnist"));
    /* plain files are found before packed ones: those of the last test are shadowed */
    put_idx("mnist/t10k-images-idx3-ubyte", NULL, 3, 90, 9, 8, 0);
    put_idx("mnist/t10k-labels-idx1-ubyte", NULL, 1, 90, 0, 0, 1);
    put_idx(images, NULL, 3, 700, 9, 8, 0);
    put_idx(labels, NULL, 1, 699, 0, 0, 1);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "counts that disagree");
    ok(said("699 labels, but") && said("has 700 images"), "both are said");
    put_idx(labels, NULL, 1, 700, 0, 0, 1);
    put_idx(images, NULL, 3, 700, 9, 8, 0);
    cut_file(in_folder(images), 16 + 72 * 650 + 5);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "a file cut short");
    ok(said("ends within entry 650"), "where");
    size_t n = idx(bytes, 3, 700, 9, 8, 0);
    put_file(images, bytes, n + 1);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "a byte too many");
    put_idx(images, NULL, 1, 700, 9, 8, 0);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "a wrong magic number");
    ok(said("begins with 00000801, wanted 00000803"), "both are said");
    put_file(images, "", 0);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "an empty file");
    put_idx(images, NULL, 3, 0, 9, 8, 0);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "an empty set");
    put_idx(images, NULL, 3, 700, 9, 8, 0);
    put_idx("mnist/t10k-images-idx3-ubyte", NULL, 3, 90, 8, 9, 0);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "test images of another shape");
    put_idx("mnist/t10k-images-idx3-ubyte", NULL, 3, 90, 9, 8, 0);
    n = idx(bytes, 1, 90, 0, 0, 1);
    bytes[8 + 33] = 77;
    put_file("mnist/t10k-labels-idx1-ubyte", bytes, n);
    tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "a label that training never had");
    ok(said("entry 33 (byte 41) has label 77, outside the training labels 0 .. 4"), "where");
    remove(in_folder("mnist/t10k-labels-idx1-ubyte"));
    remove(in_folder("mnist/t10k-labels-idx1-ubyte.gz"));
    remove(in_folder("mnist/t10k-labels-idx1-ubyte.xz"));
    remove(in_folder("mnist/t10k-labels-idx1-ubyte.bz2"));
    tap_status(hn_import_idx(source, out, &plain), HN_ENOINPUT, "images without their labels");
    tap_status(hn_import_idx(in_folder("nowhere"), out, &plain), HN_ENOINPUT, "a folder that is not there");
    tap_status(hn_import_idx(in_folder(images), out, &plain), HN_EUSAGE, "a file instead of a folder");
    ok(nothing_like("bad-idx"), "nothing is left behind");
    free(bytes);
}

/* gzip carries sums that libarchive does not look at. */
static void bad_packing(void)
{
    static const char *const filter[] = {"gzip", "xz", "bzip2"}, *const suffix[] = {".gz", ".xz", ".bz2"};
    char out[256], source[256], images[256];

    snprintf(out, sizeof out, "%s", in_folder("bad-packed.h5"));
    snprintf(source, sizeof source, "%s", in_folder("packed"));
    make_dir("packed");
    for (int i = 0; i < 3; i++) {
        char name[64];
        int unseen = 0, wrong = 0;
        snprintf(name, sizeof name, "packed/train-labels-idx1-ubyte%s", suffix[i]);
        put_idx(name, filter[i], 1, 700, 0, 0, 1);
        snprintf(name, sizeof name, "packed/train-images-idx3-ubyte%s", suffix[i]);
        put_idx(name, filter[i], 3, 700, 9, 8, 0);
        snprintf(images, sizeof images, "%s", in_folder(name));
        tap_status(hn_import_idx(source, out, &plain), HN_OK, "%s: whole", suffix[i]);
        remove(out);
        long size = size_of(images);
        for (int k = 0; k < 20; k++) {
            long at = 12 + k * (size - 12) / 20;
            flip_byte(images, at);
            hn_status st = hn_import_idx(source, out, &plain);
            unseen += st == HN_OK && !as_made(out, 700, 0, 72);
            wrong += st != HN_OK && (st != HN_EDATA || strstr(hn_error_text(), "train-images") == NULL);
            remove(out);
            flip_byte(images, at);
        }
        ok(unseen == 0 && wrong == 0, "%s: 20 flipped bits: no wrong picture comes through, each is one line",
           suffix[i]);
        cut_file(images, size / 2);
        tap_status(hn_import_idx(source, out, &plain), HN_EDATA, "%s: cut in half", suffix[i]);
        ok(said("damaged or cut off") || said("bytes, its end says"), "says so");
        ok(nothing_like("bad-packed"), "nothing is left behind");
        remove(images);
        snprintf(name, sizeof name, "packed/train-labels-idx1-ubyte%s", suffix[i]);
        remove(in_folder(name));
    }
}

static void real_idx(void)
{
    const char *source = "/usr/share/datasets/fashion-mnist", *out = in_folder("fashion.h5");
    hn_dataset *d = NULL;
    uint64_t count[10] = {0};
    unsigned char bytes[784];
    int64_t label;
    double sum = 0;

    if (access(source, R_OK) != 0) {
        tap_skip(4, "no dataset-fashion-mnist here");
        return;
    }
    tap_status(hn_import_idx(source, out, &plain), HN_OK, "Fashion-MNIST as Debian has it");
    tap_status(hn_dataset_open(&d, out), HN_OK, "opens");
    ok(d && d->info.samples[HN_TRAIN] == 60000 && d->info.samples[HN_TEST] == 10000 &&
           d->info.classes == 10 && strcmp(d->info.name, "fashion-mnist") == 0,
       "70,000 images in 10 classes");
    for (uint64_t i = 0; d && i < 60000 && hn_dataset_read(d, HN_TRAIN, i, bytes, &label) == HN_OK; i++) {
        count[label]++;
        for (int k = 0; k < 784; k++)
            sum += bytes[k];
    }
    for (int i = 1; i < 10; i++)
        count[0] = count[i] == 6000 ? count[0] : 0;
    ok(count[0] == 6000 && fabs(sum / 60000 / 784 / 255 - 0.2860) < 5e-5, "6,000 of each, mean 0.2860");
    hn_dataset_close(d);
    remove(out);
}

/* ---- CIFAR ---- */

enum { RECORDS = 300 };

/* n records from number `first`; the pixel of channel c at place i is made_byte(number, 3 i + c). */
static size_t cifar(unsigned char *out, uint64_t first, uint64_t n, int labels)
{
    size_t at = 0;

    for (uint64_t r = first; r < first + n; r++) {
        for (int k = 0; k < labels; k++)
            out[at++] = (unsigned char)(made_label(r) + 7 * k);
        for (uint64_t c = 0; c < 3; c++)
            for (uint64_t i = 0; i < 1024; i++)
                out[at++] = made_byte(r, 3 * i + c);
    }
    return at;
}

static bool same_files(const char *a, const char *b)
{
    char command[600];

    snprintf(command, sizeof command, "cmp -s '%s' '%s'", a, b);
    return system(command) == 0;
}

static void made_cifar(void)
{
    static unsigned char part[3][RECORDS * 3074];
    static const char names[] = "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n\n";
    /* the distributed archive is in no order either */
    static const char *const member[] = {"c/",
                                         "c/data_batch_2.bin",
                                         "c/batches.meta.txt",
                                         "c/test_batch.bin",
                                         "c/readme.html",
                                         "c/data_batch_1.bin",
                                         NULL};
    char out[256], again[256], source[256];
    hn_dataset *d = NULL;

    snprintf(out, sizeof out, "%s", in_folder("cifar.h5"));
    snprintf(again, sizeof again, "%s", in_folder("again.h5"));
    snprintf(source, sizeof source, "%s", in_folder("c"));
    size_t n[3] = {cifar(part[0], 0, RECORDS, 1), cifar(part[1], RECORDS, 77, 1), cifar(part[2], 0, 33, 1)};
    make_dir("c");
    put_file("c/data_batch_1.bin", part[0], n[0]);
    put_one("c/data_batch_1.bin.xz", "xz", part[0], n[0]); /* the same, still packed */
    put_one("c/data_batch_2.bin.xz", "xz", part[1], n[1]);
    put_one("c/test_batch.bin.gz", "gzip", part[2], n[2]);
    put_file("c/batches.meta.txt", names, sizeof names - 1);
    put_file("c/notes", "anything", 8);
    tap_status(hn_import_cifar10(source, out, &plain), HN_OK, "a folder of CIFAR-10, partly packed");
    ok(as_made(out, RECORDS + 77, 33, 3072), "records are in order, planes have become pixels");
    hn_dataset_open(&d, out);
    ok(d && d->info.h == 32 && d->info.w == 32 && d->info.c == 3 && d->info.classes == 10 &&
           strcmp(hn_dataset_class(d, 9), "nine") == 0,
       "with its class names");
    hn_dataset_close(d);
    for (int i = 0; i < 2; i++) {
        const unsigned char *bytes[] = {
            NULL, part[1], (const unsigned char *)names, part[2], (const unsigned char *)"<html>", part[0]};
        size_t count[] = {0, n[1], sizeof names - 1, n[2], 6, n[0]};
        put_packed("c.tar.gz", i ? "xz" : "gzip", member + 1, bytes + 1, count + 1);
        struct hn_import_options o = plain;
        o.name = "c";
        tap_status(hn_import_cifar10(in_folder("c.tar.gz"), again, &o), HN_OK,
                   "a tar archive, its members in any order");
        ok(as_made(again, RECORDS + 77, 33, 3072), "gives the same samples");
    }
    hn_status first = hn_import_cifar10(source, out, &plain),
              second = hn_import_cifar10(source, again, &plain);
    ok(first == HN_OK && second == HN_OK && same_files(out, again), "the same import gives the same bytes");
    tap_status(hn_import_cifar10(in_folder("c/data_batch_1.bin"), out, &plain), HN_OK, "a single file");
    ok(as_made(out, RECORDS, 0, 3072), "is a training set");
    tap_status(hn_import_cifar10(in_folder("c/test_batch.bin.gz"), out, &plain), HN_OK,
               "a single packed file of tests");
    hn_dataset_open(&d, out);
    ok(as_made(out, 0, 33, 3072) && strcmp(hn_dataset_class(d, 1), "one") == 0,
       "is a test set; names lie beside it");
    hn_dataset_close(d);

    n[0] = cifar(part[0], 0, RECORDS, 2);
    make_dir("h");
    put_file("h/train.bin", part[0], n[0]);
    tap_status(hn_import_cifar100(in_folder("h"), out, &plain), HN_OK, "CIFAR-100, coarse labels");
    ok(as_made(out, RECORDS, 0, 3072), "are the first byte");
    struct hn_import_options fine = plain;
    fine.fine = true;
    tap_status(hn_import_cifar100(in_folder("h"), out, &fine), HN_OK, "CIFAR-100, fine labels");
    int64_t label = 0;
    hn_dataset_open(&d, out);
    ok(d && d->info.classes == 100 && hn_dataset_read(d, HN_TRAIN, 2, NULL, &label) == HN_OK &&
           label == made_label(2) + 7,
       "are the second");
    hn_dataset_close(d);
}

static void bad_cifar(void)
{
    static unsigned char bytes[RECORDS * 3073 + 10];
    char out[256], source[256];
    size_t n = cifar(bytes, 0, RECORDS, 1);

    snprintf(out, sizeof out, "%s", in_folder("bad-cifar.h5"));
    snprintf(source, sizeof source, "%s", in_folder("b"));
    make_dir("b");
    tap_status(hn_import_cifar10(source, out, &plain), HN_EDATA, "an empty folder");
    ok(said("holds no data_batch*.bin"), "says what is wanted");
    put_file("b/data_batch_1.bin", bytes, 0);
    tap_status(hn_import_cifar10(source, out, &plain), HN_EDATA, "an empty file");
    put_file("b/data_batch_1.bin", bytes, n - 100);
    tap_status(hn_import_cifar10(source, out, &plain), HN_EDATA, "a record cut short");
    ok(said("2973 bytes after record 299 are no whole record of 3073 bytes"), "where");
    bytes[280 * 3073] = 10;
    put_file("b/data_batch_1.bin", bytes, n);
    tap_status(hn_import_cifar10(source, out, &plain), HN_EDATA, "a label out of range");
    ok(said("record 280 (byte 860440) has label 10, outside 0 .. 9"), "where");
    bytes[280 * 3073] = 0;
    put_file("b/data_batch_1.bin", bytes, n);
    put_file("b/batches.meta.txt", "cat\ndog\n\n", 9);
    tap_status(hn_import_cifar10(source, out, &plain), HN_EDATA, "class names missing");
    ok(said("2 class names, wanted 10"), "how many");
    remove(in_folder("b/batches.meta.txt"));
    put_one("b/data_batch_2.bin.xz", "xz", bytes, n);
    cut_file(in_folder("b/data_batch_2.bin.xz"), size_of(in_folder("b/data_batch_2.bin.xz")) / 2);
    tap_status(hn_import_cifar10(source, out, &plain), HN_EDATA, "one packed file of two is cut");
    ok(said("b/data_batch_2.bin.xz: damaged or cut off"), "which");
    const char *const member[] = {"x/data_batch_1.bin", "x/test_batch.bin", NULL};
    const unsigned char *const content[] = {bytes, bytes};
    const size_t count[] = {n, n};
    int unseen = 0;
    put_packed("b.tar.gz", "gzip", member, content, count);
    long size = size_of(in_folder("b.tar.gz"));
    for (int i = 0; i < 25; i++) {
        flip_byte(in_folder("b.tar.gz"), 12 + i * (size - 12) / 25);
        unseen += hn_import_cifar10(in_folder("b.tar.gz"), out, &plain) != HN_EDATA;
        flip_byte(in_folder("b.tar.gz"), 12 + i * (size - 12) / 25);
    }
    ok(unseen == 0, "25 flipped bits in a tar.gz are all found");
    cut_file(in_folder("b.tar.gz"), size / 2);
    tap_status(hn_import_cifar10(in_folder("b.tar.gz"), out, &plain), HN_EDATA, "a tar.gz cut in half");
    tap_status(hn_import_cifar10(in_folder("nowhere"), out, &plain), HN_ENOINPUT, "no source");
    remove(in_folder("b/data_batch_2.bin.xz"));
    tap_status(hn_import_cifar10(source, in_folder("none/x.h5"), &plain), HN_ECREATE,
               "no such output folder");
    ok(nothing_like("bad-cifar"), "nothing is left behind");
}

struct facts {
    uint64_t samples;
    int64_t first[10], least, most;
    double mean[3], std[3];
};

static bool agrees(hn_dataset *d, enum hn_split split, const struct facts *f)
{
    uint64_t count[100] = {0};
    double sum[3] = {0}, square[3] = {0}, n = (double)f->samples * 1024;
    unsigned char bytes[3072];
    int64_t label;
    bool fine = d && d->info.samples[split] == f->samples;

    for (uint64_t i = 0; fine && i < f->samples; i++) {
        fine = hn_dataset_read(d, split, i, bytes, &label) == HN_OK && (i >= 10 || label == f->first[i]);
        count[label]++;
        for (int k = 0; k < 3072; k++) {
            sum[k % 3] += bytes[k];
            square[k % 3] += bytes[k] * bytes[k];
        }
    }
    for (size_t k = 0; fine && k < d->info.classes; k++)
        fine = (int64_t)count[k] >= f->least && (int64_t)count[k] <= f->most;
    for (int c = 0; fine && c < 3; c++) {
        double mean = sum[c] / n, std = sqrt(square[c] / n - mean * mean);
        fine = fabs(mean / 255 - f->mean[c]) < 6e-5 && fabs(std / 255 - f->std[c]) < 6e-5;
    }
    return fine;
}

static void real_cifar(void)
{
    static const struct facts train10 = {9980, {6, 9, 9, 4, 1, 1, 2, 7, 8, 3}, 937,
                                         1032, {0.4935, 0.4833, 0.4470},       {0.2476, 0.2446, 0.2626}};
    static const struct facts test10 = {2000, {3, 8, 8, 0, 6, 6, 1, 6, 3, 1}, 187,
                                        216,  {0.4972, 0.4884, 0.4549},       {0.2470, 0.2425, 0.2625}};
    static const struct facts fine = {3000,
                                      {19, 29, 0, 11, 1, 86, 90, 28, 23, 31},
                                      20,
                                      48,
                                      {0.5082, 0.4884, 0.4438},
                                      {0.2680, 0.2566, 0.2766}};
    const char *data = getenv("HN_DATA"), *out = in_folder("real.h5");
    struct hn_import_options o = {0};
    char source[1024];
    hn_dataset *d = NULL;

    snprintf(source, sizeof source, "%s/cifar", data ? data : "");
    if (data == NULL || access(source, R_OK) != 0) {
        tap_skip(9, "HN_DATA names no folder with cifar");
        return;
    }
    tap_status(hn_import_cifar10(source, out, &o), HN_OK, "the real CIFAR-10 files");
    hn_dataset_open(&d, out);
    ok(agrees(d, HN_TRAIN, &train10), "training labels, class counts, means and deviations as published");
    ok(agrees(d, HN_TEST, &test10), "test labels, too");
    ok(d && strcmp(hn_dataset_class(d, 0), "airplane") == 0 && strcmp(hn_dataset_class(d, 9), "truck") == 0,
       "class names");
    hn_dataset_close(d);
    d = NULL;
    snprintf(source, sizeof source, "%s/cifar/cifar100_test_first1000.bin.xz", data);
    tap_status(hn_import_cifar100(source, out, &o), HN_OK, "a real file of CIFAR-100, coarse");
    hn_dataset_open(&d, out);
    ok(d && d->info.samples[HN_TEST] == 1000 && d->info.classes == 20 && hn_dataset_class(d, 19)[0],
       "is a test set in 20 classes, with names");
    hn_dataset_close(d);
    d = NULL;
    o.fine = true;
    snprintf(source, sizeof source, "%s/cifar/cifar100_train_first3000.bin.xz", data);
    tap_status(hn_import_cifar100(source, out, &o), HN_OK, "another, fine");
    hn_dataset_open(&d, out);
    ok(agrees(d, HN_TRAIN, &fine), "labels, class counts, means and deviations");
    ok(d && d->info.classes == 100 && hn_dataset_class(d, 99)[0], "100 class names");
    hn_dataset_close(d);
    remove(out);
}

static volatile sig_atomic_t stop;

static void stop_now(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    stop = done < total;
}

/* On request, between two pieces. */
static void stopped(void)
{
    struct hn_import_options o = {.progress = stop_now, .stop = &stop};
    char out[256], source[256];

    snprintf(out, sizeof out, "%s", in_folder("stopped.h5"));
    snprintf(source, sizeof source, "%s", in_folder("stopped"));
    make_dir("stopped");
    put_idx("stopped/train-images-idx3-ubyte", NULL, 3, 700, 9, 8, 0);
    put_idx("stopped/train-labels-idx1-ubyte", NULL, 1, 700, 0, 0, 1);
    put_idx("stopped/t10k-images-idx3-ubyte", NULL, 3, 90, 9, 8, 0);
    put_idx("stopped/t10k-labels-idx1-ubyte", NULL, 1, 90, 0, 0, 1);
    tap_status(hn_import_idx(source, out, &o), HN_STOPPED, "an import is stopped");
    ok(said("stopped on request after 700 of 790 samples") && nothing_like("stopped.h5"), "nothing is kept");
    o.stop = NULL;
    tap_status(hn_import_idx(source, out, &o), HN_OK, "again, with nobody who stops it");
    stop = 1;
    o.stop = &stop;
    tap_status(hn_import_hdf5(out, in_folder("stopped2.h5"), &o), HN_STOPPED, "import hdf5 is stopped");
    ok(nothing_like("stopped2"), "nothing is kept");
    remove(out);
}

int main(void)
{
    tap_plan(5 + 10 + 16 + 15 + 4 + 15 + 16 + 9 + 1);
    make_folder();
    made_idx();
    bad_idx();
    bad_packing();
    real_idx();
    made_cifar();
    bad_cifar();
    real_cifar();
    stopped();
    remove_folder();
    ok(hn_live_blocks() == 0, "no memory is left behind (%zu blocks)", hn_live_blocks());
    return tap_done();
}
