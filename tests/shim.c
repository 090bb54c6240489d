/* Preloaded by tests: the n-th call of a save fails, or kills the process.
 *
 *   SHIM=CALL:FROM:TO:WHAT LD_PRELOAD=build/shim.so PROGRAM
 *   CALL  one of the names below, "append" (a write to a file opened for that), or "any"
 *   FROM  which of these calls, from 1; those up to TO meet the same fate
 *   WHAT  ENOSPC EDQUOT EIO EROFS EINTR; SHORT (half of a write); KILL (before the call); AFTER (killed after
 *         it); HALF (killed in the middle of a write); WAITms (the call takes so long); CRAWLms (so does
 * every page of a write); NONE
 *
 * SHIM_LOG=FILE gets the name of each call, one a line.  Calls count in the thread that saves: from its mkdir
 * of ".../checkpoints" on; those of "*CALL" in all. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum fate { PASS, FAIL, SHORT, HALF, AFTER, CRAWL };

static struct {
    char call[16], what[16];
    int from, to, log;
    bool everywhere, read;
} shim;
static atomic_int seen;
static _Thread_local bool saves; /* this thread */

__attribute__((constructor)) static void read_wish(void)
{
    const char *wish = getenv("SHIM"), *log = getenv("SHIM_LOG");

    if (shim.read)
        return;
    shim.read = true;
    shim.everywhere = wish && wish[0] == '*';
    wish += shim.everywhere;
    shim.log = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (wish == NULL || sscanf(wish, "%15[^:]:%d:%d:%15s", shim.call, &shim.from, &shim.to, shim.what) != 4)
        shim.call[0] = '\0';
}

static void note(const char *name)
{
    char line[32];
    int n = snprintf(line, sizeof line, "%s\n", name);

    if (shim.log >= 0)
        syscall(SYS_write, shim.log, line, n);
}

static int error_of(const char *what)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO}, {"EROFS", EROFS}, {"EINTR", EINTR}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, what) == 0)
            return known[i].number;
    return 0;
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
}

static enum fate fate(const char *name)
{
    int ms, nth;

    read_wish(); /* other libraries may start before this one */
    if (!saves && !shim.everywhere)
        return PASS;
    if (saves)
        note(name);
    if (strcmp(shim.call, "any") != 0 && strcmp(shim.call, name) != 0)
        return PASS;
    if ((nth = ++seen) < shim.from || nth > shim.to)
        return PASS;
    if (sscanf(shim.what, "WAIT%d", &ms) == 1 || sscanf(shim.what, "CRAWL%d", &ms) == 1) {
        struct timespec left = {ms / 1000, ms % 1000 * 1000000L};
        while (nanosleep(&left, &left) != 0 && errno == EINTR)
            ;
        return shim.what[0] == 'C' ? CRAWL : PASS;
    }
    if (strcmp(shim.what, "KILL") == 0)
        die();
    if (strcmp(shim.what, "AFTER") == 0)
        return AFTER;
    if (strcmp(shim.what, "SHORT") == 0)
        return SHORT;
    if (strcmp(shim.what, "HALF") == 0)
        return HALF;
    errno = error_of(shim.what);
    return errno ? FAIL : PASS;
}

#define NEXT(f) ((__typeof__(&f))dlsym(RTLD_NEXT, #f))
/* The call itself unless it is to fail, with the end that may follow it. */
#define STAND_IN(type, f, failed, ...)                                                                       \
    do {                                                                                                     \
        enum fate its = fate(#f);                                                                            \
        if (its == FAIL)                                                                                     \
            return failed;                                                                                   \
        type got = NEXT(f)(__VA_ARGS__);                                                                     \
        if (its == AFTER)                                                                                    \
            die();                                                                                           \
        return got;                                                                                          \
    } while (0)

int mkdir(const char *path, mode_t mode)
{
    size_t n = strlen(path);

    saves |= n >= 11 && strcmp(path + n - 11, "checkpoints") == 0 && syscall(SYS_gettid) != getpid();
    STAND_IN(int, mkdir, -1, path, mode);
}

int statvfs(const char *path, struct statvfs *out)
{
    STAND_IN(int, statvfs, -1, path, out);
}

int open(const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    STAND_IN(int, open, -1, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    STAND_IN(int, openat, -1, folder, path, flags, mode);
}

int fstatat(int folder, const char *path, struct stat *out, int flags)
{
    STAND_IN(int, fstatat, -1, folder, path, out, flags);
}

int fstat(int fd, struct stat *out)
{
    STAND_IN(int, fstat, -1, fd, out);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    int flags = fcntl(fd, F_GETFL);
    enum fate its = fate(flags >= 0 && flags & O_APPEND ? "append" : "write");

    if (its == FAIL)
        return -1;
    if (its == SHORT || its == HALF)
        n = (n + 1) / 2;
    ssize_t done = NEXT(write)(fd, bytes, its == CRAWL && n > 4096 ? 4096 : n);
    if (its == HALF || its == AFTER)
        die();
    return done;
}

ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
    STAND_IN(ssize_t, pread, -1, fd, bytes, n, at);
}

int fsync(int fd)
{
    STAND_IN(int, fsync, -1, fd);
}

int fdatasync(int fd)
{
    STAND_IN(int, fdatasync, -1, fd);
}

/* A descriptor is closed whatever close() says. */
int close(int fd)
{
    enum fate its = fate("close");
    int got = (int)syscall(SYS_close, fd);

    if (its == AFTER)
        die();
    if (its != FAIL)
        return got;
    errno = error_of(shim.what);
    return -1;
}

int renameat(int from, const char *a, int to, const char *b)
{
    STAND_IN(int, renameat, -1, from, a, to, b);
}

int unlinkat(int folder, const char *path, int flags)
{
    STAND_IN(int, unlinkat, -1, folder, path, flags);
}

int remove(const char *path)
{
    STAND_IN(int, remove, -1, path);
}

DIR *opendir(const char *path)
{
    STAND_IN(DIR *, opendir, NULL, path);
}

struct dirent *readdir(DIR *d)
{
    STAND_IN(struct dirent *, readdir, NULL, d);
}

int closedir(DIR *d)
{
    STAND_IN(int, closedir, -1, d);
}
