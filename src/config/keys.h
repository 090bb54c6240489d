/* config/keys.h - the one table of everything one can turn.  Local.
 *
 * Reading, --set, checking, the dump, the reference text and the check at resume
 * are loops over this table: a new key is one line in keys.c and its field. */
#ifndef HN_CONFIG_KEYS_H
#define HN_CONFIG_KEYS_H

#include "hardneg/config.h"

enum hn_key_type {
    HN_KEY_BOOL,   /* bool */
    HN_KEY_COUNT,  /* size_t or uint64_t */
    HN_KEY_MIB,    /* uint64_t bytes, written in MiB */
    HN_KEY_REAL,   /* double */
    HN_KEY_NAME,   /* int or enum: the place in a table of names */
    HN_KEY_TEXT,   /* char array */
    HN_KEY_COUNTS, /* size_t array, and a size_t that says how many of it count */
    HN_KEY_REALS   /* double array, always full: the last one given stands for the rest */
};

enum hn_key_resume {
    HN_FIXED,              /* part of the experiment: a resumed run may not change it */
    HN_FREE,               /* changes where, how fast or how often, never the weights */
    HN_FREE_UNLESS_COSINE, /* fixed as long as the schedule's shape depends on it */
};

/* What a key may hold: the ends of a range, or a table of names; of lists also how many. */
struct hn_key_allowed {
    double lo, hi;
    const char *const *(*names)(void);
    size_t least, most;
};

struct hn_key {
    const char *name; /* "section.key" */
    enum hn_key_type type;
    size_t at, bytes; /* the field's place and size in struct hn_config */
    const char *def;  /* as --set would have it */
    struct hn_key_allowed allowed;
    enum hn_key_resume resume;
    const char *help;
    size_t count_at; /* HN_KEY_COUNTS: the place of how many */
};

struct hn_key_section {
    const char *name, *help;
};

/* A default that holds instead of the table's when another key, `chooser`, has the value `choice`. */
struct hn_key_follow {
    const char *key, *chooser, *choice, *def;
};

enum { HN_KEYS_ROOM = 96, HN_KEY_LIST = 16 /* longest list of the table, at most */ };

extern const struct hn_key hn_keys[];
extern const size_t hn_key_count; /* at most HN_KEYS_ROOM */
extern const struct hn_key_section hn_key_sections[];
extern const size_t hn_key_section_count;
extern const struct hn_key_follow hn_key_follows[];
extern const size_t hn_key_follow_count;

const struct hn_key *hn_key_find(const char *name); /* NULL: no such key */
/* Is the key in the section?  ("loss.beta", "loss") */
bool hn_key_in(const struct hn_key *k, const char *section);
/* The part after the section. */
const char *hn_key_short(const struct hn_key *k);
/* The nearest known key to a name that is none, or NULL when none is near. */
const struct hn_key *hn_key_suggest(const char *name);
/* The nearest of a NULL-terminated table of names, or NULL. */
const char *hn_name_suggest(const char *name, const char *const *names);

#endif
