/* eval/candidates.h - the bank rows that may still be among a query's k nearest.  Local.
 *
 * GEMM is fast but not exact: bit-equal rows can get unequal values from it,
 * and its bits change with a row's place.  So its similarities ("guesses") only
 * decide what is *certainly* not among the k nearest; the others are ranked by
 * one dot product in double with a fixed order ("exact"): equal rows are equal,
 * and ties go to the lower row.
 *
 *   add() whatever is not below cut -> prune() when full -> settle() when the rows are about to go away. */
#ifndef HN_EVAL_CANDIDATES_H
#define HN_EVAL_CANDIDATES_H

#include "hardneg/base.h"

struct hn_candidate {
    double exact;
    size_t row; /* of the bank */
    int64_t label;
    real guess;
    bool known; /* exact is */
};

/* What a new piece of bank rows is to the candidates. */
struct hn_bank_piece {
    size_t first, rows, dim; /* rows first .. first + rows - 1 of the bank */
    const float *row;
    const int64_t *label;
};

struct hn_candidates {
    struct hn_candidate *at;
    size_t count, room, k; /* room > k unless the whole bank fits */
    real cut;              /* a guess below it is not among the k nearest */
};

void hn_candidates_clear(struct hn_candidates *c);
/* Hot.  Adds row `local` of the piece; the list must have room. */
void hn_candidates_add(struct hn_candidates *c, const struct hn_bank_piece *piece, size_t local, real guess);
/* Drops what cannot be among the k nearest when |guess - exact| <= error; settles when that is not enough.
 * Afterwards there is room.  scratch: `room` reals. */
void hn_candidates_prune(struct hn_candidates *c, const struct hn_bank_piece *piece, const float *query,
                         double error, real *scratch);
/* Leaves the k nearest so far, in any order, all exact. */
void hn_candidates_settle(struct hn_candidates *c, const struct hn_bank_piece *piece, const float *query,
                          double error, real *scratch);
/* Best first: higher similarity, then lower row. */
void hn_candidates_sort(struct hn_candidates *c);

/* The one dot product that decides: eight running sums, then pairwise. */
double hn_exact_dot(const float *a, const float *b, size_t dim);

#endif
