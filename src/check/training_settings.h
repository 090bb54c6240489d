/* check/training_settings.h - what a stored training run was made with, as options of our own rooms.  Local.
 */
#ifndef HN_CHECK_TRAINING_SETTINGS_H
#define HN_CHECK_TRAINING_SETTINGS_H

#include "hardneg/model.h"
#include "store/store.h"
#include "train/core.h"

enum { HN_SETTING = 64 };

struct hn_training_settings {
    size_t steps, batch, dim; /* dim: of the embedding */
    struct hn_model_options model;
    struct hn_core_options core; /* batch is set, microbatches are not */
    char net[HN_SETTING], loss[HN_SETTING], optimizer[HN_SETTING];
    const char *refused;   /* why this program cannot run it at all; NULL: it can */
    const char *no_update; /* why it can run the first step only, up to its gradient; NULL: it can go on */
};

/* From the attributes of /settings and the shapes of /views and /z.  HN_EDATA when they make no sense. */
hn_status hn_training_settings_read(struct hn_training_settings *out, const hn_store *file);

#endif
