/* fuzz/recipe.h - an HDF5 file from a text: values are what is fuzzed, HDF5 itself makes the bytes.
 *
 *   array NAME TYPE [DIM ...] [fill V | mod M] [block B] [chunk | deflate] [unwritten] [unhashed]
 *   text NAME WORDS            u8 array of the words, "|" standing for newlines
 *   attr OBJECT NAME TYPE V    a number; TYPE "text": WORDS; "fixed": WORDS in a text of fixed length
 *   group NAME
 *   link NAME TO               a soft link
 *
 * TYPE is one of types[] below.  Lines that make no sense are passed over.  `block B` puts the array into the
 * seal's table, in blocks of B bytes.  In a checkpoint each array gets its hash. */
#ifndef HN_TESTS_FUZZ_RECIPE_H
#define HN_TESTS_FUZZ_RECIPE_H

#include "base/hash.h"
#include "ckpt/content.h"
#include "fuzz/fuzz.h"
#include "store/hdf.h"
#include "store/seal.h"
#include <ctype.h>

enum { RECIPE_WRITTEN = 1 << 16 /* bytes of an array that are written at most */, RECIPE_RANGES = 16 };

struct recipe {
    hid_t file, links;
    bool hashed;
    struct recipe_range {
        char name[64];
        uint64_t offset, length, block;
    } range[RECIPE_RANGES];
    size_t ranges;
};

static hid_t recipe_type(const char *name)
{
    const struct {
        const char *name;
        hid_t type;
    } types[] = {
        {"u8", H5T_STD_U8LE},    {"i8", H5T_STD_I8LE},     {"u16", H5T_STD_U16LE},  {"i16", H5T_STD_I16LE},
        {"i32", H5T_STD_I32LE},  {"u32", H5T_STD_U32LE},   {"i64", H5T_STD_I64LE},  {"u64", H5T_STD_U64LE},
        {"be32", H5T_STD_I32BE}, {"f32", H5T_IEEE_F32LE},  {"f64", H5T_IEEE_F64LE}, {"fb64", H5T_IEEE_F64BE},
        {"bits", H5T_STD_B32LE}, {"ref", H5T_STD_REF_OBJ}, {"string", H5T_C_S1},    {"time", H5T_UNIX_D32LE}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return H5I_INVALID_HID;
}

static void recipe_text(struct recipe *r, const char *object, const char *attr, const char *text, bool fixed)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR), o, a = H5I_INVALID_HID;

    H5Tset_size(type, fixed ? strlen(text) + 1 : H5T_VARIABLE);
    if ((o = H5Oopen(r->file, object, H5P_DEFAULT)) >= 0) {
        H5Adelete(o, attr);
        a = H5Acreate2(o, attr, type, space, H5P_DEFAULT, H5P_DEFAULT);
    }
    if (a >= 0) {
        H5Awrite(a, type, fixed ? (const void *)text : (const void *)&text);
        H5Aclose(a);
    }
    if (o >= 0)
        H5Oclose(o);
    H5Sclose(space);
    H5Tclose(type);
}

static void recipe_number(struct recipe *r, const char *object, const char *attr, hid_t type, double value)
{
    hid_t space = H5Screate(H5S_SCALAR), o, a = H5I_INVALID_HID;

    if ((o = H5Oopen(r->file, object, H5P_DEFAULT)) >= 0) {
        H5Adelete(o, attr);
        a = H5Acreate2(o, attr, type, space, H5P_DEFAULT, H5P_DEFAULT);
    }
    if (a >= 0) {
        H5Awrite(a, H5T_NATIVE_DOUBLE, &value);
        H5Aclose(a);
    }
    if (o >= 0)
        H5Oclose(o);
    H5Sclose(space);
}

