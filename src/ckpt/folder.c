#include "ckpt/folder.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "step-%08" PRIu64 ".h5"

hn_status hn_ckpt_file_name(char *path, size_t room, const char *dir, uint64_t step)
{
    int n = snprintf(path, room, "%s/" FILE_NAME, dir, step);

    return n > 0 && (size_t)n < room ? HN_OK : hn_fail(HN_EUSAGE, "%s: too long a name for a folder", dir);
}

/* The step in a file's name, when it is exactly how we would write it. */
static bool step_of(const char *name, uint64_t *step)
{
    char again[64], *end = NULL;

    if (strncmp(name, "step-", 5) != 0)
        return false;
    errno = 0;
    *step = strtoull(name + 5, &end, 10);
    snprintf(again, sizeof again, FILE_NAME, *step);
    return errno == 0 && strcmp(name, again) == 0;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x < y) - (x > y);
}

static bool is_folder(DIR *d, const char *name)
{
    struct stat s;

    return fstatat(dirfd(d), name, &s, 0) == 0 && S_ISDIR(s.st_mode);
}

/* Up to `room` steps; returns how many there are. */
static size_t scan(DIR *d, uint64_t *step, size_t room)
{
    size_t n = 0;
    uint64_t found;

    rewinddir(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (step_of(e->d_name, &found) && !is_folder(d, e->d_name)) {
            if (n < room)
                step[n] = found;
            n++;
        }
    return n;
}

hn_status hn_ckpt_list(uint64_t **out, size_t *count, const char *dir)
{
    uint64_t *step = NULL;
    DIR *d = opendir(dir);
    size_t n, room;

    *out = NULL;
    *count = 0;
    if (d == NULL && errno == ENOENT)
        return HN_OK;
    if (d == NULL)
        return hn_fail(HN_ENOINPUT, "%s: cannot be read: %s", dir, strerror(errno));
    room = scan(d, NULL, 0);
    if (room > 0 && (step = hn_calloc(room, sizeof *step)) == NULL) {
        closedir(d);
        return HN_ENOMEM;
    }
    n = room > 0 ? scan(d, step, room) : 0; /* the folder may have changed since */
    closedir(d);
    if (n > room)
        n = room;
    if (n > 0)
        qsort(step, n, sizeof *step, newest_first);
    *out = step;
    *count = n;
    return HN_OK;
}

static void sync_folder_above(const char *dir)
{
    char above[PATH_MAX];
    int fd;

    if (snprintf(above, sizeof above, "%s/..", dir) >= (int)sizeof above)
        return;
    fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd); /* where that cannot be done a power cut may cost the first checkpoint, nothing else */
    close(fd);
}

hn_status hn_ckpt_make_folder(const char *dir)
{
    if (mkdir(dir, 0777) == 0)
        sync_folder_above(dir);
    else if (errno != EEXIST)
        return hn_fail(HN_ECREATE, "%s: cannot be created: %s", dir, strerror(errno));
    return HN_OK;
}
