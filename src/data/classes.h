/* data/classes.h - label values of any kind as classes 0, 1, ...  Local.
 *
 *   hn_classes_note for all labels, in pieces of any size -> hn_classes_of, hn_classes_names ->
 * hn_classes_free */
#ifndef HN_DATA_CLASSES_H
#define HN_DATA_CLASSES_H

#include "base/text.h"

struct hn_classes {
    int64_t *value; /* the different ones, ascending */
    size_t count, room;
};

/* Sorts `value` on the way.  HN_EDATA when there are more than HN_LAYOUT_CLASSES. */
hn_status hn_classes_note(struct hn_classes *c, int64_t *value, size_t count);
/* The class of a value that was noted; count when it was not. */
size_t hn_classes_of(const struct hn_classes *c, int64_t value);
/* The values as names, each ended by a newline. */
void hn_classes_names(const struct hn_classes *c, struct hn_text *names);
void hn_classes_free(struct hn_classes *c);

#endif
