/* Work in a process of its own: what comes back of it, and that it may die in any way. */
#include "base/apart.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/hn-apart-XXXXXX", out[64], logged[256];
static uint64_t shown, of;
static volatile sig_atomic_t stop;
static int outlet = -1;

static void show(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    shown += done;
    of = total;
}

static void hear(void *ctx, enum hn_log_level level, const char *line)
{
    (void)ctx;
    snprintf(logged, sizeof logged, "%d %s", (int)level, line);
}

static hn_status apart(hn_status (*work)(void *ctx))
{
    const struct hn_apart a = {.source = "in.bin",
                               .reader = "libfoo",
                               .out = out,
                               .bytes = 64 << 20,
                               .seconds = 1,
                               .stop = &stop,
                               .progress = show};

    return hn_apart(&a, work, NULL);
}

static bool said(const char *text)
{
    if (strcmp(hn_error_text(), text) == 0)
        return true;
    printf("# said: %s\n", hn_error_text());
    return false;
}

static int files(void)
{
    DIR *d = opendir(folder);
    int n = 0;

    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(d);
    return n;
}

/* ---- works ---- */

static hn_status good(void *ctx)
{
    (void)ctx;
    hn_apart_progress(NULL, 3, 10);
    hn_log(HN_LOG_WARN, "a warning");
    hn_apart_progress(NULL, 10, 10);
    return hn_file_replace(out, "abc", 3);
}

static hn_status refuse(void *ctx)
{
    (void)ctx;
    return hn_fail(HN_ENOINPUT, "not there");
}

static hn_status begin_and(int number)
{
    struct hn_file f;

    if (hn_file_begin(&f, out) == HN_OK && hn_file_write(&f, "half", 4) == HN_OK && files() == 1)
        raise(number);
    return HN_EBUG;
}

static hn_status crash(void *ctx)
{
    (void)ctx;
    fputs("free(): invalid pointer\n", stderr);
    return begin_and(SIGSEGV);
}

static hn_status give_up(void *ctx)
{
    (void)ctx;
    abort();
}

static hn_status be_killed(void *ctx)
{
    (void)ctx;
    return begin_and(SIGKILL);
}

static hn_status leave(void *ctx)
{
    (void)ctx;
    _exit(0);
}

static hn_status loop(void *ctx)
{
    (void)ctx;
    for (volatile bool on = true; on;)
        continue;
    return HN_OK;
}

/* Three seconds of work, with signs of life. */
static hn_status work_long(void *ctx)
{
    (void)ctx;
    for (clock_t from = clock(); clock() - from < 3 * CLOCKS_PER_SEC;)
        hn_pulse();
    return HN_OK;
}

static hn_status devour(void *ctx)
{
    (void)ctx;
    return hn_zalloc(128 << 20) ? HN_OK : HN_ENOMEM;
}

static void on_signal(int number)
{
    stop = number;
}

static hn_status wait_for_stop(void *ctx)
{
    (void)ctx;
    stop = 0; /* the next one must come from outside */
    kill(getppid(), SIGUSR1);
    while (!stop)
        usleep(1000);
    return hn_fail(HN_STOPPED, "stopped by %d", (int)stop);
}

static hn_status hold_outlet(void *ctx)
{
    (void)ctx;
    if (write(outlet, "x", 1) == 1)
        for (;;)
            pause();
    return HN_OK;
}

/* ---- */

/* Its pipe ends when the last that holds it has died. */
static void no_longer_than_we(void)
{
    int ends[2];
    char c;

    if (pipe(ends) != 0)
        exit(1);
    outlet = ends[1];
    pid_t middle = fork();
    if (middle == 0) {
        close(ends[0]);
        (void)apart(hold_outlet);
        _exit(0);
    }
    close(ends[1]);
    bool began = read(ends[0], &c, 1) == 1;
    kill(middle, SIGKILL);
    waitpid(middle, NULL, 0);
    ok(began && read(ends[0], &c, 1) == 0, "the work dies with the process that waits for it");
    close(ends[0]);
}

static void deaths(void)
{
    static const char damaged[] = "in.bin: is damaged, or libfoo cannot read it: its reader ";
    char text[256];

    tap_status(apart(crash), HN_EDATA, "a crash in the midst of writing");
    snprintf(text, sizeof text, "%sdied of signal %d (%s)", damaged, SIGSEGV, strsignal(SIGSEGV));
    ok(said(text) && files() == 0, "is said, and leaves no file");
    tap_status(apart(give_up), HN_EDATA, "an abort");
    snprintf(text, sizeof text, "%sdied of signal %d (%s)", damaged, SIGABRT, strsignal(SIGABRT));
    ok(said(text), "is said");
    tap_status(apart(be_killed), HN_ENOMEM, "killed from outside");
    ok(strstr(hn_error_text(), "was killed") && files() == 0, "is no fault of the file");
    tap_status(apart(leave), HN_EDATA, "an exit without a word");
    ok(strstr(hn_error_text(), "ended without a word") != NULL, "is said");
    tap_status(apart(loop), HN_EDATA, "an endless loop");
    snprintf(text, sizeof text, "%sdid not get on for 1 s", damaged);
    ok(said(text), "is ended, and said");
    tap_status(apart(work_long), HN_OK, "longer work with signs of life is not");
    tap_status(apart(devour), HN_ENOMEM, "there is no more memory than allowed");
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    tap_plan(4 + 12 + 2 + 2);
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(out, sizeof out, "%s/out", folder);
    hn_log_to(hear, NULL, HN_LOG_INFO);

    tap_status(apart(good), HN_OK, "work that works");
    ok(shown == 13 && of == 10 && strcmp(logged, "1 a warning") == 0 && files() == 1,
       "its progress, its log and its file arrive");
    remove(out);
    tap_status(apart(refuse), HN_ENOINPUT, "work that fails");
    ok(said("not there") && strstr(hn_error_place(), "t_apart.c:"), "its sentence and place arrive");
    deaths();
    sigaction(SIGUSR1, &action, NULL);
    tap_status(apart(wait_for_stop), HN_STOPPED, "a signal to us");
    ok(said("stopped by 10"), "is passed on");
    no_longer_than_we();
    rmdir(folder);
    ok(hn_live_blocks() == 0, "no memory is left behind");
    return tap_done();
}
