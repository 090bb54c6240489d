/* The weighted vote of the k nearest (Wu et al., CVPR 2018; HCL's evaluation). */
#include "base/mem.h"
#include "eval/nearest.h"
#include <math.h>

void hn_eval_vote(double *score, size_t classes, const struct hn_candidate *near, size_t count,
                  double temperature)
{
    for (size_t c = 0; c < classes; c++)
        score[c] = 0.0;
    for (size_t i = 0; i < count; i++)
        score[near[i].label] += exp((near[i].exact - near[0].exact) / temperature);
}

size_t hn_eval_place(const double *score, size_t classes, size_t label)
{
    size_t before = 0;

    for (size_t c = 0; c < classes; c++)
        before += score[c] > score[label] || (score[c] == score[label] && c < label);
    return before;
}

struct tally {
    const struct hn_features *query;
    double temperature, *score;
    size_t classes;
    int64_t hits[3]; /* first, among the first five, queries */
};

static void count_query(void *ctx, size_t query, const struct hn_candidate *near, size_t count)
{
    struct tally *t = ctx;

    hn_eval_vote(t->score, t->classes, near, count, t->temperature);
    size_t place = hn_eval_place(t->score, t->classes, (size_t)t->query->label[query]);
    t->hits[0] += place < 1;
    t->hits[1] += place < 5;
    t->hits[2]++;
}

static hn_status check_labels(const struct hn_features *f, size_t classes, const char *what)
{
    for (size_t i = 0; i < f->own.count; i++) {
        int64_t label = f->label[i];
        if (label < 0)
            return hn_fail(HN_EDATA, "row %zu of the %s has no label", f->own.first + i, what);
        if ((uint64_t)label >= classes)
            return hn_fail(HN_EDATA, "row %zu of the %s has label %lld, classes are 0 .. %zu",
                           f->own.first + i, what, (long long)label, classes - 1);
    }
    return HN_OK;
}

static hn_status check(const struct hn_features *bank, const struct hn_features *query, size_t classes,
                       double temperature)
{
    hn_status st;

    if (classes == 0 || query->total == 0)
        return hn_fail(HN_EUSAGE, "a vote needs classes and queries");
    if (!(temperature > 0.0))
        return hn_fail(HN_EUSAGE, "the temperature of the vote must be above 0");
    st = check_labels(bank, classes, "bank");
    return st == HN_OK ? check_labels(query, classes, "queries") : st;
}

hn_status hn_eval_knn(struct hn_knn_result *out, hn_comm *comm, const struct hn_features *bank,
                      const struct hn_features *query, size_t classes, size_t k, double temperature,
                      struct hn_threads *threads)
{
    struct tally t = {.query = query, .temperature = temperature, .classes = classes};
    hn_status st = check(bank, query, classes, temperature);

    if (st == HN_OK && (t.score = hn_calloc(classes, sizeof *t.score)) == NULL)
        st = HN_ENOMEM;
    st = hn_comm_agree(comm, st);
    if (st == HN_OK)
        st = hn_eval_nearest(comm, bank, query, k, threads, count_query, &t);
    if (st == HN_OK) {
        hn_comm_sum(comm, t.hits, 3);
        out->top1 = (double)t.hits[0] / (double)t.hits[2];
        out->top5 = (double)t.hits[1] / (double)t.hits[2];
    }
    hn_free(t.score);
    return st;
}
