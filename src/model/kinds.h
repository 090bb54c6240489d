/* model/kinds.h - what an encoder is: a line in the table of model.c, and one file.  Local. */
#ifndef HN_MODEL_KINDS_H
#define HN_MODEL_KINDS_H

#include "engine/graph.h"
#include "hardneg/model.h"

/* A torch.nn.Sequential in the making: its parts are numbered, also those without parameters. */
struct hn_sequence {
    hn_graph *graph;
    const char *name; /* "encoder" */
    size_t next;      /* number of the next part */
    int tensor;       /* what the last part made */
};

void hn_sequence_conv(struct hn_sequence *s, size_t c_out, size_t kernel, size_t stride, size_t padding,
                      bool bias);
void hn_sequence_linear(struct hn_sequence *s, size_t out, bool bias);
void hn_sequence_batchnorm(struct hn_sequence *s);
void hn_sequence_relu(struct hn_sequence *s);
/* An image that is too small passes as it is; the part keeps its number. */
void hn_sequence_maxpool(struct hn_sequence *s, size_t kernel);
/* Vectors pass as they are; the part keeps its number. */
void hn_sequence_flatten(struct hn_sequence *s);
void hn_sequence_mean(struct hn_sequence *s);

struct hn_encoder_kind {
    bool images; /* it cannot do anything with vectors */
    bool resnet; /* reads width and stem and always has BatchNorm; else it reads channels */
    /* Appends the encoder; errors stay in the graph. */
    void (*build)(struct hn_sequence *s, const struct hn_model_options *o);
};

extern const struct hn_encoder_kind hn_encoder_mlp, hn_encoder_convnet;
extern const struct hn_encoder_kind hn_encoder_resnet18, hn_encoder_resnet34, hn_encoder_resnet50;

#endif
