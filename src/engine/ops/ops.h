/* engine/ops/ops.h - the kinds of op, one file each. */
#ifndef HN_ENGINE_OPS_OPS_H
#define HN_ENGINE_OPS_OPS_H

#include "engine/op.h"

extern const struct hn_op_kind hn_op_conv2d, hn_op_linear, hn_op_batchnorm, hn_op_relu, hn_op_maxpool,
    hn_op_avgpool, hn_op_flatten, hn_op_l2norm, hn_op_add;

/* What every op does that is a convolution to the backend (its kind's .conv says which). */
size_t hn_op_conv_scratch(const struct hn_op *op, size_t rows);
void hn_op_conv_forward(const struct hn_call *k);
void hn_op_conv_backward(const struct hn_call *k);

#endif
