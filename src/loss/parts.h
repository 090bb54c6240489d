/* loss/parts.h - what the files of this room share.
 *
 * lap1.c and lap2.c walk over the tiles (tile.c) and hand each row of a tile to
 * the loss's *form*, a table of functions.  estimator.c is the form of infonce,
 * debiased, hard, scl and hard_scl: its weights over the negatives come from a
 * *hardener* (tilt.c), its logarithm from pairs.c.  kinds.c names all.
 *
 * Notation, everywhere:  s_ij = z_i.z_j / t;  P(i) positives, Neg(i) negatives
 * of anchor i;  K = 2n - 2;  over j in Neg(i):
 *   m = max s_ij     W = sum w_ij     S = sum w_ij e^(s_ij - m)     w_ij = e^(beta (s_ij - m))
 *   lW = log W       lS = log S       a = m + lS - lW = log of the weighted mean of e^s
 *   rho = log K + a                   c = lS - lW = a - m
 * Scalars are kept relative to m, so that no exponent exceeds log |Neg(i)|. */
#ifndef HN_LOSS_PARTS_H
#define HN_LOSS_PARTS_H

#include "base/threads.h"
#include "hardneg/loss.h"

/* An anchor's sums over the negatives of one tile, or of all tiles so far.  count 0: nothing seen. */
struct hn_sums {
    double max, w, s, t; /* m, W, S, and sum of w^2 */
    double count;
    double same; /* part of w on rows of the anchor's class; 0 without labels */
};

/* One anchor against the columns of one block. */
struct hn_line {
    const struct hn_pool *pool;
    size_t row;          /* the anchor */
    size_t first, count; /* the columns: pool rows first .. first + count - 1 */
    const real *s;       /* s_ij of the columns */
};

/* What lap 1 carries for an anchor from tile to tile. */
struct hn_anchor {
    struct hn_sums sums;            /* over the negatives that carry weight */
    struct hn_sums all;             /* threshold: over all negatives, should none pass */
    size_t chosen;                  /* topk: so far */
    bool spoilt;                    /* topk: a similarity is NaN */
    double negatives, spread;       /* |Neg(i)|; see hn_row_stat */
    double partner;                 /* s of the sample's other view */
    double positive_sum, positives; /* supcon: sum of s over P(i), |P(i)| */
};

/* Lap 2's numbers of every row of the pool, as the tiles use them. */
struct hn_ends {
    real *max, *log_w, *log_s, *c; /* m, lW, lS, lS - lW */
    real *b;                       /* B_i / t */
    real *omega;                   /* omega_i / t; 0 for an anchor left out */
    real *q;                       /* omega_i q_i / t (positives = view) */
    real *open;                    /* threshold: 1 where it fell back to all negatives */
    uint32_t *chosen;              /* topk: (rows, choices) columns of each row, ascending; then NO_COLUMN */
};

#define HN_NO_COLUMN UINT32_MAX

/* topk: one of the most similar so far. */
struct hn_choice {
    real s;
    uint32_t column;
    double dot; /* in double, once a near tie asked for it; else NaN */
};

/* One thread's working memory, for blocks of at most `largest` rows. */
struct hn_scratch {
    real *tile, *other; /* (largest, largest): similarities; turned, or coefficients */
    real *x, *y, *z;    /* (largest) each */
    uint32_t *list;     /* (largest) */
    size_t same;        /* how many places of list are columns of the anchor's class, for hn_sums_of */
};

/* ---- hardeners: the weights w_ij ---- */
struct hn_hardener {
    /* The negatives of one row in one tile: sc->x holds s, -inf where a column is no negative; count > 0 of
     * them are.  sc->x and sc->y are overwritten. */
    void (*absorb)(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line,
                   size_t count);
    /* After the last tile: a->sums becomes final; more flags for the row.  NULL: nothing to do. */
    int (*settle)(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_pool *pool,
                  size_t row);
    /* g[j] = (B_i D_ij + B_j D_ji) / t for every column, also those that are no negatives.
     * D_ij = dE_i/ds_ij / E_i;  B_i = omega_i times the sum of q over the free pairs of i. */
    void (*coefficients)(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line);
};
extern const struct hn_hardener hn_plain, hn_tilt_constant, hn_tilt, hn_threshold, hn_topk;
/* Sums of w = e^(beta x) and so on, over x[0..n) with -inf where nothing counts; x and y are overwritten. */
void hn_sums_of(struct hn_sums *out, const struct hn_scratch *sc, real *x, real *y, size_t n, size_t count,
                double beta);

/* The largest of x[0..n), -inf when empty. */
real hn_largest(const real *x, size_t n);
/* Sums in double of x, and of x^2, in one fixed order. */
double hn_lane_sum(const real *x, size_t n);
double hn_lane_square_sum(const real *x, size_t n);
/* Folds the sums of one more tile into those so far, relative to the larger maximum. */
void hn_sums_merge(struct hn_sums *all, const struct hn_sums *tile, double beta);

/* topk: the least difference of similarities that no rounding of a GEMM can make. */
double hn_near_tie(const hn_loss *l, const struct hn_pool *pool);

