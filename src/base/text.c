#include "base/text.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool grow(struct hn_text *t, size_t more)
{
    size_t want = t->length + more + 1, room = t->room ? t->room : 256;
    char *wider;

    if (t->broken)
        return false;
    if (want <= t->room)
        return true;
    while (room < want)
        room *= 2;
    wider = hn_zalloc(room);
    if (wider == NULL) {
        t->broken = true;
        return false;
    }
    if (t->at)
        memcpy(wider, t->at, t->length + 1);
    hn_free(t->at);
    t->at = wider;
    t->room = room;
    return true;
}

void hn_text_add(struct hn_text *t, const char *format, ...)
{
    va_list ap, again;

    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n >= 0 && grow(t, (size_t)n)) {
        vsnprintf(t->at + t->length, (size_t)n + 1, format, again);
        t->length += (size_t)n;
    }
    va_end(again);
}

void hn_text_add_bytes(struct hn_text *t, const void *bytes, size_t count)
{
    if (!grow(t, count))
        return;
    memcpy(t->at + t->length, bytes, count);
    t->length += count;
    t->at[t->length] = '\0';
}

hn_status hn_text_status(const struct hn_text *t)
{
    return t->broken ? hn_fail(HN_ENOMEM, "out of memory for %zu bytes of text", t->length) : HN_OK;
}

void hn_text_free(struct hn_text *t)
{
    hn_free(t->at);
    *t = (struct hn_text){0};
}
