/* ckpt/folder.h - the checkpoints in a folder, by name.  Local. */
#ifndef HN_CKPT_FOLDER_H
#define HN_CKPT_FOLDER_H

#include "hardneg/ckpt.h"

/* "DIR/step-00001234.h5" */
hn_status hn_ckpt_file_name(char *path, size_t room, const char *dir, uint64_t step);

/* Steps that have a file, newest first; hn_free(*out).  No folder: none.  HN_ENOINPUT: it cannot be read. */
hn_status hn_ckpt_list(uint64_t **out, size_t *count, const char *dir);

/* Does it hold the step that its file's name says?  HN_EDATA. */
hn_status hn_ckpt_check_name(const hn_ckpt *c, uint64_t step);

/* Makes the folder when it is missing, durably.  HN_ECREATE. */
hn_status hn_ckpt_make_folder(const char *dir);

#endif
