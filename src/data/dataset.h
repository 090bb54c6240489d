/* data/dataset.h - what an opened data set is made of, for the files of this room. */
#ifndef HN_DATA_DATASET_H
#define HN_DATA_DATASET_H

#include "data/layout.h"
#include <pthread.h>

struct hn_dataset {
    char *path;
    int fd;
    struct hn_dataset_info info;
    struct hn_layout *layout; /* owned, layout->bytes long */
    hn_blocks *blocks;
    pthread_mutex_t lock; /* over blocks */
    char *names;          /* of the classes, one after the other */
    const char **name;    /* classes of them; NULL: unnamed */
    const char *importer, *source;
};

/* Memory for blocks, and whether samples are picked at random (data/blocks.h). */
hn_status hn_dataset_cache(hn_dataset *d, uint64_t bytes, bool pieces);
/* Labels first .. first+count-1 of a split that has them. */
hn_status hn_dataset_labels(hn_dataset *d, enum hn_split split, uint64_t first, uint64_t count,
                            int32_t *label);

#endif
