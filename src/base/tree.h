/* base/tree.h - the one order in which anything is added across microbatches.
 *
 * Local, pure arithmetic.  The tree over leaves 0 .. n-1 splits a node at the
 * largest power of two below its length: [0,11) = [0,8) + [8,11), and so on
 * down to single leaves.  Adding always means left + right, children before
 * parents, so the root has the same bits whoever owns which leaves.
 *
 * A rank (or thread) that owns a run of leaves can only add up the nodes that
 * lie inside its run: the *cover*, at most 2 log2(n) + 2 maximal nodes, in
 * ascending order.  Covers of neighbouring runs, concatenated, cover the union;
 * folding them gives the union's cover, finally the root. */
#ifndef HN_BASE_TREE_H
#define HN_BASE_TREE_H

#include "hardneg/base.h"

enum { HN_TREE_COVER = 128 }; /* more than any cover of a size_t's worth of leaves */

/* The largest power of two below n (n >= 2). */
size_t hn_tree_split(size_t n);
/* Is [node.first, node.first + node.count) a node of the tree over n leaves? */
bool hn_tree_is_node(size_t n, struct hn_range node);
/* The maximal nodes inside run, ascending; returns how many (0 for an empty run). */
size_t hn_tree_cover(size_t n, struct hn_range run, struct hn_range nodes[HN_TREE_COVER]);

/* Folds `count` neighbouring nodes, ascending, to their union's cover.  For
 * every pair of siblings combine(ctx, left, right) is called with their places
 * in the given list: value[left] becomes value[left] + value[right], value[right]
 * is free afterwards.  On return node[0 ..] are the nodes that remain and
 * place[0 ..] where their values lie; returns how many. */
typedef void hn_tree_combine(void *ctx, size_t left, size_t right);
size_t hn_tree_fold(size_t n, struct hn_range *node, size_t *place, size_t count, hn_tree_combine *combine,
                    void *ctx);

/* left = left (+) right, `width` doubles each (a multiple of 3 for HN_CHAN). */
void hn_combine(enum hn_combine how, double *left, const double *right, size_t width);
/* Row k of (count, width) belongs to node[k]; after the call row i belongs to the
 * i-th node that remains, and node[] holds those.  Returns how many. */
size_t hn_combine_rows(enum hn_combine how, double *row, size_t width, size_t n, struct hn_range *node,
                       size_t count);

/* Part `index` of n things dealt out in `parts` runs as even as possible, the
 * longer ones first.  Empty when index >= n. */
struct hn_range hn_share(size_t n, size_t parts, size_t index);

#endif
