/* engine/graph.h - building a graph: tensors and the ops between them.
 *
 * Local.  Each call appends an op and returns the tensor it makes; an error
 * (shapes that do not fit, memory) is remembered, later calls do nothing, and
 * hn_graph_status() tells.  Parameters are named `name` + ".weight" and so on. */
#ifndef HN_ENGINE_GRAPH_H
#define HN_ENGINE_GRAPH_H

#include "hardneg/engine.h"

/* What one row of a tensor is: an image (h, w, c), or a vector (1, 1, c). */
struct hn_shape {
    size_t h, w, c;
};

hn_status hn_graph_new(hn_graph **out, struct hn_shape input); /* tensor 0 is the input */
hn_status hn_graph_status(const hn_graph *g);
struct hn_shape hn_graph_shape(const hn_graph *g, int tensor);

int hn_graph_conv2d(hn_graph *g, const char *name, int x, size_t c_out, size_t kernel, size_t stride,
                    size_t padding, bool bias);
int hn_graph_batchnorm(hn_graph *g, const char *name, int x); /* per channel c; eps 1e-5, momentum 0.1 */
int hn_graph_relu(hn_graph *g, int x);
int hn_graph_maxpool(hn_graph *g, int x, size_t kernel, size_t stride, size_t padding);
int hn_graph_avgpool(hn_graph *g, int x); /* mean over pixels: (1, 1, c) */
int hn_graph_flatten(hn_graph *g, int x); /* in PyTorch's order c, h, w */
int hn_graph_linear(hn_graph *g, const char *name, int x, size_t out, bool bias);
int hn_graph_l2norm(hn_graph *g, int x);     /* rows / max(norm, 1e-12) */
int hn_graph_add(hn_graph *g, int a, int b); /* a + b, of one shape */

/* The weight of the op that made tensor y starts with normal draws of this standard deviation, not as
 * PyTorch's layers do. */
void hn_graph_draw_normal(hn_graph *g, int y, double deviation);

/* One-op graphs, marked with that op's tensor as both, are how single ops are checked: a net with views 1,
 * microbatches 1, want_dinput.
 *
 * Which tensors are the feature (before the head) and the output (unit rows). */
void hn_graph_mark(hn_graph *g, int feature, int output);

#endif
