/* hardneg/model.h - encoders and projection heads as graphs.  Local.
 *
 * Names are PyTorch's with "encoder." and "projector." in front. */
#ifndef HARDNEG_MODEL_H
#define HARDNEG_MODEL_H

#include "hardneg/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HN_MODEL_STAGES = 8 };

struct hn_model_options {
    int encoder;                      /* place in hn_encoder_names() */
    size_t h, w, c;                   /* of the data: an image, or a vector (1, 1, c) */
    size_t channels[HN_MODEL_STAGES]; /* convnet: per stage; mlp: hidden widths */
    size_t stages;
    bool norm;          /* BatchNorm in the encoder (then its convolutions have no bias) */
    size_t head_hidden; /* 0: no hidden layer */
    size_t head_out;    /* D; 0: no head, the features are the embedding */
    bool head_norm; /* Linear without bias, BatchNorm, ReLU, Linear; else Linear, ReLU, Linear with biases */
};

/* NULL-terminated names of the kinds of encoder ("mlp", "convnet"), in their order. */
const char *const *hn_encoder_names(void);
/* HN_EUSAGE with a reason when options and data do not fit. */
hn_status hn_model_build(hn_graph **out, const struct hn_model_options *options);

#ifdef __cplusplus
}
#endif

#endif
