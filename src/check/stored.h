/* check/stored.h - stored reference arrays, and how far from them a result is.  Local. */
#ifndef HN_CHECK_STORED_H
#define HN_CHECK_STORED_H

#include "store/store.h"
#include <math.h>

enum { HN_STORED_NAME = 512 };

/* A whole array as doubles. */
struct hn_stored {
    struct hn_array_info info;
    double *v;
};

/* GROUP/NAME; group "" is the file's top.  HN_EDATA when there is none. */
hn_status hn_stored_read(struct hn_stored *out, const hn_store *file, const char *group, const char *name);
void hn_stored_free(struct hn_stored *s);
bool hn_stored_has(const hn_store *file, const char *group, const char *name);
/* A numeric attribute that must be there. */
hn_status hn_stored_f64(const hn_store *file, const char *name, const char *attr, double *value);
hn_status hn_stored_size(const hn_store *file, const char *name, const char *attr, size_t *value);

/* Largest absolute difference over the largest absolute value of all of `want`, fed piece by piece. */
struct hn_distance {
    double difference, largest, squares, norm; /* the two last: sums of squares, for whole norms */
};
static inline void hn_distance_add(struct hn_distance *d, double got, double want)
{
    double off = got > want ? got - want : want - got, size = want > 0 ? want : -want;

    d->difference = isnan(d->difference) || off <= d->difference ? d->difference : off; /* a NaN stays */
    d->largest = size > d->largest ? size : d->largest;
    d->squares += off * off;
    d->norm += want * want;
}
double hn_distance_worst(const struct hn_distance *d);
double hn_distance_whole(const struct hn_distance *d);

/* Where the name stands in a NULL-terminated table; -1: nowhere. */
int hn_place_of(const char *const *names, const char *name);

#endif
