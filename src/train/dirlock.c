#include "train/dirlock.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "hardneg/comm.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 512, PATH = 1200, LOOKS_PER_BEAT = 10, FEW_LOOKS = 3 * LOOKS_PER_BEAT };

struct hn_dirlock {
    char folder[1024], text[TEXT]; /* text: our line */
    struct hn_dirlock_times times;
    unsigned number;
    int fd;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t end;
    bool beating, ending;
    char why[1536]; /* lost: under the mutex */
    atomic_bool lost;
};

/* ---- who holds it: a line ---- */

/* Words without blanks; "-": not known, or none. */
struct holder {
    char state[8]; /* "held", or "free": given back */
    char host[HOST_NAME_MAX + 1], boot[64], job[64], since[40];
    long process, restart;
    unsigned long long started, space; /* of the process: process numbers come again, and are of one space */
    int flock;
};
#define HOLDER_FORM                                                                                          \
    "%s host %s process %ld started %llu boot %s space %llu flock %d job %s restart %ld since %s\n"

/* Fields 3, 20 and 22 of /proc/PID/stat; the last: ticks from the machine's start to the process's.  0: no
 * such process, or only what its parent has not collected yet. */
static unsigned long long process_start(long process)
{
    char path[64], text[1024] = "", state = 'Z';
    unsigned long long ticks = 0;
    long threads = 0; /* the first one may have ended before the others */
    FILE *f;

    snprintf(path, sizeof path, "/proc/%ld/stat", process);
    if ((f = fopen(path, "r")) == NULL)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    const char *at = strrchr(text, ')'); /* the name before it may hold anything */
    if (at == NULL ||
        sscanf(at, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %llu",
               &state, &threads, &ticks) != 3)
        return 0;
    return state == 'Z' && threads <= 1 ? 0 : ticks;
}

static void read_word(const char *path, char *word, size_t room)
{
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return;
    if (fgets(word, (int)room, f) == NULL)
        word[0] = '\0';
    fclose(f);
}

static void make_word(char *text)
{
    text[strcspn(text, "\n")] = '\0';
    for (char *c = text; *c; c++)
        if (isspace((unsigned char)*c))
            *c = '_';
    if (text[0] == '\0')
        strcpy(text, "-");
}

static struct holder myself(void)
{
    struct holder h = {.state = "held", .process = (long)getpid()};
    const char *job = getenv("SLURM_JOB_ID"), *cluster = getenv("SLURM_CLUSTER_NAME"),
               *restart = getenv("SLURM_RESTART_COUNT");
    time_t now = time(NULL);
    struct tm parts;
    struct stat space;

    gethostname(h.host, sizeof h.host - 1);
    read_word("/proc/sys/kernel/random/boot_id", h.boot, sizeof h.boot);
    if (job && job[0])
        snprintf(h.job, sizeof h.job, "%s@%s", job, cluster ? cluster : "");
    h.restart = restart ? strtol(restart, NULL, 10) : 0;
    h.started = process_start(h.process);
    h.space = stat("/proc/self/ns/pid", &space) == 0 ? (unsigned long long)space.st_ino : 0;
    strftime(h.since, sizeof h.since, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&now, &parts));
    make_word(h.host);
    make_word(h.boot);
    make_word(h.job);
    return h;
}

/* False: not such a line. */
static bool read_holder(const char *text, struct holder *h)
{
    *h = (struct holder){0};
    return strchr(text, '\n') != NULL &&
           sscanf(text,
                  "%7s host %64s process %ld started %llu boot %63s space %llu flock %d job %63s restart %ld "
                  "since %39s",
                  h->state, h->host, &h->process, &h->started, h->boot, &h->space, &h->flock, h->job,
                  &h->restart, h->since) == 10;
}

/* "host n1, SLURM job 77, process 123, since 2026-11-24T19:30:00+0000" */
static const char *describe(const char *text, char out[320])
{
    struct holder h;

    if (!read_holder(text, &h))
        snprintf(out, 320, "its line cannot be read");
    else if (strcmp(h.job, "-") == 0)
        snprintf(out, 320, "host %s, process %ld, since %s", h.host, h.process, h.since);
    else
        snprintf(out, 320, "host %s, SLURM job %.*s, process %ld, since %s", h.host, (int)strcspn(h.job, "@"),
                 h.job, h.process, h.since);
    return out;
}

/* ---- the files ---- */
static void name_of(const hn_dirlock *l, unsigned number, char path[PATH])
{
    snprintf(path, PATH, "%s/lock.%u", l->folder, number);
}

static bool read_name(const char *name, unsigned *number)
{
    char again[32];

    if (sscanf(name, "lock.%9u", number) != 1)
        return false;
    snprintf(again, sizeof again, "lock.%u", *number);
    return strcmp(name, again) == 0;
}

