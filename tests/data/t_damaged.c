/* Somebody's HDF5 files with bits flipped, imported apart: HDF5 may die of them, we do not, and one line says
 * what happened.  HN_FLIPS=N: N files of each kind instead of 70. */
#include "base/apart.h"
#include "base/file.h"
#include "base/philox.h"
#include "make.h"
#include <hdf5.h>

enum { N = 40, SIZE = 6 * 5, LARGEST = 1 << 16 };

struct job {
    const char *source, *out;
};

static hn_status import(void *ctx)
{
    const struct job *j = ctx;

    return hn_import_hdf5(j->source, j->out, &(struct hn_import_options){0});
}

static hn_status import_apart(const char *source, const char *out)
{
    const struct hn_apart apart = {
        .source = source, .reader = "HDF5", .out = out, .bytes = 2ull << 30, .seconds = 3};

    return hn_apart(&apart, import, &(struct job){source, out});
}

static void put(hid_t file, const char *name, int rank, hid_t type, const void *data, bool packed)
{
    const hsize_t dim[3] = {N, 6, 5}, chunk[3] = {7, 3, 3};
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, dim, NULL);

    if (packed) {
        H5Pset_chunk(creation, rank, chunk);
        H5Pset_shuffle(creation);
        H5Pset_deflate(creation, 4);
    }
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
}

/* As h5py writes by default, or with the newest structures (which have check sums); nothing in it depends on
 * the time. */
static void make_source(const char *path, bool newest, bool packed)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    unsigned char image[N * SIZE];
    int32_t label[N];

    for (int i = 0; i < N * SIZE; i++)
        image[i] = made_byte(0, (uint64_t)i);
    for (int i = 0; i < N; i++)
        label[i] = made_label((uint64_t)i);
    if (newest)
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    put(file, "images", 3, H5T_NATIVE_UINT8, image, packed);
    put(file, "labels", 1, H5T_NATIVE_INT32, label, packed);
    H5Fclose(file);
    H5Pclose(access);
}

static size_t read_all(const char *path, unsigned char bytes[LARGEST])
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, LARGEST, f) : 0;

    if (f)
        fclose(f);
    return n;
}

struct tally {
    int taken, refused, died, stuck, wrong;
};

static void judge(struct tally *t, hn_status st, const char *out, int number)
{
    bool clean = st == HN_OK || (nothing_like("out.h5") && (st == HN_EDATA || st == HN_ENOINPUT));
    const char *text = hn_error_text();

    if (st == HN_OK)
        t->taken++;
    else if (strstr(text, "died of signal"))
        t->died++;
    else if (strstr(text, "did not get on"))
        t->stuck++;
    else
        t->refused++;
    if (getenv("HN_FLIPS") && st != HN_OK && (strstr(text, "its reader")))
        printf("# %d: %s\n", number, text);
    if (!clean || (st != HN_OK && (text[0] == '\0' || strchr(text, '\n')))) {
        printf("# number %d: status %d: %s\n", number, (int)st, text);
        t->wrong++;
    }
    remove(out);
}

/* One to eight bits of the file. */
static void damage(unsigned char *bytes, size_t count, uint64_t seed)
{
    hn_draws d = hn_draws_for(seed, HN_DRAW_TEST, 0, 0);

    for (uint64_t n = hn_draw_between(&d, 1, 8); n > 0; n--) {
        uint64_t at = hn_draw_between(&d, 0, count - 1);
        bytes[at] ^= (unsigned char)(1u << hn_draw_between(&d, 0, 7));
    }
}

static void flips(const char *what, bool newest, bool packed, int flips)
{
    static unsigned char whole[LARGEST], bytes[LARGEST];
    char source[256], out[256];
    struct tally t = {0};

    snprintf(source, sizeof source, "%s", in_folder("source.h5"));
    snprintf(out, sizeof out, "%s", in_folder("out.h5"));
    make_source(source, newest, packed);
    size_t count = read_all(source, whole);
    tap_status(import_apart(source, out), HN_OK, "%s, %zu bytes: the whole file", what, count);
    remove(out);
    for (int i = 0; i < flips; i++) {
        memcpy(bytes, whole, count);
        damage(bytes, count, (uint64_t)i);
        put_file("source.h5", bytes, count);
        judge(&t, import_apart(source, out), out, i);
    }
    ok(t.wrong == 0, "%d damaged ones: %d taken, %d refused, HDF5 died of %d and was stuck in %d", flips,
       t.taken, t.refused, t.died, t.stuck);
}

/* HDF5 1.10 dies of chunks without dimensions (of the labels: version 3, class 2, so many dimensions,
 * address, shape); the program gets over it. */
static void crash(void)
{
    static const unsigned char shape[8] = {7, 0, 0, 0, 4};
    static unsigned char bytes[LARGEST];
    const char *build = getenv("HN_BUILD"), *top = getenv("HN_TOP");
    char command[2048], program[1024];

    make_source(in_folder("source.h5"), false, true);
    size_t count = read_all(in_folder("source.h5"), bytes);
    unsigned char *at = memmem(bytes, count, shape, sizeof shape);
    bool found = at != NULL && memcmp(at - 11, (const unsigned char[]){3, 2, 2}, 3) == 0;
    ok(found, "where a file says how many dimensions its chunks have");
    if (found)
        at[-9] = 0;
    put_file("source.h5", bytes, count);
    tap_status(import_apart(in_folder("source.h5"), in_folder("out.h5")), HN_EDATA, "none");
    printf("# %s\n", hn_error_text());
    ok(said(in_folder("source.h5")) && nothing_like("out.h5"), "a line, nothing left behind");
    snprintf(program, sizeof program, "%s%s/hardneg", build ? build : top ? top : ".", build ? "" : "/build");
    snprintf(command, sizeof command,
             "cd %s && { '%s' import hdf5 source.h5 out.h5 >said 2>&1; [ $? = 65 ] && "
             "[ \"$(wc -l <said)\" = 1 ] && grep -q '^hardneg: source.h5: ' said && [ ! -e out.h5 ]; }",
             folder, program);
    ok(system(command) == 0, "so does the program: one line, exit 65");
}

int main(void)
{
    const char *wish = getenv("HN_FLIPS");
    int n = wish ? atoi(wish) : 70;

    tap_plan(6 + 4);
    make_folder();
    flips("contiguous", false, false, n);
    flips("packed", false, true, n);
    flips("newest", true, true, n);
    crash();
    remove_folder();
    return tap_done();
}
