/* store/text.c - texts of attributes: of fixed length (padded with zeros or spaces) or kept by HDF5 at any
 * length. */
#include "base/mem.h"
#include "store/inside.h"
#include <string.h>

enum { LONGEST = 1 << 24 }; /* that a file may make us allocate */

static bool read_variable(hid_t attribute, hid_t type, char *text, size_t room)
{
    hid_t memory = H5Tcopy(H5T_C_S1);
    char *read = NULL;
    bool fits;

    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    fits = H5Aread(attribute, memory, &read) >= 0 && strlen(read ? read : "") < room;
    if (fits)
        strcpy(text, read ? read : "");
    H5free_memory(read);
    H5Tclose(memory);
    return fits;
}

static bool read_fixed(hid_t attribute, hid_t type, char *text, size_t room)
{
    size_t size = H5Tget_size(type), length;
    char *read = size < LONGEST ? hn_zalloc(size + 1) : NULL;
    bool fits = read != NULL && H5Aread(attribute, type, read) >= 0;

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

bool hn_hdf_read_text(hid_t attribute, hid_t type, char *text, size_t room)
{
    return H5Tis_variable_str(type) > 0 ? read_variable(attribute, type, text, room)
                                        : read_fixed(attribute, type, text, room);
}
