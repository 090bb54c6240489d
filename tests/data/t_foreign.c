/* Importing anybody's HDF5, made here with the HDF5 library as others use it. */
#include "base/mem.h"
#include "data/dataset.h"
#include "make.h"
#include <hdf5.h>
#include <sys/wait.h>

enum { N = 50, H = 6, W = 5, C = 3, SIZE = H * W * C };

static struct hn_import_options plain;

/* Writes `rank` dimensions of `have` numbers as `type`, perhaps in packed chunks. */
static void put(hid_t file, const char *name, hid_t type, hid_t have, int rank, const hsize_t *dim,
                const void *data, bool packed)
{
    hid_t links = H5Pcreate(H5P_LINK_CREATE), creation = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(rank, dim, NULL);
    hsize_t chunk[4] = {7, 3, 3, 2};

    H5Pset_create_intermediate_group(links, 1);
    if (packed) {
        H5Pset_chunk(creation, rank, chunk);
        H5Pset_shuffle(creation);
        H5Pset_deflate(creation, 4);
    }
    hid_t set = H5Dcreate2(file, name, type, space, links, creation, H5P_DEFAULT);
    H5Dwrite(set, have, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
    H5Pclose(links);
}

static hid_t create(const char *path)
{
    return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

/* Value k (as H x W x C) of sample i, 0..255, in whatever layout; scaled to 0..1 on request. */
static double value(int i, int k, bool scaled)
{
    double x = made_byte((uint64_t)i, (uint64_t)k);
    return scaled ? x / 255 : x;
}

static void fill(double *out, bool planes, bool scaled)
{
    for (int i = 0; i < N; i++)
        for (int k = 0; k < SIZE; k++) {
            int c = k % C, p = k / C;
            out[i * SIZE + (planes ? c * H * W + p : k)] = value(i, k, scaled);
        }
}

static const int64_t odd_label[5] = {-7, 0, 3, 1000, 70000};

static void put_labels(hid_t file, const char *name, hid_t type, bool column)
{
    int64_t label[N];
    hsize_t dim[2] = {N, 1};

    for (int i = 0; i < N; i++)
        label[i] = odd_label[made_label((uint64_t)i)];
    put(file, name, type, H5T_NATIVE_INT64, column ? 2 : 1, dim, label, false);
}

static bool as_made(const char *path, bool labels)
{
    hn_dataset *d = NULL;
    unsigned char bytes[SIZE];
    int64_t label;
    bool fine = hn_dataset_open(&d, path) == HN_OK && d->info.kind == HN_IMAGES &&
                d->info.samples[HN_TRAIN] == N && d->info.h == H && d->info.w == W && d->info.c == C &&
                d->info.labelled[HN_TRAIN] == labels;
    /* made labels i*i % 5 are 0, 1, 4: three classes */
    static const int class_of[5] = {0, 1, -1, -1, 2};

    for (int i = 0; fine && i < N; i++) {
        fine = hn_dataset_read(d, HN_TRAIN, (uint64_t)i, bytes, &label) == HN_OK &&
               label == (labels ? class_of[made_label((uint64_t)i)] : -1);
        for (int k = 0; fine && k < SIZE; k++)
            fine = bytes[k] == made_byte((uint64_t)i, (uint64_t)k);
    }
    if (fine && labels)
        fine = d->info.classes == 3 && strcmp(hn_dataset_class(d, 0), "-7") == 0 &&
               strcmp(hn_dataset_class(d, 2), "70000") == 0;
    hn_dataset_close(d);
    return fine;
}

/* Every type of number, either layout, contiguous or packed, usual names. */
static void kinds(const char *path, const char *out)
{
    static double data[N * SIZE];
    const struct {
        const char *what, *images, *labels;
        hid_t type, label_type;
        bool planes, scaled, packed, column;
    } kind[] = {
        {"u8, NHWC", "/train/images", "/train/labels", H5T_STD_U8LE, H5T_STD_I32LE, false, false, false,
         false},
        {"u8, NHWC, packed chunks", "/x_train", "/y_train", H5T_STD_U8LE, H5T_STD_I64BE, false, false, true,
         true},
        {"i16 big-endian, NCHW", "/data", "/label", H5T_STD_I16BE, H5T_STD_I32BE, true, false, false, false},
        {"u64, NCHW, packed chunks", "/images", "/labels", H5T_STD_U64LE, H5T_STD_I64LE, true, false, true,
         false},
        {"f32, 0..1, NHWC", "/train_x", "/train_y", H5T_IEEE_F32LE, H5T_IEEE_F64LE, false, true, false,
         false},
        {"f64 big-endian, 0..1, NCHW", "/a/b/x", "/a/b/y", H5T_IEEE_F64BE, H5T_IEEE_F32LE, true, true, true,
         true},
    };

    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct hn_import_options o = plain;
        hid_t file = create(path);
        hsize_t nhwc[4] = {N, H, W, C}, nchw[4] = {N, C, H, W};

        fill(data, kind[i].planes, kind[i].scaled);
        put(file, kind[i].images, kind[i].type, H5T_NATIVE_DOUBLE, 4, kind[i].planes ? nchw : nhwc, data,
            kind[i].packed);
        put_labels(file, kind[i].labels, kind[i].label_type, kind[i].column);
        H5Fclose(file);
        if (kind[i].images[1] == 'a') /* an unusual name has to be said; its labels lie beside it */
            o.train_images = "a/b/x";
        remove(out);
        tap_status(hn_import_hdf5(path, out, &o), HN_OK, "%s", kind[i].what);
        ok(as_made(out, true), "reads back as made, labels are classes, their values the names");
    }
}

static void vectors(const char *path, const char *out)
{
    double data[20 * 3];
    const hsize_t dim[2] = {20, 3};
    hn_dataset *d = NULL;
    float x[3];
    int64_t label = 0;

    for (int i = 0; i < 60; i++)
        data[i] = i * 0.37 - 5;
    hid_t file = create(path);
    put(file, "/features", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 2, dim, data, true);
    put(file, "/test/x", H5T_STD_I32LE, H5T_NATIVE_DOUBLE, 2, dim, data, true);
    put(file, "/unlabeled/x", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 2, dim, data, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &plain), HN_OK, "vectors, three splits, no labels");
    hn_dataset_open(&d, out);
    ok(d && d->info.kind == HN_VECTORS && d->info.c == 3 && d->info.sample_bytes == 12 &&
           d->info.samples[HN_UNLABELED] == 20 && d->info.classes == 0,
       "are kept as 32-bit floats");
    ok(d && hn_dataset_read(d, HN_TRAIN, 7, x, &label) == HN_OK && x[1] == (float)data[22] && label == -1 &&
           hn_dataset_read(d, HN_TEST, 0, x, NULL) == HN_OK && x[0] == -5,
       "with their values");
    hn_dataset_close(d);
    data[43] = NAN;
    file = create(path);
    put(file, "/features", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 2, dim, data, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "a number that is none");
    ok(said("in sample 14 (value 1 of it) is not finite"), "where");
}

