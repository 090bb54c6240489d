/* Nearest neighbours: exact, ties to the lower row, the same on any ranks, threads and shares.  ranks: 3 */
#define TAP_MPI
#include "backend/backend.h"
#include "base/threads.h"
#include "eval/nearest.h"
#include "rows.h"
#include "tap.h"

enum { DIM = 23, CLASSES = 7, BANK = 1500, QUERIES = 301 };

struct truth {
    double exact;
    size_t row;
};

static int by_rank(const void *a, const void *b)
{
    const struct truth *x = a, *y = b;

    return x->exact != y->exact ? (x->exact > y->exact ? -1 : 1) : (x->row > y->row) - (x->row < y->row);
}

struct check {
    const struct hn_features *bank, *query; /* the whole bank */
    struct truth *order;
    size_t k, next;
    int bad;
};

/* Every query against a full sort. */
static void compare(void *ctx, size_t query, const struct hn_candidate *near, size_t count)
{
    struct check *c = ctx;

    c->bad += query != c->next++ || count != (c->k < c->bank->total ? c->k : c->bank->total);
    for (size_t i = 0; i < c->bank->total; i++)
        c->order[i] =
            (struct truth){hn_exact_dot(c->query->row + query * DIM, c->bank->row + i * DIM, DIM), i};
    qsort(c->order, c->bank->total, sizeof *c->order, by_rank);
    for (size_t i = 0; i < count; i++)
        c->bad += near[i].row != c->order[i].row || near[i].exact != c->order[i].exact ||
                  near[i].label != c->bank->label[near[i].row];
}

/* Shares of three ranks, uneven, some empty. */
static struct hn_range part(size_t total, const size_t weight[3], size_t rank)
{
    size_t sum = weight[0] + weight[1] + weight[2], first = 0;

    for (size_t r = 0; r < rank; r++)
        first += total * weight[r] / sum;
    size_t end = rank == 2 ? total : first + total * weight[rank] / sum;
    return (struct hn_range){first, end - first};
}

static void exact(hn_comm *comm, hn_threads *threads, size_t repeat, size_t k)
{
    static const size_t weights[3][3] = {{1, 1, 1}, {5, 0, 2}, {0, 0, 1}};
    size_t rank = hn_comm_rank(comm);
    struct hn_features whole = test_features(1, BANK, DIM, CLASSES, repeat, (struct hn_range){0, BANK});
    int bad = 0;

    for (size_t w = 0; w < 3; w++) {
        struct hn_features bank = test_features(1, BANK, DIM, CLASSES, repeat, part(BANK, weights[w], rank));
        struct hn_features query =
            test_features(repeat ? 1 : 2, QUERIES, DIM, CLASSES, 0, part(QUERIES, weights[2 - w], rank));
        struct check c = {&whole, &query, hn_calloc(BANK, sizeof(struct truth)), k, 0, 0};
        bad += hn_eval_nearest(comm, &bank, &query, k, threads, compare, &c) != HN_OK;
        bad += c.bad != 0 || c.next != query.own.count;
        hn_free(c.order);
        hn_features_free(&query);
        hn_features_free(&bank);
    }
    hn_features_free(&whole);
    ok(bad == 0, "k = %zu%s: as a full sort in double, in any shares", k,
       repeat ? ", all rows repeated" : "");
}

/* Shares of top-1 and top-5: bits of three ranks and of one. */
static void votes(hn_comm *comm, hn_comm *alone, hn_threads *threads)
{
    size_t rank = hn_comm_rank(comm);
    struct hn_range all_bank = {0, BANK}, all_query = {0, QUERIES};
    struct hn_knn_result one = {0}, three = {-1, -1};
    struct hn_features bank = test_features(1, BANK, DIM, CLASSES, 0, all_bank);
    struct hn_features query = test_features(2, QUERIES, DIM, CLASSES, 0, all_query);

    tap_status(hn_eval_knn(&one, alone, &bank, &query, CLASSES, 50, 0.1, threads), HN_OK, "alone");
    hn_features_free(&bank);
    hn_features_free(&query);
    bank = test_features(1, BANK, DIM, CLASSES, 0, part(BANK, (const size_t[]){4, 1, 2}, rank));
    query = test_features(2, QUERIES, DIM, CLASSES, 0, part(QUERIES, (const size_t[]){0, 3, 1}, rank));
    tap_status(hn_eval_knn(&three, comm, &bank, &query, CLASSES, 50, 0.1, threads), HN_OK, "on three ranks");
    ok(one.top1 == three.top1 && one.top5 == three.top5, "the same shares");
    ok(one.top1 > 0.5 && one.top1 < 1.0 && one.top5 > one.top1, "of a sensible size: %g, %g", one.top1,
       one.top5);
    hn_features_free(&bank);
    hn_features_free(&query);
}

