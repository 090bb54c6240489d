#include "check/stored.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void join(char path[HN_STORED_NAME], const char *group, const char *name)
{
    snprintf(path, HN_STORED_NAME, "%s/%s", group, name);
}

hn_status hn_stored_read(struct hn_stored *out, const hn_store *file, const char *group, const char *name)
{
    char path[HN_STORED_NAME];
    struct hn_stored s = {0};
    hn_status st;

    join(path, group, name);
    if ((st = hn_store_info(file, path, &s.info)) != HN_OK)
        return st;
    if ((s.v = hn_calloc(s.info.count, sizeof *s.v)) == NULL)
        return HN_ENOMEM;
    if ((st = hn_store_read(file, path, HN_F64, s.v, s.info.count)) != HN_OK) {
        hn_stored_free(&s);
        return st;
    }
    *out = s;
    return HN_OK;
}

void hn_stored_free(struct hn_stored *s)
{
    hn_free(s->v);
    s->v = NULL;
}

bool hn_stored_has(const hn_store *file, const char *group, const char *name)
{
    char path[HN_STORED_NAME];

    join(path, group, name);
    return hn_store_has(file, path);
}

hn_status hn_stored_f64(const hn_store *file, const char *name, const char *attr, double *value)
{
    if (!hn_store_attr_f64(file, name, attr, value))
        return hn_fail(HN_EDATA, "%s has no number called %s", name, attr);
    return HN_OK;
}

hn_status hn_stored_size(const hn_store *file, const char *name, const char *attr, size_t *value)
{
    int64_t number;

    if (!hn_store_attr_i64(file, name, attr, &number) || number < 0)
        return hn_fail(HN_EDATA, "%s has no count called %s", name, attr);
    *value = (size_t)number;
    return HN_OK;
}

double hn_distance_worst(const struct hn_distance *d)
{
    return d->largest > 0 ? d->difference / d->largest : d->difference;
}

double hn_distance_whole(const struct hn_distance *d)
{
    return d->norm > 0 ? sqrt(d->squares / d->norm) : sqrt(d->squares);
}

int hn_place_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}
