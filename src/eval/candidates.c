#include "eval/candidates.h"
#include <math.h>
#include <stdlib.h>

double hn_exact_dot(const float *a, const float *b, size_t dim)
{
    double s[8] = {0};
    size_t i = 0;

    for (; i + 8 <= dim; i += 8)
        for (size_t l = 0; l < 8; l++)
            s[l] += (double)a[i + l] * (double)b[i + l]; /* exact: 24 + 24 bits */
    for (size_t l = 0; i + l < dim; l++)
        s[l] += (double)a[i + l] * (double)b[i + l];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

void hn_candidates_clear(struct hn_candidates *c)
{
    c->count = 0;
    c->cut = (real)-INFINITY;
}

void hn_candidates_add(struct hn_candidates *c, const struct hn_bank_piece *piece, size_t local, real guess)
{
    c->at[c->count++] = (struct hn_candidate){0.0, piece->first + local, piece->label[local], guess, false};
}

static bool larger(const real *a, const real *b)
{
    return *a > *b;
}

static bool nearer(const struct hn_candidate *a, const struct hn_candidate *b)
{
    return a->exact > b->exact || (a->exact == b->exact && a->row < b->row);
}

/* Moves the k first of n to the front, the k-th of them last, k from 1; BEFORE is a strict order (Hoare's
 * selection). */
#define SELECTION(name, type, BEFORE)                                                                        \
    static void name(type *x, size_t n, size_t k)                                                            \
    {                                                                                                        \
        ptrdiff_t lo = 0, hi = (ptrdiff_t)n - 1, want = (ptrdiff_t)k - 1;                                    \
                                                                                                             \
        while (lo < hi) {                                                                                    \
            type pivot = x[lo + (hi - lo) / 2];                                                              \
            ptrdiff_t i = lo, j = hi;                                                                        \
            while (i <= j) {                                                                                 \
                while (BEFORE(&x[i], &pivot))                                                                \
                    i++;                                                                                     \
                while (BEFORE(&pivot, &x[j]))                                                                \
                    j--;                                                                                     \
                if (i <= j) {                                                                                \
                    type t = x[i];                                                                           \
                    x[i++] = x[j];                                                                           \
                    x[j--] = t;                                                                              \
                }                                                                                            \
            }                                                                                                \
            if (want <= j)                                                                                   \
                hi = j;                                                                                      \
            else if (want >= i)                                                                              \
                lo = i;                                                                                      \
            else                                                                                             \
                break;                                                                                       \
        }                                                                                                    \
    }

SELECTION(select_largest, real, larger)
SELECTION(select_nearest, struct hn_candidate, nearer)

/* With the k-th guess at f, at least k rows have an exact value of f - error or more: whatever is guessed
 * below f - 2 error is out. */
static void drop_by_guess(struct hn_candidates *c, double error, real *scratch)
{
    size_t kept = 0;
    real cut;

    if (c->count <= c->k)
        return;
    for (size_t i = 0; i < c->count; i++)
        scratch[i] = c->at[i].guess;
    select_largest(scratch, c->count, c->k);
    cut = (real)((double)scratch[c->k - 1] - 2.0 * error);
    if (cut > c->cut)
        c->cut = cut;
    for (size_t i = 0; i < c->count; i++)
        if (c->at[i].guess >= c->cut)
            c->at[kept++] = c->at[i];
    c->count = kept;
}

void hn_candidates_settle(struct hn_candidates *c, const struct hn_bank_piece *piece, const float *query,
                          double error, real *scratch)
{
    drop_by_guess(c, error, scratch);
    for (size_t i = 0; i < c->count; i++) {
        struct hn_candidate *x = &c->at[i];
        if (!x->known)
            x->exact = hn_exact_dot(query, piece->row + (x->row - piece->first) * piece->dim, piece->dim);
        x->known = true;
    }
    if (c->count > c->k) {
        select_nearest(c->at, c->count, c->k);
        c->count = c->k;
    }
    if (c->count == c->k) {
        double worst = INFINITY;
        for (size_t i = 0; i < c->count; i++)
            worst = c->at[i].exact < worst ? c->at[i].exact : worst;
        if ((real)(worst - error) > c->cut)
            c->cut = (real)(worst - error);
    }
}

void hn_candidates_prune(struct hn_candidates *c, const struct hn_bank_piece *piece, const float *query,
                         double error, real *scratch)
{
    drop_by_guess(c, error, scratch);
    if (c->count > c->k + (c->room - c->k) / 2) /* many near ties: only exact values tell them apart */
        hn_candidates_settle(c, piece, query, error, scratch);
}

static int by_rank(const void *a, const void *b)
{
    return nearer(a, b) ? -1 : 1;
}

void hn_candidates_sort(struct hn_candidates *c)
{
    qsort(c->at, c->count, sizeof *c->at, by_rank);
}
