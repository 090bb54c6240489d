/* check/chisquare.h - do two sets of counts come from the same distribution?  Local. */
#ifndef HN_CHECK_CHISQUARE_H
#define HN_CHECK_CHISQUARE_H

#include "hardneg/base.h"

/* The probability that two samples of one distribution differ at least as much as a and b do (chi-square
 * test of homogeneity).  Neighbouring cells are joined until both together hold `least` counts.  1 when
 * nothing can be told, 0 when one of the samples is empty and the other is not. */
double hn_chisquare_p(const int64_t *a, const int64_t *b, size_t cells, int64_t least);

/* Q(s, x): the regularised upper incomplete gamma function, s > 0, x >= 0. */
double hn_gamma_q(double s, double x);

#endif