/* As a checkpoint of ours would have it. */
static void recipe_hash(struct recipe *r, const char *name, hid_t type, int rank, const hsize_t *dim,
                        const void *bytes)
{
    static const struct {
        const char *name;
        enum hn_type type;
    } ours[] = {{"u8", HN_U8}, {"i32", HN_I32}, {"i64", HN_I64}, {"f32", HN_F32}, {"f64", HN_F64}};
    uint64_t size[HN_STORE_RANK] = {0};
    char text[HN_HASH_TEXT];
    struct hn_hash hash;

    for (int i = 0; i < rank && i < HN_STORE_RANK; i++)
        size[i] = dim[i];
    for (size_t i = 0; rank <= HN_STORE_RANK && i < sizeof ours / sizeof *ours; i++)
        if (H5Tequal(type, recipe_type(ours[i].name)) > 0 &&
            hn_ckpt_array_hash(&hash, name + (*name == '/'), ours[i].type, rank, size, bytes) == HN_OK) {
            hn_hash_text(hash, text);
            recipe_text(r, name, HN_CKPT_ATTRIBUTE, text, true);
        }
}

static void recipe_range(struct recipe *r, const char *name, hid_t set, uint64_t block)
{
    haddr_t at = H5Dget_offset(set);
    uint64_t length = H5Dget_storage_size(set);

    if (at == HADDR_UNDEF || length == 0 || block == 0 || length / block > 4096 || r->ranges == RECIPE_RANGES)
        return;
    size_t i = r->ranges++;
    for (; i > 0 && r->range[i - 1].offset > at; i--)
        r->range[i] = r->range[i - 1];
    r->range[i] = (struct recipe_range){.offset = at, .length = length, .block = block};
    snprintf(r->range[i].name, sizeof r->range[i].name, "%s", name);
}

struct recipe_array {
    hsize_t dim[H5S_MAX_RANK];
    int rank;
    double fill;
    uint64_t mod, block;
    bool chunk, deflate, unwritten, unhashed;
};

static void recipe_words(struct recipe_array *a, char *rest)
{
    char *word;

    while ((word = strsep(&rest, " ")) != NULL) {
        if (isdigit((unsigned char)*word) && a->rank < 12)
            a->dim[a->rank++] = strtoull(word, NULL, 10);
        else if (strcmp(word, "fill") == 0 && rest)
            a->fill = strtod(strsep(&rest, " "), NULL);
        else if (strcmp(word, "mod") == 0 && rest)
            a->mod = strtoull(strsep(&rest, " "), NULL, 10);
        else if (strcmp(word, "block") == 0 && rest)
            a->block = strtoull(strsep(&rest, " "), NULL, 10);
        a->chunk |= strcmp(word, "chunk") == 0;
        a->deflate |= strcmp(word, "deflate") == 0;
        a->unwritten |= strcmp(word, "unwritten") == 0;
        a->unhashed |= strcmp(word, "unhashed") == 0;
    }
}

/* Numbers for an array of few; of a larger one a corner at most is written. */
static void recipe_fill(struct recipe *r, const char *name, hid_t type, hid_t set,
                        const struct recipe_array *a, size_t count, const char *text)
{
    hid_t space = H5Dget_space(set), memory;
    double *v = calloc(count, sizeof *v);
    hsize_t start[H5S_MAX_RANK] = {0}, part[H5S_MAX_RANK], one = count, all = 1;

    must(v != NULL);
    for (size_t i = 0; i < count; i++)
        v[i] = text ? (unsigned char)text[i] : a->mod ? (double)(i % a->mod) : a->fill;
    memory = H5Screate_simple(1, &one, NULL);
    for (int i = 0; i < a->rank; i++) {
        part[i] = count == 1 ? 1 : a->dim[i];
        all *= a->dim[i];
    }
    if (a->rank > 0)
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, part, NULL);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, v);
    if (r->hashed && !a->unhashed && all == count &&
        H5Tconvert(H5T_NATIVE_DOUBLE, type, count, v, NULL, H5P_DEFAULT) >= 0)
        recipe_hash(r, name, type, a->rank, a->dim, v);
    H5Sclose(memory);
    H5Sclose(space);
    free(v);
}

