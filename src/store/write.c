/* store/write.c - files made in memory. */
#include "base/mem.h"
#include "store/seal.h"
#include "store/writer.h"
#include <string.h>

hn_status hn_writer_new(hn_store_writer **out)
{
    hn_store_writer *w = hn_zalloc(sizeof *w);

    hn_hdf_start();
    if (w == NULL)
        return HN_ENOMEM;
    w->file = H5I_INVALID_HID;
    w->out = HN_FILE_NONE;
    w->links = H5Pcreate(H5P_LINK_CREATE);
    if (w->links < 0 || H5Pset_create_intermediate_group(w->links, 1) < 0) {
        hn_store_abandon(w);
        return hn_fail(HN_ENOMEM, "HDF5 cannot make a file: %s", hn_hdf_reason());
    }
    *out = w;
    return HN_OK;
}

hn_status hn_store_begin(hn_store_writer **out)
{
    hn_store_writer *w = NULL;
    hid_t access = H5I_INVALID_HID;
    hn_status st = hn_writer_new(&w);

    if (st != HN_OK)
        return st;
    /* No H5Pset_libver_bounds: below HDF5 2.0 images of superblock 2 and 3 cannot be opened again. */
    access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_fapl_core(access, 8u << 20, false) >= 0)
        w->file = H5Fcreate("in memory", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (w->file < 0)
        st = hn_fail(HN_ENOMEM, "HDF5 cannot make a file in memory: %s", hn_hdf_reason());
    if (access >= 0)
        H5Pclose(access);
    if (st != HN_OK)
        hn_store_abandon(w);
    else
        *out = w;
    return st;
}

/* No times in it: the same content gives the same bytes. */
static hid_t creation(bool early)
{
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);

    if (plist < 0)
        return plist;
    H5Pset_obj_track_times(plist, false);
    H5Pset_layout(plist, H5D_CONTIGUOUS);
    H5Pset_alloc_time(plist, early ? H5D_ALLOC_TIME_EARLY : H5D_ALLOC_TIME_LATE);
    H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
    return plist;
}

hn_status hn_writer_create(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                           const uint64_t *dim, bool early, hid_t *set)
{
    hsize_t size[HN_STORE_RANK];
    hid_t plist, space;

    if (rank < 0 || rank > HN_STORE_RANK)
        return hn_fail(HN_EBUG, "%s: %d dimensions", name, rank);
    for (int i = 0; i < rank; i++)
        size[i] = dim[i];
    plist = creation(early);
    space = rank > 0 ? H5Screate_simple(rank, size, NULL) : H5Screate(H5S_SCALAR);
    *set = H5Dcreate2(w->file, name, hn_hdf_file_type(type), space, w->links, plist, H5P_DEFAULT);
    hn_status st =
        *set >= 0 ? HN_OK : hn_fail(HN_EBUG, "%s: cannot be added to a file: %s", name, hn_hdf_reason());
    if (space >= 0)
        H5Sclose(space);
    if (plist >= 0)
        H5Pclose(plist);
    return st;
}

