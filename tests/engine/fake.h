/* fake.h - several ranks in one process: R threads, a barrier, and the tree of base/tree.h as comm would use
 * it.
 *
 *   struct fake_world w;  fake_world_start(&w, ranks, microbatches);
 *   fake_world_run(&w, body, ctx);                  body(&rank, ctx) runs in a thread per rank
 *       in body: fake_root(rank, hn_net_gradient(net)); hn_net_backward(net, &rank->exchange);
 * fake_wait(rank); fake_world_end(&w);
 *
 * A rank may own nothing (more ranks than microbatches).  Sums of gradients are
 * only noted when they are started and made in fake_wait(): a net that touches
 * them too early is found out.  w.wrong counts calls that differ between ranks. */
#ifndef HN_TESTS_ENGINE_FAKE_H
#define HN_TESTS_ENGINE_FAKE_H

#include "base/tree.h"
#include "hardneg/engine.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_RANKS = 16, FAKE_STARTED = 64 };

struct fake_started {
    size_t first, count, nodes;
    struct hn_range node[HN_TREE_COVER];
    real *value[HN_TREE_COVER];
};

struct fake_rank {
    struct fake_world *world;
    size_t rank;
    struct hn_range own;
    struct hn_exchange exchange;
    real *root;
    size_t stats, polls; /* calls so far */
    struct fake_started started[FAKE_STARTED];
    size_t pending;
};

struct fake_world {
    size_t size, microbatches, wrong;
    struct fake_rank *rank;
    pthread_barrier_t barrier;
    /* What the ranks show one another between two barriers. */
    const void *shown[FAKE_RANKS];
    size_t width[FAKE_RANKS], nodes[FAKE_RANKS];
    enum hn_combine how[FAKE_RANKS];
    struct hn_range node[FAKE_RANKS][HN_TREE_COVER];
    char *work; /* rank 0's */
    size_t room;
};

static inline void *fake_room(struct fake_world *w, size_t bytes)
{
    if (bytes > w->room) {
        free(w->work);
        w->work = malloc(bytes);
        w->room = bytes;
    }
    return w->work;
}

/* Rank 0: all covers side by side, folded to the root. */
static inline void fake_combine(struct fake_world *w)
{
    struct hn_range node[FAKE_RANKS * HN_TREE_COVER];
    size_t width = w->width[0], count = 0, total = 0;

    for (size_t r = 0; r < w->size; r++) {
        w->wrong += w->width[r] != width || w->how[r] != w->how[0];
        total += w->nodes[r];
    }
    double *row = fake_room(w, total * width * sizeof *row);
    for (size_t r = 0; r < w->size; r++)
        for (size_t i = 0; i < w->nodes[r]; i++, count++) {
            memcpy(row + count * width, (const double *)w->shown[r] + i * width, width * sizeof *row);
            node[count] = w->node[r][i];
        }
    w->wrong += hn_combine_rows(w->how[0], row, width, w->microbatches, node, count) != 1;
}

static inline void fake_stats(void *ctx, enum hn_combine how, double *row, size_t width)
{
    struct fake_rank *a = ctx;
    struct fake_world *w = a->world;
    struct hn_range leaf[HN_TREE_COVER];

    for (size_t k = 0; k < a->own.count; k++)
        leaf[k] = (struct hn_range){a->own.first + k, 1};
    w->nodes[a->rank] = hn_combine_rows(how, row, width, w->microbatches, leaf, a->own.count);
    memcpy(w->node[a->rank], leaf, sizeof leaf);
    w->shown[a->rank] = row;
    w->width[a->rank] = width;
    w->how[a->rank] = how;
    a->stats++;
    pthread_barrier_wait(&w->barrier);
    if (a->rank == 0)
        fake_combine(w);
    pthread_barrier_wait(&w->barrier);
    memcpy(row, w->work, width * sizeof *row);
    pthread_barrier_wait(&w->barrier);
}

static inline void fake_gradient(void *ctx, size_t first, size_t count, const struct hn_range *node,
                                 real *const *value, size_t nodes)
{
    struct fake_rank *a = ctx;
    struct fake_started *s = &a->started[a->pending++];

    *s = (struct fake_started){.first = first, .count = count, .nodes = nodes};
    memcpy(s->node, node, nodes * sizeof *node);
    memcpy(s->value, value, nodes * sizeof(real *));
}