static void recipe_array(struct recipe *r, const char *name, hid_t type, const struct recipe_array *a,
                         const char *text)
{
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE), space, set;
    size_t count = 1, bytes = 8;
    bool small = true, sound = true; /* HDF5 crashes when it writes to more than 2^64 bytes */

    for (int i = 0; i < a->rank; i++) {
        small = small && hn_mul(&count, count, a->dim[i]) && count < RECIPE_WRITTEN / 8;
        sound = sound && hn_mul(&bytes, bytes, a->dim[i]);
    }
    if ((a->chunk || a->deflate) && a->rank > 0) {
        hsize_t chunk[H5S_MAX_RANK];
        for (int i = 0; i < a->rank; i++)
            chunk[i] = a->dim[i] == 0 ? 1 : a->dim[i] < 4 ? a->dim[i] : 4;
        if (a->dim[0] > 1 << 16) /* a million chunks of samples are slow in HDF5, and show nothing new */
            chunk[0] = a->dim[0] >> 14;
        H5Pset_chunk(plist, a->rank, chunk);
        if (a->deflate)
            H5Pset_deflate(plist, 1);
    }
    space = a->rank ? H5Screate_simple(a->rank, a->dim, NULL) : H5Screate(H5S_SCALAR);
    set = H5Dcreate2(r->file, name, type, space, r->links, plist, H5P_DEFAULT);
    if (set >= 0 && !a->unwritten && count > 0 && (small || (sound && (a->chunk || a->deflate))))
        recipe_fill(r, name, type, set, a, small ? count : 1, text);
    if (set >= 0 && a->block)
        recipe_range(r, name, set, a->block);
    if (set >= 0)
        H5Dclose(set);
    if (space >= 0)
        H5Sclose(space);
    H5Pclose(plist);
}

static char *newlines(char *text)
{
    for (char *p = text; *p; p++)
        *p = *p == '|' ? '\n' : *p;
    return text;
}

static void recipe_line(struct recipe *r, char *line)
{
    char *what = strsep(&line, " "), *name = line ? strsep(&line, " ") : NULL, *third, *type;
    hid_t t;

    if (name == NULL || *name == '\0')
        return;
    if (strcmp(what, "group") == 0 &&
        (t = H5Gcreate2(r->file, name, r->links, H5P_DEFAULT, H5P_DEFAULT)) >= 0)
        H5Gclose(t);
    if (line == NULL)
        return;
    if (strcmp(what, "link") == 0)
        H5Lcreate_soft(line, r->file, name, r->links, H5P_DEFAULT);
    if (strcmp(what, "text") == 0) {
        struct recipe_array a = {.rank = 1, .dim = {strlen(line)}};
        recipe_array(r, name, H5T_STD_U8LE, &a, newlines(line));
    } else if (strcmp(what, "array") == 0) {
        struct recipe_array a = {0};
        if ((t = recipe_type(strsep(&line, " "))) >= 0) {
            if (line)
                recipe_words(&a, line);
            recipe_array(r, name, t, &a, NULL);
        }
    } else if (strcmp(what, "attr") == 0 && (third = strsep(&line, " ")) != NULL && line != NULL && *third &&
               (type = strsep(&line, " ")) != NULL && line != NULL) {
        if (strcmp(type, "text") == 0 || strcmp(type, "fixed") == 0)
            recipe_text(r, name, third, newlines(line), *type == 'f');
        else if ((t = recipe_type(type)) >= 0)
            recipe_number(r, name, third, t, strtod(line, NULL));
    }
}

static void put_hash(unsigned char *to, const void *bytes, size_t count)
{
    hn_hash_store(hn_hash_bytes(bytes, count), to);
}

/* The seal's table and end behind the image; returns the bytes of the whole. */
static size_t recipe_seal(const struct recipe *r, unsigned char *image, size_t hdf5)
{
    unsigned char *at = image + hdf5;
    uint64_t from = 0;
    hn_hasher *h = NULL;

    must(hn_hasher_new(&h) == HN_OK);
    for (size_t i = 0; i < r->ranges; i++) {
        const struct recipe_range *g = &r->range[i];
        if (g->offset < from || g->offset + g->length > hdf5)
            continue;
        hn_hasher_add(h, image + from, g->offset - from);
        from = g->offset + g->length;
        hn_seal_write_range(at, g->offset, g->length, g->block);
        at += HN_SEAL_RANGE;
        for (uint64_t b = 0; b < g->length; b += g->block, at += 16)
            put_hash(at, image + g->offset + b, g->length - b < g->block ? g->length - b : g->block);
    }
    hn_hasher_add(h, image + from, hdf5 - from);
    size_t table = (size_t)(at - image) - hdf5;
    hn_seal_write_end(at, hdf5, table);
    hn_hasher_add(h, image + hdf5, table + HN_SEAL_HASHED);
    hn_hash_store(hn_hasher_value(h), at + HN_SEAL_HASHED);
    hn_hasher_free(h);
    return hdf5 + table + HN_SEAL_END;
}

