#include "train/rows.h"
#include "base/pulse.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAITING_MOST = 4 << 20 }; /* some thousand rows */

hn_status hn_rows_open(struct hn_rows *r, const char *path)
{
    *r = (struct hn_rows){0};
    if ((r->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) < 0)
        return hn_fail(HN_ECREATE, "%s: %s", path, strerror(errno));
    r->whole = lseek(r->file, 0, SEEK_END);
    snprintf(r->path, sizeof r->path, "%s", path);
    return HN_OK;
}

/* Takes the beginning of a row of ours away.  Where another run has appended since, the end is not ours. */
static bool cut(struct hn_rows *r)
{
    struct stat now;

    if (r->torn == 0)
        return true;
    if (fstat(r->file, &now) != 0)
        return false;
    if (now.st_size != r->whole + r->torn)
        r->whole = now.st_size;
    else if (ftruncate(r->file, r->whole) != 0)
        return false;
    r->torn = 0;
    return true;
}

/* All of it, or errno says why none is there. */
static bool append(struct hn_rows *r, const char *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t n = write(r->file, bytes + done, count - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int why = errno;
            r->torn = (off_t)done;
            (void)cut(r); /* the next try does it again */
            errno = why;
            return false;
        }
        done += (size_t)n;
    }
    r->whole += (off_t)count;
    return true;
}

/* What waits goes first; that it does not go through was said. */
static bool catch_up(struct hn_rows *r)
{
    if (r->waiting.length == 0)
        return true;
    if (!cut(r) || !append(r, r->waiting.at, r->waiting.length))
        return false;
    hn_text_free(&r->waiting);
    if (r->lost > 0)
        hn_log(HN_LOG_WARN, "%s: can be written again; %zu rows are lost", r->path, r->lost);
    else
        hn_log(HN_LOG_INFO, "%s: can be written again, no row is lost", r->path);
    r->lost = 0;
    return true;
}

static void keep(struct hn_rows *r, const struct hn_text *row)
{
    bool fits = r->waiting.length + row->length <= WAITING_MOST;

    if (fits)
        hn_text_add_bytes(&r->waiting, row->at, row->length);
    if (!fits || r->waiting.broken)
        r->lost++;
}

void hn_rows_add(struct hn_rows *r, const struct hn_text *row)
{
    if (r->path[0] == '\0' || row->length == 0)
        return;
    hn_disk_begin(r->path);
    bool ready = catch_up(r), good = ready && append(r, row->at, row->length);
    int why = errno;
    hn_disk_end();
    if (good)
        return;
    keep(r, row);
    if (ready)
        hn_log(HN_LOG_WARN, "%s: %s; rows wait in memory, and are tried again", r->path, strerror(why));
}

void hn_rows_catch_up(struct hn_rows *r)
{
    if (r->waiting.length == 0)
        return;
    hn_disk_begin(r->path);
    (void)catch_up(r);
    hn_disk_end();
}

void hn_rows_close(struct hn_rows *r, bool may_write)
{
    if (r->path[0] == '\0')
        return;
    hn_disk_begin(r->path);
    bool good = r->waiting.length == 0 || (may_write && catch_up(r));
    close(r->file);
    hn_disk_end();
    if (!good)
        hn_log(HN_LOG_WARN, "%s: its last rows could not be written", r->path);
    hn_text_free(&r->waiting);
    *r = (struct hn_rows){0};
}

void hn_rows_sync(const struct hn_rows *r)
{
    (void)fdatasync(r->file); /* a checkpoint is not given up for a row */
}
