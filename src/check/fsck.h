/* check/fsck.h - are the files of a run, a checkpoint or a data set what they were written as?  Local.
 *
 * Reads only.  HDF5 sees no byte whose hash has not been compared before. */
#ifndef HN_CHECK_FSCK_H
#define HN_CHECK_FSCK_H

#include "hardneg/base.h"

struct hn_fsck {
    void (*say)(void *ctx, const char *verdict, const char *path, const char *text); /* one per file */
    void *ctx;
    size_t good, damaged, unread; /* counted up */
};

/* A run directory (config.cfg, starts.jsonl, metrics.jsonl and every checkpoint), a checkpoint or a data set.
 * HN_OK: nothing is damaged.  HN_ECHECK: something is, and was said.  HN_ENOINPUT, HN_EIO, HN_ENOMEM:
 * something could not be read (said, too).  HN_EDATA: a folder that is no run directory (said, too). */
hn_status hn_fsck(struct hn_fsck *f, const char *path);

#endif
