/* hardneg/eval.h - judging an encoder: features of a set, and nearest neighbours.
 *
 * Collective calls; results are the same bits on any number of ranks. */
#ifndef HARDNEG_EVAL_H
#define HARDNEG_EVAL_H

#include "hardneg/augment.h"
#include "hardneg/comm.h"
#include "hardneg/data.h"
#include "hardneg/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hn_eval_options {
    double every_epochs; /* during training; 0: only at the end */
    size_t k;
    double temperature;
};

struct hn_knn_result {
    double top1, top5; /* shares, 0..1 */
};

/* One rank's share of a set as rows. */
struct hn_features {
    size_t total, dim;
    struct hn_range own;
    float *row;     /* (own.count, dim) unit rows */
    int64_t *label; /* own.count; -1: none */
};
void hn_features_free(struct hn_features *f);

/* Collective.  Features (before the head, made unit) of a split; net NULL: the normalised pixels themselves.
 * block: rows that hn_net_infer takes at once (views * samples of the net; any number without one).  The
 * split is cut into such blocks, the last one padded, and ranks share whole blocks: so the bits are the same
 * on any number of ranks. */
hn_status hn_eval_embed(struct hn_features *out, hn_comm *comm, hn_dataset *data, enum hn_split split,
                        const hn_augment *augment, hn_net *net, size_t block, struct hn_threads *threads);
/* Collective.  All rows in order as a float32 array in NumPy's format, and the labels as an int64 array
 * beside it: x.npy and x.labels.npy.  Rank 0 writes; each file is there whole or not at all. */
hn_status hn_features_write_npy(const struct hn_features *f, hn_comm *comm, const char *path);
/* Collective.  Could both files be made?  To be asked before the work; nothing is left behind.  HN_ECREATE.
 */
hn_status hn_features_npy_check(hn_comm *comm, const char *path);
/* Collective.  Exact weighted kNN of HCL and Wu et al. 2018: score of class c = sum over the k nearest of
 * class c of e^{s/t}; equal similarities: lower bank row first; equal scores: lower class first. classes:
 * labels are 0 .. classes-1, HN_EDATA otherwise. Similarities are decided in double; k larger than the bank
 * means all of it. */
hn_status hn_eval_knn(struct hn_knn_result *out, hn_comm *comm, const struct hn_features *bank,
                      const struct hn_features *query, size_t classes, size_t k, double temperature,
                      struct hn_threads *threads);

#ifdef __cplusplus
}
#endif

#endif
