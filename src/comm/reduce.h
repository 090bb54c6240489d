/* comm/reduce.h - a reducer from the inside.
 *
 * A bucket is what one start() asks for.  It is cut into pieces of at most
 * `largest` elements, because the buffers of the SLOTS pieces in flight are
 * planned ahead.  A piece goes through:
 *
 *   waiting --begin--> SCATTER: every rank's nodes of chunk r travel to rank r
 *           --fold---> FOLDED:  chunk r is added up in the tree's order
 *           --spread-> SPREAD:  the sums of all chunks travel to all ranks
 *           --------->  FREE
 *
 * Pieces begin and spread in the order in which they were asked for, scatter
 * and spread on a communicator each: so every rank starts the same calls in
 * the same order on either, however fast its own pieces move. */
#ifndef HN_COMM_REDUCE_H
#define HN_COMM_REDUCE_H

#include "base/tree.h"
#include "comm/ranks.h"

enum { HN_REDUCE_SLOTS = 4, HN_REDUCE_QUEUE = 512 };

struct hn_bucket {
    size_t first, count;
    real *root;
    real **value; /* own nodes */
};

enum hn_piece_state { HN_PIECE_FREE, HN_PIECE_SCATTER, HN_PIECE_FOLDED, HN_PIECE_SPREAD };

struct hn_piece {
    enum hn_piece_state state;
    MPI_Request request;
    size_t first, count;
    real *root;
    real *send; /* (chunks, own nodes, chunk length); not used with a single own node */
    real *got;  /* (all nodes, length of the own chunk) */
    /* Per rank, in reals; MPI reads them until the call has ended. */
    int *send_count, *send_at, *got_count, *got_at, *sum_count, *sum_at;
};

struct hn_reducer {
    hn_comm *comm;
    hn_reducer *next; /* of comm->reducers */
    enum hn_reduce_algorithm algorithm;
    size_t n;              /* microbatches: leaves of the tree */
    struct hn_range own;   /* run of this rank */
    size_t cover, covers;  /* nodes of this rank, of all */
    size_t *cover_of_rank; /* nodes per rank */
    struct hn_range *node; /* of all ranks, in order */
    struct hn_range *fold_node;
    size_t *fold_place;
    struct hn_range *leaf; /* of the own run */

    double *stat; /* (covers, stat_width) */
    size_t stat_width;
    int *stat_count, *stat_at;

    size_t width;   /* of a parameter block: no sum reaches beyond it */
    size_t largest; /* elements of a piece */
    struct hn_piece slot[HN_REDUCE_SLOTS];
    size_t begun, ended; /* pieces so far: those between are in flight, piece p in slot p % SLOTS */
    struct hn_bucket queue[HN_REDUCE_QUEUE];
    size_t asked, taken; /* buckets so far: those between wait, bucket b in queue[b % QUEUE] */
    size_t at;           /* elements of bucket `taken` that have begun */
    void *block;
};

/* Moves every piece as far as it goes without waiting. */
void hn_pieces_move(hn_reducer *r);

#endif
