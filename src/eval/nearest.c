/* Exact nearest neighbours in tiles.
 *
 * Every rank keeps its own queries and meets the whole bank, which is passed
 * round in pieces.  A thread takes a block of queries through the tiles of a
 * piece: GEMM, then one comparison per similarity; few survive it (about
 * k ln(rows / k) per query).  Before a piece goes, its survivors get their exact
 * similarities.  Which of them are kept depends on exact values and row numbers
 * alone, so no bit depends on ranks, threads, tiles or pieces. */
#include "eval/nearest.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/threads.h"
#include "eval/shares.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { QUERIES = 128, ROWS = 512, STRIP = 32 };      /* a tile; similarities that are looked at at once */
enum { BLOCKS_PER_WORKER = 4 };                      /* of queries, from one chance to stop to the next */
static const size_t PIECE_BYTES = (size_t)64 << 20;  /* of bank rows */
static const size_t LISTS_BYTES = (size_t)256 << 20; /* of candidates; more queries take more rounds */

struct nearest {
    hn_comm *comm;
    const struct hn_features *bank, *query;
    struct hn_threads *threads;
    size_t dim, k, room;
    double bank_norm;       /* the largest */
    struct hn_range *share; /* of the bank */
    size_t piece_rows;      /* largest piece */
    size_t lists, rounds;   /* queries of a round, rounds of the rank with most queries */
    size_t group, groups;   /* blocks of queries between two chances to stop; groups of the rank with most */

    void *block;
    float *row; /* (piece_rows, dim) of another rank */
    int64_t *label;
    struct hn_candidates *list; /* of this round's queries */
    struct hn_candidate *candidate;
    double *query_norm;
    struct scratch {
        real *tile, *query, *bank, *guess;
    } * scratch; /* per thread */

    struct hn_range now; /* own queries of this round */
    size_t first_block;  /* of the group at work */
    struct hn_bank_piece piece;
};

/* Run with c counting, then with c carving. */
static void layout(struct nearest *n, hn_carver *c)
{
    size_t workers = hn_threads_count(n->threads);
    bool widen = sizeof(real) != sizeof(float);
    struct scratch none = {0};

    n->row = hn_carve(c, sizeof *n->row * n->dim, n->piece_rows);
    n->label = hn_carve(c, sizeof *n->label, n->piece_rows);
    n->list = hn_carve(c, sizeof *n->list, n->lists);
    n->candidate = hn_carve(c, sizeof *n->candidate * n->room, n->lists);
    n->query_norm = hn_carve(c, sizeof(double), n->lists);
    n->scratch = hn_carve(c, sizeof *n->scratch, workers);
    for (size_t w = 0; w < workers; w++) {
        struct scratch *s = n->scratch ? &n->scratch[w] : &none;
        s->tile = hn_carve(c, sizeof(real), QUERIES * ROWS);
        s->query = hn_carve(c, sizeof(real) * n->dim, widen ? QUERIES : 0);
        s->bank = hn_carve(c, sizeof(real) * n->dim, widen ? ROWS : 0);
        s->guess = hn_carve(c, sizeof(real), n->room);
    }
}

static hn_status check_rows(const struct hn_features *f, const char *what)
{
    for (size_t i = 0; i < f->own.count; i++)
        for (size_t j = 0; j < f->dim; j++)
            if (!isfinite(f->row[i * f->dim + j]))
                return hn_fail(HN_EDIVERGED, "row %zu of the %s is not finite", f->own.first + i, what);
    return HN_OK;
}

/* The largest norm of all ranks' bank rows. */
static double largest_norm(const struct nearest *n)
{
    double largest = 0.0;
    int64_t bits;

    for (size_t i = 0; i < n->bank->own.count; i++) {
        const float *row = n->bank->row + i * n->dim;
        largest = fmax(largest, sqrt(hn_exact_dot(row, row, n->dim)));
    }
    memcpy(&bits, &largest, sizeof bits); /* of numbers that are not negative: ordered like them */
    bits = hn_comm_max(n->comm, bits);
    memcpy(&largest, &bits, sizeof bits);
    return largest;
}

