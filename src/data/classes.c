#include "data/classes.h"
#include "base/mem.h"
#include "data/layout.h"
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static size_t sort_unique(int64_t *value, size_t count)
{
    size_t kept = 0;

    qsort(value, count, sizeof *value, by_value);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || value[kept - 1] != value[i])
            value[kept++] = value[i];
    return kept;
}

/* Where value is, or where it would have to be put in. */
static size_t place(const struct hn_classes *c, int64_t value)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->value[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t hn_classes_of(const struct hn_classes *c, int64_t value)
{
    size_t at = place(c, value);

    return at < c->count && c->value[at] == value ? at : c->count;
}

static hn_status make_room(struct hn_classes *c, size_t more)
{
    size_t room = c->room ? c->room : 256;
    int64_t *wider;

    while (room < c->count + more)
        room *= 2;
    if (room == c->room)
        return HN_OK;
    if ((wider = hn_calloc(room, sizeof *wider)) == NULL)
        return HN_ENOMEM;
    if (c->count)
        memcpy(wider, c->value, c->count * sizeof *wider);
    hn_free(c->value);
    c->value = wider;
    c->room = room;
    return HN_OK;
}

hn_status hn_classes_note(struct hn_classes *c, int64_t *value, size_t count)
{
    size_t fresh = 0;
    hn_status st;

    count = sort_unique(value, count);
    for (size_t i = 0; i < count; i++)
        if (hn_classes_of(c, value[i]) == c->count)
            value[fresh++] = value[i];
    if (fresh == 0)
        return HN_OK;
    if (c->count + fresh > HN_LAYOUT_CLASSES)
        return hn_fail(HN_EDATA, "more than %d different values are no class labels", HN_LAYOUT_CLASSES);
    if ((st = make_room(c, fresh)) != HN_OK)
        return st;
    memcpy(c->value + c->count, value, fresh * sizeof *value);
    c->count = sort_unique(c->value, c->count + fresh);
    return HN_OK;
}

void hn_classes_names(const struct hn_classes *c, struct hn_text *names)
{
    for (size_t i = 0; i < c->count; i++)
        hn_text_add(names, "%lld\n", (long long)c->value[i]);
}

void hn_classes_free(struct hn_classes *c)
{
    hn_free(c->value);
    *c = (struct hn_classes){0};
}
