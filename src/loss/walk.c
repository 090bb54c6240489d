/* loss/walk.c - every tile that touches an own block, computed once for both its blocks.
 *
 * The order is by lower + higher block, so every block meets the others in ascending order, as its sums want
 * it, and neighbours in the order touch different blocks.  Threads compute tiles as they come and wait for
 * their turn before they add: what they wait for was taken before, by a thread that waits for less. */
#include "loss/parts.h"
#include <pthread.h>
#include <string.h>

struct state {
    const struct hn_walk *w;
    size_t sum, lo; /* the next tile: (lo, sum - lo) */
    pthread_mutex_t lock;
    pthread_cond_t moved;
};

static bool owns(const struct hn_walk *w, size_t block)
{
    return block >= w->own.first && block - w->own.first < w->own.count;
}

static bool take(struct state *s, size_t *lo, size_t *hi)
{
    size_t blocks = s->w->pool->blocks;
    bool found = false;

    pthread_mutex_lock(&s->lock);
    while (!found && s->sum < 2 * blocks - 1) {
        *lo = s->lo;
        *hi = s->sum - s->lo;
        found = owns(s->w, *lo) || owns(s->w, *hi);
        if (2 * ++s->lo > s->sum) {
            s->sum++;
            s->lo = s->sum < blocks ? 0 : s->sum - blocks + 1;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

static void add(struct state *s, struct hn_scratch *sc, size_t own, size_t other)
{
    size_t *met = s->w->l->met;

    if (!owns(s->w, own))
        return;
    pthread_mutex_lock(&s->lock);
    while (met[own] != other)
        pthread_cond_wait(&s->moved, &s->lock);
    pthread_mutex_unlock(&s->lock);
    s->w->add(s->w, sc, own, other);
    pthread_mutex_lock(&s->lock);
    met[own]++;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

static void work(void *ctx, size_t thread)
{
    struct state *s = ctx;
    struct hn_scratch *sc = &s->w->l->scratch[thread];
    size_t lo, hi;

    while (take(s, &lo, &hi)) {
        s->w->compute(s->w, sc, lo, hi);
        add(s, sc, lo, hi);
        if (lo != hi)
            add(s, sc, hi, lo);
    }
}

void hn_walk(const struct hn_walk *w)
{
    struct state s = {.w = w, .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

    memset(w->l->met, 0, w->pool->blocks * sizeof *w->l->met);
    hn_threads_run(w->l->threads, work, &s);
    pthread_cond_destroy(&s.moved);
    pthread_mutex_destroy(&s.lock);
}
