/* hardneg/loss.h - contrastive losses over the whole pool, in two laps.
 *
 * Local: rows come in, a number and gradients go out; no ranks, no files.
 * Formulas: HCL (Robinson et al., ICLR 2021), H-SCL (Jiang et al., 2022), DCL
 * (Chuang et al., 2020), SupCon (Khosla et al., 2020); the exact definitions head src/loss/ files.
 *
 *   hn_loss_new -> per step: hn_loss_lap1 for the own blocks; the caller
 *   gathers the rows' statistics (and choices); hn_loss_lap2 for the own blocks;
 *   hn_loss_summary on any rank -> hn_loss_free.
 *
 * Bits do not depend on who computes which blocks: the pool is cut at fixed
 * block edges, and every tile is computed as (lower block, higher block). */
#ifndef HARDNEG_LOSS_H
#define HARDNEG_LOSS_H

#include "hardneg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hn_threads;

/* Weights of the negatives of hard and hard_scl; the other losses weigh all alike. */
enum hn_hardening {
    HN_HARDEN_TILT,      /* e^(beta s): HCL and H-SCL */
    HN_HARDEN_NONE,      /* all alike */
    HN_HARDEN_THRESHOLD, /* 1 from a cosine on, 0 below; all alike where none passes (H-SCL's indicator) */
    HN_HARDEN_TOPK       /* 1 for the k most similar, 0 for the others */
};
/* beta over the epochs of a run; see hn_beta_at. */
enum hn_beta_schedule { HN_BETA_CONSTANT, HN_BETA_HCL_DOWN, HN_BETA_LINEAR, HN_BETA_COSINE };
enum hn_positives { HN_POSITIVES_VIEW, HN_POSITIVES_LABEL };
enum hn_reduction { HN_REDUCTION_ANCHORS, HN_REDUCTION_PAIRS };

struct hn_loss_options {
    int kind; /* place in hn_loss_names(): infonce, debiased, hard, scl, hard_scl, supcon */
    double temperature, beta, tau_plus;
    bool clamp;  /* estimate not below K e^{-1/t}; off at tau_plus 0 */
    bool detach; /* tilt weights are constants for the gradient */
    enum hn_positives positives;
    enum hn_reduction reduction;
    enum hn_hardening hardening;
    double threshold;                    /* on the cosine */
    size_t topk;                         /* at least 1; more than there are negatives: all */
    enum hn_beta_schedule beta_schedule; /* linear, cosine: from beta to beta_end */
    double beta_end;
};

/* The pool: m = 2n rows, any order, both views of every sample. Arrays are the caller's. */
struct hn_pool {
    size_t m, dim;
    const real *z;         /* (m, dim) */
    const size_t *partner; /* row of the sample's other view */
    const size_t *number;  /* view-major number of the row: decides ties */
    const int64_t *label;  /* per row; NULL when the loss needs none */
    const size_t
        *edge; /* blocks + 1 ascending edges, 0 .. m: block k is rows edge[k] .. edge[k+1]-1, never empty */
    size_t blocks;
};

/* What lap 1 finds out about an anchor; plain doubles so that it can be gathered as it is. */
struct hn_row_stat {
    double max, log_w, log_s;        /* m_i, lW_i, lS_i of design section "Lap 1" */
    double b;                        /* B_i / omega_i; 0 for an anchor left out */
    double q;                        /* positives = view: dl/ds of the positive, negated */
    double loss;                     /* row loss: mean over positives; 0 when left out */
    double positives;                /* |P(i)| */
    double flags;                    /* HN_ROW_* added up */
    double ess, largest, similarity; /* effective negatives, largest weight, s_ip * t */
    double ess_share, collision;     /* of its negatives; share of the weight on rows of its own class */
    double spread[2];                /* by view: sum of e^(-2 |z_i - z_j|^2) over later rows j of i's view */
};
enum { HN_ROW_COUNTS = 1, HN_ROW_CLAMPED = 2, HN_ROW_UNDEFINED = 4, HN_ROW_FELL_BACK = 8 };

struct hn_loss_summary {
    double loss;
    size_t anchors, excluded, clamped, undefined, fell_back;
    double ess, ess_share,
        largest_weight; /* means over the anchors that count; supcon: 0, it has no weights */
    double collision;   /* the same; NaN where the pool has no labels */
    double uniformity; /* mean over views of log mean e^(-2 |z_a - z_b|^2) (Wang and Isola, ICML 2020); NaN: n
                          1 */
    double alignment;  /* mean over samples of |z_a - z_p|^2 (rows of unit length) */
};

typedef struct hn_loss hn_loss;

const char *const *hn_loss_names(void);
const char *const *hn_hardening_names(void);
const char *const *hn_beta_schedule_names(void);
/* Does the loss (with these positives) read labels? */
bool hn_loss_needs_labels(const struct hn_loss_options *options);
/* HN_EUSAGE with a reason for combinations that are undefined. */
hn_status hn_loss_check(const struct hn_loss_options *options);

/* max_rows: of any pool that will come; largest_block: rows of the largest block. */
hn_status hn_loss_new(hn_loss **out, const struct hn_loss_options *options, size_t max_rows, size_t dim,
                      size_t largest_block, struct hn_threads *threads);
/* The memory of such a loss. */
size_t hn_loss_bytes(const struct hn_loss_options *options, size_t max_rows, size_t largest_block,
                     size_t threads);
void hn_loss_free(hn_loss *l);
/* beta may follow a schedule. */
void hn_loss_set_beta(hn_loss *l, double beta);
/* beta of epoch 1 .. epochs by the schedule:
 *   constant   beta
 *   hcl_down   HCL's `anneal down`: beta in 2h epochs, then every h = max(1, epochs / 9) epochs an eighth
 * less linear     beta + (beta_end - beta) p,  p = (epoch - 1) / (epochs - 1) cosine     beta_end + (beta -
 * beta_end) (1 + cos(pi p)) / 2 */
double hn_beta_at(const struct hn_loss_options *options, uint64_t epoch, uint64_t epochs);

/* Losses that choose columns (topk): how many per row, and in *columns where they stand, those of pool row i
 * from i times that number on.  Lap 1 fills in the own rows; the caller gathers them to all, in place, as it
 * does the statistics.  0: nothing to gather. */
size_t hn_loss_choices(hn_loss *l, uint32_t **columns);

/* Hot.  stat[0 ..] are the rows of the own blocks, in order. */
void hn_loss_lap1(hn_loss *l, struct hn_row_stat *stat, const struct hn_pool *pool, struct hn_range blocks);
/* Hot.  dz: (rows of the own blocks, dim), the full gradient; all: statistics of every row of the pool. */
void hn_loss_lap2(hn_loss *l, real *dz, const struct hn_row_stat *all, const struct hn_pool *pool,
                  struct hn_range blocks);
/* Sums in the pool's order: the same bits on every rank. */
void hn_loss_summary(const hn_loss *l, struct hn_loss_summary *out, const struct hn_row_stat *all, size_t m);

#ifdef __cplusplus
}
#endif

#endif
