/* config/value.h - one value on its way between text and a field of struct hn_config.  Local. */
#ifndef HN_CONFIG_VALUE_H
#define HN_CONFIG_VALUE_H

#include "base/text.h"
#include "config/keys.h"

struct hn_number {
    bool whole; /* written without point and exponent: integer holds it, else real */
    int64_t integer;
    double real;
};

struct hn_value {
    enum { HN_VALUE_BOOL, HN_VALUE_NUMBER, HN_VALUE_TEXT, HN_VALUE_LIST, HN_VALUE_OTHER } kind;
    bool yes;
    const char *text;                     /* the caller's */
    size_t count;                         /* of a list, may be more than there is room for */
    struct hn_number number[HN_KEY_LIST]; /* a number: the first */
};

/* Takes `text` as the key's type wants it ("0.5", "true", "hard", "[1, 2]" or "1, 2"); what is no such thing
 * comes out as a text or as HN_VALUE_OTHER, which hn_value_store refuses.  The value points into text or
 * into room[room_bytes], which must be as long as text. */
void hn_value_parse(struct hn_value *out, const struct hn_key *k, const char *text, char *room);
/* Checks type and range and fills the field.  HN_EUSAGE "PLACE: what is wrong, what is allowed". */
hn_status hn_value_store(struct hn_config *c, const struct hn_key *k, const struct hn_value *v,
                         const char *place);
/* Appends the field as libconfig reads it back. */
void hn_value_write(struct hn_text *t, const struct hn_key *k, const struct hn_config *c);

enum { HN_NUMBER_TEXT = 40 };
/* Digits that read back to the same double, marked as a real by a point or an exponent. */
void hn_real_text(char text[HN_NUMBER_TEXT], double x);

/* At most 60 bytes of anybody's text for a message: what would break the line or upset a terminal becomes
 * '?'. */
enum { HN_SHOWN_TEXT = 64 };
const char *hn_text_shown(char room[HN_SHOWN_TEXT], const char *text);

/* The place in `names` that a NAME key holds, and the name itself. */
int hn_value_place(const struct hn_key *k, const struct hn_config *c);
const char *hn_value_name(const struct hn_key *k, const struct hn_config *c);
/* Appends "infonce, debiased, hard". */
void hn_names_list(struct hn_text *t, const char *const *names);

#endif
