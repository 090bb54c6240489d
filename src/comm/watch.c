/* The thread that ends a process whose run no longer lives (comm/watch.h).
 *
 * Who speaks first is a matter of the time-out's last fifth: the rank that is
 * stuck itself, if its threads still run; then its neighbours, one after the
 * other.  The launcher ends all ranks when one does, so only one line comes;
 * where it does not, those who have heard of the end leave without a word.
 *
 * False alarms are the worst that a watch can do.  So a stopped process ages
 * nobody, work counts however slow it is, and a file system gets thrice the time. */
#include "comm/watch.h"
#include "base/pulse.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double DEFAULT_MINUTES = 10.0;
static const char VARIABLE[] = "HARDNEG_STALL_MINUTES"; /* until a config says otherwise */
enum {
    GRACE = 25,       /* ticks that a launcher takes to end the others */
    LEAST = 20,       /* ticks of a time-out: beats come every two */
    DISK_PATIENCE = 3 /* a server that fails over is away for a quarter of an hour */
};

struct hn_watch hn_watch = {.phase = "starting MPI, which waits for all ranks"};
static struct {
    pthread_t thread;
    atomic_bool quit;
} keeper;

void hn_comm_phase(const char *phase)
{
    atomic_store(&hn_watch.phase, phase);
    hn_pulse();
}

void hn_comm_step(uint64_t step)
{
    atomic_store(&hn_watch.step, step);
}

void hn_comm_stall_after(double minutes)
{
    double ticks = minutes * 60000.0 / HN_TICK_MS;

    if (minutes > 0.0 && ticks < LEAST)
        ticks = LEAST;
    atomic_store(&hn_watch.minutes, minutes);
    hn_pulse(); /* the time before counts by the new limit, so it starts here */
    for (int i = 0; i < hn_watch.neighbours; i++)
        atomic_store(&hn_watch.neighbour[i].heard, hn_pulse_now());
    atomic_store(&hn_watch.limit, ticks < 1e9 ? (unsigned)ticks : 1000000000u);
}

/* ---- verdicts ---- */

static void tick(void)
{
    nanosleep(&(struct timespec){0, HN_TICK_MS * 1000000L}, NULL);
    hn_pulse_tick();
}

#define GO_ON "the run ends, the same command goes on (run.stall_minutes = %g; 0: never)"

/* One line, then the end, whatever the main thread holds: neither the log nor stdio is asked, nor is waited
 * long for a reader.  A main thread that lives tells the neighbours first: their own line would be the
 * second. */
