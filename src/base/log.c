#include "base/pulse.h"
#include "hardneg/base.h"
#include <stdarg.h>
#include <stdio.h>

static void to_stderr(void *ctx, enum hn_log_level level, const char *line)
{
    static const char *const mark[] = {"", "warning: ", "", ""};

    (void)ctx;
    fprintf(stderr, "hardneg: %s%s\n", mark[level], line);
}

static struct {
    hn_log_sink *sink, *tee;
    void *ctx, *tee_ctx;
    enum hn_log_level threshold;
} current = {.sink = to_stderr, .threshold = HN_LOG_INFO};

void hn_log_to(hn_log_sink *sink, void *ctx, enum hn_log_level threshold)
{
    current.sink = sink ? sink : to_stderr;
    current.ctx = ctx;
    current.threshold = threshold;
}

void hn_log_tee(hn_log_sink *sink, void *ctx)
{
    current.tee = sink;
    current.tee_ctx = ctx;
}

void hn_log(enum hn_log_level level, const char *format, ...)
{
    char line[2048];
    va_list ap;

    if (level > current.threshold && current.tee == NULL)
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    hn_disk_begin("the log"); /* a terminal may be held, too */
    if (level <= current.threshold)
        current.sink(current.ctx, level, line);
    if (current.tee)
        current.tee(current.tee_ctx, level, line);
    hn_disk_end();
}
