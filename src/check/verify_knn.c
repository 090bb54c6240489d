/* check/verify_knn.c - nearest neighbours and their vote against reference values (knn.h5's layout):
 * /bank, /query and their labels, then one group per k and temperature.
 *
 * Bank and queries are spread over the ranks unevenly, in different ways; some
 * ranks own none.  Our similarities and scores are doubles in either build, so
 * the tolerance is that of doubles.  Where two reference values differ by less,
 * their order is free; where they are equal it is not: lower row, lower class. */
#include "base/mem.h"
#include "check/stored.h"
#include "check/verify.h"
#include "eval/nearest.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 128 };
static const double TOLERANCE = 1e-12;

static bool recognise(const hn_store *file)
{
    return hn_store_has(file, "/bank") && hn_store_has(file, "/bank_label") && hn_store_has(file, "/query") &&
           hn_store_has(file, "/query_label");
}

/* Shares of 2, 1, 0, 3 and so on, beginning somewhere in that list. */
static struct hn_range share(size_t total, const hn_comm *comm, size_t begin)
{
    static const size_t part[] = {2, 1, 0, 3};
    size_t size = hn_comm_size(comm), before = 0, own = 0, all = 0;

    for (size_t k = 0; k < size; k++) {
        size_t p = size == 1 ? 1 : part[(k + begin) % 4];
        before += k < hn_comm_rank(comm) ? p : 0;
        own += k == hn_comm_rank(comm) ? p : 0;
        all += p;
    }
    size_t first = total * before / all;
    return (struct hn_range){first, total * (before + own) / all - first};
}

/* The own share of rows and labels. */
static hn_status take_share(struct hn_features *f, const hn_store *file, const char *rows, const char *labels,
                            const hn_comm *comm, size_t begin)
{
    struct hn_stored row = {0}, label = {0};
    hn_status st;

    if ((st = hn_stored_read(&row, file, "", rows)) != HN_OK ||
        (st = hn_stored_read(&label, file, "", labels)) != HN_OK)
        goto out;
    if (row.info.rank != 2 || label.info.rank != 1 || label.info.count != row.info.dim[0] ||
        row.info.count == 0) {
        st = hn_fail(HN_EDATA, "/%s and /%s are not rows and a label for each", rows, labels);
        goto out;
    }
    f->total = (size_t)row.info.dim[0];
    f->dim = (size_t)row.info.dim[1];
    f->own = share(f->total, comm, begin);
    f->row = hn_calloc(f->own.count * f->dim, sizeof *f->row);
    f->label = hn_calloc(f->own.count, sizeof *f->label);
    if (f->row == NULL || f->label == NULL) {
        st = HN_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < f->own.count * f->dim; i++)
        f->row[i] = (float)row.v[f->own.first * f->dim + i];
    for (size_t i = 0; i < f->own.count; i++)
        f->label[i] = (int64_t)label.v[f->own.first + i];
out:
    hn_stored_free(&label);
    hn_stored_free(&row);
    return st;
}

/* The reference of one group, and how far this rank's queries are from it. */
struct group {
    struct hn_stored neighbour, similarity, score, ranking;
    double top1, top5, temperature;
    size_t k, classes;
    const struct hn_features *query;
    double *vote;
    double worst_similarity, worst_score;
    size_t wrong_rows, wrong_classes;
};

/* Must the order at `i` of n values be as it is?  Not where a neighbour is near but not equal. */
static bool decided(const double *value, size_t n, size_t i)
{
    for (size_t k = i > 0 ? i - 1 : 0; k < n && k <= i + 1; k++)
        if (k != i && value[k] != value[i] && fabs(value[k] - value[i]) <= TOLERANCE * fabs(value[i]))
            return false;
    return true;
}

static void compare_neighbours(struct group *g, size_t row, const struct hn_candidate *near, size_t count)
{
    size_t n = (size_t)g->neighbour.info.dim[1];
    const double *similarity = g->similarity.v + row * n, *neighbour = g->neighbour.v + row * n;

    for (size_t i = 0; i < n; i++) {
        double off = i < count ? fabs(near[i].exact - similarity[i]) : INFINITY;
        g->worst_similarity = fmax(g->worst_similarity, off);
        g->wrong_rows += i < count && decided(similarity, n, i) && (double)near[i].row != neighbour[i];
    }
}

static void compare_scores(struct group *g, size_t row, const struct hn_candidate *near, size_t count)
{
    const double *score = g->score.v + row * g->classes, *ranking = g->ranking.v + row * g->classes;
    double scale = count ? exp(near[0].exact / g->temperature) : 1.0;
    double ranked[2];

    hn_eval_vote(g->vote, g->classes, near, count, g->temperature);
    for (size_t c = 0; c < g->classes; c++) {
        double off = fabs(g->vote[c] * scale - score[c]);
        g->worst_score = fmax(g->worst_score, off > 0.0 ? off / score[c] : 0.0);
    }
    for (size_t i = 0; i < g->classes; i++) {
        size_t c = (size_t)ranking[i];
        bool free_order = false;
        for (size_t d = 0; d < g->classes; d++) {
            ranked[0] = score[c];
            ranked[1] = score[d];
            free_order = free_order || !decided(ranked, 2, 0);
        }
        g->wrong_classes += !free_order && hn_eval_place(g->vote, g->classes, c) != i;
    }
}