hn_status hn_store_put(hn_store_writer *w, const char *name, enum hn_type type, int rank, const uint64_t *dim,
                       const void *data)
{
    hid_t set = H5I_INVALID_HID;
    size_t count = 1;
    hn_status st = hn_writer_create(w, name, type, rank, dim, false, &set);

    if (st != HN_OK)
        return st;
    for (int i = 0; i < rank; i++)
        count *= dim[i]; /* HDF5 has checked it */
    if (count > 0 && H5Dwrite(set, hn_hdf_memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        st = hn_fail(HN_ENOMEM, "%s: cannot be written: %s", name, hn_hdf_reason());
    H5Dclose(set);
    return st;
}

hn_status hn_store_put_nothing(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                               const uint64_t *dim)
{
    static char zero[1 << 20]; /* arrays that HDF5 may fit into gaps are put for real */
    hid_t set = H5I_INVALID_HID;
    uint64_t bytes = hn_type_size(type);
    hn_status st;

    for (int i = 0; i < rank; i++)
        bytes *= dim[i];
    if (bytes <= sizeof zero)
        return hn_store_put(w, name, type, rank, dim, zero);
    if ((st = hn_writer_create(w, name, type, rank, dim, false, &set)) != HN_OK)
        return st;
    w->nothing += bytes;
    H5Dclose(set);
    return HN_OK;
}

/* A scalar attribute; an older one of that name is replaced. */
static hn_status put_attr(hn_store_writer *w, const char *name, const char *attr, hid_t file_type,
                          hid_t memory_type, const void *value)
{
    hid_t object = H5Oopen(w->file, name, H5P_DEFAULT), space = H5Screate(H5S_SCALAR), a = H5I_INVALID_HID;
    hn_status st = HN_OK;

    if (object >= 0 && H5Aexists(object, attr) > 0)
        H5Adelete(object, attr);
    if (object >= 0)
        a = H5Acreate2(object, attr, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a < 0 || H5Awrite(a, memory_type, value) < 0)
        st = hn_fail(HN_EBUG, "%s: attribute %s cannot be written: %s", name, attr, hn_hdf_reason());
    if (a >= 0)
        H5Aclose(a);
    if (space >= 0)
        H5Sclose(space);
    if (object >= 0)
        H5Oclose(object);
    return st;
}

hn_status hn_store_put_attr_text(hn_store_writer *w, const char *name, const char *attr, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    hn_status st = HN_ENOMEM;

    if (type < 0 || H5Tset_size(type, strlen(text) + 1) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)
        st = hn_fail(HN_ENOMEM, "%s: attribute %s: %s", name, attr, hn_hdf_reason());
    else
        st = put_attr(w, name, attr, type, type, text);
    if (type >= 0)
        H5Tclose(type);
    return st;
}

hn_status hn_store_put_attr_i64(hn_store_writer *w, const char *name, const char *attr, int64_t value)
{
    return put_attr(w, name, attr, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

hn_status hn_store_put_attr_f64(hn_store_writer *w, const char *name, const char *attr, double value)
{
    return put_attr(w, name, attr, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

/* The finished file's bytes (hn_free), seen to open again. */
static hn_status take_image(hn_store_writer *w, void **out, size_t *count, const char *path)
{
    hid_t again = H5I_INVALID_HID;
    ssize_t length = H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(w->file, NULL, 0);
    hn_status st = HN_OK;
    void *image;

    if (length <= 0)
        return hn_fail(HN_ENOMEM, "%s: HDF5 cannot finish it: %s", path, hn_hdf_reason());
    image = hn_zalloc((size_t)length);
    if (image == NULL)
        return HN_ENOMEM;
    if (H5Fget_file_image(w->file, image, (size_t)length) != length)
        st = hn_fail(HN_ENOMEM, "%s: HDF5 cannot finish it: %s", path, hn_hdf_reason());
    if (st == HN_OK)
        st = hn_hdf_open_bytes(&again, image, (size_t)length, path);
    if (st != HN_OK) {
        hn_free(image);
        return st;
    }
    H5Fclose(again);
    *out = image;
    *count = (size_t)length;
    return HN_OK;
}

hn_status hn_store_measure(hn_store_writer *w, uint64_t *bytes)
{
    ssize_t length = H5Fflush(w->file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(w->file, NULL, 0);

    if (length <= 0)
        return hn_fail(HN_ENOMEM, "HDF5 cannot finish a file: %s", hn_hdf_reason());
    *bytes = (uint64_t)length + w->nothing + HN_SEAL_END;
    return HN_OK;
}

static hn_status image_end(unsigned char end[HN_SEAL_END], const void *image, size_t count)
{
    hn_hasher *h = NULL;
    hn_status st = hn_hasher_new(&h);

    if (st != HN_OK)
        return st;
    hn_seal_write_end(end, count, 0);
    hn_hasher_add(h, image, count);
    hn_hasher_add(h, end, HN_SEAL_HASHED);
    hn_hash_store(hn_hasher_value(h), end + HN_SEAL_HASHED);
    hn_hasher_free(h);
    return HN_OK;
}

static hn_status publish_image(hn_store_writer *w, const char *path)
{
    unsigned char end[HN_SEAL_END];
    void *image = NULL;
    size_t count = 0;
    hn_status st = take_image(w, &image, &count, path);

    if (st == HN_OK)
        st = image_end(end, image, count);
    if (st == HN_OK)
        st = hn_file_begin(&w->out, path);
    if (st == HN_OK)
        st = hn_file_write(&w->out, image, count);
    if (st == HN_OK)
        st = hn_file_write(&w->out, end, sizeof end);
    if (st == HN_OK)
        st = hn_file_commit(&w->out);
    hn_free(image);
    return st;
}

hn_status hn_store_publish(hn_store_writer *w, const char *path)
{
    hn_status st;

    if (w->large && strcmp(path, w->out.path) != 0)
        st = hn_fail(HN_EBUG, "%s: was begun as %s", path, w->out.path);
    else
        st = w->large ? hn_large_publish(w) : publish_image(w, path);
    hn_store_abandon(w);
    return st;
}

void hn_store_abandon(hn_store_writer *w)
{
    if (w == NULL)
        return;
    if (w->file >= 0)
        H5Fclose(w->file);
    if (w->links >= 0)
        H5Pclose(w->links);
    hn_file_drop(&w->out);
    hn_large_free_parts(w);
    hn_sparse_free(&w->sparse);
    hn_free(w);
}
