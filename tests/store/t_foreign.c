/* HDF5 files of others: what h5py writes is read; what would lead elsewhere or astray is refused in words. */
#include "base/mem.h"
#include "store/files.h"
#include "store/store.h"
#include "tap.h"
#include <hdf5.h>

static hid_t make(hid_t f, const char *name, hid_t type, int rank, const hsize_t *dim, hid_t plist)
{
    hid_t space = H5Screate_simple(rank, dim, NULL),
          d = H5Dcreate2(f, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);

    H5Sclose(space);
    return d;
}

static void put(hid_t f, const char *name, hid_t type, hid_t memory, hsize_t n, const void *data)
{
    hid_t d = make(f, name, type, 1, &n, H5P_DEFAULT);

    H5Dwrite(d, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Dclose(d);
}

static void put_attr(hid_t f, const char *attr, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR), a = H5Acreate2(f, attr, type, space, H5P_DEFAULT, H5P_DEFAULT);

    H5Awrite(a, type, value);
    H5Aclose(a);
    H5Sclose(space);
}

static hid_t text_type(size_t size, H5T_str_t pad)
{
    hid_t t = H5Tcopy(H5T_C_S1);

    H5Tset_size(t, size);
    H5Tset_strpad(t, pad);
    return t;
}

static void usual(hid_t f)
{
    hid_t chunked = H5Pcreate(H5P_DATASET_CREATE), variable = text_type(H5T_VARIABLE, H5T_STR_NULLTERM),
          padded = text_type(8, H5T_STR_SPACEPAD), full = text_type(3, H5T_STR_NULLPAD),
          truth = H5Tenum_create(H5T_NATIVE_INT8);
    hsize_t chunk[2] = {3, 2}, dim[2] = {4, 3};
    double d[12];
    int16_t i16[2] = {-3, 300};
    int8_t flags[2] = {0, 1}, is = 1;
    const char *word = "vari\xc3\xa4tion", *words[2] = {"one", "seventeen"};
    uint64_t huge = 1ull << 40;

    for (int i = 0; i < 12; i++)
        d[i] = i / 4.0;
    H5Pset_chunk(chunked, 2, chunk);
    H5Pset_shuffle(chunked);
    H5Pset_deflate(chunked, 9);
    H5Pset_fletcher32(chunked);
    hid_t s = make(f, "zipped", H5T_IEEE_F64LE, 2, dim, chunked);
    H5Dwrite(s, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, d);
    H5Dclose(s);
    H5Tenum_insert(truth, "FALSE", &flags[0]);
    H5Tenum_insert(truth, "TRUE", &flags[1]);
    put(f, "big_endian", H5T_STD_I16BE, H5T_NATIVE_INT16, 2, i16);
    put(f, "mask", truth, truth, 2, flags);
    put(f, "unsigned", H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, &huge);
    put(f, "words", variable, variable, 2, words);
    put_attr(f, "variable", variable, &word);
    put_attr(f, "padded", padded, "ab c    ");
    put_attr(f, "full", full, "abc");
    put_attr(f, "truth", truth, &is);
    put_attr(f, "big", H5T_NATIVE_UINT64, &huge);
    H5Lcreate_soft("/zipped", f, "alias", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/gone", f, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(truth);
    H5Tclose(full);
    H5Tclose(padded);
    H5Tclose(variable);
    H5Pclose(chunked);
}

static void astray(hid_t f)
{
    hsize_t n = 4, many[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, vast[3] = {1ull << 31, 1ull << 31, 1ull << 31};
    hid_t outside = H5Pcreate(H5P_DATASET_CREATE), virtual = H5Pcreate(H5P_DATASET_CREATE),
          exotic = H5Pcreate(H5P_DATASET_CREATE), pieces = H5Pcreate(H5P_DATASET_CREATE),
          pair = H5Tcreate(H5T_COMPOUND, 8), space = H5Screate_simple(1, &n, NULL);
    hsize_t chunk[3] = {4, 1, 1};

    H5Pset_external(outside, "/etc/passwd", 0, 16);
    H5Dclose(make(f, "outside", H5T_STD_I32LE, 1, &n, outside));
    H5Pset_virtual(virtual, space, "other.h5", "/x", space);
    H5Dclose(make(f, "virtual", H5T_STD_I32LE, 1, &n, virtual));
    H5Pset_chunk(exotic, 1, chunk);
    H5Pset_nbit(exotic);
    H5Dclose(make(f, "exotic", H5T_STD_I32LE, 1, &n, exotic));
    H5Tinsert(pair, "a", 0, H5T_STD_I32LE);
    H5Dclose(make(f, "pair", pair, 1, &n, H5P_DEFAULT));
    H5Dclose(make(f, "many", H5T_STD_U8LE, 9, many, H5P_DEFAULT));
    H5Dclose(make(f, "unwritten", H5T_STD_I32LE, 1, &n, H5P_DEFAULT));
    H5Pset_chunk(pieces, 3, chunk);
    H5Dclose(make(f, "vast", H5T_STD_U8LE, 3, vast, pieces));
    H5Lcreate_external("other.h5", "/x", f, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Sclose(space);
    H5Tclose(pair);
    H5Pclose(pieces);
    H5Pclose(exotic);
    H5Pclose(virtual);
    H5Pclose(outside);
}

static void read_usual(hn_store *s)
{
    struct hn_array_info info;
    double d[12], x;
    int64_t i[2];
    char text[32];

    ok(hn_store_info(s, "/zipped", &info) == HN_OK && info.type == HN_F64 && info.dim[1] == 3 &&
           info.offset == UINT64_MAX && hn_store_read(s, "/zipped", HN_F64, d, 12) == HN_OK && d[11] == 2.75,
       "compressed doubles");
    ok(hn_store_read_rows(s, "/zipped", HN_F64, 2, 2, d) == HN_OK && d[0] == 1.5 && d[5] == 2.75,
       "rows of them");
    ok(hn_store_read(s, "/alias", HN_F64, d, 12) == HN_OK, "by another name");
    ok(hn_store_info(s, "/big_endian", &info) == HN_OK && info.type == HN_I32 &&
           hn_store_read(s, "/big_endian", HN_I64, i, 2) == HN_OK && i[0] == -3 && i[1] == 300,
       "big-endian shorts");
    ok(hn_store_info(s, "/mask", &info) == HN_OK && hn_store_read(s, "/mask", HN_I64, i, 2) == HN_OK &&
           !i[0] && i[1] == 1,
       "truth values");
    ok(hn_store_info(s, "/unsigned", &info) == HN_OK && info.type == HN_I64 &&
           hn_store_read(s, "/unsigned", HN_I64, i, 1) == HN_OK && i[0] == 1ll << 40,
       "unsigned numbers");
    ok(hn_store_attr_text(s, "/", "variable", text, sizeof text) && !strcmp(text, "vari\xc3\xa4tion"),
       "a text");
    ok(hn_store_attr_text(s, "/", "padded", text, sizeof text) && !strcmp(text, "ab c"),
       "padded with spaces");
    ok(hn_store_attr_text(s, "/", "full", text, sizeof text) && !strcmp(text, "abc"), "without an end");
    ok(hn_store_attr_i64(s, "/", "truth", i) && i[0] == 1 && hn_store_attr_f64(s, "/", "big", &x) &&
           x == 0x1p40,
       "truth and numbers as attributes");
    ok(!hn_store_has(s, "/dangling") && hn_store_info(s, "/dangling", &info) == HN_EDATA,
       "a link to nothing");
}

static void refused(hn_store *s, const char *name, const char *why)
{
    struct hn_array_info info;
    int32_t out[4];

    ok(hn_store_info(s, name, &info) == HN_EDATA && hn_store_read(s, name, HN_I32, out, 4) == HN_EDATA &&
           strstr(hn_error_text(), why) != NULL && strstr(hn_error_text(), name) != NULL,
       "%s: %s", name, hn_error_text());
}

static void read_astray(hn_store *s)
{
    refused(s, "/outside", "other files");
    refused(s, "/virtual", "other files");
    refused(s, "/exotic", "filter");
    refused(s, "/pair", "integers");
    refused(s, "/words", "integers");
    refused(s, "/many", "9 dimensions");
    refused(s, "/unwritten", "holds 0 bytes, expected 16");
    refused(s, "/vast", "overflow");
    refused(s, "/elsewhere", "not there");
}

static hid_t new_file(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), f;

    H5Pset_file_locking(access, 0, 1);
    f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    return f;
}

int main(void)
{
    const char *path = NULL;
    hn_store *s = NULL;
    int64_t x = 3;

    tap_plan(25);
    play_begin();
    path = in_play("foreign.h5");
    hid_t f = new_file(in_play("other.h5"));
    put(f, "x", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, &x);
    H5Fclose(f);
    f = new_file(path);
    usual(f);
    astray(f);
    H5Fclose(f);
    tap_status(hn_store_open_foreign(&s, path), HN_OK, "a file of another program is opened");
    if (s == NULL)
        return 1;
    read_usual(s);
    read_astray(s);
    hn_store_close(s);
    size_t n;
    unsigned char *bytes = slurp(path, &n);
    tap_status(hn_store_open_image(&s, bytes, n, "its bytes"), HN_OK, "or its bytes are");
    memset(bytes, 0, n); /* the store has its own copy */
    free(bytes);
    hn_store *again = s;
    double d[12];
    ok(hn_store_read(again, "/zipped", HN_F64, d, 12) == HN_OK && d[11] == 2.75, "which are copied");
    hn_store_close(again);
    tap_status(hn_store_open_head(&s, path), HN_EDATA, "it is not taken for one of ours");
    ok(hn_live_blocks() == 0, "no memory is left behind");
    play_end();
    return tap_done();
}
