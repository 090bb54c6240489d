/* eval/nearest.h - the k nearest bank rows of every query, exactly, over all ranks.  Collective. */
#ifndef HN_EVAL_NEAREST_H
#define HN_EVAL_NEAREST_H

#include "eval/candidates.h"
#include "hardneg/eval.h"

/* Called for every own query, ascending (0 .. query->own.count-1), on the main thread: its `count` nearest
 * rows, best first; valid during the call. */
typedef void hn_take_nearest(void *ctx, size_t query, const struct hn_candidate *near, size_t count);

/* Rows may be spread in any way, labels are passed on as they are.  HN_EDIVERGED when a row is not finite. */
hn_status hn_eval_nearest(hn_comm *comm, const struct hn_features *bank, const struct hn_features *query,
                          size_t k, struct hn_threads *threads, hn_take_nearest *take, void *ctx);

/* Votes of the nearest: score[c] = sum of e^{(s - s_1) / t} over those of class c, s_1 the largest
 * similarity, in the order given.  The factor e^{-s_1 / t} keeps small temperatures finite. */
void hn_eval_vote(double *score, size_t classes, const struct hn_candidate *near, size_t count,
                  double temperature);
/* How many classes come before `label`: higher score, or equal score and lower number. */
size_t hn_eval_place(const double *score, size_t classes, size_t label);

#endif
