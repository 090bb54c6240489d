/* ranks: 1.  The lock of a run directory: holders that live, died, are elsewhere, come back; many at once. */
#include "base/clock.h"
#include "base/mem.h"
#include "hardneg/comm.h"
#include "tap.h"
#include "train/dirlock.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ours in place of the system's: a file system without locks, or whose locks (-1) do nothing. */
static int flock_fails;
int flock(int fd, int how)
{
    if (flock_fails == -1)
        return 0;
    if (flock_fails == 0)
        return (int)syscall(SYS_flock, fd, how);
    errno = flock_fails;
    return -1;
}

/* One whose folders cannot be listed, or only their beginning. */
static atomic_int opendir_fails, readdir_fails;
DIR *opendir(const char *path)
{
    DIR *(*next)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");

    errno = atomic_load(&opendir_fails);
    return errno ? NULL : next(path);
}
struct dirent *readdir(DIR *d)
{
    struct dirent *(*next)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
    int failed = atomic_load(&readdir_fails);

    if (failed == 0)
        return next(d);
    errno = failed;
    return NULL;
}

/* Beats and silences of a test's length; a busy machine stretches them all. */
static struct hn_dirlock_times quick = {.beat = 0.1, .silence = 0.8};
static char folder[64];

static void fresh(void)
{
    static int n;

    snprintf(folder, sizeof folder, "/tmp/hn-dirlock.%d.%d", (int)getpid(), n++);
    mkdir(folder, 0777);
}

static void clear(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

static hn_status take(hn_dirlock **l)
{
    *l = NULL;
    return hn_dirlock_take(l, folder, quick);
}

/* The file lock.N, as text. */
static void read_lock(int n, char text[512])
{
    char path[128];
    int fd;

    memset(text, 0, 512);
    snprintf(path, sizeof path, "%s/lock.%d", folder, n);
    if ((fd = open(path, O_RDONLY)) < 0)
        return;
    (void)!read(fd, text, 511);
    close(fd);
}

static void write_lock(int n, const char *text)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/lock.%d", folder, n);
    fd = open(path, O_WRONLY | O_CREAT, 0666);
    (void)!ftruncate(fd, 0);
    (void)!write(fd, text, strlen(text));
    close(fd);
}

/* Another word behind the word `key` in lock.N. */
static void change(int n, const char *key, const char *word)
{
    char text[512], out[1024], *at;

    read_lock(n, text);
    if ((at = strstr(text, key)) == NULL)
        return;
    at += strlen(key) + 1;
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, word, at + strcspn(at, " \n"));
    write_lock(n, out);
}

/* A process that takes the directory and says so; 0: it could not. */
static pid_t holder(void)
{
    int said[2];
    char c = 0;
    pid_t pid;

    (void)!pipe(said);
    fflush(stdout);
    if ((pid = fork()) == 0) {
        hn_dirlock *l;
        c = take(&l) == HN_OK;
        (void)!write(said[1], &c, 1);
        while (c && hn_dirlock_check(l) == HN_OK)
            usleep(20000);
        _exit(c ? 7 : 8);
    }
    close(said[1]);
    (void)!read(said[0], &c, 1);
    close(said[0]);
    return c ? pid : 0;
}

static void stop(pid_t pid)
{
    kill(pid, SIGSTOP);
    waitpid(pid, NULL, WUNTRACED);
}

