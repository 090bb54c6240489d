/* base/file.h - a file is there whole or not at all.  Local.
 *
 *   absent --hn_file_begin--> temporary ".NAME.HOST.PID.tmp" beside it --hn_file_commit--> in place
 *                                       \--hn_file_drop--> absent
 *
 * Until the rename inside commit the old file is untouched; a killed process
 * leaves a temporary, which hn_file_sweep() finds.  The host is in its name
 * because a process id means nothing on another one. */
#ifndef HN_BASE_FILE_H
#define HN_BASE_FILE_H

#include "hardneg/base.h"
#include <limits.h>
#include <sys/types.h>

/* All of it at once: begin, write, commit. HN_ECREATE, HN_EIO; on failure what was at path is still there. */
hn_status hn_file_replace(const char *path, const void *bytes, size_t count);

/* In pieces. */
struct hn_file {
    int folder, fd; /* -1: not open */
    bool made;
    char name[NAME_MAX + 1], temp[NAME_MAX + 1];
    char path[PATH_MAX];
};
#define HN_FILE_NONE ((struct hn_file){.folder = -1, .fd = -1})

/* HN_ECREATE: the temporary cannot be made, or something else than a file is at path (a folder, a device).
 * On failure there is nothing to drop. */
hn_status hn_file_begin(struct hn_file *f, const char *path);
/* At the end of the file; at a place. HN_EIO. */
hn_status hn_file_write(struct hn_file *f, const void *bytes, size_t count);
hn_status hn_file_write_at(struct hn_file *f, const void *bytes, size_t count, uint64_t offset);
/* Sync, close, rename, sync of the folder.  On failure the temporary is gone and what was at path is still
 * there; only when syncing the folder fails the new file is, though perhaps not after a power cut. */
hn_status hn_file_commit(struct hn_file *f);
/* Nothing happens to HN_FILE_NONE, nor after commit. */
void hn_file_drop(struct hn_file *f);
/* The same for what a process of this host that is dead had begun. */
void hn_file_drop_left(const char *path, pid_t pid);

/* Removes the temporaries in folder whose process is gone; those of other hosts after a day. */
void hn_file_sweep(const char *folder);
/* Removes them all, whoever made them: for the only one who may write there. */
void hn_file_sweep_all(const char *folder);
/* HN_ECREATE when the file system of a folder that is there, or the process's limit on files (ulimit -f), has
 * no room for one of so many bytes.  Where that cannot be told it is HN_OK: writing will show. */
hn_status hn_file_check_room(const char *folder, uint64_t bytes);
/* mkdir -p, and then: path is a folder in which files can be made. HN_ECREATE. */
hn_status hn_file_make_folders(const char *path);

#endif
