#include "store/publish.h"
#include "store/store.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STALE_SECONDS = 24 * 60 * 60 };

static void this_host(char *host, size_t room)
{
    if (gethostname(host, room) != 0)
        snprintf(host, room, "unknown");
    host[room - 1] = '\0';
}

/* Splits path into folder and name, and names the temporary. */
static bool name_temp(struct hn_temp *t, char *folder, size_t room, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int length = slash ? (int)(slash - path) + 1 : 0;
    char host[65];

    this_host(host, sizeof host);
    return name[0] != '\0' && strlen(path) < sizeof t->path &&
           snprintf(t->path, sizeof t->path, "%s", path) > 0 &&
           snprintf(t->name, sizeof t->name, "%s", name) < (int)sizeof t->name &&
           snprintf(t->temp, sizeof t->temp, ".%s.%s.%ld.tmp", name, host, (long)getpid()) <
               (int)sizeof t->temp &&
           snprintf(folder, room, "%.*s", length ? length : 1, length ? path : ".") < (int)room;
}

hn_status hn_temp_begin(struct hn_temp *t, const char *path)
{
    char folder[PATH_MAX];

    *t = (struct hn_temp){.folder = -1, .fd = -1};
    if (!name_temp(t, folder, sizeof folder, path))
        return hn_fail(HN_ECREATE, "%s: no name for a file, or too long a one", path);
    t->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->folder < 0)
        return hn_fail(HN_ECREATE, "%s: cannot be created: %s: %s", path, folder, strerror(errno));
    t->fd = openat(t->folder, t->temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (t->fd < 0) {
        hn_status st = hn_fail(HN_ECREATE, "%s: cannot be created: %s", path, strerror(errno));
        hn_temp_drop(t);
        return st;
    }
    t->made = true;
    return HN_OK;
}

/* One write, at offset unless it is negative; how many bytes went out. */
static ssize_t write_some(int fd, const char *p, size_t count, int64_t offset)
{
    ssize_t k;

    if (count > 1u << 30)
        count = 1u << 30;
    do
        k = offset < 0 ? write(fd, p, count) : pwrite(fd, p, count, (off_t)offset);
    while (k < 0 && errno == EINTR);
    return k;
}

static hn_status write_all(struct hn_temp *t, const char *p, size_t count, int64_t offset)
{
    while (count > 0) {
        ssize_t k = write_some(t->fd, p, count, offset);
        if (k <= 0)
            return hn_fail(HN_EIO, "%s: writing failed: %s", t->path,
                           k < 0 ? strerror(errno) : "no progress");
        p += k;
        count -= (size_t)k;
        if (offset >= 0)
            offset += k;
    }
    return HN_OK;
}

hn_status hn_temp_write(struct hn_temp *t, const void *bytes, size_t count)
{
    return write_all(t, bytes, count, -1);
}

hn_status hn_temp_write_at(struct hn_temp *t, const void *bytes, size_t count, uint64_t offset)
{
    return write_all(t, bytes, count, (int64_t)offset);
}

static hn_status sync_and_close(struct hn_temp *t)
{
    if (fsync(t->fd) != 0)
        return hn_fail(HN_EIO, "%s: writing failed (fsync): %s", t->path, strerror(errno));
    int failed = close(t->fd); /* NFS reports a full quota here */
    t->fd = -1;
    return failed ? hn_fail(HN_EIO, "%s: writing failed (close): %s", t->path, strerror(errno)) : HN_OK;
}

static hn_status put_in_place(struct hn_temp *t)
{
    if (renameat(t->folder, t->temp, t->folder, t->name) != 0)
        return hn_fail(HN_ECREATE, "%s: cannot be put in place: %s", t->path, strerror(errno));
    t->made = false;
    if (fsync(t->folder) != 0 && errno != EINVAL) /* EINVAL: a file system whose folders cannot be synced */
        return hn_fail(HN_EIO, "%s: in place, but its folder cannot be synced: %s", t->path, strerror(errno));
    return HN_OK;
}

hn_status hn_temp_commit(struct hn_temp *t)
{
    hn_status st = sync_and_close(t);

    if (st == HN_OK)
        st = put_in_place(t);
    hn_temp_drop(t);
    return st;
}

void hn_temp_drop(struct hn_temp *t)
{
    if (t->fd >= 0)
        close(t->fd);
    if (t->made)
        unlinkat(t->folder, t->temp, 0);
    if (t->folder >= 0)
        close(t->folder);
    *t = (struct hn_temp){.folder = -1, .fd = -1};
}

/* Is it ".NAME.HOST.PID.tmp"?  *pid is 0 when HOST is another one. */
static bool is_temp(const char *name, long *pid)
{
    char host[65], mark[80];
    size_t length = strlen(name), digits = length < 4 ? 0 : length - 4, head;

    if (name[0] != '.' || length < 4 || strcmp(name + length - 4, ".tmp") != 0)
        return false;
    head = digits;
    while (head > 0 && isdigit((unsigned char)name[head - 1]))
        head--;
    if (head == digits || head < 2 || name[head - 1] != '.')
        return false;
    this_host(host, sizeof host);
    int n = snprintf(mark, sizeof mark, ".%s.", host);
    bool ours = head > (size_t)n && memcmp(name + head - n, mark, (size_t)n) == 0;
    *pid = ours ? strtol(name + head, NULL, 10) : 0;
    return true;
}

static bool is_stale(int folder, const char *name)
{
    struct stat info;
    long pid = 0;

    if (!is_temp(name, &pid) || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode))
        return false;
    if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return true;
    return time(NULL) - info.st_mtime > STALE_SECONDS;
}

void hn_store_sweep(const char *folder)
{
    DIR *d = opendir(folder);

    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (is_stale(dirfd(d), e->d_name) && unlinkat(dirfd(d), e->d_name, 0) == 0)
            hn_log(HN_LOG_INFO, "removed %s/%s, left behind by a killed process", folder, e->d_name);
    closedir(d);
}
