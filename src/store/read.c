/* store/read.c - arrays: what they are, and their numbers.
 *
 * Nothing a file says is believed before it was checked: HDF5 1.10 trusts the
 * sizes it finds. */
#include "base/mem.h"
#include "store/inside.h"
#include <string.h>

struct array {
    hid_t set, space, type; /* type: of the file's numbers, an enumeration's base */
    struct hn_array_info info;
    size_t bytes; /* of one number in the file */
};

static void close_array(struct array *a)
{
    if (a->type >= 0)
        H5Tclose(a->type);
    if (a->space >= 0)
        H5Sclose(a->space);
    if (a->set >= 0)
        H5Dclose(a->set);
}

static bool nearest_type(enum hn_type *out, hid_t type)
{
    size_t bytes = H5Tget_size(type);
    bool plain = H5Tget_sign(type) == H5T_SGN_NONE;

    if (H5Tget_class(type) == H5T_FLOAT && bytes >= 1 && bytes <= 8)
        *out = bytes <= 4 ? HN_F32 : HN_F64;
    else if (H5Tget_class(type) == H5T_INTEGER && bytes >= 1 && bytes <= 8)
        *out = plain && bytes == 1 ? HN_U8 : bytes < 4 || (!plain && bytes == 4) ? HN_I32 : HN_I64;
    else
        return false;
    return true;
}

static hn_status check_type(const hn_store *s, const char *name, struct array *a)
{
    hid_t type = H5Dget_type(a->set);

    if (type >= 0 && H5Tget_class(type) == H5T_ENUM) { /* truth values of h5py */
        a->type = H5Tget_super(type);
        H5Tclose(type);
    } else {
        a->type = type;
    }
    if (a->type < 0 || !nearest_type(&a->info.type, a->type))
        return hn_fail(HN_EDATA, "%s: %s: expected integers or floating-point numbers of 1 to 8 bytes",
                       s->label, name);
    a->bytes = H5Tget_size(a->type);
    return HN_OK;
}

static hn_status check_shape(const hn_store *s, const char *name, struct array *a)
{
    hsize_t dim[H5S_MAX_RANK];
    size_t count = 1, bytes = 0;

    a->space = H5Dget_space(a->set);
    H5S_class_t kind = a->space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(a->space);
    if (kind != H5S_SIMPLE && kind != H5S_SCALAR)
        return hn_fail(HN_EDATA, "%s: %s: has no shape", s->label, name);
    a->info.rank = H5Sget_simple_extent_dims(a->space, dim, NULL);
    if (a->info.rank < 0 || a->info.rank > HN_STORE_RANK)
        return hn_fail(HN_EDATA, "%s: %s: has %d dimensions, expected at most %d", s->label, name,
                       a->info.rank, HN_STORE_RANK);
    for (int i = 0; i < a->info.rank; i++) {
        a->info.dim[i] = dim[i];
        if (!hn_mul(&count, count, dim[i]))
            return hn_fail(HN_EDATA, "%s: %s: its dimensions overflow", s->label, name);
    }
    if (!hn_mul(&bytes, count, 8)) /* the widest that it can become */
        return hn_fail(HN_EDATA, "%s: %s: its dimensions overflow", s->label, name);
    a->info.count = count;
    return HN_OK;
}

/* No more than the row has numbers. */
static uint64_t row_chunks(const struct hn_array_info *info, hid_t plist)
{
    hsize_t chunk[H5S_MAX_RANK];
    uint64_t n = 1;

    if (H5Pget_layout(plist) != H5D_CHUNKED || H5Pget_chunk(plist, H5S_MAX_RANK, chunk) != info->rank)
        return 1;
    for (int i = 1; i < info->rank; i++)
        n *= info->dim[i] / chunk[i] + (info->dim[i] % chunk[i] != 0);
    return n;
}

