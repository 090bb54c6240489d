#include "base/file.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Why a folder cannot be made is what mkdir said, not that it is not there afterwards; but a folder that is
 * there needs no mkdir, whatever that says (a read-only file system, an automounted place). */
static hn_status make_one(const char *part, const char *path)
{
    struct stat there;

    if (mkdir(part, 0777) == 0)
        return HN_OK;
    int why = errno;
    if (stat(part, &there) != 0)
        return hn_fail(HN_ECREATE, "%s: cannot be made: %s%s%s", path, strcmp(part, path) ? part : "",
                       strcmp(part, path) ? ": " : "", strerror(why));
    if (!S_ISDIR(there.st_mode))
        return hn_fail(HN_ECREATE, "%s: cannot be made: %s is not a folder", path, part);
    return HN_OK;
}

hn_status hn_file_make_folders(const char *path)
{
    char part[PATH_MAX];
    hn_status st;

    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return hn_fail(HN_ECREATE, "%.60s...: the name of a folder is too long", path);
    for (char *slash = part + (part[0] == '/'); (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        st = make_one(part, path);
        *slash = '/';
        if (st != HN_OK)
            return st;
    }
    if ((st = make_one(part, path)) != HN_OK)
        return st;
    if (access(part, W_OK | X_OK) != 0)
        return hn_fail(HN_ECREATE, "%s: no files can be made here: %s", path, strerror(errno));
    return HN_OK;
}

struct size {
    char text[32];
};

/* "1.50 GiB" */
static struct size size_of(double bytes)
{
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    struct size s;
    size_t u = 0;

    for (; bytes >= 1024 && u < sizeof unit / sizeof *unit - 1; u++)
        bytes /= 1024;
    snprintf(s.text, sizeof s.text, u ? "%.2f %s" : "%.0f %s", bytes, unit[u]);
    return s;
}

hn_status hn_file_check_room(const char *folder, uint64_t bytes)
{
    struct statvfs fs;
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < bytes)
        return hn_fail(HN_ECREATE,
                       "%s: a file of %s is to be written here, but the limit on files is %s (ulimit -f)",
                       folder, size_of((double)bytes).text, size_of((double)limit.rlim_cur).text);
    if (statvfs(folder, &fs) != 0 || fs.f_blocks == 0)
        return HN_OK;
    double room = (double)fs.f_bavail * (double)fs.f_frsize;
    if (room < (double)bytes)
        return hn_fail(HN_ECREATE,
                       "%s: a file of %s is to be written here, but the file system has only %s free", folder,
                       size_of((double)bytes).text, size_of(room).text);
    return HN_OK;
}