/* Sizes; the same on every rank but for `lists` of the last ones. */
static void measure(struct nearest *n)
{
    size_t largest = 1, fits = PIECE_BYTES / (n->dim * sizeof(float));

    for (size_t r = 0; r < hn_comm_size(n->comm); r++)
        largest = n->share[r].count > largest ? n->share[r].count : largest;
    n->piece_rows = largest < fits ? largest : fits ? fits : 1;
    n->k = n->k < n->bank->total ? n->k : n->bank->total;
    n->room = n->k + (n->k > 256 ? n->k : 256);
    n->room = n->room < n->bank->total ? n->room : n->bank->total;
    fits = LISTS_BYTES / (n->room * sizeof *n->candidate);
    n->lists = (fits ? fits : 1) < n->query->own.count ? (fits ? fits : 1) : n->query->own.count;
    n->rounds = n->lists ? (n->query->own.count + n->lists - 1) / n->lists : 0;
    n->rounds = (size_t)hn_comm_max(n->comm, (int64_t)n->rounds);
    n->group = BLOCKS_PER_WORKER * hn_threads_count(n->threads);
    n->groups = (n->lists + n->group * QUERIES - 1) / (n->group * QUERIES);
    n->groups = (size_t)hn_comm_max(n->comm, (int64_t)n->groups);
}

static hn_status prepare(struct nearest *n)
{
    hn_carver carver = {0};
    hn_status st = HN_OK;

    if (n->k == 0 || n->bank->total == 0)
        st = hn_fail(HN_EUSAGE, "nearest neighbours need k of 1 or more and a bank that is not empty");
    else if (n->bank->dim != n->query->dim || n->dim == 0)
        st = hn_fail(HN_EUSAGE, "bank rows have %zu numbers, query rows %zu", n->bank->dim, n->query->dim);
    else if ((st = check_rows(n->bank, "bank")) == HN_OK)
        st = check_rows(n->query, "queries");
    st = hn_comm_agree(n->comm, st);
    if (st == HN_OK)
        st = hn_eval_shares(&n->share, n->comm, n->bank);
    if (st != HN_OK)
        return st;
    n->bank_norm = largest_norm(n);
    measure(n);
    layout(n, &carver);
    st = hn_comm_agree(n->comm, hn_carver_start(&carver, &n->block, "a search of nearest neighbours"));
    if (st == HN_OK)
        layout(n, &carver);
    return st;
}

/* Rows [first, first + count) of rank `owner`'s share reach everybody. */
static void pass_piece(struct nearest *n, size_t owner, size_t first, size_t count)
{
    bool mine = owner == hn_comm_rank(n->comm);
    float *row = mine ? n->bank->row + first * n->dim : n->row;
    int64_t *label = mine ? n->bank->label + first : n->label;

    hn_comm_bcast(n->comm, row, count * n->dim * sizeof *row, owner);
    hn_comm_bcast(n->comm, label, count * sizeof *label, owner);
    n->piece = (struct hn_bank_piece){n->share[owner].first + first, count, n->dim, row, label};
}

/* Bound on |GEMM's dot product - the exact one's|: sums of dim products in any order are off by at most
 * dim u |a| |b| (Higham, Accuracy and Stability, 3.1), u half of epsilon; doubled for the few roundings
 * around. */
static double error_bound(const struct nearest *n, size_t list)
{
    double epsilon = (sizeof(real) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON) + DBL_EPSILON;

    return (double)(n->dim + 8) * epsilon * n->query_norm[list] * n->bank_norm + (double)n->dim * FLT_MIN;
}

/* The rows as GEMM wants them: in the float build they are. */
static const real *as_real(const float *x, size_t count, real *scratch)
{
    if (sizeof(real) == sizeof(float))
        return (const real *)(const void *)x;
    for (size_t i = 0; i < count; i++)
        scratch[i] = (real)x[i];
    return scratch;
}

static const float *query_row(const struct nearest *n, size_t list)
{
    return n->query->row + (n->now.first + list) * n->dim;
}

/* Is any of the next guesses a candidate?  Most often none is; this loop is vectorised, one that adds is not.
 */
static bool any_above(const real *guess, size_t count, real cut)
{
    int hits = 0;

    for (size_t j = 0; j < count; j++)
        hits |= guess[j] >= cut;
    return hits != 0;
}

static void consider(struct nearest *n, size_t list, size_t local, real guess, real *scratch)
{
    struct hn_candidates *c = &n->list[list];

    if (c->count == c->room && guess >= c->cut)
        hn_candidates_prune(c, &n->piece, query_row(n, list), error_bound(n, list), scratch);
    if (guess >= c->cut)
        hn_candidates_add(c, &n->piece, local, guess);
}

