/* backend/conv.c - a convolution's three products, each done in the way that was chosen for it. */
#include "backend/onednn.h"
#include "backend/unfold.h"
#include "base/mem.h"
#include <string.h>

struct hn_conv_job {
    struct hn_conv shape;
    hn_onednn *onednn[HN_CONV_WHATS]; /* NULL: by unfolding */
};

size_t hn_conv_out(size_t n, size_t kernel, size_t stride, size_t padding)
{
    return (n + 2 * padding - kernel) / stride + 1;
}

const char *const *hn_way_names(void)
{
    static const char *const names[] = {
        [HN_WAY_UNFOLD] = "openblas", [HN_WAY_NHWC] = "onednn", [HN_WAY_BLOCKED] = "onednn-blocked", NULL};
    return names;
}

bool hn_conv_can(const struct hn_conv *c, enum hn_conv_what what, enum hn_way way)
{
    return way == HN_WAY_UNFOLD || hn_onednn_can(c, what, way);
}

size_t hn_conv_scratch(const struct hn_conv *c, struct hn_ways ways)
{
    size_t most = 0;

    for (int i = 0; i < HN_CONV_WHATS; i++) {
        size_t n =
            ways.of[i] == HN_WAY_UNFOLD
                ? hn_unfold_scratch(c)
                : (hn_onednn_scratch(c, (enum hn_conv_what)i, ways.of[i]) + sizeof(real) - 1) / sizeof(real);
        most = n > most ? n : most;
    }
    return most;
}

hn_status hn_conv_new(hn_conv_job **out, const struct hn_conv *c, struct hn_ways ways, size_t callers)
{
    hn_conv_job *j = hn_zalloc(sizeof *j);
    hn_status st = HN_OK;

    if (j == NULL)
        return HN_ENOMEM;
    j->shape = *c;
    for (int i = 0; i < HN_CONV_WHATS && st == HN_OK; i++)
        if (ways.of[i] != HN_WAY_UNFOLD)
            st = hn_onednn_new(&j->onednn[i], c, (enum hn_conv_what)i, ways.of[i], callers);
    if (st != HN_OK) {
        hn_conv_free(j);
        return st;
    }
    *out = j;
    return HN_OK;
}

void hn_conv_free(hn_conv_job *j)
{
    if (j == NULL)
        return;
    for (int i = 0; i < HN_CONV_WHATS; i++)
        hn_onednn_free(j->onednn[i]);
    hn_free(j);
}

void hn_conv_forward(const hn_conv_job *j, real *y, const real *x, const real *weight, const real *bias,
                     real *scratch)
{
    if (j->onednn[HN_CONV_FORWARD])
        hn_onednn_run(j->onednn[HN_CONV_FORWARD], (real *)x, (real *)weight, y, bias, scratch);
    else
        hn_unfold_forward(&j->shape, y, x, weight, bias, scratch);
}

void hn_conv_backward_data(const hn_conv_job *j, real *dx, const real *dy, const real *weight, real *scratch)
{
    if (j->onednn[HN_CONV_DATA])
        hn_onednn_run(j->onednn[HN_CONV_DATA], dx, (real *)weight, (real *)dy, NULL, scratch);
    else
        hn_unfold_backward_data(&j->shape, dx, dy, weight, scratch);
}

/* Sums of the columns of dy (n, width), in double, rows ascending. */
static void column_sums(real *sum, const real *dy, size_t n, size_t width)
{
    enum { SOME = 64 };
    double part[SOME];

    for (size_t j = 0; j < width; j += SOME) {
        size_t some = width - j < SOME ? width - j : SOME;
        memset(part, 0, sizeof part);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < some; k++)
                part[k] += (double)dy[i * width + j + k];
        for (size_t k = 0; k < some; k++)
            sum[j + k] = (real)part[k];
    }
}

void hn_conv_backward_weight(const hn_conv_job *j, real *dweight, real *dbias, const real *dy, const real *x,
                             real *scratch)
{
    const struct hn_conv *c = &j->shape;

    if (j->onednn[HN_CONV_WEIGHT])
        hn_onednn_run(j->onednn[HN_CONV_WEIGHT], (real *)x, dweight, (real *)dy, NULL, scratch);
    else
        hn_unfold_backward_weight(c, dweight, dy, x, scratch);
    if (dbias) {
        size_t out_h = hn_conv_out(c->h, c->kernel, c->stride, c->padding);
        size_t out_w = hn_conv_out(c->w, c->kernel, c->stride, c->padding);
        column_sums(dbias, dy, c->rows * out_h * out_w, c->c_out);
    }
}