/* *top 0: none.  Returns errno: half a listing is none. */
static int highest(const hn_dirlock *l, unsigned *top)
{
    DIR *d = opendir(l->folder);
    unsigned number;
    int failed;

    *top = 0;
    if (d == NULL)
        return errno;
    errno = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL; errno = 0)
        if (read_name(e->d_name, &number) && number > *top)
            *top = number;
    failed = errno;
    closedir(d);
    return failed;
}

static hn_status list(const hn_dirlock *l, unsigned *top)
{
    int failed = highest(l, top);

    return failed
               ? hn_fail(HN_ECREATE, "%s: its lock files cannot be listed: %s", l->folder, strerror(failed))
               : HN_OK;
}

/* What cannot be deleted does no harm: it is lower than ours. */
static void delete_below(const hn_dirlock *l)
{
    DIR *d = opendir(l->folder);
    unsigned number;

    if (d == NULL)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (read_name(e->d_name, &number) && number < l->number)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

struct sight {
    char text[TEXT];
    struct timespec touched;
    int failed; /* errno, all else is 0 then */
};

/* Opened anew each time: a network file system asks its server then.  Returns s->failed. */
static int see(const hn_dirlock *l, unsigned number, struct sight *s)
{
    char path[PATH];
    struct stat info = {0};
    int fd;

    *s = (struct sight){0};
    name_of(l, number, path);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        return s->failed = errno;
    if (fstat(fd, &info) != 0 || pread(fd, s->text, sizeof s->text - 1, 0) < 0)
        *s = (struct sight){.failed = errno};
    else
        s->touched = info.st_mtim;
    close(fd);
    return s->failed;
}

/* Listed, and not there: deleted just now, or an old listing, or a link that leads nowhere. */
static bool is_missing(const struct sight *s)
{
    return s->failed == ENOENT || s->failed == ESTALE;
}

/* ---- is it alive? ---- */
enum verdict { LIVES, GONE, CHANGED /* or we are asked to stop */, UNSURE };

static bool same_machine(const struct holder *a, const struct holder *b)
{
    return strcmp(a->boot, "-") != 0 && strcmp(a->boot, b->boot) == 0 && strcmp(a->host, b->host) == 0;
}

/* A first start has no count, and so 0. */
static bool earlier_start(const struct holder *h, const struct holder *me)
{
    return strcmp(h->job, "-") != 0 && strcmp(h->job, me->job) == 0 && h->restart < me->restart;
}

/* Does this machine have a lock on the file?  -1: cannot be told. */
static int is_flocked(const hn_dirlock *l, unsigned number)
{
    char path[PATH];
    int fd, answer;

    name_of(l, number, path);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return -1;
    answer = flock(fd, LOCK_SH | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? 1 : -1;
    close(fd);
    return answer;
}

/* The rank that waits here is not stuck. */
static void sleep_a_look(const hn_dirlock *l)
{
    double seconds = l->times.beat / LOOKS_PER_BEAT;
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&t, NULL);
    hn_pulse();
}

static int looks_of_silence(const hn_dirlock *l)
{
    return (int)(l->times.silence / l->times.beat * LOOKS_PER_BEAT);
}

static bool is_same(const hn_dirlock *l, unsigned number, const struct sight *a, const struct sight *b)
{
    unsigned top;

    return a->failed == b->failed && strcmp(a->text, b->text) == 0 &&
           (!a->failed || (is_missing(a) && highest(l, &top) == 0 && top == number));
}

/* GONE: in so many looks the file was as it was. */
static enum verdict watch(const hn_dirlock *l, unsigned number, const struct sight *first, int looks)
{
    char name[320];
    struct sight now;

    for (int i = 0; i < looks; i++) {
        if (i == 2 * LOOKS_PER_BEAT && looks > FEW_LOOKS) /* one that lives is seen before */
            hn_log(HN_LOG_INFO,
                   "%s: held by a run that gives no sign of life: %s; taken over if it gives none within "
                   "%.0f s",
                   l->folder, describe(first->text, name), l->times.silence);
        sleep_a_look(l);
        (void)see(l, number, &now);
        if (hn_comm_stopping() || !is_same(l, number, first, &now))
            return CHANGED;
        if (now.touched.tv_sec != first->touched.tv_sec || now.touched.tv_nsec != first->touched.tv_nsec)
            return LIVES;
    }
    return GONE;
}

/* On the holder's machine.  A flock that is free proves nothing: on some file systems it locks nothing, on
 * others only within one container. */
static enum verdict judge_here(const hn_dirlock *l, unsigned number, const struct holder *h,
                               const struct holder *me)
{
    if (h->flock && is_flocked(l, number) == 1)
        return LIVES;
    if (h->started == 0 || h->space == 0 || h->space != me->space)
        return UNSURE;
    return process_start(h->process) == h->started ? LIVES : GONE;
}

static enum verdict judge(const hn_dirlock *l, unsigned number, const struct sight *s)
{
    struct holder h, me = myself();
    enum verdict here = UNSURE;
    bool earlier;

    if (!read_holder(s->text, &h)) /* its holder is just writing it, or died before it could */
        return watch(l, number, s, looks_of_silence(l));
    if (strcmp(h.state, "free") == 0)
        return GONE;
    earlier = earlier_start(&h, &me);
    if (same_machine(&h, &me))
        here = judge_here(l, number, &h, &me);
    /* SLURM has ended an earlier start; what it killed may need a moment to be gone. */
    for (int i = 0; here == LIVES && earlier && i < looks_of_silence(l); i++) {
        sleep_a_look(l);
        here = hn_comm_stopping() ? CHANGED : judge_here(l, number, &h, &me);
    }
    return here != UNSURE ? here : watch(l, number, s, earlier ? FEW_LOOKS : looks_of_silence(l));
}

/* ---- taking it ---- */

static hn_status write_line(hn_dirlock *l, const char *path)
{
    struct holder h = myself();

    h.flock = flock(l->fd, LOCK_EX | LOCK_NB) == 0; /* before the line is there to be judged by */
    int n = snprintf(l->text, sizeof l->text, HOLDER_FORM, h.state, h.host, h.process, h.started, h.boot,
                     h.space, h.flock, h.job, h.restart, h.since);
    errno = 0;
    if (pwrite(l->fd, l->text, (size_t)n, 0) != n)
        return hn_fail(HN_ECREATE, "%s: %s", path, strerror(errno ? errno : ENOSPC));
    return HN_OK;
}

/* l->number becomes number, or stays 0: another was faster. */
static hn_status claim(hn_dirlock *l, unsigned number)
{
    char path[PATH];
    unsigned top;
    hn_status st;

    name_of(l, number, path);
    if ((l->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0)
        return errno == EEXIST ? HN_OK : hn_fail(HN_ECREATE, "%s: %s", path, strerror(errno));
    /* One higher: ours had been there, and was deleted by a later one. */
    if ((st = list(l, &top)) == HN_OK && top <= number && (st = write_line(l, path)) == HN_OK) {
        l->number = number;
        return HN_OK;
    }
    (void)unlink(path);
    close(l->fd);
    l->fd = -1;
    return st;
}

/* HN_OK: gone, or no longer what *s shows. */
static hn_status look_at(const hn_dirlock *l, unsigned number, struct sight *s, bool *gone)
{
    char path[PATH], name[320];
    int failed = see(l, number, s);
    enum verdict v;

    name_of(l, number, path);
    if (failed && !is_missing(s))
        return hn_fail(HN_ECREATE, "%s: %s", path, strerror(failed));
    if ((v = judge(l, number, s)) == LIVES)
        return hn_fail(HN_ECREATE,
                       "%s: another run holds this directory: %s; let it end, or stop it, or choose another "
                       "directory",
                       l->folder, describe(s->text, name));
    *gone = v == GONE;
    return HN_OK;
}

/* What is left of one that would go on for ever: a file that comes and goes. */
static hn_status next_round(const hn_dirlock *l, int round, unsigned top)
{
    if (hn_comm_stopping())
        return hn_fail(HN_STOPPED, "%s: stopped on request before the directory was taken", l->folder);
    if (round >= 3 * looks_of_silence(l))
        return hn_fail(HN_ECREATE, "%s/lock.%u: comes and goes: delete it if no run uses this directory",
                       l->folder, top);
    return HN_OK;
}

static hn_status take(hn_dirlock *l)
{
    unsigned top, now;
    struct sight s = {.text = "free"};
    char name[320];
    hn_status st = list(l, &top);

    for (int round = 0; st == HN_OK; round++) {
        bool gone = top == 0;
        if ((top > 0 && (st = look_at(l, top, &s, &gone)) != HN_OK) ||
            (gone && (st = claim(l, top + 1)) != HN_OK) || l->number > 0)
            break;
        sleep_a_look(l); /* who was faster needs a moment to write its line */
        if ((st = next_round(l, round, top)) == HN_OK && (st = list(l, &now)) == HN_OK)
            top = gone && now <= top ? top + 1 : now; /* a listing may be old, O_EXCL's answer is not */
    }
    if (st != HN_OK)
        return st;
    delete_below(l);
    if (strncmp(s.text, "free", 4) != 0)
        hn_log(HN_LOG_INFO, "%s: taken over from a run that is gone: %s", l->folder, describe(s.text, name));
    return HN_OK;
}

/* ---- having it ---- */

/* The line of another holder, "" if it has none yet, in *other; false: there is none, or none can be seen. */
static bool find_other(const hn_dirlock *l, struct sight *other)
{
    bool ours = see(l, l->number, other) == 0 && strcmp(other->text, l->text) == 0;
    unsigned top;
    struct holder h;

    /* after a look at ours, which has a network file system ask for news */
    if (highest(l, &top) != 0 || (top <= l->number && (ours || top == 0)))
        return false;
    for (int i = 0; (see(l, top, other) != 0 || other->text[0] == '\0') && i < LOOKS_PER_BEAT; i++)
        sleep_a_look(l);
    return top > l->number || (read_holder(other->text, &h) && strcmp(other->text, l->text) != 0);
}

hn_status hn_dirlock_check(hn_dirlock *l)
{
    struct sight other;
    char name[320], why[sizeof l->why];
    bool found;

    if (l == NULL)
        return HN_OK;
    if (!atomic_load(&l->lost)) {
        hn_disk_begin(l->folder);
        found = find_other(l, &other);
        hn_disk_end();
        if (!found)
            return HN_OK;
        pthread_mutex_lock(&l->mutex);
        snprintf(l->why, sizeof l->why,
                 "%s: another run took this directory over when this one gave no sign of life: %s; this one "
                 "ends, and writes nothing more",
                 l->folder, describe(other.text, name));
        atomic_store(&l->lost, true);
        pthread_mutex_unlock(&l->mutex);
    }
    pthread_mutex_lock(&l->mutex);
    snprintf(why, sizeof why, "%s", l->why);
    pthread_mutex_unlock(&l->mutex);
    return hn_fail(HN_ECREATE, "%s", why);
}

bool hn_dirlock_lost(const hn_dirlock *l)
{
    return l != NULL && atomic_load(&l->lost);
}

/* A sign of life, unless the directory is another's. */
static void *beat(void *arg)
{
    hn_dirlock *l = arg;
    struct timespec until;
    double whole = (double)(time_t)l->times.beat;

    hn_pulse_as(HN_LIFE_LOCK);
    pthread_mutex_lock(&l->mutex);
    while (!l->ending) {
        pthread_mutex_unlock(&l->mutex);
        if (hn_dirlock_check(l) == HN_OK)
            (void)futimens(l->fd, NULL);
        pthread_mutex_lock(&l->mutex);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)whole;
        until.tv_nsec += (long)((l->times.beat - whole) * 1e9);
        until.tv_sec += until.tv_nsec >= 1000000000;
        until.tv_nsec %= 1000000000;
        if (!l->ending)
            pthread_cond_timedwait(&l->end, &l->mutex, &until);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* Signals are the main thread's. */
static hn_status start_beating(hn_dirlock *l)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&l->thread, NULL, beat, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    l->beating = failed == 0;
    return failed ? hn_fail(HN_ENOMEM, "no thread for the lock can be started: %s", strerror(failed)) : HN_OK;
}

static void start(hn_dirlock *l, const char *folder, struct hn_dirlock_times times)
{
    pthread_condattr_t attributes;

    snprintf(l->folder, sizeof l->folder, "%s", folder);
    l->times = times;
    l->fd = -1;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->end, &attributes);
    pthread_condattr_destroy(&attributes);
}

hn_status hn_dirlock_take(hn_dirlock **out, const char *folder, struct hn_dirlock_times times)
{
    hn_dirlock *l = hn_zalloc(sizeof *l);
    hn_status st;

    if (l == NULL)
        return HN_ENOMEM;
    start(l, folder, times);
    if ((st = take(l)) == HN_OK && (st = start_beating(l)) == HN_OK)
        st = hn_dirlock_check(l); /* between claiming it and now it may have been stopped for long */
    if (st == HN_OK)
        *out = l;
    else
        hn_dirlock_free(l);
    return st;
}

void hn_dirlock_free(hn_dirlock *l)
{
    if (l == NULL)
        return;
    if (l->beating) {
        pthread_mutex_lock(&l->mutex);
        l->ending = true;
        pthread_cond_signal(&l->end);
        pthread_mutex_unlock(&l->mutex);
        pthread_join(l->thread, NULL);
    }
    pthread_cond_destroy(&l->end);
    pthread_mutex_destroy(&l->mutex);
    if (l->number > 0)
        (void)!pwrite(l->fd, "free", 4, 0); /* into the file that was ours, whatever has its name now */
    if (l->fd >= 0)
        close(l->fd);
    hn_free(l);
}