static hn_status check_layout(const hn_store *s, const char *name, struct array *a, hid_t plist)
{
    H5D_layout_t layout = H5Pget_layout(plist);
    uint64_t stored = H5Dget_storage_size(a->set), want = a->info.count * a->bytes;
    const char *why = NULL;

    if (!hn_hdf_holds_itself(plist, &why))
        return hn_fail(HN_EDATA, "%s: %s: %s", s->label, name, why);
    if (layout != H5D_CHUNKED && stored != want)
        return hn_fail(HN_EDATA, "%s: %s: holds %llu bytes, expected %llu", s->label, name,
                       (unsigned long long)stored, (unsigned long long)want);
    if (layout == H5D_CHUNKED && stored == 0 && want != 0)
        return hn_fail(HN_EDATA, "%s: %s: was never written", s->label, name);
    a->info.row_chunks = row_chunks(&a->info, plist);
    a->info.offset = layout == H5D_CONTIGUOUS && want != 0 ? H5Dget_offset(a->set) : UINT64_MAX;
    if (a->info.offset != UINT64_MAX &&
        (a->info.offset > s->file_bytes || want > s->file_bytes - a->info.offset))
        return hn_fail(HN_EDATA, "%s: %s: reaches beyond the end of the file", s->label, name);
    return HN_OK;
}

static hn_status open_array(const hn_store *s, const char *name, struct array *a)
{
    hid_t plist = H5I_INVALID_HID;
    hn_status st;

    *a = (struct array){H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID, {0}, 0};
    if (!hn_store_has(s, name))
        return hn_fail(HN_EDATA, "%s: %s: not there", s->label, name);
    a->set = H5Dopen2(s->file, name, H5P_DEFAULT);
    if (a->set < 0)
        return hn_fail(HN_EDATA, "%s: %s: expected an array (HDF5: %s)", s->label, name, hn_hdf_reason());
    plist = H5Dget_create_plist(a->set);
    st = check_type(s, name, a);
    if (st == HN_OK)
        st = check_shape(s, name, a);
    if (st == HN_OK)
        st = check_layout(s, name, a, plist);
    if (plist >= 0)
        H5Pclose(plist);
    if (st != HN_OK)
        close_array(a);
    return st;
}

hn_status hn_store_info(const hn_store *s, const char *name, struct hn_array_info *info)
{
    struct array a;
    hn_status st = open_array(s, name, &a);

    if (st != HN_OK)
        return st;
    *info = a.info;
    close_array(&a);
    return HN_OK;
}

/* The range that is exactly this array, or NULL. */
static const struct hn_seal_range *range_of(const hn_store *s, const struct array *a)
{
    uint64_t length = a->info.count * a->bytes;

    for (size_t i = 0; i < s->seal.ranges; i++)
        if (s->seal.range[i].offset == a->info.offset && s->seal.range[i].length == length)
            return &s->seal.range[i];
    return NULL;
}

/* Bytes first .. first+count-1 of a range, every block that they touch verified. */
static hn_status read_range(const hn_store *s, const struct hn_seal_range *r, uint64_t first, uint64_t count,
                            unsigned char *out)
{
    uint64_t largest = r->length < r->block ? r->length : r->block;
    unsigned char *block = hn_zalloc(largest);
    hn_status st = block ? HN_OK : HN_ENOMEM;

    while (st == HN_OK && count > 0) {
        size_t index = (size_t)(first / r->block);
        uint64_t skip = first % r->block, n = hn_sealed_block_bytes(r, index) - skip;
        if (n > count)
            n = count;
        st = hn_sealed_read_block(r, index, s->fd, block, s->label);
        memcpy(out, block + skip, n);
        out += n;
        first += n;
        count -= n;
    }
    hn_free(block);
    return st;
}

/* `count` numbers from the first-th of a range, converted to type. */
static hn_status read_range_as(const hn_store *s, const char *name, const struct array *a,
                               const struct hn_seal_range *r, enum hn_type type, uint64_t first,
                               uint64_t count, void *out)
{
    size_t wide = a->bytes > hn_type_size(type) ? a->bytes : hn_type_size(type);
    unsigned char *both = hn_calloc(count, wide); /* converted in place */
    hn_status st = both ? read_range(s, r, first * a->bytes, count * a->bytes, both) : HN_ENOMEM;

    if (st == HN_OK && H5Tconvert(a->type, hn_hdf_memory_type(type), count, both, NULL, H5P_DEFAULT) < 0)
        st = hn_fail(HN_EDATA, "%s: %s: cannot be converted: %s", s->label, name, hn_hdf_reason());
    if (st == HN_OK)
        memcpy(out, both, count * hn_type_size(type));
    hn_free(both);
    return st;
}

