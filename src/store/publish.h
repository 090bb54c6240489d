/* store/publish.h - a file is there whole or not at all.  Local.
 *
 *   absent --hn_temp_begin--> temporary ".NAME.HOST.PID.tmp" beside it --hn_temp_commit--> in place
 *                                       \--hn_temp_drop--> absent
 *
 * Until the rename inside commit the old file is untouched; a killed process
 * leaves a temporary, which hn_store_sweep() finds.  The host is in its name
 * because a process id means nothing on another one. */
#ifndef HN_STORE_PUBLISH_H
#define HN_STORE_PUBLISH_H

#include "hardneg/base.h"
#include <limits.h>

struct hn_temp {
    int folder, fd; /* -1: not open */
    bool made;
    char name[NAME_MAX + 1], temp[NAME_MAX + 1];
    char path[PATH_MAX];
};

/* HN_ECREATE: the temporary cannot be made. On failure there is nothing to drop. */
hn_status hn_temp_begin(struct hn_temp *t, const char *path);
/* At the end of the file; at a place. HN_EIO. */
hn_status hn_temp_write(struct hn_temp *t, const void *bytes, size_t count);
hn_status hn_temp_write_at(struct hn_temp *t, const void *bytes, size_t count, uint64_t offset);
/* Sync, close, rename, sync of the folder.  On failure the temporary is gone and what was at path is still
 * there; only when syncing the folder fails the new file is, though perhaps not after a power cut. */
hn_status hn_temp_commit(struct hn_temp *t);
void hn_temp_drop(struct hn_temp *t);

#endif