/* One row of a tile: similarities of a query with rows [first, first + count) of the piece. */
static void scan(struct nearest *n, size_t list, const real *guess, size_t first, size_t count, real *scratch)
{
    for (size_t j = 0, step; j < count; j += step) {
        step = count - j < STRIP ? count - j : STRIP;
        if (any_above(guess + j, step, n->list[list].cut))
            for (size_t i = j; i < j + step; i++)
                consider(n, list, first + i, guess[i], scratch);
    }
}

/* Work item: a block of queries through the whole piece. */
static void search_block(void *ctx, size_t item, size_t worker)
{
    struct nearest *n = ctx;
    struct scratch *s = &n->scratch[worker];
    size_t first = (n->first_block + item) * QUERIES, left = n->now.count - first;
    size_t queries = left < QUERIES ? left : QUERIES;
    const real *q = as_real(query_row(n, first), queries * n->dim, s->query);

    for (size_t at = 0, rows; at < n->piece.rows; at += rows) {
        rows = n->piece.rows - at < ROWS ? n->piece.rows - at : ROWS;
        hn_pulse();
        const real *b = as_real(n->piece.row + at * n->dim, rows * n->dim, s->bank);
        hn_gemm(false, true, queries, rows, n->dim, (real)1, q, n->dim, b, n->dim, (real)0, s->tile, ROWS);
        for (size_t i = 0; i < queries; i++)
            scan(n, first + i, s->tile + i * ROWS, at, rows, s->guess);
    }
    for (size_t i = first; i < first + queries; i++)
        hn_candidates_settle(&n->list[i], &n->piece, query_row(n, i), error_bound(n, i), s->guess);
}

static void sort_list(void *ctx, size_t item, size_t worker)
{
    struct nearest *n = ctx;

    (void)worker;
    hn_candidates_sort(&n->list[item]);
}

static void begin_round(struct nearest *n, size_t round)
{
    size_t own = n->query->own.count, first = round * n->lists < own ? round * n->lists : own;

    n->now = (struct hn_range){first, own - first < n->lists ? own - first : n->lists};
    for (size_t i = 0; i < n->now.count; i++) {
        const float *q = query_row(n, i);
        n->list[i] = (struct hn_candidates){.at = n->candidate + i * n->room, .room = n->room, .k = n->k};
        hn_candidates_clear(&n->list[i]);
        n->query_norm[i] = sqrt(hn_exact_dot(q, q, n->dim));
    }
}

/* Collective. */
static hn_status go_on(struct nearest *n)
{
    return hn_comm_max(n->comm, hn_comm_stopping())
               ? hn_fail(HN_STOPPED, "the evaluation was stopped on request")
               : HN_OK;
}

/* Own queries through the piece, a group at a time. */
static hn_status search_piece(struct nearest *n)
{
    size_t blocks = (n->now.count + QUERIES - 1) / QUERIES;
    hn_status st = HN_OK;

    n->first_block = 0;
    for (size_t g = 0, count; g < n->groups && (st = go_on(n)) == HN_OK; g++, n->first_block += count) {
        count = blocks - n->first_block < n->group ? blocks - n->first_block : n->group;
        hn_threads_each(n->threads, count, search_block, n);
    }
    return st;
}

static hn_status run_round(struct nearest *n, size_t round, hn_take_nearest *take, void *ctx)
{
    hn_status st;

    begin_round(n, round);
    for (size_t owner = 0; owner < hn_comm_size(n->comm); owner++)
        for (size_t at = 0, rows; at < n->share[owner].count; at += rows) {
            rows = n->share[owner].count - at < n->piece_rows ? n->share[owner].count - at : n->piece_rows;
            pass_piece(n, owner, at, rows);
            if ((st = search_piece(n)) != HN_OK)
                return st;
        }
    hn_threads_each(n->threads, n->now.count, sort_list, n);
    for (size_t i = 0; i < n->now.count; i++)
        take(ctx, n->now.first + i, n->list[i].at, n->list[i].count);
    return HN_OK;
}

hn_status hn_eval_nearest(hn_comm *comm, const struct hn_features *bank, const struct hn_features *query,
                          size_t k, struct hn_threads *threads, hn_take_nearest *take, void *ctx)
{
    struct nearest n = {
        .comm = comm, .bank = bank, .query = query, .threads = threads, .dim = bank->dim, .k = k};
    hn_status st = prepare(&n);

    hn_backend_start();
    for (size_t round = 0; st == HN_OK && round < n.rounds; round++)
        st = run_round(&n, round, take, ctx);
    hn_free(n.block);
    hn_free(n.share);
    return st;
}
