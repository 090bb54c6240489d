/* Features for tests: rows that depend on their number alone, spread over ranks as one likes. */
#ifndef HN_TESTS_EVAL_ROWS_H
#define HN_TESTS_EVAL_ROWS_H

#include "base/mem.h"
#include "base/philox.h"
#include "hardneg/eval.h"
#include <math.h>

/* Row `row` of set `set`: a class direction and noise, unit. */
static inline void test_row(uint64_t set, uint64_t row, size_t dim, size_t classes, float *out,
                            int64_t *label)
{
    hn_draws d = hn_draws_for(7, HN_DRAW_TEST, set, row);
    double norm = 0.0;

    *label = (int64_t)hn_draw_between(&d, 0, classes - 1);
    hn_draws centre = hn_draws_for(7, HN_DRAW_TEST, 99, (uint64_t)*label);
    for (size_t j = 0; j < dim; j++) {
        out[j] = (float)(hn_draw_unit(&centre) - 0.5 + 2.0 * (hn_draw_unit(&d) - 0.5));
        norm += (double)out[j] * (double)out[j];
    }
    for (size_t j = 0; j < dim; j++)
        out[j] = (float)((double)out[j] / sqrt(norm));
}

/* repeat: row r is that of r % repeat, so every row has exact doubles; 0: none. */
static inline struct hn_features test_features(uint64_t set, size_t total, size_t dim, size_t classes,
                                               size_t repeat, struct hn_range own)
{
    struct hn_features f = {.total = total, .dim = dim, .own = own};

    f.row = hn_calloc(own.count * dim, sizeof *f.row);
    f.label = hn_calloc(own.count, sizeof *f.label);
    for (size_t i = 0; i < own.count; i++) {
        size_t row = own.first + i;
        test_row(set, repeat ? row % repeat : row, dim, classes, f.row + i * dim, &f.label[i]);
        if (repeat && row >= repeat) /* the same features, another label */
            f.label[i] = (int64_t)((size_t)(f.label[i] + 1) % classes);
    }
    return f;
}

#endif