/* Makes the file NAME of a recipe; sealed or not.  false: HDF5 would not make it. */
static inline bool recipe_make(const char *name, const uint8_t *data, size_t size, bool hashed, bool sealed)
{
    struct recipe r = {.hashed = hashed};
    char *text = fuzz_text(data, size);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);

    hn_hdf_start();
    H5Pset_fapl_core(access, 1 << 16, false);
    r.links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(r.links, 1);
    r.file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    for (char *line, *rest = text; (line = strsep(&rest, "\n")) != NULL;)
        recipe_line(&r, line);
    H5Fflush(r.file, H5F_SCOPE_GLOBAL);
    ssize_t bytes = H5Fget_file_image(r.file, NULL, 0);
    bool good = bytes > 0 && bytes < 1 << 24;
    if (good) {
        unsigned char *image =
            calloc(1, (size_t)bytes + RECIPE_RANGES * (HN_SEAL_RANGE + 16 * 4097) + HN_SEAL_END);
        must(image != NULL && H5Fget_file_image(r.file, image, (size_t)bytes) == bytes);
        fuzz_file(name, image, sealed ? recipe_seal(&r, image, (size_t)bytes) : (size_t)bytes);
        free(image);
    }
    H5Fclose(r.file);
    H5Pclose(r.links);
    H5Pclose(access);
    free(text);
    return good;
}

/* ---- mutation: lines and words, and numbers that matter ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

static const char *const recipe_vocabulary[] = {"array",
                                                "attr",
                                                "text",
                                                "group",
                                                "link",
                                                "u8",
                                                "i8",
                                                "i32",
                                                "be32",
                                                "i64",
                                                "f32",
                                                "f64",
                                                "string",
                                                "ref",
                                                "fixed",
                                                "fill",
                                                "mod",
                                                "block",
                                                "chunk",
                                                "deflate",
                                                "unwritten",
                                                "unhashed",
                                                "/",
                                                "0",
                                                "1",
                                                "2",
                                                "3",
                                                "4",
                                                "-1",
                                                "255",
                                                "65536",
                                                "1048577",
                                                "4294967296",
                                                "9223372036854775807",
                                                "4611686018427387904",
                                                "nan",
                                                "1e300",
                                                "inf"};

/* Replaces, takes away or doubles a word. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    char *text = (char *)data, out[8192];
    size_t words = 0, at = 0, end;

    if (seed % 4 == 0 || size < 2 || size > 4096)
        return LLVMFuzzerMutate(data, size, room);
    seed /= 4;
    for (size_t i = 0; i < size; i++)
        words += text[i] == ' ' || text[i] == '\n';
    for (size_t skip = words ? seed % words : 0; skip > 0; at++)
        skip -= text[at] == ' ' || text[at] == '\n';
    for (end = at; end < size && text[end] != ' ' && text[end] != '\n';)
        end++;
    seed = seed / (words ? (unsigned)words : 1) * 2654435761u >> 8;
    const char *word = recipe_vocabulary[seed / 4 % (sizeof recipe_vocabulary / sizeof *recipe_vocabulary)];
    int n = seed % 4 == 3
                ? snprintf(out, sizeof out, "%.*s%.*s", (int)at, text, (int)(size - end), text + end)
                : snprintf(out, sizeof out, "%.*s%s%s%.*s", (int)at, text, word, seed % 4 == 2 ? " " : "",
                           (int)(size - (seed % 4 == 2 ? at : end)), text + (seed % 4 == 2 ? at : end));
    if (n <= 0 || (size_t)n > room)
        return LLVMFuzzerMutate(data, size, room);
    memcpy(data, out, (size_t)n);
    return (size_t)n;
}

#endif
