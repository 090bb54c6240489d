/* The n-th call to the system fails, n = 1, 2, ... until none is left: whatever came back, the file is the
 * old one or the new one, whole, and nothing lies beside it. */
#include "base/mem.h"
#include "store/files.h"
#include "store/store.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

enum call { WRITE, PWRITE, FSYNC, CLOSE, RENAME, CALLS };
static const char *const call_name[] = {"write", "pwrite", "fsync", "close", "renameat"};
static struct {
    enum call call;
    int at, error; /* at 0: none fails */
    bool was_hit, halves;
} fault;

static bool hit(enum call call)
{
    if (call != fault.call || fault.at == 0 || --fault.at > 0)
        return false;
    fault.was_hit = true;
    errno = fault.error;
    return true;
}

/* These stand in for the C library's. */
ssize_t write(int fd, const void *bytes, size_t n)
{
    if (fd > 2 && hit(WRITE))
        return -1;
    return syscall(SYS_write, fd, bytes, fd > 2 && fault.halves ? (n + 1) / 2 : n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    if (hit(PWRITE))
        return -1;
    return syscall(SYS_pwrite64, fd, bytes, fault.halves ? (n + 1) / 2 : n, at);
}

int fsync(int fd)
{
    return hit(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int close(int fd)
{
    long r = syscall(SYS_close, fd);

    return hit(CLOSE) ? -1 : (int)r;
}

int renameat(int from, const char *a, int to, const char *b)
{
    return hit(RENAME) ? -1 : (int)syscall(SYS_renameat2, from, a, to, b, 0);
}

static hn_status write_small(const char *path, int32_t generation)
{
    hn_store_writer *w = NULL;
    hn_status st = hn_store_begin(&w);

    if (st == HN_OK)
        st = hn_store_put(w, "/generation", HN_I32, 0, NULL, &generation);
    return st == HN_OK ? hn_store_publish(w, path) : st;
}

static hn_status write_large(const char *path, int32_t generation)
{
    static const unsigned char bytes[10000] = {1, 2, 3};
    hn_store_writer *w = NULL;
    hn_status st = hn_store_begin_large(&w, path);

    if (st == HN_OK)
        st = hn_store_put(w, "/generation", HN_I32, 0, NULL, &generation);
    if (st == HN_OK)
        st = hn_store_declare(w, "/x", HN_U8, 1, (uint64_t[]){10000}, 4000);
    for (int i = 0; st == HN_OK && i < 2; i++)
        st = hn_store_fill(w, "/x", bytes, 5000);
    if (st == HN_OK)
        return hn_store_publish(w, path);
    hn_store_abandon(w);
    return st;
}

/* -1: it cannot be read. */
static int32_t generation_of(const char *path)
{
    hn_store *s = NULL;
    int32_t g = -1;

    if (hn_store_open(&s, path) != HN_OK || hn_store_read(s, "/generation", HN_I32, &g, 1) != HN_OK)
        g = -1;
    hn_store_close(s);
    return g;
}

typedef hn_status writer(const char *path, int32_t generation);

static bool fails_well(writer *write_file, const char *path, enum call call, int n, int32_t generation)
{
    int32_t before = generation_of(path), after;

    fault.call = call;
    fault.at = n;
    fault.was_hit = false;
    hn_status st = write_file(path, generation);
    fault.at = 0;
    after = generation_of(path);
    /* The second fsync is the folder's: by then the new file is in place. */
    bool right =
        st == HN_OK ? after == generation : after == before || (call == FSYNC && after == generation);
    if (st != HN_OK)
        right &= (st == HN_EIO || st == HN_ECREATE) && strstr(hn_error_text(), path) == hn_error_text() &&
                 strstr(hn_error_text(), strerror(fault.error)) != NULL;
    right &= files_with(play, "") == 1 && (fault.was_hit || st == HN_OK);
    if (!right)
        printf("# %s %d: status %d (%s), generation %d, before %d\n", call_name[call], n, (int)st,
               hn_error_text(), after, before);
    return right;
}

static void each_call_fails(writer *write_file, const char *what)
{
    const char *path = in_play("f.h5");
    int32_t generation = 1;

    ok(write_file(path, generation) == HN_OK, "a %s file", what);
    for (enum call call = 0; call < CALLS; call++) {
        bool right = true;
        int n = 0;
        do {
            right &= fails_well(write_file, path, call, ++n, ++generation);
        } while (fault.was_hit && n < 100);
        ok(right && n < 100, "%s: fails in turn, %d times", call_name[call], n - 1);
    }
    fault.halves = true;
    ok(write_file(path, 1000) == HN_OK && generation_of(path) == 1000, "short writes are continued");
    fault.halves = false;
    fault.error = EINTR;
    fault.call = write_file == write_small ? WRITE : PWRITE;
    fault.at = 1;
    ok(write_file(path, 1001) == HN_OK && fault.was_hit && generation_of(path) == 1001,
       "interrupted ones are repeated");
    fault.error = EDQUOT;
    remove(path);
}

int main(void)
{
    tap_plan(17);
    play_begin();
    fault.error = EDQUOT;
    each_call_fails(write_small, "small");
    each_call_fails(write_large, "large");
    ok(hn_live_blocks() == 0, "no memory is left behind");
    play_end();
    return tap_done();
}
