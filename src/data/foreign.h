/* data/foreign.h - which arrays of somebody's HDF5 file are the samples and labels of which split.
 *
 * Local.  Names come as options, or are guessed among common ones. */
#ifndef HN_DATA_FOREIGN_H
#define HN_DATA_FOREIGN_H

#include "hardneg/data.h"
#include "store/store.h"

struct hn_foreign {
    char samples[HN_SPLITS][256], labels[HN_SPLITS][256]; /* "" when there is none */
};

/* HN_EUSAGE for an option that names no array; HN_EDATA when nothing is found; both list what there is. */
hn_status hn_foreign_find(struct hn_foreign *out, const hn_store *s, const char *path,
                          const struct hn_import_options *options);

#endif
