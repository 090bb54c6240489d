/* check/tune.h - measures the ways of every convolution and product of a network.  Local. */
#ifndef HN_CHECK_TUNE_H
#define HN_CHECK_TUNE_H

#include "base/text.h"
#include "hardneg/config.h"

/* On one thread, in the shapes of the config's microbatch (sizes come from its data set).  `report` gets the
 * rates of every way, GF/s; the file at path (NULL: none) the table for backend.table. */
hn_status hn_tune(const struct hn_config *config, const char *path, struct hn_text *report);

#endif