/* Rows of the array, or all of it when rank is 0. */
static hn_status read_selected(const hn_store *s, const char *name, struct array *a, enum hn_type type,
                               uint64_t first, uint64_t rows, void *out)
{
    hsize_t start[HN_STORE_RANK] = {first}, count[HN_STORE_RANK] = {rows};
    uint64_t row = a->info.rank > 0 && a->info.dim[0] > 0 ? a->info.count / a->info.dim[0] : a->info.count;
    const struct hn_seal_range *r = s->fd >= 0 ? range_of(s, a) : NULL;
    hid_t memory = H5I_INVALID_HID;
    hn_status st = HN_OK;

    if (a->info.count == 0 || rows == 0)
        return HN_OK;
    if (r != NULL)
        return read_range_as(s, name, a, r, type, first * row, rows * row, out);
    for (int i = 1; i < a->info.rank; i++)
        count[i] = a->info.dim[i];
    memory = a->info.rank > 0 ? H5Screate_simple(a->info.rank, count, NULL) : H5Screate(H5S_SCALAR);
    if (a->info.rank > 0 && H5Sselect_hyperslab(a->space, H5S_SELECT_SET, start, NULL, count, NULL) < 0)
        st = hn_fail(HN_EDATA, "%s: %s: rows cannot be selected: %s", s->label, name, hn_hdf_reason());
    else if (H5Dread(a->set, hn_hdf_memory_type(type), memory, a->space, H5P_DEFAULT, out) < 0)
        st = hn_fail(HN_EDATA, "%s: %s: cannot be read: %s", s->label, name, hn_hdf_reason());
    if (memory >= 0)
        H5Sclose(memory);
    return st;
}

hn_status hn_store_read(const hn_store *s, const char *name, enum hn_type type, void *out, uint64_t count)
{
    struct array a;
    hn_status st = open_array(s, name, &a);

    if (st != HN_OK)
        return st;
    if (a.info.count != count)
        st = hn_fail(HN_EDATA, "%s: %s: holds %llu numbers, expected %llu", s->label, name,
                     (unsigned long long)a.info.count, (unsigned long long)count);
    else
        st = read_selected(s, name, &a, type, 0, a.info.rank > 0 ? a.info.dim[0] : 1, out);
    close_array(&a);
    return st;
}

hn_status hn_store_read_rows(const hn_store *s, const char *name, enum hn_type type, uint64_t first,
                             uint64_t count, void *out)
{
    struct array a;
    hn_status st = open_array(s, name, &a);

    if (st != HN_OK)
        return st;
    if (a.info.rank == 0 || first > a.info.dim[0] || count > a.info.dim[0] - first)
        st = hn_fail(HN_EDATA, "%s: %s: has %llu rows, %llu from row %llu were asked for", s->label, name,
                     (unsigned long long)(a.info.rank ? a.info.dim[0] : 0), (unsigned long long)count,
                     (unsigned long long)first);
    else
        st = read_selected(s, name, &a, type, first, count, out);
    close_array(&a);
    return st;
}

hn_status hn_store_blocks(const hn_store *s, const char *name, struct hn_store_blocks *blocks)
{
    struct array a;
    hn_status st = open_array(s, name, &a);
    const struct hn_seal_range *r;

    if (st != HN_OK)
        return st;
    r = range_of(s, &a);
    if (a.info.count == 0)
        *blocks = (struct hn_store_blocks){.block = 1};
    else if (r == NULL)
        st = hn_fail(HN_EDATA, "%s: %s: is not sealed in blocks", s->label, name);
    else
        *blocks = (struct hn_store_blocks){r->offset, r->length, r->block, r->blocks, r->hash};
    close_array(&a);
    return st;
}
