#include "store/hdf.h"
#include <stdio.h>

void hn_hdf_start(void)
{
    static bool started;

    if (started)
        return;
    started = true;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    H5Lunregister(H5L_TYPE_EXTERNAL);
}

/* The image callbacks of HDF5's core driver, made so that it works on the caller's bytes (`udata`) and never
 * copies, resizes or frees them.  (H5LTopen_file_image does that too, but loses 72 bytes per file.) */
static void *lend(size_t size, H5FD_file_image_op_t op, void *udata)
{
    (void)size, (void)op;
    return udata;
}

static void *stay(void *to, const void *from, size_t size, H5FD_file_image_op_t op, void *udata)
{
    (void)size, (void)op, (void)udata;
    return to == from ? to : NULL;
}

static void *refuse_resize(void *at, size_t size, H5FD_file_image_op_t op, void *udata)
{
    (void)at, (void)size, (void)op, (void)udata;
    return NULL;
}

static herr_t keep(void *at, H5FD_file_image_op_t op, void *udata)
{
    (void)at, (void)op, (void)udata;
    return 0;
}

static void *same_udata(void *udata)
{
    return udata;
}

static herr_t keep_udata(void *udata)
{
    (void)udata;
    return 0;
}

static herr_t innermost(unsigned n, const H5E_error2_t *e, void *text)
{
    (void)n;
    snprintf(text, 160, "%s", e->desc ? e->desc : "");
    return 1; /* enough */
}

const char *hn_hdf_reason(void)
{
    static _Thread_local char text[160];

    snprintf(text, sizeof text, "no reason given");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, text);
    return text;
}

hn_status hn_hdf_open_bytes(hid_t *out, void *bytes, size_t count, const char *label)
{
    H5FD_file_image_callbacks_t borrow = {lend, stay, refuse_resize, keep, same_udata, keep_udata, bytes};
    hid_t file = H5I_INVALID_HID, access = H5Pcreate(H5P_FILE_ACCESS);
    hn_status st = HN_OK;
    char name[32]; /* HDF5 takes images of the same name for the same file */

    snprintf(name, sizeof name, "image %p", bytes);
    if (access >= 0 && H5Pset_fapl_core(access, 1u << 16, false) >= 0 &&
        H5Pset_file_image_callbacks(access, &borrow) >= 0 && H5Pset_file_image(access, bytes, count) >= 0)
        file = H5Fopen(name, H5F_ACC_RDONLY, access);
    if (file < 0)
        st = hn_fail(HN_EDATA, "%s: HDF5 cannot open it: %s", label, hn_hdf_reason());
    else
        *out = file;
    if (access >= 0)
        H5Pclose(access);
    return st;
}

hid_t hn_hdf_file_type(enum hn_type type)
{
    switch (type) {
    case HN_U8:
        return H5T_STD_U8LE;
    case HN_I32:
        return H5T_STD_I32LE;
    case HN_I64:
        return H5T_STD_I64LE;
    case HN_F32:
        return H5T_IEEE_F32LE;
    case HN_F64:
        return H5T_IEEE_F64LE;
    }
    return H5I_INVALID_HID;
}

hid_t hn_hdf_memory_type(enum hn_type type)
{
    switch (type) {
    case HN_U8:
        return H5T_NATIVE_UINT8;
    case HN_I32:
        return H5T_NATIVE_INT32;
    case HN_I64:
        return H5T_NATIVE_INT64;
    case HN_F32:
        return H5T_NATIVE_FLOAT;
    case HN_F64:
        return H5T_NATIVE_DOUBLE;
    }
    return H5I_INVALID_HID;
}

bool hn_hdf_holds_itself(hid_t plist, const char **why)
{
    H5D_layout_t layout = H5Pget_layout(plist);
    const char *wrong = NULL;
    int n = H5Pget_nfilters(plist);

    if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)
        wrong = "is virtual: its numbers are in other files";
    else if (H5Pget_external_count(plist) != 0)
        wrong = "keeps its numbers in other files";
    for (int i = 0; i < n && wrong == NULL; i++) {
        size_t values = 0;
        unsigned flags = 0;
        H5Z_filter_t f = H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
        if (f != H5Z_FILTER_DEFLATE && f != H5Z_FILTER_SHUFFLE && f != H5Z_FILTER_FLETCHER32)
            wrong = "has a filter other than deflate, shuffle and fletcher32";
    }
    if (why != NULL)
        *why = wrong;
    return wrong == NULL;
}

size_t hn_type_size(enum hn_type type)
{
    switch (type) {
    case HN_U8:
        return 1;
    case HN_I32:
    case HN_F32:
        return 4;
    case HN_I64:
    case HN_F64:
        return 8;
    }
    return 0;
}

const char *hn_store_version(void)
{
    static char text[32];
    unsigned major = 0, minor = 0, release = 0;

    hn_hdf_start();
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}
