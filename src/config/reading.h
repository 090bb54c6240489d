/* config/reading.h - a config while it is read: the values so far, and where each was given.  Local. */
#ifndef HN_CONFIG_READING_H
#define HN_CONFIG_READING_H

#include "config/value.h"

struct hn_reading {
    struct hn_config *c;
    const char *file; /* as messages name it */
    struct hn_origin {
        int line;        /* in the file; 0: not there */
        const char *set; /* the last --set, or NULL: it wins over the file */
    } from[HN_KEYS_ROOM];
};

bool hn_reading_given(const struct hn_reading *r, const struct hn_key *k);

/* "run.cfg:14: loss.beta", "--set loss.beta=x" or, for a default, "run.cfg: loss.beta". */
enum { HN_PLACE_TEXT = 480 };
void hn_reading_place(char text[HN_PLACE_TEXT], const struct hn_reading *r, const struct hn_key *k);

/* The steps of hn_config_read, in their order; each HN_EUSAGE with a whole line. */
hn_status hn_reading_defaults(struct hn_reading *r); /* the table's */
hn_status hn_reading_file(struct hn_reading *r, const char *text, size_t length);
hn_status hn_reading_set(struct hn_reading *r, const char *set);
hn_status hn_reading_follow(struct hn_reading *r); /* defaults that follow from other keys */
hn_status hn_reading_check(const struct hn_reading *r);

/* libconfig's own reading of integers wraps silently at 32 bits, and its @include ends the process when given
 * a folder.  This appends the text to out with every decimal integer marked as 64 bits wide; refuses @include
 * and bytes 0. */
hn_status hn_reading_widen(struct hn_text *out, const char *file, const char *text, size_t length);

#endif
