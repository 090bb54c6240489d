/* Pieces of sums in flight: scatter, fold in the tree's order, spread (comm/reduce.h has the states).
 *
 * Which rank adds which chunk, and how long chunks and pieces are, has no
 * influence on a bit: every element is added up on its own, in the tree's order. */
#include "base/assert.h"
#include "comm/reduce.h"
#include <string.h>

#define MPI_REAL_TYPE (sizeof(real) == sizeof(float) ? MPI_FLOAT : MPI_DOUBLE)

/* Elements that are folded at once, so that they stay in the cache. */
enum { STRIP = 4096 };

/* Counts and places of both laps. */
static void address(const hn_reducer *r, struct hn_piece *p)
{
    size_t ranks = (size_t)r->comm->size;
    size_t own = hn_share(p->count, ranks, (size_t)r->comm->rank).count;

    for (size_t k = 0, sent = 0, got = 0, sum = 0; k < ranks; k++) {
        size_t chunk = hn_share(p->count, ranks, k).count;
        p->sum_at[k] = (int)sum;
        p->send_at[k] = (int)sent;
        p->got_at[k] = (int)got;
        sum += (size_t)(p->sum_count[k] = (int)chunk);
        sent += (size_t)(p->send_count[k] = (int)(chunk * r->cover));
        got += (size_t)(p->got_count[k] = (int)(own * r->cover_of_rank[k]));
    }
    /* A rank without nodes and without a chunk sends itself a number: in Open MPI 4.1 an Ialltoallv that has
     * nothing at all to do on one rank does not count there, and the next one meets the wrong calls. */
    if (own == 0 && r->cover == 0)
        p->send_count[r->comm->rank] = p->got_count[r->comm->rank] = 1;
}

static void scatter(hn_reducer *r, struct hn_piece *p, real *const *value)
{
    static const real nothing[1];
    const real *send = p->send;

    address(r, p);
    if (r->cover == 0) {
        send = nothing;
    } else if (r->cover == 1) {
        send = value[0] + p->first; /* chunks lie there as they are sent */
    } else {
        for (int k = 0; k < r->comm->size; k++)
            for (size_t i = 0; i < r->cover; i++) {
                size_t chunk = (size_t)p->sum_count[k];
                memcpy(p->send + (size_t)p->send_at[k] + i * chunk, value[i] + p->first + p->sum_at[k],
                       chunk * sizeof *send);
            }
    }
    MPI_Ialltoallv(send, p->send_count, p->send_at, MPI_REAL_TYPE, p->got, p->got_count, p->got_at,
                   MPI_REAL_TYPE, r->comm->scatter, &p->request);
    p->state = HN_PIECE_SCATTER;
}

struct strip {
    real *at;
    size_t stride, width;
};

static void add(void *ctx, size_t left, size_t right)
{
    struct strip *s = ctx;
    real *restrict a = s->at + left * s->stride;
    const real *restrict b = s->at + right * s->stride;

    for (size_t j = 0; j < s->width; j++)
        a[j] += b[j];
}

/* Row 0 of what was got becomes the sum over the tree. */
static void fold(hn_reducer *r, struct hn_piece *p)
{
    size_t chunk = (size_t)p->sum_count[r->comm->rank];

    for (size_t j = 0; j < chunk; j += STRIP) {
        struct strip s = {p->got + j, chunk, chunk - j < STRIP ? chunk - j : STRIP};
        memcpy(r->fold_node, r->node, r->covers * sizeof *r->node);
        size_t left = hn_tree_fold(r->n, r->fold_node, r->fold_place, r->covers, add, &s);
        HN_ASSERT(left == 1 && r->fold_place[0] == 0);
    }
    p->state = HN_PIECE_FOLDED;
}

static void spread(hn_reducer *r, struct hn_piece *p)
{
    MPI_Iallgatherv(p->got, p->sum_count[r->comm->rank], MPI_REAL_TYPE, p->root + p->first, p->sum_count,
                    p->sum_at, MPI_REAL_TYPE, r->comm->spread, &p->request);
    p->state = HN_PIECE_SPREAD;
}

/* The other algorithm: the own nodes from left to right, the rest is the MPI library's affair. */
static void allreduce(hn_reducer *r, struct hn_piece *p, real *const *value)
{
    real *sum = p->root + p->first;

    if (r->cover == 0)
        memset(sum, 0, p->count * sizeof *sum);
    else if (value[0] != p->root)
        memcpy(sum, value[0] + p->first, p->count * sizeof *sum);
    for (size_t i = 1; i < r->cover; i++)
        for (size_t j = 0; j < p->count; j++)
            sum[j] += value[i][p->first + j];
    MPI_Iallreduce(MPI_IN_PLACE, sum, (int)p->count, MPI_REAL_TYPE, MPI_SUM, r->comm->spread, &p->request);
    p->state = HN_PIECE_SPREAD;
}

/* Begins the next piece of the bucket that is due. */
static void begin(hn_reducer *r)
{
    struct hn_bucket *b = &r->queue[r->taken % HN_REDUCE_QUEUE];
    struct hn_piece *p = &r->slot[r->begun % HN_REDUCE_SLOTS];
    size_t left = b->count - r->at;

    HN_ASSERT(p->state == HN_PIECE_FREE && r->at <= b->count);
    p->first = b->first + r->at;
    p->count = left < r->largest ? left : r->largest;
    p->root = b->root;
    if (p->count > 0) {
        (r->algorithm == HN_REDUCE_MPI ? allreduce : scatter)(r, p, b->value);
        r->begun++;
    }
    r->at += p->count;
    if (r->at == b->count) {
        r->taken++;
        r->at = 0;
    }
}

static bool has_ended(struct hn_piece *p)
{
    int done;

    MPI_Test(&p->request, &done, MPI_STATUS_IGNORE);
    return done != 0;
}

void hn_pieces_move(hn_reducer *r)
{
    bool in_turn = true; /* all earlier pieces are being spread */

    for (size_t i = r->ended; i < r->begun; i++) {
        struct hn_piece *p = &r->slot[i % HN_REDUCE_SLOTS];
        if (p->state == HN_PIECE_SCATTER && has_ended(p))
            fold(r, p);
        if (p->state == HN_PIECE_FOLDED && in_turn)
            spread(r, p);
        else if (p->state == HN_PIECE_SPREAD && has_ended(p))
            p->state = HN_PIECE_FREE;
        in_turn = in_turn && (p->state == HN_PIECE_SPREAD || p->state == HN_PIECE_FREE);
    }
    while (r->ended < r->begun && r->slot[r->ended % HN_REDUCE_SLOTS].state == HN_PIECE_FREE)
        r->ended++;
    while (r->taken < r->asked && r->begun - r->ended < HN_REDUCE_SLOTS)
        begin(r);
}
