/* convnet: Conv 3x3 (padding 1), [BatchNorm,] ReLU, MaxPool 2 per stage, as long as there are 2 x 2 pixels to
 * pool; then the mean over all pixels is the feature. */
#include "model/kinds.h"

static void build(struct hn_sequence *s, const struct hn_model_options *o)
{
    for (size_t i = 0; i < o->stages; i++) {
        hn_sequence_conv(s, o->channels[i], 3, 1, 1, !o->norm);
        if (o->norm)
            hn_sequence_batchnorm(s);
        hn_sequence_relu(s);
        hn_sequence_maxpool(s, 2);
    }
    hn_sequence_mean(s);
}

const struct hn_encoder_kind hn_encoder_convnet = {.images = true, .build = build};
