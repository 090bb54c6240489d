#include "base/file.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