static inline void fake_poll(void *ctx)
{
    ((struct fake_rank *)ctx)->polls++;
}

struct fake_sum {
    real *row;
    size_t width;
};

static inline void fake_add(void *ctx, size_t left, size_t right)
{
    struct fake_sum *s = ctx;

    for (size_t i = 0; i < s->width; i++)
        s->row[left * s->width + i] += s->row[right * s->width + i];
}

/* Rank 0: started sum number `i`, from all ranks, into all roots. */
static inline void fake_finish(struct fake_world *w, size_t i)
{
    struct hn_range node[FAKE_RANKS * HN_TREE_COVER];
    size_t place[FAKE_RANKS * HN_TREE_COVER], n = 0;
    const struct fake_started *mine = &w->rank[0].started[i];
    struct fake_sum sum = {fake_room(w, (w->microbatches + 1) * mine->count * sizeof(real)), mine->count};

    for (size_t r = 0; r < w->size; r++) {
        const struct fake_started *s = &w->rank[r].started[i];
        w->wrong += s->first != mine->first || s->count != mine->count || i >= w->rank[r].pending;
        for (size_t k = 0; k < s->nodes; k++, n++) {
            node[n] = s->node[k];
            memcpy(sum.row + n * sum.width, s->value[k] + s->first, sum.width * sizeof(real));
        }
    }
    w->wrong += hn_tree_fold(w->microbatches, node, place, n, fake_add, &sum) != 1;
    for (size_t r = 0; r < w->size; r++)
        memcpy(w->rank[r].root + mine->first, sum.row, sum.width * sizeof(real));
}

/* Where this rank's whole gradient must end. */
static inline void fake_root(struct fake_rank *a, real *root)
{
    a->root = root;
}

/* Collective: ends every started sum. */
static inline void fake_wait(struct fake_rank *a)
{
    struct fake_world *w = a->world;

    pthread_barrier_wait(&w->barrier);
    if (a->rank == 0)
        for (size_t i = 0; i < a->pending; i++)
            fake_finish(w, i);
    pthread_barrier_wait(&w->barrier);
    a->pending = 0;
}

/* Collective: `bytes` of every rank (they may differ) side by side into all, in rank order. */
static inline void fake_gather(struct fake_rank *a, const void *mine, size_t bytes, void *all)
{
    struct fake_world *w = a->world;
    size_t at = 0;

    w->shown[a->rank] = mine;
    w->width[a->rank] = bytes;
    pthread_barrier_wait(&w->barrier);
    for (size_t r = 0; r < w->size; at += w->width[r++])
        if (w->shown[r] != (char *)all + at)
            memcpy((char *)all + at, w->shown[r], w->width[r]);
    pthread_barrier_wait(&w->barrier);
}

static inline void fake_world_start(struct fake_world *w, size_t size, size_t microbatches)
{
    memset(w, 0, sizeof *w);
    w->size = size;
    w->microbatches = microbatches;
    w->rank = calloc(size, sizeof *w->rank);
    pthread_barrier_init(&w->barrier, NULL, (unsigned)size);
    for (size_t r = 0; r < size; r++)
        w->rank[r] = (struct fake_rank){.world = w,
                                        .rank = r,
                                        .own = hn_share(microbatches, size, r),
                                        .exchange = {&w->rank[r], fake_stats, fake_gradient, fake_poll}};
}

static inline void fake_world_end(struct fake_world *w)
{
    pthread_barrier_destroy(&w->barrier);
    free(w->rank);
    free(w->work);
}

struct fake_body {
    struct fake_rank *rank;
    void (*body)(struct fake_rank *, void *);
    void *ctx;
};

static inline void *fake_thread(void *arg)
{
    struct fake_body *b = arg;

    b->body(b->rank, b->ctx);
    return NULL;
}

/* Runs body once per rank, each in a thread of its own. */
static inline void fake_world_run(struct fake_world *w, void (*body)(struct fake_rank *, void *), void *ctx)
{
    pthread_t thread[FAKE_RANKS];
    struct fake_body b[FAKE_RANKS];

    for (size_t r = 0; r < w->size; r++) {
        b[r] = (struct fake_body){&w->rank[r], body, ctx};
        pthread_create(&thread[r], NULL, fake_thread, &b[r]);
    }
    for (size_t r = 0; r < w->size; r++)
        pthread_join(thread[r], NULL);
}

#endif