static int end_of(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Takes it, gives it back; how long it took, or -1: refused. */
static double try_once(void)
{
    hn_dirlock *l;
    double start = hn_now();
    hn_status st = take(&l);
    double seconds = hn_now() - start;

    hn_dirlock_free(l);
    return st == HN_OK ? seconds : -1;
}

static void here(const char *how)
{
    hn_dirlock *a, *b;
    char who[64];

    fresh();
    ok(take(&a) == HN_OK, "%s: a free directory is taken", how);
    ok(take(&b) == HN_ECREATE, "%s: a held one is not", how);
    snprintf(who, sizeof who, "process %d, since ", (int)getpid());
    ok(strstr(hn_error_text(), who) != NULL && strstr(hn_error_text(), "host ") != NULL,
       "%s: the line says who holds it: %s", how, hn_error_text());
    hn_dirlock_free(a);
    ok(try_once() >= 0, "%s: given back, it is taken", how);
    pid_t pid = holder();
    stop(pid);
    ok(try_once() < 0, "%s: held by a process that is stopped", how);
    kill(pid, SIGKILL);
    end_of(pid);
    double seconds = try_once();
    ok(seconds >= 0 && seconds < quick.silence, "%s: held by one that was killed: taken at once (%.2f s)",
       how, seconds);
    clear();
}

/* Touches lock.N until it is told to quit. */
struct beats {
    char path[128];
    atomic_bool quit;
    pthread_t thread;
};

static void *touch(void *arg)
{
    struct beats *b = arg;

    while (!atomic_load(&b->quit)) {
        utimensat(AT_FDCWD, b->path, NULL, 0);
        usleep(20000);
    }
    return NULL;
}

static void begin_beats(struct beats *b, int n)
{
    snprintf(b->path, sizeof b->path, "%s/lock.%d", folder, n);
    atomic_store(&b->quit, false);
    pthread_create(&b->thread, NULL, touch, b);
}

static void end_beats(struct beats *b)
{
    atomic_store(&b->quit, true);
    pthread_join(b->thread, NULL);
}

/* Without flock, on this machine: this very process holds it, by what is written. */
static void processes(void)
{
    char text[512];
    struct beats b;
    double seconds;

    fresh();
    try_once();
    read_lock(1, text);
    memcpy(text, "held", 4);
    write_lock(2, text);
    ok(try_once() < 0, "no flock: held by a process that lives");
    change(2, "started", "1");
    seconds = try_once();
    ok(seconds >= 0 && seconds < quick.silence, "one of the same number is another: at once (%.2f s)",
       seconds);
    write_lock(4, text);
    change(4, "space", "1");
    begin_beats(&b, 4);
    ok(try_once() < 0, "one in another container that beats");
    end_beats(&b);
    ok(try_once() >= quick.silence, "one that is silent: after the silence");
    clear();
}

static void elsewhere(void)
{
    hn_dirlock *l;
    double seconds;

    fresh();
    pid_t pid = holder();
    stop(pid);
    change(1, "host", "faraway");
    change(1, "job", "77@farm");
    setenv("SLURM_JOB_ID", "77", 1);
    setenv("SLURM_CLUSTER_NAME", "farm", 1);
    setenv("SLURM_RESTART_COUNT", "1", 1);
    quick.silence = 8;
    seconds = try_once();
    ok(seconds >= 3 * quick.beat && seconds < quick.silence,
       "an earlier start of the same SLURM job: within a few beats (%.2f s)", seconds);
    quick.silence = 0.8;
    kill(pid, SIGKILL);
    end_of(pid);

    pid = holder();
    stop(pid);
    change(3, "host", "faraway");
    seconds = try_once();
    ok(seconds >= quick.silence, "the same start of it, on another host, silent: after the silence (%.2f s)",
       seconds);
    kill(pid, SIGCONT);
    ok(end_of(pid) == 7, "it comes back, sees that, and ends");

    pid = holder();
    kill(pid, SIGKILL);
    end_of(pid);
    change(5, "host", "faraway");
    change(5, "job", "78@farm");
    ok(try_once() >= quick.silence, "another job's on another host: after the silence, too");
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_CLUSTER_NAME");
    unsetenv("SLURM_RESTART_COUNT");
    clear();

    fresh();
    write_lock(1, "");
    ok(try_once() >= quick.silence, "one that died before it wrote its line: after the silence");
    write_lock(9, "held by whom?\n");
    ok(try_once() >= quick.silence, "a line that is no line, too");
    take(&l);
    ok(access(folder, F_OK) == 0 && hn_dirlock_check(l) == HN_OK, "held");
    clear();
    ok(hn_dirlock_check(l) == HN_OK, "a directory that is gone is not another's");
    mkdir(folder, 0777);
    ok(hn_dirlock_check(l) == HN_OK, "nor is an empty one");
    pid = holder();
    ok(pid > 0 && hn_dirlock_check(l) == HN_ECREATE && hn_dirlock_lost(l), "one that another took is");
    ok(strstr(hn_error_text(), "this one ends") != NULL, "and the line says so: %s", hn_error_text());
    hn_dirlock_free(l);
    kill(pid, SIGKILL);
    end_of(pid);
    clear();
}

static void earlier_starts(void)
{
    struct beats b;

    fresh();
    setenv("SLURM_JOB_ID", "77", 1);
    setenv("SLURM_CLUSTER_NAME", "farm", 1);
    pid_t pid = holder();
    setenv("SLURM_RESTART_COUNT", "1", 1);
    ok(try_once() < 0, "an earlier start of the same SLURM job that lives, here");
    change(1, "host", "faraway");
    begin_beats(&b, 1);
    ok(try_once() < 0, "on another host");
    end_beats(&b);
    kill(pid, SIGKILL);
    end_of(pid);
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_CLUSTER_NAME");
    unsetenv("SLURM_RESTART_COUNT");
    clear();
}

/* What is listed, and is not there; and being asked to stop. */
static void missing(void)
{
    static volatile sig_atomic_t flag = 1;
    char path[128];
    hn_dirlock *l;
    double start;

    fresh();
    snprintf(path, sizeof path, "%s/lock.3", folder);
    ok(symlink("/nowhere", path) == 0 && try_once() >= quick.silence,
       "a name that leads nowhere: after the silence");
    ok(access(path, F_OK) != 0 && unlink(path) != 0, "and is gone");
    hn_comm_stop_when(&flag);
    ok(try_once() >= 0, "asked to stop: what is free is taken all the same");
    quick.silence = 30;
    (void)symlink("/nowhere", (snprintf(path, sizeof path, "%s/lock.9", folder), path));
    start = hn_now();
    ok(take(&l) == HN_STOPPED && hn_now() - start < quick.silence, "what is not clear is left: %s",
       hn_error_text());
    write_lock(10, "");
    ok(take(&l) == HN_STOPPED && hn_now() - start < quick.silence, "a silent holder, too");
    quick.silence = 0.8;
    hn_comm_stop_when(NULL);
    clear();
}

static void listings(void)
{
    atomic_int *const fails[] = {&opendir_fails, &readdir_fails};
    hn_dirlock *l, *other;

    for (int i = 0; i < 2; i++) {
        fresh();
        ok(take(&l) == HN_OK, "held");
        atomic_store(fails[i], EIO);
        ok(take(&other) == HN_ECREATE && strstr(hn_error_text(), "listed: Input/output error") != NULL,
           "a folder that cannot be listed is not taken for free: %s", hn_error_text());
        ok(hn_dirlock_check(l) == HN_OK, "nor for lost");
        atomic_store(fails[i], 0);
        hn_dirlock_free(l);
        clear();
    }
}

/* Locks that do nothing: a free one is no proof. */
static void free_locks(void)
{
    hn_dirlock *l;
    struct beats b;

    flock_fails = -1;
    here("flock that does nothing");
    fresh();
    take(&l);
    change(1, "space", "1");
    begin_beats(&b, 1);
    ok(try_once() < 0, "flock that does nothing: one in another container that beats");
    end_beats(&b);
    hn_dirlock_free(l);
    clear();

    fresh();
    pid_t pid = holder();
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
    quick.silence = 8;
    double seconds = try_once();
    ok(seconds >= 0 && seconds < quick.silence,
       "one that was killed, and not yet collected: at once (%.2f s)", seconds);
    quick.silence = 0.8;
    end_of(pid);
    clear();
    flock_fails = 0;
}

static void beating(void)
{
    struct beats b;

    fresh();
    write_lock(4, "held host faraway process 12 started 5 boot x space 1 flock 1 job 77@farm restart 0 since "
                  "2026-01-01T00:00:00+0000\n");
    begin_beats(&b, 4);
    ok(try_once() < 0, "a holder on another host that beats is not gone");
    ok(strstr(hn_error_text(), "host faraway, SLURM job 77, process 12, since 2026-01-01T00:00:00+0000") !=
           NULL,
       "and is named: %s", hn_error_text());
    end_beats(&b);
    clear();
}

/* What `many` processes find that go for the directory at the same instant; one that has it keeps it until
 * all have an answer. */
static int winners(pid_t *pid, int many)
{
    int go[2], answer[2], won = 0;
    char c;

    (void)!pipe(go);
    (void)!pipe(answer);
    fflush(stdout);
    for (int i = 0; i < many; i++)
        if ((pid[i] = fork()) == 0) {
            hn_dirlock *l;
            close(go[1]);
            (void)!read(go[0], &c, 1); /* its end is the start */
            c = hn_dirlock_take(&l, folder, (struct hn_dirlock_times){.beat = 0.1, .silence = 0.5}) == HN_OK;
            (void)!write(answer[1], &c, 1);
            if (c)
                pause();
            _exit(0);
        }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < many; i++)
        won += read(answer[0], &c, 1) == 1 && c;
    close(answer[0]);
    close(answer[1]);
    return won;
}

static void at_once(const char *how, const char *stale, int rounds, int many)
{
    pid_t pid[8];
    int bad = 0;

    for (int i = 0; i < rounds; i++) {
        fresh();
        if (stale)
            write_lock(1, stale);
        bad += winners(pid, many) != 1;
        for (int k = 0; k < many; k++) {
            kill(pid[k], SIGKILL);
            end_of(pid[k]);
        }
        clear();
    }
    ok(bad == 0, "%s: %d times %d processes at once, each time exactly one has it (%d times not)", how,
       rounds, many, bad);
}

int main(void)
{
    tap_plan(55);
    here("flock");
    at_once("free", NULL, 50, 2);
    at_once("free", NULL, 20, 5);
    at_once("stale",
            "held host faraway process 12 started 5 boot x space 1 flock 1 job - restart 0 since now\n", 5,
            5);
    flock_fails = ENOSYS;
    here("ENOSYS");
    flock_fails = ENOLCK;
    at_once("free, no flock", NULL, 50, 2);
    processes();
    beating();
    flock_fails = 0;
    elsewhere();
    earlier_starts();
    missing();
    listings();
    free_locks();
    ok(hn_live_blocks() == 0, "nothing is left");
    return tap_done();
}