/* ---- forms: from tiles to scalars (lap 1), from scalars to coefficients (lap 2) ---- */
struct hn_form {
    /* First sweep: one row of one tile; tiles come in ascending order. */
    void (*absorb)(const hn_loss *l, struct hn_scratch *sc, struct hn_anchor *a, const struct hn_line *line);
    /* After the first sweep. */
    void (*close)(const hn_loss *l, struct hn_scratch *sc, struct hn_row_stat *stat, struct hn_anchor *a,
                  const struct hn_pool *pool, size_t row);
    /* Second sweep over the same tiles, when second(l); NULL: never. */
    bool (*second)(const hn_loss *l);
    void (*absorb_again)(const hn_loss *l, struct hn_scratch *sc, struct hn_row_stat *stat,
                         const struct hn_line *line);
    void (*close_again)(struct hn_row_stat *stat);
    /* Lap 2: g[j] = (A_ij + A_ji) / t for one row of one tile. */
    void (*coefficients)(const hn_loss *l, struct hn_scratch *sc, real *g, const struct hn_line *line);
};
extern const struct hn_form hn_estimator, hn_supcon;
/* Notes the similarity with the sample's other view when the line holds it. */
void hn_absorb_partner(struct hn_anchor *a, const struct hn_line *line);

/* ---- columns of a line, by their places in it, ascending (sets.c); list has room for all ---- */
bool hn_has_column(const struct hn_line *line, size_t row);
size_t hn_same_class(uint32_t *list, const struct hn_line *line); /* the row itself included */
size_t hn_classmates(uint32_t *list, const struct hn_line *line); /* the row itself left out */
size_t hn_own_sample(uint32_t *list, const struct hn_line *line); /* the row and its other view, any order */
size_t hn_positives(const hn_loss *l, uint32_t *list, const struct hn_line *line); /* P(i) */

struct hn_loss_kind {
    const char *name;
    const struct hn_form *form;
    bool tilted;          /* beta, detach */
    bool corrected;       /* tau_plus, clamp */
    bool other_class;     /* negatives: the rows of another class; else all but the two views */
    bool label_positives; /* offered */
    bool anchors_alone;   /* reduction pairs is not offered */
};
const struct hn_loss_kind *hn_loss_kind(int kind);

/* ---- one pair of anchor and positive (pairs.c) ---- */
struct hn_pair {
    double loss, q; /* l_iq;  q = -dl/ds_iq */
    bool clamped, undefined;
};
/* x = rho - s_iq, floor = log K - 1/t - s_iq. */
struct hn_pair hn_pair_loss(double x, double floor, double k, double tau, bool clamp);
/* tau 0: adds up the losses and q of x[0..n), ascending.  x is overwritten. */
void hn_pair_sums(double *loss, double *q, real *x, size_t n, real *y);
/* x[i] = 1 / (1 + e^-x[i]), the q of tau 0. */
void hn_sigmoid(real *x, size_t n);

/* ---- tiles (tile.c) ---- */
size_t hn_block_rows(const struct hn_pool *pool, size_t block);
/* s of blocks lo <= hi into sc->tile: rows of lo, columns of hi; lo = hi: symmetric, diagonal undefined. */
void hn_tile(const hn_loss *l, struct hn_scratch *sc, const struct hn_pool *pool, size_t lo, size_t hi);
/* The tile's numbers as rows of `own`, columns of `other`; (rows of own, rows of other). */
const real *hn_tile_of(struct hn_scratch *sc, const struct hn_pool *pool, size_t own, size_t other);

/* ---- all tiles that touch own blocks (walk.c) ---- */
struct hn_walk {
    hn_loss *l;
    const struct hn_pool *pool;
    struct hn_range own; /* blocks */
    void *ctx;
    /* Fills the scratch from a tile, lo <= hi: on any thread, in any order. */
    void (*compute)(const struct hn_walk *w, struct hn_scratch *sc, size_t lo, size_t hi);
    /* What it means for an own block: called for others in ascending order. */
    void (*add)(const struct hn_walk *w, struct hn_scratch *sc, size_t own, size_t other);
};
void hn_walk(const struct hn_walk *w);

struct hn_loss {
    struct hn_loss_options o;
    const struct hn_loss_kind *kind;
    const struct hn_hardener *hardener;
    bool labelled;                          /* the pool of the last lap 1 has labels */
    size_t max_rows, dim, largest, choices; /* choices: columns that a row chooses; 0: none */
    double near; /* topk: similarities closer than this are ranked by hn_choice.dot */
    hn_threads *threads;
    struct hn_ends ends;
    struct hn_anchor *anchor;   /* lap 1's own rows, by pool row */
    struct hn_choice *choice;   /* topk: (rows, choices), likewise */
    size_t *met;                /* hn_walk: how many blocks each block has met */
    struct hn_scratch *scratch; /* one per thread */
    void *block;                /* all memory behind these */
};

/* omega_i = 1 / (|A| |P(i)|) or 1 / sum of |P|: what they need, counted from the gathered rows in order. */
struct hn_tally {
    size_t anchors;
    double pairs;
};
struct hn_tally hn_loss_tally(const struct hn_row_stat *all, size_t m);

#endif
