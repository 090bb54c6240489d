/* Files put in place: whole or not at all, what killed processes leave, folders made on the way. */
#include "base/file.h"
#include "base/mem.h"
#include "tap.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/hn-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static size_t files_in(const char *path)
{
    size_t count = 0;
    DIR *d = opendir(path);

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d != NULL)
        closedir(d);
    return count;
}

static bool said(const char *words)
{
    if (strstr(hn_error_text(), words) != NULL && strchr(hn_error_text(), '\n') == NULL)
        return true;
    printf("# said: %s\n", hn_error_text());
    return false;
}

static bool holds(const char *path, const void *bytes, size_t count)
{
    char *got = malloc(count + 1);
    FILE *f = fopen(path, "rb");
    bool same = f != NULL && fread(got, 1, count + 1, f) == count && memcmp(got, bytes, count) == 0;

    if (f != NULL)
        fclose(f);
    free(got);
    return same;
}

static void touch(const char *path)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* ---- whole or not at all ---- */
static void replaced(void)
{
    enum { LARGE = 3000001 };
    char *bytes = malloc(LARGE);
    struct stat at;

    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 31 + i / 257);
    tap_status(hn_file_replace(in_folder("a"), "old", 3), HN_OK, "a new file");
    ok(holds(in_folder("a"), "old", 3), "holds what was given");
    tap_status(hn_file_replace(in_folder("a"), bytes, LARGE), HN_OK, "in its place a large one");
    ok(holds(in_folder("a"), bytes, LARGE), "is whole");
    tap_status(hn_file_replace(in_folder("a"), "", 0), HN_OK, "an empty one");
    ok(stat(in_folder("a"), &at) == 0 && at.st_size == 0, "is empty");
    ok(files_in(folder) == 1, "no temporary stays");
    free(bytes);
}

static void in_pieces(void)
{
    struct hn_file f = HN_FILE_NONE;

    hn_file_drop(&f);
    tap_status(hn_file_replace(in_folder("a"), "before", 6), HN_OK, "a file stands");
    tap_status(hn_file_begin(&f, in_folder("a")), HN_OK, "another begins");
    ok(hn_file_write(&f, "one ", 4) == HN_OK && hn_file_write(&f, "two", 3) == HN_OK &&
           hn_file_write_at(&f, "ONE", 3, 0) == HN_OK && holds(in_folder("a"), "before", 6),
       "is written, and the first one still stands");
    tap_status(hn_file_commit(&f), HN_OK, "until the commit");
    ok(holds(in_folder("a"), "ONE two", 7), "which puts the other in its place");
    hn_file_drop(&f);
    ok(f.fd == -1 && f.folder == -1 && holds(in_folder("a"), "ONE two", 7), "a drop after that does nothing");
    tap_status(hn_file_begin(&f, in_folder("a")), HN_OK, "a third begins");
    hn_file_write(&f, "three", 5);
    hn_file_drop(&f);
    ok(holds(in_folder("a"), "ONE two", 7) && files_in(folder) == 1, "dropped, it leaves nothing");
}

static void refused(void)
{
    struct rlimit limit, small;
    struct hn_file f;
    char name[300];
    struct stat at;

    mkdir(in_folder("sub"), 0700);
    tap_status(hn_file_replace(in_folder("sub"), "x", 1), HN_ECREATE, "a folder is there");
    ok(said("/sub: cannot be created: something else than a file is there"), "is said");
    ok(stat(in_folder("sub"), &at) == 0 && S_ISDIR(at.st_mode), "and still there");
    tap_status(hn_file_replace("/dev/null", "x", 1), HN_ECREATE, "a device is there");
    tap_status(hn_file_replace(in_folder("none/a"), "x", 1), HN_ECREATE, "no folder");
    ok(said("none/a: cannot be created: ") && said("No such file or directory"), "is said");
    ok(hn_file_begin(&f, in_folder("none/a")) == HN_ECREATE && f.fd == -1 && f.folder == -1 && !f.made,
       "then there is nothing to drop");
    tap_status(hn_file_replace(in_folder("a/b"), "x", 1), HN_ECREATE, "a file instead of the folder");
    tap_status(hn_file_replace(in_folder("sub/"), "x", 1), HN_ECREATE, "no name");
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    tap_status(hn_file_replace(name, "x", 1), HN_ECREATE, "too long a name");

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    small.rlim_cur = 20;
    setrlimit(RLIMIT_FSIZE, &small);
    hn_status st = hn_file_replace(in_folder("a"), "more than those twenty bytes", 28);
    setrlimit(RLIMIT_FSIZE, &limit);
    tap_status(st, HN_EIO, "a disk that fills up");
    ok(said("/a: writing failed: File too large"), "is said");

    /* something else comes in between */
    tap_status(hn_file_begin(&f, in_folder("late")), HN_OK, "a file begins");
    mkdir(in_folder("late"), 0700);
    tap_status(hn_file_commit(&f), HN_ECREATE, "whose place a folder takes");
    ok(said("/late: cannot be put in place: "), "is said");
    rmdir(in_folder("late"));
    rmdir(in_folder("sub"));
    ok(holds(in_folder("a"), "ONE two", 7) && files_in(folder) == 1,
       "after all this the old file is whole and alone");
}

