#include "base/file.h"
#include "base/pulse.h"
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
static bool name_temp(struct hn_file *f, char *folder, size_t room, const char *path, pid_t pid)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int length = slash ? (int)(slash - path) + 1 : 0;
    char host[65];

    this_host(host, sizeof host);
    return name[0] != '\0' && strlen(path) < sizeof f->path &&
           snprintf(f->path, sizeof f->path, "%s", path) > 0 &&
           snprintf(f->name, sizeof f->name, "%s", name) < (int)sizeof f->name &&
           snprintf(f->temp, sizeof f->temp, ".%s.%s.%ld.tmp", name, host, (long)pid) < (int)sizeof f->temp &&
           snprintf(folder, room, "%.*s", length ? length : 1, length ? path : ".") < (int)room;
}

static hn_status make_temp(struct hn_file *f)
{
    struct stat there;

    if (fstatat(f->folder, f->name, &there, 0) == 0 && !S_ISREG(there.st_mode))
        return hn_fail(HN_ECREATE, "%s: cannot be created: something else than a file is there", f->path);
    do
        f->fd = openat(f->folder, f->temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    while (f->fd < 0 && errno == EINTR);
    if (f->fd < 0)
        return hn_fail(HN_ECREATE, "%s: cannot be created: %s", f->path, strerror(errno));
    f->made = true;
    return HN_OK;
}

hn_status hn_file_begin(struct hn_file *f, const char *path)
{
    char folder[PATH_MAX];
    hn_status st;

    *f = HN_FILE_NONE;
    if (!name_temp(f, folder, sizeof folder, path, getpid()))
        return hn_fail(HN_ECREATE, "%s: no name for a file, or too long a one", path);
    hn_disk_begin(path);
    f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0)
        st = hn_fail(HN_ECREATE, "%s: cannot be created: %s: %s", path, folder, strerror(errno));
    else if ((st = make_temp(f)) != HN_OK)
        hn_file_drop(f);
    hn_disk_end();
    return st;
}

static int sync_all(int fd)
{
    int failed;

    do
        failed = fsync(fd);
    while (failed && errno == EINTR);
    return failed;
}

/* One write, at offset unless it is negative; how many bytes went out. */
static ssize_t write_some(int fd, const char *p, size_t count, int64_t offset)
{
    ssize_t k;

    if (count > 1u << 24)
        count = 1u << 24;
    do
        k = offset < 0 ? write(fd, p, count) : pwrite(fd, p, count, (off_t)offset);
    while (k < 0 && errno == EINTR);
    return k;
}

static hn_status write_all(struct hn_file *f, const char *p, size_t count, int64_t offset)
{
    while (count > 0) {
        hn_disk_begin(f->path);
        ssize_t k = write_some(f->fd, p, count, offset);
        hn_disk_end();
        if (k <= 0)
            return hn_fail(HN_EIO, "%s: writing failed: %s", f->path,
                           k < 0 ? strerror(errno) : "no progress");
        p += k;
        count -= (size_t)k;
        if (offset >= 0)
            offset += k;
    }
    return HN_OK;
}

hn_status hn_file_write(struct hn_file *f, const void *bytes, size_t count)
{
    return write_all(f, bytes, count, -1);
}

hn_status hn_file_write_at(struct hn_file *f, const void *bytes, size_t count, uint64_t offset)
{
    return write_all(f, bytes, count, (int64_t)offset);
}

static hn_status sync_and_close(struct hn_file *f)
{
    if (sync_all(f->fd) != 0)
        return hn_fail(HN_EIO, "%s: writing failed (fsync): %s", f->path, strerror(errno));
    int failed = close(f->fd) != 0 && errno != EINTR; /* NFS reports a full quota here */
    f->fd = -1;
    return failed ? hn_fail(HN_EIO, "%s: writing failed (close): %s", f->path, strerror(errno)) : HN_OK;
}

static hn_status put_in_place(struct hn_file *f)
{
    if (renameat(f->folder, f->temp, f->folder, f->name) != 0)
        return hn_fail(HN_ECREATE, "%s: cannot be put in place: %s", f->path, strerror(errno));
    f->made = false;
    if (sync_all(f->folder) != 0 &&
        errno != EINVAL) /* EINVAL: a file system whose folders cannot be synced */
        return hn_fail(HN_EIO, "%s: in place, but its folder cannot be synced: %s", f->path, strerror(errno));
    return HN_OK;
}

hn_status hn_file_commit(struct hn_file *f)
{
    hn_status st;

    hn_disk_begin(f->path);
    if ((st = sync_and_close(f)) == HN_OK)
        st = put_in_place(f);
    hn_disk_end();
    hn_file_drop(f);
    return st;
}

void hn_file_drop(struct hn_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->made)
        unlinkat(f->folder, f->temp, 0);
    if (f->folder >= 0)
        close(f->folder);
    *f = HN_FILE_NONE;
}

void hn_file_drop_left(const char *path, pid_t pid)
{
    struct hn_file f;
    char folder[PATH_MAX];

    if (!name_temp(&f, folder, sizeof folder, path, pid))
        return;
    f.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f.made = f.folder >= 0;
    f.fd = -1;
    hn_file_drop(&f);
}

hn_status hn_file_replace(const char *path, const void *bytes, size_t count)
{
    struct hn_file f;
    hn_status st = hn_file_begin(&f, path);

    if (st != HN_OK)
        return st;
    if ((st = hn_file_write(&f, bytes, count)) == HN_OK)
        return hn_file_commit(&f);
    hn_file_drop(&f);
    return st;
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

static void sweep(const char *folder, bool all)
{
    long pid;

    DIR *d = opendir(folder);

    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if ((all ? is_temp(e->d_name, &pid) : is_stale(dirfd(d), e->d_name)) &&
            unlinkat(dirfd(d), e->d_name, 0) == 0)
            hn_log(HN_LOG_INFO, "removed %s/%s, left behind by a killed process", folder, e->d_name);
    closedir(d);
}

void hn_file_sweep(const char *folder)
{
    sweep(folder, false);
}

void hn_file_sweep_all(const char *folder)
{
    sweep(folder, true);
}
