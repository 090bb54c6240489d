#include "train/saver.h"
#include "base/mem.h"
#include "base/pulse.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct hn_saver {
    hn_ckpt_image *image;
    const char *dir;
    const struct hn_ckpt_options *options;
    hn_dirlock *dirlock;
    const struct hn_rows *rows;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { IDLE, WRITING, ENDED, CLOSING } state; /* with what follows under the lock */
    hn_status status, retired;
    char text[1024], place[128], retired_text[1024];
};

/* Just before the file is put in place: a checkpoint is never newer than the rows of its steps. */
static hn_status may(void *ctx)
{
    hn_saver *s = ctx;
    hn_status st = hn_dirlock_check(s->dirlock);

    if (st == HN_OK)
        hn_rows_sync(s->rows);
    return st;
}

/* Outside the lock: while WRITING the image is the thread's alone. */
static void write_one(hn_saver *s)
{
    s->retired = HN_OK;
    hn_disk_begin(s->dir);
    if ((s->status = hn_dirlock_check(s->dirlock)) == HN_OK)
        s->status = hn_ckpt_image_write(s->image, s->dir, may, s);
    hn_disk_end();
    if (s->status != HN_OK) {
        snprintf(s->text, sizeof s->text, "%s", hn_error_text());
        snprintf(s->place, sizeof s->place, "%s", hn_error_place());
        return;
    }
    hn_disk_begin(s->dir);
    if (hn_dirlock_check(s->dirlock) == HN_OK) /* else what is there is another run's; the loop finds out */
        s->retired = hn_ckpt_retire(s->dir, s->options);
    hn_disk_end();
    snprintf(s->retired_text, sizeof s->retired_text, "%s", hn_error_text());
}

static void *work(void *ctx)
{
    hn_saver *s = ctx;

    hn_pulse_as(HN_LIFE_SAVER);
    pthread_mutex_lock(&s->lock);
    while (s->state != CLOSING) {
        if (s->state != WRITING) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        write_one(s);
        pthread_mutex_lock(&s->lock);
        s->state = ENDED;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(hn_saver *s)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&s->thread, NULL, work, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void release(hn_saver *s)
{
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    hn_ckpt_image_free(s->image);
    hn_free(s);
}

hn_status hn_saver_new(hn_saver **out, hn_ckpt_image *image, const char *dir,
                       const struct hn_ckpt_options *options, hn_dirlock *lock, const struct hn_rows *rows)
{
    hn_saver *s = hn_zalloc(sizeof *s);
    int failed;

    if (s == NULL) {
        hn_ckpt_image_free(image);
        return HN_ENOMEM;
    }
    s->image = image;
    s->dir = dir;
    s->options = options;
    s->dirlock = lock;
    s->rows = rows;
    pthread_mutex_init(&s->lock, NULL);
    hn_pulse_condition(&s->changed);
    if ((failed = start_thread(s)) != 0) {
        release(s);
        return hn_fail(HN_ENOMEM, "no thread to write checkpoints can be started: %s", strerror(failed));
    }
    *out = s;
    return HN_OK;
}

static void wait_while_writing(hn_saver *s)
{
    while (s->state == WRITING)
        hn_pulse_wait(&s->changed, &s->lock, HN_LIFE_SAVER);
    hn_pulse();
}

void hn_saver_free(hn_saver *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    wait_while_writing(s);
    s->state = CLOSING;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    release(s);
}

void hn_saver_begin(hn_saver *s, uint64_t step)
{
    hn_ckpt_image_take(s->image, step);
    pthread_mutex_lock(&s->lock);
    s->state = WRITING;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

bool hn_saver_ended(hn_saver *s)
{
    pthread_mutex_lock(&s->lock);
    bool ended = s->state == ENDED;
    pthread_mutex_unlock(&s->lock);
    return ended;
}

void hn_saver_wait(hn_saver *s)
{
    pthread_mutex_lock(&s->lock);
    wait_while_writing(s);
    pthread_mutex_unlock(&s->lock);
}

hn_status hn_saver_status(const hn_saver *s)
{
    return s->status;
}

hn_status hn_saver_result(hn_saver *s)
{
    pthread_mutex_lock(&s->lock);
    s->state = IDLE;
    pthread_mutex_unlock(&s->lock);
    if (s->status != HN_OK)
        hn_error_set(s->text, s->place);
    else if (s->retired != HN_OK)
        hn_log(HN_LOG_WARN, "%s", s->retired_text);
    return s->status;
}
