/* The tree across ranks: making a reducer, statistics, and the queue of sums. */
#include "comm/reduce.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include <string.h>

/* Elements of a piece at most: with 2^16 .. 2^20 of them 10 M floats took the same time. */
static const size_t PIECE = (size_t)1 << 18;
static const size_t STATS_BYTES = (size_t)1 << 22; /* of the buffer for statistics, about */

/* Run with c counting, then with c carving. */
static void layout(hn_reducer *r, hn_carver *c, size_t ranks)
{
    bool moving = r->algorithm == HN_REDUCE_ORDERED && ranks > 1;

    r->cover_of_rank = hn_carve(c, sizeof *r->cover_of_rank, ranks);
    r->node = hn_carve(c, sizeof *r->node, r->covers);
    r->fold_node = hn_carve(c, sizeof *r->fold_node, r->covers);
    r->fold_place = hn_carve(c, sizeof *r->fold_place, r->covers);
    r->leaf = hn_carve(c, sizeof *r->leaf, r->own.count);
    r->stat = hn_carve(c, sizeof *r->stat, r->covers * r->stat_width);
    r->stat_count = hn_carve(c, sizeof(int), ranks);
    r->stat_at = hn_carve(c, sizeof(int), ranks);
    for (size_t s = 0; s < HN_REDUCE_SLOTS; s++) {
        struct hn_piece *p = &r->slot[s];
        size_t chunk = (r->largest + ranks - 1) / ranks;
        p->send = hn_carve(c, sizeof(real), moving && r->cover > 1 ? r->cover * r->largest : 0);
        p->got = hn_carve(c, sizeof(real), moving ? r->covers * chunk : 0);
        p->send_count = hn_carve(c, sizeof(int), ranks);
        p->send_at = hn_carve(c, sizeof(int), ranks);
        p->got_count = hn_carve(c, sizeof(int), ranks);
        p->got_at = hn_carve(c, sizeof(int), ranks);
        p->sum_count = hn_carve(c, sizeof(int), ranks);
        p->sum_at = hn_carve(c, sizeof(int), ranks);
    }
    for (size_t b = 0; b < HN_REDUCE_QUEUE; b++)
        r->queue[b].value = hn_carve(c, sizeof(real *), r->cover);
}

/* The runs must follow one another and cover all microbatches; counts all ranks' nodes. */
static hn_status check_runs(hn_reducer *r, const struct hn_range *run_of_rank, size_t ranks)
{
    struct hn_range node[HN_TREE_COVER];
    size_t at = 0;

    for (size_t k = 0; k < ranks; k++) {
        struct hn_range run = run_of_rank[k];
        if (run.count > 0 && run.first != at)
            return hn_fail(HN_EBUG, "runs of microbatches do not follow one another at rank %zu", k);
        at += run.count;
        r->covers += hn_tree_cover(r->n, run, node);
    }
    if (at != r->n || r->n == 0)
        return hn_fail(HN_EBUG, "runs hold %zu of %zu microbatches", at, r->n);
    return HN_OK;
}

static void fill_tables(hn_reducer *r, const struct hn_range *run_of_rank)
{
    struct hn_range node[HN_TREE_COVER];
    size_t at = 0;

    for (int k = 0; k < r->comm->size; k++) {
        r->cover_of_rank[k] = hn_tree_cover(r->n, run_of_rank[k], node);
        memcpy(r->node + at, node, r->cover_of_rank[k] * sizeof *node);
        at += r->cover_of_rank[k];
    }
}

/* Everything that the buffers' sizes follow from. */
static hn_status measure(hn_reducer *r, const struct hn_range *run_of_rank, size_t ranks, size_t rank,
                         size_t width)
{
    struct hn_range node[HN_TREE_COVER];
    hn_status st = check_runs(r, run_of_rank, ranks);
    size_t fits;

    if (st != HN_OK)
        return st;
    r->own = run_of_rank[rank];
    r->cover = hn_tree_cover(r->n, r->own, node);
    r->width = width;
    r->largest = width < PIECE ? width : PIECE;
    fits = STATS_BYTES / sizeof(double) / r->covers;
    r->stat_width = (fits < 768 ? 768 : fits > 12288 ? 12288 : fits) / 3 * 3; /* whole triples */
    return HN_OK;
}

static hn_status prepare(hn_reducer *r, const struct hn_range *run_of_rank, size_t width)
{
    hn_carver carver = {0};
    size_t ranks = (size_t)r->comm->size;
    hn_status st = measure(r, run_of_rank, ranks, (size_t)r->comm->rank, width);

    if (st != HN_OK)
        return st;
    layout(r, &carver, ranks);
    st = hn_carver_start(&carver, &r->block, "the reducer");
    if (st != HN_OK)
        return st;
    layout(r, &carver, ranks);
    fill_tables(r, run_of_rank);
    return HN_OK;
}

