#include "base/apart.h"
#include "base/file.h"
#include "base/pulse.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the child says, on a pipe that takes each whole (PIPE_BUF). */
struct word {
    enum { SAYS_LOG, SAYS_PROGRESS, SAYS_END } kind;
    int value; /* level; status */
    uint64_t done, total;
    char place[128], text[2048];
};
_Static_assert(sizeof(struct word) <= PIPE_BUF, "a word is written whole");

/* ---- the child ---- */

static struct {
    int pipe;
    unsigned seconds;
} child;

static void say(const struct word *w)
{
    if (write(child.pipe, w, sizeof *w) != sizeof *w)
        _exit(1);
}

static void say_log(void *ctx, enum hn_log_level level, const char *line)
{
    struct word w = {.kind = SAYS_LOG, .value = (int)level};

    (void)ctx;
    snprintf(w.text, sizeof w.text, "%s", line);
    say(&w);
}

/* The lower of a limit and what may be asked for. */
static void limit(int what, rlim_t to)
{
    struct rlimit r;

    if (getrlimit(what, &r) != 0)
        return;
    r.rlim_cur = r.rlim_max == RLIM_INFINITY || to < r.rlim_max ? to : r.rlim_max;
    setrlimit(what, &r);
}

/* Processor time, not the clock's: a slow disk is no endless loop. */
static void live_on(void)
{
    struct timespec used = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    limit(RLIMIT_CPU, (rlim_t)used.tv_sec + 1 + child.seconds);
}

void hn_apart_progress(void *unused, uint64_t done, uint64_t total)
{
    const struct word w = {.kind = SAYS_PROGRESS, .done = done, .total = total};

    (void)unused;
    say(&w);
}

static uint64_t address_space(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f == NULL || fscanf(f, "%llu", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A crash is quiet: no core, no handler's report, none of the C library's last words. */
static void die_quietly(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGXCPU};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], SIG_DFL);
    limit(RLIMIT_CORE, 0);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
}

static _Noreturn void live(const struct hn_apart *a, int pipe, pid_t parent, hn_status (*work)(void *ctx),
                           void *ctx)
{
    struct word end = {.kind = SAYS_END};
    uint64_t space = address_space();

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* gone already */
        _exit(1);
    child.pipe = pipe;
    child.seconds = a->seconds;
    hn_log_tee(NULL, NULL);
    hn_log_to(say_log, NULL, HN_LOG_DEBUG);
    die_quietly();
    if (space != 0)
        limit(RLIMIT_AS, space + a->bytes);
    live_on();
    hn_pulse_listen(live_on);
    end.value = (int)work(ctx);
    snprintf(end.text, sizeof end.text, "%s", hn_error_text());
    snprintf(end.place, sizeof end.place, "%s", hn_error_place());
    say(&end);
    _exit(0);
}

/* ---- the parent ---- */

/* Until the child's last word (true), or its death. */
static bool listen_to(const struct hn_apart *a, int pipe, pid_t pid, struct word *w)
{
    struct pollfd ready = {.fd = pipe, .events = POLLIN};

    for (bool passed = false;;) {
        if (!passed && a->stop && *a->stop)
            passed = kill(pid, (int)*a->stop) == 0;
        if (poll(&ready, 1, 100) <= 0) /* or a signal, or time to look for one that came just before */
            continue;
        if (read(pipe, w, sizeof *w) != sizeof *w)
            return false;
        w->text[sizeof w->text - 1] = w->place[sizeof w->place - 1] = '\0';
        if (w->kind == SAYS_END)
            return true;
        if (w->kind == SAYS_LOG)
            hn_log((enum hn_log_level)w->value, "%s", w->text);
        else if (a->progress)
            a->progress(a->ctx, w->done, w->total);
    }
}

static hn_status cause_of_death(const struct hn_apart *a, int how)
{
    int number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;

    if (number == SIGKILL)
        return hn_fail(HN_ENOMEM, "%s: the process that reads it was killed (for want of memory?)",
                       a->source);
    if (number == SIGXCPU)
        return hn_fail(HN_EDATA, "%s: is damaged, or %s cannot read it: its reader did not get on for %u s",
                       a->source, a->reader, a->seconds);
    if (number != 0)
        return hn_fail(HN_EDATA, "%s: is damaged, or %s cannot read it: its reader died of signal %d (%s)",
                       a->source, a->reader, number, strsignal(number));
    return hn_fail(HN_EDATA, "%s: is damaged, or %s cannot read it: its reader ended without a word",
                   a->source, a->reader);
}

static hn_status no_process(const struct hn_apart *a)
{
    return hn_fail(HN_ENOMEM, "%s: no process to read it: %s", a->source, strerror(errno));
}

hn_status hn_apart(const struct hn_apart *a, hn_status (*work)(void *ctx), void *ctx)
{
    pid_t parent = getpid(), pid;
    struct word w;
    int ends[2], how = 0;

    if (pipe(ends) != 0)
        return no_process(a);
    if ((pid = fork()) == 0) {
        close(ends[0]);
        live(a, ends[1], parent, work, ctx);
    }
    hn_status st = pid < 0 ? no_process(a) : HN_OK;
    close(ends[1]);
    bool told = st == HN_OK && listen_to(a, ends[0], pid, &w);
    close(ends[0]);
    if (st != HN_OK)
        return st;
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
    if (!told) {
        hn_file_drop_left(a->out, pid);
        return cause_of_death(a, how);
    }
    hn_error_set(w.text, w.place);
    return (hn_status)w.value;
}
