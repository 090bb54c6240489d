/* ranks: 1.  Rows that wait: for room, over a step back, and when another run has the directory; what such a
 * run leaves alone. */
#include "tap.h"
#include "train/rundir.h"
#include "train/saver.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Ours in place of the system's, with faults.  The disk has room for that many more bytes of rows. */
static size_t room = SIZE_MAX;
static bool no_cut, taken_at_rename;
static char folder[64];

ssize_t write(int fd, const void *bytes, size_t n)
{
    if ((fcntl(fd, F_GETFL) & O_APPEND) == 0 || room == SIZE_MAX)
        return syscall(SYS_write, fd, bytes, n);
    if (room == 0) {
        errno = ENOSPC;
        return -1;
    }
    n = n < room ? n : room;
    room -= n;
    return syscall(SYS_write, fd, bytes, n);
}

int ftruncate(int fd, off_t length)
{
    errno = EIO;
    return no_cut ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

static void take_over(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/lock.9", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0666);
    (void)!write(fd, "held by another", 15);
    close(fd);
}

int renameat(int from, const char *a, int to, const char *b)
{
    int got = (int)syscall(SYS_renameat2, from, a, to, b, 0);

    if (taken_at_rename)
        take_over();
    return got;
}

static void fresh(struct hn_rundir *d)
{
    static int n;

    room = SIZE_MAX;
    no_cut = false;
    snprintf(folder, sizeof folder, "/tmp/hn-rows.%d.%d", (int)getpid(), n++);
    if (hn_rundir_open(d, folder) != HN_OK || hn_rundir_open_metrics(d, 0) != HN_OK)
        exit(1);
}

static void clear(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

static void row(struct hn_rundir *d, int step)
{
    struct hn_text line = {0};

    hn_text_add(&line, "{\"step\":%d}\n", step);
    hn_rundir_row(d, &line);
    hn_text_free(&line);
}

/* As another run does. */
static void other_row(int step)
{
    char path[128], text[32];
    int fd, n = snprintf(text, sizeof text, "{\"step\":%d}\n", step);

    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    fd = open(path, O_WRONLY | O_APPEND);
    syscall(SYS_write, fd, text, n);
    close(fd);
}

static bool holds(const char *name, const char *want)
{
    char path[128], text[512] = "";
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if ((fd = open(path, O_RDONLY)) < 0)
        return false;
    (void)!read(fd, text, sizeof text - 1);
    close(fd);
    if (strcmp(text, want) != 0)
        printf("# %s: %s\n", name, text);
    return strcmp(text, want) == 0;
}

static off_t size_of(const char *name)
{
    char path[128];
    struct stat s = {0};

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &s) == 0 ? s.st_size : -1;
}

#define ROW(n) "{\"step\":" #n "}\n"

static void test_partial(void)
{
    struct hn_rundir d;

    fresh(&d);
    row(&d, 1);
    room = 5;
    row(&d, 2);
    ok(holds("metrics.jsonl", ROW(1)), "the beginning of a row is taken away at once");
    no_cut = true;
    room = 5;
    row(&d, 3);
    ok(holds("metrics.jsonl", ROW(1) "{\"ste"), "or stays when that cannot be");
    room = SIZE_MAX;
    no_cut = false;
    row(&d, 4);
    ok(holds("metrics.jsonl", ROW(1) ROW(2) ROW(3) ROW(4)), "until it can: all rows are there, whole");
    hn_rundir_close(&d);
    clear();
}

static void test_taken_over(void)
{
    struct hn_rundir d;

    for (int reopen = 0; reopen < 2; reopen++) {
        fresh(&d);
        row(&d, 1);
        room = 0;
        row(&d, 2);
        take_over();
        other_row(7);
        room = SIZE_MAX;
        if (reopen)
            (void)hn_rundir_open_metrics(&d, 2);
        hn_rundir_close(&d);
        ok(holds("metrics.jsonl", ROW(1) ROW(7)), "taken over, and %s: the other's row stays, none is added",
           reopen ? "opened anew" : "closed");
        clear();
    }
    fresh(&d);
    row(&d, 1);
    no_cut = true;
    room = 5;
    row(&d, 2);
    other_row(7); /* and gives the directory back at once: the lock tells nothing */
    room = SIZE_MAX;
    no_cut = false;
    row(&d, 3);
    ok(holds("metrics.jsonl", ROW(1) "{\"ste" ROW(7) ROW(2) ROW(3)),
       "rows behind one's own beginning of one stay");
    hn_rundir_close(&d);
    clear();
}

static void test_back(void)
{
    struct hn_rundir d;

    fresh(&d);
    row(&d, 1);
    room = 0;
    row(&d, 2);
    row(&d, 3);
    tap_status(hn_rundir_open_metrics(&d, 2), HN_OK, "a step back while rows wait");
    room = SIZE_MAX;
    hn_rundir_catch_up(&d);
    ok(holds("metrics.jsonl", ROW(1) ROW(2)),
       "keeps those up to its step, which are written once there is room");
    row(&d, 3);
    hn_rundir_close(&d);
    ok(holds("metrics.jsonl", ROW(1) ROW(2) ROW(3)), "the next ones follow");
    clear();
}

static void save(hn_saver *s, uint64_t step)
{
    hn_saver_begin(s, step);
    hn_saver_wait(s);
    (void)hn_saver_result(s);
}

static void test_save(void)
{
    static real w[4] = {1, 2, 3, 4};
    static const struct hn_ckpt_array array = {.name = "w", .rank = 1, .dim = {4}, .data = w};
    static const struct hn_ckpt_options options = {.keep = 1};
    hn_ckpt_image *image;
    hn_saver *s;
    struct hn_rundir d;

    fresh(&d);
    if (hn_ckpt_image_new(&image, &array, 1, NULL, 0) != HN_OK ||
        hn_saver_new(&s, image, d.checkpoints, &options, d.lock, &d.rows) != HN_OK)
        exit(1);
    save(s, 1);
    save(s, 2);
    ok(size_of("checkpoints/step-00000001.h5") < 0 && size_of("checkpoints/step-00000002.h5") > 0,
       "a save deletes the checkpoint before");
    taken_at_rename = true;
    save(s, 3);
    taken_at_rename = false;
    ok(size_of("checkpoints/step-00000002.h5") > 0, "but not where another run has the directory since");
    hn_saver_free(s);
    off_t before = size_of("log.txt");
    hn_log(HN_LOG_INFO, "a line");
    ok(hn_dirlock_lost(d.lock) && size_of("log.txt") == before, "whose log.txt gets no line either");
    hn_rundir_close(&d);
    clear();
}

static void test_close(void)
{
    struct hn_rundir d;

    fresh(&d);
    room = 0;
    row(&d, 1);
    off_t before = size_of("log.txt");
    hn_rundir_close(&d);
    ok(size_of("log.txt") > before, "what is said of rows at the end is in log.txt");
    clear();
}

int main(void)
{
    tap_plan(13);
    hn_log_to(NULL, NULL, HN_LOG_WARN);
    test_partial();
    test_taken_over();
    test_back();
    test_save();
    test_close();
    return tap_done();
}
