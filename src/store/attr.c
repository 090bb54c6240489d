/* store/attr.c - what is in a group, and what is said about it. */
#include "store/inside.h"
#include <string.h>

bool hn_store_has(const hn_store *s, const char *name)
{
    return strcmp(name, "/") == 0 || H5Oexists_by_name(s->file, name, H5P_DEFAULT) > 0;
}

bool hn_store_member(const hn_store *s, const char *group, size_t i, char *name, size_t room, bool *is_group)
{
    H5O_info_t info;
    hid_t g = H5Gopen2(s->file, group, H5P_DEFAULT);
    ssize_t length =
        g < 0 ? -1 : H5Lget_name_by_idx(g, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, room, H5P_DEFAULT);
    bool found = length >= 0 && (size_t)length < room;

    if (found && is_group != NULL)
        *is_group = H5Oget_info_by_name2(g, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 &&
                    info.type == H5O_TYPE_GROUP;
    if (g >= 0)
        H5Gclose(g);
    return found;
}

struct attribute {
    hid_t id, type;
    hssize_t count;
};

static void close_attribute(struct attribute *a)
{
    if (a->type >= 0)
        H5Tclose(a->type);
    if (a->id >= 0)
        H5Aclose(a->id);
}

static bool open_attribute(const hn_store *s, const char *name, const char *attr, struct attribute *a)
{
    *a = (struct attribute){H5I_INVALID_HID, H5I_INVALID_HID, -1};
    if (!hn_store_has(s, name) || H5Aexists_by_name(s->file, name, attr, H5P_DEFAULT) <= 0)
        return false;
    a->id = H5Aopen_by_name(s->file, name, attr, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = a->id < 0 ? H5I_INVALID_HID : H5Aget_space(a->id);
    if (space >= 0) {
        a->type = H5Aget_type(a->id);
        a->count = H5Sget_simple_extent_npoints(space);
        H5Sclose(space);
    }
    if (a->type >= 0 && a->count >= 0)
        return true;
    close_attribute(a);
    return false;
}

bool hn_store_attr_text(const hn_store *s, const char *name, const char *attr, char *text, size_t room)
{
    struct attribute a;
    bool found = false;

    if (!open_attribute(s, name, attr, &a))
        return false;
    if (a.count == 1 && H5Tget_class(a.type) == H5T_STRING)
        found = hn_hdf_read_text(a.id, a.type, text, room);
    close_attribute(&a);
    return found;
}

/* Up to room numbers as `memory`; returns how many. */
static size_t read_numbers(const hn_store *s, const char *name, const char *attr, hid_t memory, void *value,
                           size_t room)
{
    struct attribute a;
    size_t count = 0;

    if (!open_attribute(s, name, attr, &a))
        return 0;
    H5T_class_t kind = H5Tget_class(a.type);
    if ((kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_ENUM) && (size_t)a.count <= room &&
        H5Aread(a.id, memory, value) >= 0)
        count = (size_t)a.count;
    close_attribute(&a);
    return count;
}

bool hn_store_attr_i64(const hn_store *s, const char *name, const char *attr, int64_t *value)
{
    return read_numbers(s, name, attr, H5T_NATIVE_INT64, value, 1) == 1;
}

bool hn_store_attr_f64(const hn_store *s, const char *name, const char *attr, double *value)
{
    return read_numbers(s, name, attr, H5T_NATIVE_DOUBLE, value, 1) == 1;
}

size_t hn_store_attr_f64s(const hn_store *s, const char *name, const char *attr, double *value, size_t room)
{
    return read_numbers(s, name, attr, H5T_NATIVE_DOUBLE, value, room);
}