hn_status hn_reducer_bytes(size_t *bytes, size_t microbatches, const struct hn_range *run_of_rank,
                           size_t ranks, size_t rank, size_t width, enum hn_reduce_algorithm algorithm)
{
    hn_reducer *r = hn_zalloc(sizeof *r);
    hn_carver carver = {0};
    hn_status st;

    if (r == NULL)
        return HN_ENOMEM;
    r->n = microbatches;
    r->algorithm = algorithm;
    if ((st = measure(r, run_of_rank, ranks, rank, width)) == HN_OK) {
        layout(r, &carver, ranks);
        *bytes = carver.bytes + sizeof *r;
    }
    hn_free(r);
    return st;
}

hn_status hn_reducer_new(hn_reducer **out, hn_comm *c, size_t microbatches,
                         const struct hn_range *run_of_rank, size_t width, enum hn_reduce_algorithm algorithm)
{
    hn_reducer *r = hn_zalloc(sizeof *r);
    hn_status st = HN_ENOMEM;

    hn_ranks_check(c, "hn_reducer_new", width,
                   hn_hash_bytes(run_of_rank, (size_t)c->size * sizeof *run_of_rank).lo +
                       (uint64_t)algorithm);
    if (r != NULL) {
        r->comm = c;
        r->n = microbatches;
        r->algorithm = algorithm;
        st = prepare(r, run_of_rank, width);
    }
    st = hn_comm_agree(c, st);
    if (st != HN_OK) {
        if (r != NULL)
            hn_free(r->block);
        hn_free(r);
        return st;
    }
    r->next = c->reducers;
    c->reducers = r;
    *out = r;
    return HN_OK;
}

void hn_reducer_free(hn_reducer *r)
{
    if (r == NULL)
        return;
    for (hn_reducer **at = &r->comm->reducers; *at != NULL; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    hn_free(r->block);
    hn_free(r);
}

void hn_reducers_poll(hn_reducer *first)
{
    for (; first != NULL; first = first->next)
        hn_pieces_move(first);
}

/* ---- statistics ---- */

/* Columns [first, first + width) of the own nodes' rows go to all; every rank finishes the tree. */
static void exchange_columns(hn_reducer *r, enum hn_combine how, double *row, size_t stride, size_t first,
                             size_t width)
{
    hn_comm *c = r->comm;
    MPI_Request request;
    int at = 0;

    for (int k = 0; k < c->size; k++) {
        r->stat_count[k] = (int)(r->cover_of_rank[k] * width);
        r->stat_at[k] = at;
        at += r->stat_count[k];
    }
    for (size_t i = 0; i < r->cover; i++)
        memcpy(r->stat + (size_t)r->stat_at[c->rank] + i * width, row + i * stride + first,
               width * sizeof *row);
    MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DOUBLE, r->stat, r->stat_count, r->stat_at, MPI_DOUBLE, c->stats,
                    &request);
    hn_wait(c, &request, 1);
    memcpy(r->fold_node, r->node, r->covers * sizeof *r->node);
    hn_combine_rows(how, r->stat, width, r->n, r->fold_node, r->covers);
    memcpy(row + first, r->stat, width * sizeof *row);
}

void hn_reducer_stats(hn_reducer *r, enum hn_combine how, double *row, size_t width)
{
    for (size_t i = 0; i < r->own.count; i++)
        r->leaf[i] = (struct hn_range){r->own.first + i, 1};
    hn_combine_rows(how, row, width, r->n, r->leaf, r->own.count);
    if (r->comm->size == 1)
        return;
    hn_ranks_check(r->comm, "hn_reducer_stats", width, (uint64_t)how);
    for (size_t first = 0; first < width; first += r->stat_width)
        exchange_columns(r, how, row, width, first,
                         width - first < r->stat_width ? width - first : r->stat_width);
}

/* ---- the queue of sums ---- */

static bool queue_has_room(void *ctx)
{
    hn_reducer *r = ctx;

    hn_pieces_move(r);
    return r->asked - r->taken < HN_REDUCE_QUEUE;
}

static bool all_ended(void *ctx)
{
    hn_reducer *r = ctx;

    hn_pieces_move(r);
    return r->asked == r->taken && r->begun == r->ended;
}

void hn_reducer_start(hn_reducer *r, size_t first, size_t count, real *const *value, real *root)
{
    struct hn_bucket *b;

    HN_ASSERT(count <= r->width && first <= r->width - count);
    if (r->comm->size == 1) { /* a single node, the root, is all there is */
        if (value[0] != root)
            memcpy(root + first, value[0] + first, count * sizeof *root);
        return;
    }
    hn_ranks_check(r->comm, "hn_reducer_start", first, count);
    hn_wait_until(r->comm, queue_has_room, r);
    b = &r->queue[r->asked++ % HN_REDUCE_QUEUE];
    b->first = first;
    b->count = count;
    b->root = root;
    memcpy(b->value, value, r->cover * sizeof *value);
    hn_pieces_move(r);
}

void hn_reducer_poll(hn_reducer *r)
{
    hn_pieces_move(r);
}

void hn_reducer_wait(hn_reducer *r)
{
    hn_ranks_check(r->comm, "hn_reducer_wait", r->asked, 0);
    hn_wait_until(r->comm, all_ended, r);
}