static void put_one_odd(const char *path, double odd, hid_t type, double scale, const char *name)
{
    static double data[N * SIZE];
    const hsize_t dim[4] = {N, H, W, C};
    hid_t file = create(path);

    fill(data, false, false);
    for (size_t i = 0; i < N * SIZE; i++)
        data[i] *= scale;
    data[30 * SIZE + 11] = odd;
    put(file, name, type, H5T_NATIVE_DOUBLE, 4, dim, data, false);
    H5Fclose(file);
}

static hn_status one(const char *path, const char *out, double odd, hid_t type, bool scaled, const char *name)
{
    put_one_odd(path, odd, type, scaled ? 1.0 / 255.0 : 1.0, name);
    return hn_import_hdf5(path, out, &plain);
}

/* Values that do not go from 0 to 1, or to 255. */
static void white(const char *path, const char *out)
{
    const double right = made_byte(30, 11);
    struct hn_import_options o = plain;
    hn_dataset *d = NULL;
    unsigned char bytes[SIZE] = {0};

    remove(out);
    o.white = 255.0;
    put_one_odd(path, right, H5T_IEEE_F32LE, 1.0, "/images");
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "floats of 0..255 as they are");
    ok(said("is outside 0..1, ") && said("--white 255") && access(out, F_OK) != 0, "names the option");
    tap_status(hn_import_hdf5(path, out, &o), HN_OK, "with white 255");
    ok(as_made(out, false), "they are those pixels");
    put_one_odd(path, right + 0.4, H5T_IEEE_F64LE, 1.0, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_OK, "a fraction");
    ok(as_made(out, false), "is rounded down");
    put_one_odd(path, right - 0.5, H5T_IEEE_F64LE, 1.0, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_OK, "a half");
    ok(as_made(out, false), "is rounded up");
    put_one_odd(path, 255.5, H5T_IEEE_F64LE, 1.0, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_EDATA, "more than white");
    ok(said("/images: 255.5 in sample 30 (value 11 of it) is outside 0..255"), "where");
    put_one_odd(path, -3, H5T_IEEE_F64LE, 1.0, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_EDATA, "less than black");
    put_one_odd(path, NAN, H5T_IEEE_F64LE, 1.0, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_EDATA, "no number");
    o.white = 65535.0;
    put_one_odd(path, right * 257, H5T_STD_U16LE, 257.0, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_OK, "integers of 16 bits, white 65535");
    ok(as_made(out, false), "are scaled too");
    o.white = 51.0;
    put_one_odd(path, 51, H5T_STD_U8LE, 0.0, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_OK, "bytes, white 51");
    hn_dataset_open(&d, out);
    ok(d && hn_dataset_read(d, HN_TRAIN, 30, bytes, NULL) == HN_OK && bytes[11] == 255 && bytes[12] == 0,
       "as well");
    hn_dataset_close(d);
    o.white = -1.0;
    tap_status(hn_import_hdf5(path, out, &o), HN_EUSAGE, "a negative white");
    o.white = 255.0;
    tap_status(hn_import_hdf5(out, path, &o), HN_EUSAGE, "a data set of ours");
    ok(said("--white: ") && said("holds a data set of ours"), "is said");
    hid_t file = create(path);
    put(file, "/x", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 2, (const hsize_t[]){3, 2},
        (const double[]){1, 2, 3, 4, 5, 6}, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &o), HN_EUSAGE, "vectors");
    ok(said("holds vectors"), "is said");
}

