/* mlp: Flatten, then Linear, [BatchNorm,] ReLU per hidden width; the last ReLU's output is the feature. */
#include "model/kinds.h"

static void build(struct hn_sequence *s, const struct hn_model_options *o)
{
    hn_sequence_flatten(s);
    for (size_t i = 0; i < o->stages; i++) {
        hn_sequence_linear(s, o->channels[i], !o->norm);
        if (o->norm)
            hn_sequence_batchnorm(s);
        hn_sequence_relu(s);
    }
}

const struct hn_encoder_kind hn_encoder_mlp = {.build = build};
