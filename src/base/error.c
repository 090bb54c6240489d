#include "hardneg/base.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
    char text[1024], place[128];
} last;

const char *hn_status_name(hn_status status)
{
    switch (status) {
    case HN_OK:
        return "ok";
    case HN_ECHECK:
        return "check failed";
    case HN_EUSAGE:
        return "usage";
    case HN_EDATA:
        return "bad data";
    case HN_ENOINPUT:
        return "no input";
    case HN_ELOST:
        return "rank lost";
    case HN_EBUG:
        return "bug";
    case HN_ENOMEM:
        return "out of resources";
    case HN_ECREATE:
        return "cannot create";
    case HN_EIO:
        return "input/output";
    case HN_STOPPED:
        return "stopped";
    case HN_EDIVERGED:
        return "diverged";
    }
    return "unknown status";
}

/* Anybody's bytes may be in it: what would break the line or upset a terminal becomes '?'; `whole` is how
 * long it would be with all of them. */
static void make_line(char *text, int whole)
{
    if (whole >= (int)sizeof last.text)
        memcpy(text + sizeof last.text - 4, "...", 4);
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

hn_status hn_fail_at(const char *file, int line, hn_status status, const char *format, ...)
{
    char text[sizeof last.text]; /* apart: an argument may be hn_error_text() itself */
    va_list ap;

    va_start(ap, format);
    make_line(text, vsnprintf(text, sizeof text, format, ap));
    va_end(ap);
    memcpy(last.text, text, sizeof text);
    snprintf(last.place, sizeof last.place, "%s:%d", file, line);
    return status;
}

const char *hn_error_text(void)
{
    return last.text;
}

const char *hn_error_place(void)
{
    return last.place;
}

void hn_error_set(const char *text, const char *place)
{
    snprintf(last.text, sizeof last.text, "%s", text);
    snprintf(last.place, sizeof last.place, "%s", place);
}