static void by_hand(void)
{
    const struct hn_candidate near[4] = {{.exact = 0.9, .label = 2},
                                         {.exact = 0.8, .label = 1},
                                         {.exact = 0.8, .label = 1},
                                         {.exact = 0.1, .label = 0}};
    double score[5];

    hn_eval_vote(score, 5, near, 4, 0.5);
    ok(fabs(score[2] - 1.0) < 1e-15 && fabs(score[1] - 2.0 * exp(-0.2)) < 1e-15 &&
           fabs(score[0] - exp(-1.6)) < 1e-15 && score[3] == 0.0,
       "votes by hand");
    ok(hn_eval_place(score, 5, 1) == 0 && hn_eval_place(score, 5, 2) == 1 && hn_eval_place(score, 5, 4) == 4,
       "equal scores: lower class first");
    hn_eval_vote(score, 5, near, 4, 1e-4);
    ok(score[2] == 1.0 && score[0] == 0.0, "a tiny temperature does not overflow");
}

/* Similarities that differ by less than float can tell, and rows of zeros. */
static void hard_cases(hn_comm *comm, hn_threads *threads)
{
    struct hn_range own = hn_comm_rank(comm) == 0 ? (struct hn_range){0, BANK} : (struct hn_range){BANK, 0};
    struct hn_features bank = test_features(1, BANK, DIM, CLASSES, 1, own), query;
    struct hn_features whole = test_features(1, BANK, DIM, CLASSES, 1, (struct hn_range){0, BANK});
    struct check c = {&whole, &query, hn_calloc(BANK, sizeof(struct truth)), 40, 0, 0};

    for (size_t i = 0; i < BANK; i++) { /* nearly the same row, in an order that jumps */
        whole.row[i * DIM] += (float)((i * 617) % BANK) * 3e-9F;
        whole.label[i] = (int64_t)(i % CLASSES);
    }
    if (own.count > 0) {
        memcpy(bank.row, whole.row, BANK * DIM * sizeof(float));
        memcpy(bank.label, whole.label, BANK * sizeof(int64_t));
    }
    query = test_features(2, 9, DIM, CLASSES, 0,
                          hn_comm_rank(comm) == 2 ? (struct hn_range){0, 9} : (struct hn_range){9, 0});
    if (query.own.count > 0)
        memset(query.row, 0, DIM * sizeof(float));
    tap_status(hn_eval_nearest(comm, &bank, &query, 40, threads, compare, &c), HN_OK,
               "near ties and a zero query");
    ok(c.bad == 0, "are told apart as in double");
    hn_free(c.order);
    hn_features_free(&query);
    hn_features_free(&whole);
    hn_features_free(&bank);
}

static void refused(hn_comm *comm, hn_threads *threads)
{
    struct hn_range bank_own = part(20, (const size_t[]){1, 1, 1}, hn_comm_rank(comm));
    struct hn_features bank = test_features(1, 20, DIM, CLASSES, 0, bank_own);
    struct hn_features query = test_features(2, 20, DIM, CLASSES, 0, bank_own);
    struct hn_knn_result result;

    tap_status(hn_eval_knn(&result, comm, &bank, &query, CLASSES, 0, 0.5, threads), HN_EUSAGE, "k = 0");
    tap_status(hn_eval_knn(&result, comm, &bank, &query, CLASSES, 5, 0.0, threads), HN_EUSAGE,
               "temperature 0");
    if (hn_comm_rank(comm) == 1)
        bank.label[2] = CLASSES;
    tap_status(hn_eval_knn(&result, comm, &bank, &query, CLASSES, 5, 0.5, threads), HN_EDATA,
               "a label out of range");
    ok(strcmp(hn_error_text(), "rank 1: row 8 of the bank has label 7, classes are 0 .. 6") == 0,
       "is named on every rank: %s", hn_error_text());
    if (hn_comm_rank(comm) == 1)
        bank.label[2] = -1;
    tap_status(hn_eval_knn(&result, comm, &bank, &query, CLASSES, 5, 0.5, threads), HN_EDATA,
               "a row without label");
    if (hn_comm_rank(comm) == 1)
        bank.label[2] = 0;
    if (hn_comm_rank(comm) == 2)
        query.row[3] = NAN;
    tap_status(hn_eval_knn(&result, comm, &bank, &query, CLASSES, 5, 0.5, threads), HN_EDIVERGED,
               "a number that is not finite");
    hn_features_free(&bank);
    hn_features_free(&query);
}

int main(int argc, char **argv)
{
    hn_comm *comm, *alone;
    hn_threads *threads;

    MPI_Init(&argc, &argv);
    hn_backend_start();
    tap_plan(21);
    hn_comm_new(&comm, MPI_COMM_WORLD, NULL);
    hn_comm_new(&alone, MPI_COMM_SELF, NULL);
    hn_threads_new(&threads, 1 + hn_comm_rank(comm) % 2);
    exact(comm, threads, 0, 1);
    exact(comm, threads, 0, 200);
    exact(comm, threads, 0, BANK + 5);
    exact(comm, threads, 700, 20);
    exact(comm, threads, 3, 200); /* 500 equal rows: more than the lists hold */
    votes(comm, alone, threads);
    by_hand();
    hard_cases(comm, threads);
    refused(comm, threads);
    hn_threads_free(threads);
    hn_comm_free(alone);
    hn_comm_free(comm);
    ok(hn_live_blocks() == 0, "nothing is left");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