/* What a killed import left beside its output goes with the next one. */
static void swept(const char *path, const char *out)
{
    char host[65] = "", name[128], left[256];
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, ".x.h5.%s.%ld.tmp", host, (long)child);
    snprintf(left, sizeof left, "%s", in_folder(name));
    put_file(name, "half", 4);
    put_one_odd(path, 1, H5T_STD_U8LE, 1.0, "/images");
    tap_status(hn_import_hdf5(path, out, &plain), HN_OK, "an import beside a dead one's temporary");
    ok(size_of(left) < 0, "removes it");
    snprintf(name, sizeof name, ".x.h5.%s.%ld.tmp", host, (long)getppid());
    snprintf(left, sizeof left, "%s", in_folder(name));
    put_file(name, "half", 4);
    tap_status(hn_import_hdf5(path, out, &plain), HN_OK, "beside a living one's");
    ok(size_of(left) == 4, "leaves it");
    remove(left);
}

static void refused(const char *path, const char *out)
{
    static double data[N * SIZE];
    hsize_t dim[5] = {N, H, W, C, 1};
    struct hn_import_options o = plain;
    hid_t file;

    tap_status(one(path, out, 256, H5T_STD_I32LE, false, "/images"), HN_EDATA, "an integer past 255");
    ok(said("/images: 256 in sample 30 (value 11 of it) is outside 0..255"), "where");
    tap_status(one(path, out, -1, H5T_STD_I8LE, false, "/images"), HN_EDATA, "an integer below 0");
    tap_status(one(path, out, 1.5, H5T_IEEE_F32LE, true, "/images"), HN_EDATA, "a float past 1");
    ok(said("1.5 in sample 30 (value 11 of it) is outside 0..1"), "where");
    tap_status(one(path, out, 1, H5T_STD_U8LE, false, "/pictures"), HN_EDATA, "no usual name");
    ok(said("it holds: /pictures"), "says what there is");
    o.train_images = "pictures";
    tap_status(hn_import_hdf5(path, out, &o), HN_OK, "which then can be named");
    ok(!as_made(out, false), "and holds what it held, one odd pixel");
    o.train_labels = "tags";
    tap_status(hn_import_hdf5(path, out, &o), HN_EUSAGE, "labels that are not there");
    o.train_images = NULL;
    o.train_labels = "pictures";
    tap_status(hn_import_hdf5(path, out, &o), HN_EUSAGE, "labels without samples");
    remove(out);
    o = plain;
    o.layout = "chwn";
    one(path, out, 1, H5T_STD_U8LE, false, "/images");
    tap_status(hn_import_hdf5(path, out, &o), HN_EUSAGE, "a layout that does not exist");

    file = create(path);
    dim[1] = dim[3] = 3;
    put(file, "/images", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 4, dim, data, false);
    H5Fclose(file);
    remove(out);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "N x 3 x 5 x 3 could be either layout");
    ok(said("say nhwc or nchw"), "asks");
    file = create(path);
    put(file, "/images", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 5, dim, data, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "five dimensions");
    file = create(path);
    dim[0] = 0;
    put(file, "/images", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 4, dim, data, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "an empty set");
    dim[0] = N - 1;
    dim[1] = H;
    file = create(path);
    put(file, "/images", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 4, dim, data, false);
    put_labels(file, "/labels", H5T_STD_I32LE, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "labels and samples of different number");
    ok(said("/labels has 50 labels, /images has 49 samples"), "says both");
    file = create(path);
    dim[0] = N;
    data[17] = 0.5;
    put(file, "/images", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 4, dim, data, false);
    put(file, "/labels", H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, 1, dim, data, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "a label that is no whole number");
    ok(said("label 0.5 of sample 17 is not a whole number"), "which");
    file = create(path);
    put(file, "/images", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 4, dim, data, false);
    put(file, "/labels", H5T_STD_U8LE, H5T_NATIVE_DOUBLE, 2, dim, data, false);
    H5Fclose(file);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "one-hot labels");
    cut_file(path, size_of(path) / 2);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "a file cut in half");
    tap_status(hn_import_hdf5(in_folder("nowhere.h5"), out, &plain), HN_ENOINPUT, "no source");
    one(path, in_folder("bad2.h5"), 1, H5T_STD_U8LE, false, "/images");
    tap_status(hn_import_hdf5(path, in_folder("none/x.h5"), &plain), HN_ECREATE, "no such output folder");
    remove(in_folder("bad2.h5"));
    ok(nothing_like("bad"), "nothing is left behind");
}

