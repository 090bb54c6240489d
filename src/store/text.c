/* store/text.c - texts: of fixed length (padded with zeros or spaces) or kept by HDF5 at any length. */
#include "base/mem.h"
#include "store/inside.h"
#include <string.h>

enum { LONGEST = 1 << 24 }; /* that a file may make us allocate */

/* One text of an array where `selected` is that one, of a scalar attribute where it is invalid. */
static bool read_one(hid_t from, hid_t type, hid_t selected, void *to)
{
    if (selected < 0)
        return H5Aread(from, type, to) >= 0;
    hid_t one = H5Screate(H5S_SCALAR);
    bool read = one >= 0 && H5Dread(from, type, one, selected, H5P_DEFAULT, to) >= 0;
    if (one >= 0)
        H5Sclose(one);
    return read;
}

static bool read_variable(hid_t from, hid_t type, hid_t selected, char *text, size_t room)
{
    hid_t memory = H5Tcopy(H5T_C_S1);
    char *read = NULL;
    bool fits;

    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    fits = read_one(from, memory, selected, &read) && strlen(read ? read : "") < room;
    if (fits)
        strcpy(text, read ? read : "");
    H5free_memory(read);
    H5Tclose(memory);
    return fits;
}

static bool read_fixed(hid_t from, hid_t type, hid_t selected, char *text, size_t room)
{
    size_t size = H5Tget_size(type), length;
    char *read = size < LONGEST ? hn_zalloc(size + 1) : NULL;
    bool fits = read != NULL && read_one(from, type, selected, read);

    if (fits) {
        length = strlen(read);
        while (H5Tget_strpad(type) == H5T_STR_SPACEPAD && length > 0 && read[length - 1] == ' ')
            length--;
        fits = length < room;
        if (fits) {
            memcpy(text, read, length);
            text[length] = '\0';
        }
    }
    hn_free(read);
    return fits;
}

bool hn_hdf_read_text(hid_t from, hid_t type, hid_t selected, char *text, size_t room)
{
    return H5Tis_variable_str(type) > 0 ? read_variable(from, type, selected, text, room)
                                        : read_fixed(from, type, selected, text, room);
}

/* Selects the i-th of a scalar or a row; false past the last. */
static bool select_one(hid_t space, uint64_t i)
{
    hsize_t at = i;
    int rank = H5Sget_simple_extent_ndims(space);

    if (rank == 0)
        return i == 0 && H5Sget_simple_extent_npoints(space) == 1;
    return rank == 1 && i < (uint64_t)H5Sget_simple_extent_npoints(space) &&
           H5Sselect_elements(space, H5S_SELECT_SET, 1, &at) >= 0;
}

bool hn_store_text_at(const hn_store *s, const char *name, uint64_t i, char *text, size_t room)
{
    hid_t set = hn_store_has(s, name) ? H5Dopen2(s->file, name, H5P_DEFAULT) : H5I_INVALID_HID;
    bool found = false;

    if (set < 0)
        return false;
    hid_t type = H5Dget_type(set), space = H5Dget_space(set), plist = H5Dget_create_plist(set);
    found = type >= 0 && space >= 0 && plist >= 0 && hn_hdf_holds_itself(plist, NULL) &&
            H5Tget_class(type) == H5T_STRING && select_one(space, i) &&
            hn_hdf_read_text(set, type, space, text, room);
    if (plist >= 0)
        H5Pclose(plist);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    H5Dclose(set);
    return found;
}