static void compare(void *ctx, size_t query, const struct hn_candidate *near, size_t count)
{
    struct group *g = ctx;

    compare_neighbours(g, g->query->own.first + query, near, count);
    compare_scores(g, g->query->own.first + query, near, count);
}

static bool is_table(const struct hn_stored *s, size_t rows)
{
    return s->info.rank == 2 && s->info.dim[0] == rows && s->info.dim[1] > 0;
}

static hn_status check_group(const struct group *g, const char *path, size_t bank, size_t queries)
{
    size_t columns = (size_t)g->neighbour.info.dim[1];

    if (!is_table(&g->neighbour, queries) || !is_table(&g->similarity, queries) ||
        !is_table(&g->score, queries) || !is_table(&g->ranking, queries) ||
        g->similarity.info.dim[1] != columns || columns > g->k || columns > bank ||
        g->ranking.info.dim[1] != g->score.info.dim[1] || g->k == 0 || !(g->temperature > 0))
        return hn_fail(HN_EDATA, "%s: shapes that do not fit one another", path);
    for (size_t i = 0; i < g->ranking.info.count; i++)
        if (!(g->ranking.v[i] >= 0 && g->ranking.v[i] < (double)g->ranking.info.dim[1]))
            return hn_fail(HN_EDATA, "%s/ranking: a class out of range", path);
    return HN_OK;
}

static hn_status read_group(struct group *g, const hn_store *file, const char *path, size_t bank,
                            size_t queries)
{
    hn_status st;

    if ((st = hn_stored_size(file, path, "k", &g->k)) != HN_OK ||
        (st = hn_stored_f64(file, path, "t", &g->temperature)) != HN_OK ||
        (st = hn_stored_f64(file, path, "top1", &g->top1)) != HN_OK ||
        (st = hn_stored_f64(file, path, "top5", &g->top5)) != HN_OK ||
        (st = hn_stored_read(&g->neighbour, file, path, "neighbour")) != HN_OK ||
        (st = hn_stored_read(&g->similarity, file, path, "similarity")) != HN_OK ||
        (st = hn_stored_read(&g->score, file, path, "score")) != HN_OK ||
        (st = hn_stored_read(&g->ranking, file, path, "ranking")) != HN_OK ||
        (st = check_group(g, path, bank, queries)) != HN_OK)
        return st;
    g->classes = (size_t)g->score.info.dim[1];
    g->vote = hn_calloc(g->classes, sizeof *g->vote);
    return g->vote ? HN_OK : HN_ENOMEM;
}

static void free_group(struct group *g)
{
    hn_free(g->vote);
    hn_stored_free(&g->ranking);
    hn_stored_free(&g->score);
    hn_stored_free(&g->similarity);
    hn_stored_free(&g->neighbour);
}

static hn_status run_group(struct hn_verify *v, const char *name, const struct hn_features *bank,
                           const struct hn_features *query)
{
    struct group g = {.query = query};
    struct hn_knn_result result;
    char path[NAME + 1];
    hn_status st;

    snprintf(path, sizeof path, "/%s", name);
    st = hn_comm_agree(v->comm, read_group(&g, v->file, path, bank->total, query->total));
    if (st == HN_OK) /* first: it checks the labels */
        st = hn_eval_knn(&result, v->comm, bank, query, g.classes, g.k, g.temperature, v->threads);
    if (st == HN_OK)
        st = hn_eval_nearest(v->comm, bank, query, g.k, v->threads, compare, &g);
    if (st == HN_OK) {
        hn_verify_note(v, "kNN: rows", name, (double)g.wrong_rows, 0.0);
        hn_verify_note(v, "kNN: similarities", name, g.worst_similarity, TOLERANCE);
        hn_verify_note(v, "kNN: scores", name, g.worst_score, TOLERANCE);
        hn_verify_note(v, "kNN: ranking", name, (double)g.wrong_classes, 0.0);
        hn_verify_note(v, "kNN: top-1", name, fabs(result.top1 - g.top1), TOLERANCE);
        hn_verify_note(v, "kNN: top-5", name, fabs(result.top5 - g.top5), TOLERANCE);
    }
    free_group(&g);
    return st;
}

static hn_status run(struct hn_verify *v)
{
    struct hn_features bank = {0}, query = {0};
    char name[NAME];
    bool group;
    hn_status st = take_share(&bank, v->file, "bank", "bank_label", v->comm, 0);

    if (st == HN_OK)
        st = take_share(&query, v->file, "query", "query_label", v->comm, 2);
    st = hn_comm_agree(v->comm, st);
    for (size_t i = 0; st == HN_OK && hn_store_member(v->file, "/", i, name, sizeof name, &group); i++)
        if (group)
            st = run_group(v, name, &bank, &query);
    hn_features_free(&query);
    hn_features_free(&bank);
    return st;
}

const struct hn_verify_kind hn_verify_knn = {"nearest neighbours", recognise, run};
