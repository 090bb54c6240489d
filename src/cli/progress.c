#include "cli/progress.h"
#include "base/clock.h"
#include "base/pulse.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool open_line;
static double last;

/* A launcher gives its ranks pipes (stdout even a terminal of its own), so under one the launcher's own
 * stderr counts. */
static bool look(void)
{
    char link[64], target[256];
    ssize_t n;

    if (getenv("OMPI_COMM_WORLD_SIZE") == NULL)
        return isatty(STDERR_FILENO);
    snprintf(link, sizeof link, "/proc/%ld/fd/2", (long)getppid());
    n = readlink(link, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

bool hn_progress_on_terminal(void)
{
    static int known = -1;

    if (known < 0)
        known = look();
    return known;
}

void hn_progress_line(bool now, const char *format, ...)
{
    double t = hn_now();
    va_list ap;

    if (!hn_progress_on_terminal() || (!now && t - last < 0.1))
        return;
    last = t;
    open_line = true;
    hn_disk_begin("the terminal");
    fputs("\r\033[K", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fflush(stderr);
    hn_disk_end();
}

void hn_progress_end(void)
{
    if (!open_line)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    open_line = false;
}

void hn_progress_time(double seconds, char text[32])
{
    long s = seconds > 0 && seconds < 3.6e8 ? (long)(seconds + 0.5) : 0;

    if (s >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
}
