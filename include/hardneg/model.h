/* hardneg/model.h - encoders and projection heads as graphs.  Local.
 *
 * Names are PyTorch's with "encoder." and "projector." in front. */
#ifndef HARDNEG_MODEL_H
#define HARDNEG_MODEL_H

#include "hardneg/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HN_MODEL_STAGES = 8, HN_MODEL_WIDTH = 1024 };

/* How a ResNet begins: cifar: conv 3x3 stride 1; imagenet: conv 7x7 stride 2, max pool 3x3 stride 2. */
enum hn_stem { HN_STEM_CIFAR, HN_STEM_IMAGENET };

struct hn_model_options {
    int encoder;                      /* place in hn_encoder_names() */
    size_t h, w, c;                   /* of the data: an image, or a vector (1, 1, c) */
    size_t channels[HN_MODEL_STAGES]; /* convnet: per stage; mlp: hidden widths */
    size_t stages;
    size_t width;       /* resnets: channels after the stem, 1 .. HN_MODEL_WIDTH; torchvision's have 64 */
    int stem;           /* resnets: enum hn_stem */
    bool norm;          /* BatchNorm in the encoder (then its convolutions have no bias); resnets: always */
    size_t head_hidden; /* 0: no hidden layer */
    size_t head_out;    /* D; 0: no head, the features are the embedding */
    bool head_norm; /* Linear without bias, BatchNorm, ReLU, Linear; else Linear, ReLU, Linear with biases */
};

/* NULL-terminated names of the kinds of encoder ("mlp", "convnet", "resnet18", ...), in their order. */
const char *const *hn_encoder_names(void);
bool hn_encoder_is_resnet(int encoder); /* it reads width and stem, the others channels */
/* HN_EUSAGE with a reason when options and data do not fit. */
hn_status hn_model_build(hn_graph **out, const struct hn_model_options *options);

#ifdef __cplusplus
}
#endif

#endif
