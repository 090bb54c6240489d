#include "base/threads.h"
#include "base/mem.h"
#include "base/pulse.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

struct hn_threads {
    size_t count, started; /* started: threads beside the caller */
    pthread_t *thread;
    pthread_mutex_t lock;
    pthread_cond_t go, done;
    uint64_t round; /* grows with every run */
    size_t busy;
    bool quit;
    void (*work)(void *, size_t);
    void *ctx;
};

struct start {
    hn_threads *crew;
    size_t index;
};

static void *worker(void *arg)
{
    struct start start = *(struct start *)arg;
    hn_threads *t = start.crew;
    uint64_t seen = 0;

    hn_free(arg);
    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (t->round == seen && !t->quit)
            pthread_cond_wait(&t->go, &t->lock);
        if (t->quit)
            break;
        seen = t->round;
        pthread_mutex_unlock(&t->lock);
        t->work(t->ctx, start.index);
        pthread_mutex_lock(&t->lock);
        if (--t->busy == 0)
            pthread_cond_signal(&t->done);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static hn_status start_worker(hn_threads *t, size_t index)
{
    struct start *start = hn_zalloc(sizeof *start);
    int error;

    if (start == NULL)
        return HN_ENOMEM;
    *start = (struct start){t, index};
    error = pthread_create(&t->thread[index], NULL, worker, start);
    if (error != 0) {
        hn_free(start);
        return hn_fail(HN_ENOMEM, "cannot start thread %zu: %s", index, strerror(error));
    }
    t->started++;
    return HN_OK;
}

hn_status hn_threads_new(hn_threads **out, size_t count)
{
    hn_threads *t = hn_zalloc(sizeof *t);
    hn_status st = HN_OK;
    sigset_t all, before;

    if (t == NULL)
        return HN_ENOMEM;
    t->count = count ? count : 1;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->go, NULL);
    hn_pulse_condition(&t->done);
    t->thread = hn_calloc(t->count, sizeof *t->thread);
    if (t->thread == NULL)
        st = HN_ENOMEM;
    /* Signals are for the main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 1; st == HN_OK && i < t->count; i++)
        st = start_worker(t, i);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (st != HN_OK) {
        hn_threads_free(t);
        return st;
    }
    *out = t;
    return HN_OK;
}

size_t hn_threads_count(const hn_threads *t)
{
    return t->count;
}

void hn_threads_run(hn_threads *t, void (*work)(void *ctx, size_t index), void *ctx)
{
    if (t->started > 0) {
        pthread_mutex_lock(&t->lock);
        t->work = work;
        t->ctx = ctx;
        t->busy = t->started;
        t->round++;
        pthread_cond_broadcast(&t->go);
        pthread_mutex_unlock(&t->lock);
    }
    work(ctx, 0);
    if (t->started > 0) {
        pthread_mutex_lock(&t->lock);
        while (t->busy > 0)
            hn_pulse_wait(&t->done, &t->lock, HN_LIFE_MAIN);
        pthread_mutex_unlock(&t->lock);
    }
}

struct each {
    atomic_size_t next;
    size_t n;
    void (*work)(void *, size_t, size_t);
    void *ctx;
};

static void take_items(void *arg, size_t index)
{
    struct each *e = arg;

    for (size_t i; (i = atomic_fetch_add(&e->next, 1)) < e->n;)
        e->work(e->ctx, i, index);
}

void hn_threads_each(hn_threads *t, size_t n, void (*work)(void *ctx, size_t item, size_t index), void *ctx)
{
    struct each e = {.n = n, .work = work, .ctx = ctx};

    hn_threads_run(t, take_items, &e);
}

void hn_threads_free(hn_threads *t)
{
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    t->quit = true;
    pthread_cond_broadcast(&t->go);
    pthread_mutex_unlock(&t->lock);
    for (size_t i = 1; i <= t->started; i++)
        pthread_join(t->thread[i], NULL);
    pthread_cond_destroy(&t->done);
    pthread_cond_destroy(&t->go);
    pthread_mutex_destroy(&t->lock);
    hn_free(t->thread);
    hn_free(t);
}
