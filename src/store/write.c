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

/* Arrays begin where a cache line does. */
hn_status hn_store_begin(hn_store_writer **out)
{
    hn_store_writer *w = NULL;
    hn_status st = hn_writer_new(&w);

    if (st == HN_OK)
        st = hn_sparse_create(&w->file, &w->sparse, HN_ALIGN);
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

hn_status hn_store_reserve(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                           const uint64_t *dim, uint64_t *offset)
{
    hid_t set = H5I_INVALID_HID;
    hn_status st = hn_writer_create(w, name, type, rank, dim, true, &set);

    if (st != HN_OK)
        return st;
    haddr_t at = H5Dget_storage_size(set) ? H5Dget_offset(set) : 0;
    H5Dclose(set);
    if (at == HADDR_UNDEF)
        return hn_fail(HN_EBUG, "%s: HDF5 gave it no place in the file", name);
    *offset = at;
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

hn_status hn_writer_close(hn_store_writer *w, const char *path, uint64_t *bytes)
{
    herr_t failed = H5Fclose(w->file);

    w->file = H5I_INVALID_HID;
    if (failed < 0)
        return hn_fail(HN_ENOMEM, "%s: HDF5 cannot finish it: %s", path, hn_hdf_reason());
    *bytes = w->sparse.length;
    return HN_OK;
}

hn_status hn_store_measure(hn_store_writer *w, uint64_t *bytes)
{
    hn_status st = hn_writer_close(w, "a file to measure", bytes);

    *bytes += HN_SEAL_END;
    hn_store_abandon(w);
    return st;
}

/* Seen to open again: what HDF5 itself cannot read is never written. */
static hn_status make_image(hn_store_writer *w, struct hn_store_image *i)
{
    hid_t again = H5I_INVALID_HID;
    hn_status st = hn_writer_close(w, "a file in memory", &i->length);

    if (st != HN_OK)
        return st;
    i->bytes = hn_zalloc(i->length + HN_SEAL_END);
    if (i->bytes == NULL)
        return HN_ENOMEM;
    hn_sparse_copy(&w->sparse, i->bytes);
    st = hn_hdf_open_bytes(&again, i->bytes, i->length, "a file in memory");
    if (st == HN_OK)
        H5Fclose(again);
    return st;
}

hn_status hn_store_finish(hn_store_writer *w, struct hn_store_image *out)
{
    struct hn_store_image i = {0};
    hn_status st = make_image(w, &i);

    if (st != HN_OK)
        hn_store_free_image(&i);
    else
        *out = i;
    hn_store_abandon(w);
    return st;
}

void hn_store_free_image(struct hn_store_image *i)
{
    hn_free(i->bytes);
    *i = (struct hn_store_image){0};
}

static hn_status publish_small(hn_store_writer *w, const char *path)
{
    struct hn_store_image i = {0};
    hn_status st = make_image(w, &i);

    if (st == HN_OK)
        st = hn_store_write_image(&i, path, NULL, NULL);
    hn_store_free_image(&i);
    return st;
}

hn_status hn_store_publish(hn_store_writer *w, const char *path)
{
    hn_status st;

    if (w->large && strcmp(path, w->out.path) != 0)
        st = hn_fail(HN_EBUG, "%s: was begun as %s", path, w->out.path);
    else
        st = w->large ? hn_large_publish(w) : publish_small(w, path);
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