static void end(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void end(const char *format, ...)
{
    char line[512] = "hardneg: ";
    size_t n = strlen(line);
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    va_list ap;

    if (atomic_load(&hn_watch.farewell) == 0)
        atomic_store(&hn_watch.farewell, HN_SAY_LAST);
    for (int i = 0; i < 5 && atomic_load(&hn_watch.ring) && atomic_load(&hn_watch.farewell) != HN_SAID_LAST;
         i++) {
        tick();
        hn_pulse_stand_in();
    }
    va_start(ap, format);
    vsnprintf(line + n, sizeof line - n - 1, format, ap);
    va_end(ap);
    n = strlen(line);
    line[n++] = '\n';
    if (poll(&out, 1, 1000) == 1)
        (void)!write(STDERR_FILENO, line, n); /* nobody reads: the status must do */
    _exit(HN_ELOST);
}

struct span_text {
    char text[32];
};

static struct span_text say_ticks(unsigned ticks)
{
    struct span_text out;
    double seconds = ticks * (HN_TICK_MS / 1000.0);

    if (seconds < 90)
        snprintf(out.text, sizeof out.text, "%.0f s", seconds);
    else
        snprintf(out.text, sizeof out.text, "%.0f min", seconds / 60);
    return out;
}

static void end_self(unsigned silent, const char *path)
{
    struct hn_watch *w = &hn_watch;

    if (path[0] == '\0')
        atomic_store(&w->farewell, HN_SAID_LAST); /* its main thread, which would say it, hangs */
    end("rank %d (host %s, process %d) has been stuck for %s in step %llu, %s%s%s; " GO_ON, w->rank,
        w->self.host, w->self.process, say_ticks(silent).text, atomic_load(&w->step), atomic_load(&w->phase),
        path[0] ? ", waiting for " : "", path, atomic_load(&w->minutes));
}

static struct hn_beat last_of(struct hn_neighbour *n)
{
    struct hn_beat b;

    pthread_mutex_lock(&n->lock);
    b = n->last;
    pthread_mutex_unlock(&n->lock);
    return b;
}

static void end_silent(const struct hn_neighbour *n, const struct hn_beat *b, unsigned silent)
{
    if (b->rank < 0)
        end("rank %d has given no sign of life for %s since MPI started; " GO_ON, n->rank,
            say_ticks(silent).text, atomic_load(&hn_watch.minutes));
    end("rank %d (host %s, process %d) has given no sign of life for %s, last in step %llu, %s; " GO_ON,
        n->rank, b->host, b->process, say_ticks(silent).text, (unsigned long long)b->step, b->phase,
        atomic_load(&hn_watch.minutes));
}

/* ---- what the thread looks at ---- */

/* Ranks do not speak at once when all hang in the same call. */
static void look_at_self(unsigned limit)
{
    char path[200] = "";
    unsigned own = hn_pulse_disk(path, sizeof path) ? DISK_PATIENCE * limit : limit,
             silent = hn_pulse_silent();
    unsigned turn = (unsigned)(hn_watch.rank < 7 ? hn_watch.rank : 7);

    if (silent > own / 5 * 4 + limit / 10 * turn / 8)
        end_self(silent, path);
}

static bool is_here(const struct hn_beat *b)
{
    return b->rank >= 0 && b->processes != 0 && b->processes == hn_watch.self.processes &&
           strcmp(b->host, hn_watch.self.host) == 0;
}

static bool is_gone(const struct hn_beat *b)
{
    return is_here(b) && kill(b->process, 0) != 0 && errno == ESRCH;
}

/* side 0: the rank before, of which this one speaks first. */
static void look_at_neighbour(struct hn_neighbour *n, int side, unsigned limit)
{
    struct hn_beat b = last_of(n);
    unsigned now = hn_pulse_now(), silent = now - atomic_load(&n->heard);

    if (b.last)
        return;
    n->gone = is_gone(&b) ? n->gone + 1 : 0;
    if (n->gone == 1)
        n->patience = silent > limit / 2 ? 2 * GRACE
                      : side == 0        ? 2
                                         : 15; /* it may have ended itself, with its line */
    if (n->gone > 0 && n->gone <= n->patience)
        return;
    if (n->gone > 0)
        end("rank %d (host %s, process %d) was lost in step %llu, %s; the run ends, the same command goes on",
            n->rank, b.host, b.process, (unsigned long long)b.step, b.phase);
    if (now - atomic_load(&hn_watch.listened) < 3 &&
        silent > limit / 10 * 9 + (side == 0 ? 0 : limit / 20 + GRACE))
        end_silent(n, &b, silent);
}

bool hn_watch_waits(void)
{
    unsigned since = atomic_load(&hn_watch.wait_since), limit = atomic_load(&hn_watch.limit);

    return limit > 0 && since > 0 && hn_pulse_now() - since > limit / 4 * 3;
}

/* Every rank waits, and has for three quarters of the time-out: nobody is left to end it.  The news of it
 * goes round rank by rank, one tick each or two, and must not be older than what it tells. */
static void look_at_all(unsigned limit)
{
    if (hn_watch.rank != 0 || (unsigned)hn_watch.size > limit / 8 || !hn_watch_waits())
        return;
    if (last_of(&hn_watch.neighbour[0]).chain >= hn_watch.size)
        end("all ranks have waited for one another for %s; rank 0 (host %s) in step %llu, %s; " GO_ON,
            say_ticks(hn_pulse_now() - atomic_load(&hn_watch.wait_since)).text, hn_watch.self.host,
            atomic_load(&hn_watch.step), atomic_load(&hn_watch.phase), atomic_load(&hn_watch.minutes));
}

/* Another rank has ended the run with its line, and the launcher lets the others be (srun without -K).  Who
 * is silent on this host has stopped, and would stay for ever. */
static void leave(unsigned limit)
{
    for (int i = 0; limit > 0 && i < hn_watch.neighbours; i++) {
        struct hn_beat b = last_of(&hn_watch.neighbour[i]);
        if (is_here(&b) && hn_pulse_now() - atomic_load(&hn_watch.neighbour[i].heard) > limit / 10 * 9)
            kill(b.process, SIGKILL);
    }
    _exit(HN_ELOST);
}

static void look(void)
{
    static unsigned ended; /* ticks since another rank began to end the run: it has the word */
    unsigned limit = atomic_load(&hn_watch.limit);

    ended = atomic_load(&hn_watch.farewell) ? ended + 1 : 0;
    if (ended > GRACE)
        leave(limit);
    if (limit == 0 || ended > 0)
        return;
    look_at_self(limit);
    if (!atomic_load(&hn_watch.ring))
        return;
    for (int i = 0; i < hn_watch.neighbours; i++)
        look_at_neighbour(&hn_watch.neighbour[i], i, limit);
    look_at_all(limit);
}

static void *keep_watch(void *unused)
{
    while (!atomic_load(&keeper.quit)) {
        tick();
        hn_pulse_stand_in();
        look();
    }
    return unused;
}

/* ---- life ---- */

/* Two machines of one name have kernels that were started at different times. */
static uint64_t name_processes(void)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    uint64_t boot = 0;
    struct stat space;

    if (f == NULL || fscanf(f, "%8" SCNx64, &boot) != 1)
        boot = 0;
    if (f != NULL)
        fclose(f);
    return boot != 0 && stat("/proc/self/ns/pid", &space) == 0 ? boot << 32 ^ (uint64_t)space.st_ino : 0;
}

/* In minutes; of what stands in the environment. */
static hn_status first_limit(double *minutes)
{
    const char *text = getenv(VARIABLE);
    char *end = NULL;

    *minutes = DEFAULT_MINUTES;
    if (text == NULL || *text == '\0')
        return HN_OK;
    *minutes = strtod(text, &end);
    if (*end != '\0' || !(*minutes >= 0.0 && *minutes < 1e9))
        return hn_fail(HN_EUSAGE, "%s=%s: not a number of minutes (0: never)", VARIABLE, text);
    return HN_OK;
}

hn_status hn_watch_start(int rank)
{
    struct hn_beat *self = &hn_watch.self;
    double minutes;
    sigset_t all, before;
    int error;
    hn_status st = first_limit(&minutes);

    if (st != HN_OK)
        return st;
    hn_watch.rank = rank;
    gethostname(self->host, sizeof self->host - 1);
    self->process = (int32_t)getpid();
    self->processes = name_processes();
    hn_comm_stall_after(minutes);
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&keeper.thread, NULL, keep_watch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? HN_OK : hn_fail(HN_ENOMEM, "cannot start the watching thread: %s", strerror(error));
}

void hn_watch_end(void)
{
    atomic_store(&keeper.quit, true);
    pthread_join(keeper.thread, NULL);
}
