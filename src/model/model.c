/* An encoder, its projection head, and rows of unit length at the end.
 *
 * The head: Linear without bias, BatchNorm, ReLU, Linear with bias (HCL's), or
 * Linear, ReLU, Linear with biases, or one Linear, or none. */
#include "hardneg/model.h"
#include "model/kinds.h"

static const char *const names[] = {"mlp", "convnet", "resnet18", "resnet34", "resnet50", NULL};
static const struct hn_encoder_kind *const kinds[] = {
    &hn_encoder_mlp, &hn_encoder_convnet, &hn_encoder_resnet18, &hn_encoder_resnet34, &hn_encoder_resnet50};
_Static_assert(sizeof names / sizeof *names == sizeof kinds / sizeof *kinds + 1, "one name per kind");

const char *const *hn_encoder_names(void)
{
    return names;
}

bool hn_encoder_is_resnet(int encoder)
{
    return encoder >= 0 && (size_t)encoder < sizeof kinds / sizeof *kinds && kinds[encoder]->resnet;
}

static hn_status check_resnet(const struct hn_model_options *o)
{
    if (o->width < 1 || o->width > HN_MODEL_WIDTH)
        return hn_fail(HN_EUSAGE, "encoder %s has a width of 1 to %d, not %zu", names[o->encoder],
                       HN_MODEL_WIDTH, o->width);
    if (o->stem != HN_STEM_CIFAR && o->stem != HN_STEM_IMAGENET)
        return hn_fail(HN_EUSAGE, "stem %d of encoder %s does not exist", o->stem, names[o->encoder]);
    if (!o->norm)
        return hn_fail(HN_EUSAGE, "encoder %s always has BatchNorm", names[o->encoder]);
    return HN_OK;
}

static hn_status check_stages(const struct hn_model_options *o)
{
    if (o->stages < 1 || o->stages > HN_MODEL_STAGES)
        return hn_fail(HN_EUSAGE, "encoder %s needs 1 to %d widths, not %zu", names[o->encoder],
                       HN_MODEL_STAGES, o->stages);
    for (size_t i = 0; i < o->stages; i++)
        if (o->channels[i] == 0)
            return hn_fail(HN_EUSAGE, "width %zu of encoder %s is 0", i + 1, names[o->encoder]);
    return HN_OK;
}

static hn_status check(const struct hn_model_options *o)
{
    if (o->encoder < 0 || (size_t)o->encoder >= sizeof kinds / sizeof *kinds)
        return hn_fail(HN_EUSAGE, "encoder %d is not one of the %zu that exist", o->encoder,
                       sizeof kinds / sizeof *kinds);
    if (kinds[o->encoder]->images && o->h == 1 && o->w == 1)
        return hn_fail(HN_EUSAGE, "encoder %s needs images, the data are vectors of %zu numbers",
                       names[o->encoder], o->c);
    if (o->head_hidden > 0 && o->head_out == 0)
        return hn_fail(HN_EUSAGE, "the head has a hidden layer of %zu but no output", o->head_hidden);
    return kinds[o->encoder]->resnet ? check_resnet(o) : check_stages(o);
}

static void build_head(struct hn_sequence *s, const struct hn_model_options *o)
{
    if (o->head_hidden > 0) {
        hn_sequence_linear(s, o->head_hidden, !o->head_norm);
        if (o->head_norm)
            hn_sequence_batchnorm(s);
        hn_sequence_relu(s);
    }
    if (o->head_out > 0)
        hn_sequence_linear(s, o->head_out, true);
}

hn_status hn_model_build(hn_graph **out, const struct hn_model_options *options)
{
    hn_graph *graph = NULL;
    hn_status st = check(options);

    if (st != HN_OK ||
        (st = hn_graph_new(&graph, (struct hn_shape){options->h, options->w, options->c})) != HN_OK)
        return st;
    struct hn_sequence encoder = {graph, "encoder", 0, 0};
    kinds[options->encoder]->build(&encoder, options);
    struct hn_sequence head = {graph, "projector", 0, encoder.tensor};
    build_head(&head, options);
    hn_graph_mark(graph, encoder.tensor, hn_graph_l2norm(graph, head.tensor));
    if ((st = hn_graph_status(graph)) != HN_OK) {
        hn_graph_free(graph);
        return st;
    }
    *out = graph;
    return HN_OK;
}
