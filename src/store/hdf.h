/* store/hdf.h - what the files of this room share of HDF5.  Local; main thread only. */
#ifndef HN_STORE_HDF_H
#define HN_STORE_HDF_H

#include "store/store.h"
#include <hdf5.h>

/* Before the first call to HDF5 of any entry point: no messages of its own on stderr, no plug-ins, no links
 * into other files. */
void hn_hdf_start(void);

/* Opens bytes as a file, read-only; they are borrowed until it is closed, neither copied nor written to. */
hn_status hn_hdf_open_bytes(hid_t *out, void *bytes, size_t count, const char *label);

/* Why HDF5's last call failed, in its words; valid until the next call. */
const char *hn_hdf_reason(void);

/* How a type of ours lies in files, and in memory. */
hid_t hn_hdf_file_type(enum hn_type type);
hid_t hn_hdf_memory_type(enum hn_type type);

/* Whether an array with these creation properties keeps its numbers in its own file (not virtual, not
 * external) behind no filters but deflate, shuffle, fletcher32; *why (may be NULL) says what is wrong. */
bool hn_hdf_holds_itself(hid_t plist, const char **why);

/* The one text of an attribute of a string type; false when it does not fit in room with its end. */
bool hn_hdf_read_text(hid_t attribute, hid_t type, char *text, size_t room);

#endif