static bool same_files(const char *a, const char *b)
{
    char command[600];

    snprintf(command, sizeof command, "cmp -s '%s' '%s'", a, b);
    return system(command) == 0;
}

/* A set of ours whose seal was cut off by another program gets a new one. */
static void sealed_again(const char *path, const char *out)
{
    hn_dataset *d = NULL;
    long at;

    make_set(path, 3000, 28, 28);
    tap_status(hn_import_hdf5(path, out, &plain), HN_OK, "a set of ours is copied");
    ok(same_files(path, out), "byte for byte");
    hn_dataset_open(&d, path);
    at = (long)d->layout->extent[HN_EXTENT_SAMPLES(HN_TRAIN)].offset + 5;
    hn_dataset_close(d);
    d = NULL;
    flip_byte(path, at);
    tap_status(hn_import_hdf5(path, out, &plain), HN_EDATA, "not while a block of it is damaged");
    flip_byte(path, at);
    H5Fclose(H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT)); /* this alone cuts the trailer off */
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "opened for writing by HDF5 it has lost its seal");
    printf("# %s\n", hn_error_text());
    remove(out);
    tap_status(hn_import_hdf5(path, out, &plain), HN_OK, "and is sealed again by importing it");
    make_set(path, 3000, 28, 28);
    ok(same_files(path, out), "as it was");
}

int main(void)
{
    char path[256], out[256];

    tap_plan(12 + 5 + 21 + 4 + 25 + 6 + 1);
    make_folder();
    snprintf(path, sizeof path, "%s", in_folder("theirs.h5"));
    snprintf(out, sizeof out, "%s", in_folder("ours.h5"));
    kinds(path, out);
    vectors(path, out);
    white(path, out);
    swept(path, out);
    snprintf(out, sizeof out, "%s", in_folder("bad.h5"));
    refused(path, out);
    sealed_again(path, out);
    remove_folder();
    ok(hn_live_blocks() == 0, "no memory is left behind (%zu blocks)", hn_live_blocks());
    return tap_done();
}
