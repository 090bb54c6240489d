/* resnet18, resnet34, resnet50: torchvision's, with its names and any width (64 is the published one).
 *
 * Stem imagenet: conv1 7x7 stride 2, bn1, ReLU, MaxPool 3x3 stride 2.  Stem cifar: conv1 3x3 stride 1, bn1,
 * ReLU (HCL, H-SCL, SimCLR on small images).  Then layer1 .. layer4 of residual blocks with width, 2, 4 and 8
 * times width channels inside, and the mean over the pixels left: 8 * width features (resnet50: 32 * width).
 *
 * A block's first stride is in its first 3x3 convolution (resnet50: "v1.5").  Convolutions start normal with
 * variance 2 / (c_out * kernel^2), He et al. 2015 by fan out, as torchvision's do; the one of stem cifar
 * starts as PyTorch's Conv2d does, because the published programs put a new one in place of torchvision's. */
#include "model/kinds.h"
#include <math.h>
#include <stdio.h>

enum { NAME = 96 };

struct block {
    struct hn_sequence *s;
    char name[NAME / 2]; /* "encoder.layer2.0" */
    size_t channels, stride;
};

static int conv(hn_graph *g, const char *name, int x, size_t c_out, size_t kernel, size_t stride)
{
    int y = hn_graph_conv2d(g, name, x, c_out, kernel, stride, kernel / 2, false);

    hn_graph_draw_normal(g, y, sqrt(2.0 / ((double)c_out * (double)(kernel * kernel))));
    return y;
}

/* convI and bnI of a block. */
static int conv_norm(const struct block *b, int i, int x, size_t c_out, size_t kernel, size_t stride)
{
    char name[NAME];

    snprintf(name, sizeof name, "%s.conv%d", b->name, i);
    int y = conv(b->s->graph, name, x, c_out, kernel, stride);
    snprintf(name, sizeof name, "%s.bn%d", b->name, i);
    return hn_graph_batchnorm(b->s->graph, name, y);
}

/* The input as it is, or, where its shape is not that of the sum, through a 1x1 convolution. */
static int shortcut(const struct block *b, int x, size_t c_out)
{
    char name[NAME];

    if (b->stride == 1 && hn_graph_shape(b->s->graph, x).c == c_out)
        return x;
    snprintf(name, sizeof name, "%s.downsample.0", b->name);
    int y = conv(b->s->graph, name, x, c_out, 1, b->stride);
    snprintf(name, sizeof name, "%s.downsample.1", b->name);
    return hn_graph_batchnorm(b->s->graph, name, y);
}

/* 3x3, 3x3. */
static void basic(const struct block *b)
{
    hn_graph *g = b->s->graph;
    int x = b->s->tensor;
    int y = hn_graph_relu(g, conv_norm(b, 1, x, b->channels, 3, b->stride));

    y = conv_norm(b, 2, y, b->channels, 3, 1);
    b->s->tensor = hn_graph_relu(g, hn_graph_add(g, y, shortcut(b, x, b->channels)));
}

/* 1x1, 3x3, 1x1 to four times the channels. */
static void bottleneck(const struct block *b)
{
    hn_graph *g = b->s->graph;
    int x = b->s->tensor;
    int y = hn_graph_relu(g, conv_norm(b, 1, x, b->channels, 1, 1));

    y = hn_graph_relu(g, conv_norm(b, 2, y, b->channels, 3, b->stride));
    y = conv_norm(b, 3, y, 4 * b->channels, 1, 1);
    b->s->tensor = hn_graph_relu(g, hn_graph_add(g, y, shortcut(b, x, 4 * b->channels)));
}

static void stem(struct hn_sequence *s, const struct hn_model_options *o)
{
    bool small = o->stem == HN_STEM_CIFAR;
    char name[NAME];

    snprintf(name, sizeof name, "%s.conv1", s->name);
    s->tensor = small ? hn_graph_conv2d(s->graph, name, s->tensor, o->width, 3, 1, 1, false)
                      : conv(s->graph, name, s->tensor, o->width, 7, 2);
    snprintf(name, sizeof name, "%s.bn1", s->name);
    s->tensor = hn_graph_relu(s->graph, hn_graph_batchnorm(s->graph, name, s->tensor));
    if (!small)
        s->tensor = hn_graph_maxpool(s->graph, s->tensor, 3, 2, 1);
}

static void build(struct hn_sequence *s, const struct hn_model_options *o, const int blocks[4],
                  void (*append)(const struct block *))
{
    stem(s, o);
    for (int layer = 0; layer < 4; layer++)
        for (int i = 0; i < blocks[layer]; i++) {
            struct block b = {s, "", o->width << layer, layer > 0 && i == 0 ? 2 : 1};
            snprintf(b.name, sizeof b.name, "%s.layer%d.%d", s->name, layer + 1, i);
            append(&b);
        }
    s->tensor = hn_graph_avgpool(s->graph, s->tensor);
}

static void build18(struct hn_sequence *s, const struct hn_model_options *o)
{
    build(s, o, (const int[4]){2, 2, 2, 2}, basic);
}

static void build34(struct hn_sequence *s, const struct hn_model_options *o)
{
    build(s, o, (const int[4]){3, 4, 6, 3}, basic);
}

static void build50(struct hn_sequence *s, const struct hn_model_options *o)
{
    build(s, o, (const int[4]){3, 4, 6, 3}, bottleneck);
}

const struct hn_encoder_kind hn_encoder_resnet18 = {.images = true, .resnet = true, .build = build18};
const struct hn_encoder_kind hn_encoder_resnet34 = {.images = true, .resnet = true, .build = build34};
const struct hn_encoder_kind hn_encoder_resnet50 = {.images = true, .resnet = true, .build = build50};