/* ---- what a killed process leaves ---- */
static void name_temp(char out[256], const char *of, const char *host, long pid)
{
    char name[200];

    snprintf(name, sizeof name, ".%s.%s.%ld.tmp", of, host, pid);
    snprintf(out, 256, "%s", in_folder(name));
}

static pid_t begins_and_is_killed(void)
{
    pid_t child = fork();

    if (child == 0) {
        struct hn_file f;
        if (hn_file_begin(&f, in_folder("left")) == HN_OK)
            hn_file_write(&f, "half", 4);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    return child;
}

static void swept(void)
{
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 25 * 3600}, {.tv_sec = time(NULL) - 25 * 3600}};
    char host[65] = "", dead[256], living[256], elsewhere[256], ancient[256];
    struct hn_file f;

    gethostname(host, sizeof host - 1);
    name_temp(dead, "left", host, begins_and_is_killed());
    ok(holds(dead, "half", 4), "a killed process leaves its temporary");
    tap_status(hn_file_begin(&f, in_folder("mine")), HN_OK, "this process has one");
    name_temp(living, "mine", host, getpid());
    name_temp(elsewhere, "a", "another-host", 1);
    name_temp(ancient, "a", "another-host", 2);
    touch(elsewhere);
    touch(ancient);
    utimensat(AT_FDCWD, ancient, old, 0);
    touch(in_folder(".notes.tmp"));
    touch(in_folder("a.b.999999999.tmp"));
    hn_file_sweep(folder);
    ok(access(dead, F_OK) != 0, "a sweep removes a dead process's");
    ok(access(living, F_OK) == 0, "a living one's stays");
    ok(access(elsewhere, F_OK) == 0 && access(ancient, F_OK) != 0, "another host's stays for a day");
    ok(access(in_folder(".notes.tmp"), F_OK) == 0 && access(in_folder("a.b.999999999.tmp"), F_OK) == 0,
       "other people's files stay");
    tap_status(hn_file_commit(&f), HN_OK, "the living one's is put in place");
    ok(holds(in_folder("a"), "ONE two", 7), "and no file in place was touched");
    hn_file_sweep(in_folder("nowhere"));
    hn_file_sweep_all(folder);
    ok(access(elsewhere, F_OK) != 0 && access(in_folder("mine"), F_OK) == 0 &&
           access(in_folder(".notes.tmp"), F_OK) == 0 && access(in_folder("a.b.999999999.tmp"), F_OK) == 0,
       "who is alone removes other hosts', too, and nothing else");
    unlink(in_folder("mine"));
    unlink(in_folder(".notes.tmp"));
    unlink(in_folder("a.b.999999999.tmp"));
}

/* ---- folders ---- */
static bool read_only;

/* Stands in for the C library's: on a read-only file system it says so even of folders that are there. */
int mkdir(const char *path, mode_t mode)
{
    if (read_only) {
        errno = EROFS;
        return -1;
    }
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static void folders(void)
{
    struct stat at;

    tap_status(hn_file_make_folders(in_folder("x/y//z")), HN_OK, "nested folders are made");
    ok(stat(in_folder("x/y/z"), &at) == 0 && S_ISDIR(at.st_mode), "all of them");
    tap_status(hn_file_make_folders(in_folder("x/y/z/")), HN_OK, "again: they are there");
    tap_status(hn_file_replace(in_folder("x/y/z/b"), "x", 1), HN_OK, "and take files");
    tap_status(hn_file_make_folders(in_folder("a/b/c")), HN_ECREATE, "below a file there are none");
    ok(said("/a/b/c: cannot be made: ") && said("/a is not a folder"), "says which is one");
    tap_status(hn_file_make_folders(in_folder("a")), HN_ECREATE, "nor where a file is");
    ok(said("/a is not a folder"), "says so");
    read_only = true;
    tap_status(hn_file_make_folders(in_folder("x/new/z")), HN_ECREATE, "on a read-only file system");
    ok(said("/x/new/z: cannot be made: ") && said("/x/new: Read-only file system"), "the reason is mkdir's");
    tap_status(hn_file_make_folders(in_folder("x/y/z")), HN_OK, "what is there need not be made");
    read_only = false;
    unlink(in_folder("x/y/z/b"));
    rmdir(in_folder("x/y/z"));
    rmdir(in_folder("x/y"));
    rmdir(in_folder("x"));
}

int main(void)
{
    tap_plan(7 + 7 + 17 + 8 + 12 + 2);
    if (mkdtemp(folder) == NULL)
        exit(1);
    replaced();
    in_pieces();
    refused();
    swept();
    folders();
    unlink(in_folder("a"));
    ok(rmdir(folder) == 0, "nothing else was made");
    ok(hn_live_blocks() == 0, "all memory is given back");
    return tap_done();
}
