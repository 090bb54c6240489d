#include "model/kinds.h"
#include <stdio.h>

enum { NAME = 48 };

/* "encoder.3", and counts on. */
static const char *number(struct hn_sequence *s, char name[NAME])
{
    snprintf(name, NAME, "%s.%zu", s->name, s->next++);
    return name;
}

void hn_sequence_conv(struct hn_sequence *s, size_t c_out, size_t kernel, size_t stride, size_t padding,
                      bool bias)
{
    char name[NAME];

    s->tensor = hn_graph_conv2d(s->graph, number(s, name), s->tensor, c_out, kernel, stride, padding, bias);
}

void hn_sequence_linear(struct hn_sequence *s, size_t out, bool bias)
{
    char name[NAME];

    s->tensor = hn_graph_linear(s->graph, number(s, name), s->tensor, out, bias);
}

void hn_sequence_batchnorm(struct hn_sequence *s)
{
    char name[NAME];

    s->tensor = hn_graph_batchnorm(s->graph, number(s, name), s->tensor);
}

void hn_sequence_relu(struct hn_sequence *s)
{
    s->next++;
    s->tensor = hn_graph_relu(s->graph, s->tensor);
}

void hn_sequence_maxpool(struct hn_sequence *s, size_t kernel)
{
    struct hn_shape shape = hn_graph_shape(s->graph, s->tensor);

    s->next++;
    if (shape.h >= kernel && shape.w >= kernel)
        s->tensor = hn_graph_maxpool(s->graph, s->tensor, kernel, kernel, 0);
}

void hn_sequence_flatten(struct hn_sequence *s)
{
    struct hn_shape shape = hn_graph_shape(s->graph, s->tensor);

    s->next++;
    if (shape.h * shape.w > 1)
        s->tensor = hn_graph_flatten(s->graph, s->tensor);
}

void hn_sequence_mean(struct hn_sequence *s)
{
    s->next++;
    s->tensor = hn_graph_avgpool(s->graph, s->tensor);
}
