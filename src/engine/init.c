/* engine/init.c - initial values as PyTorch's layers draw them, each a pure function of (seed, name,
 * element): they depend neither on the order of the layers nor on who asks. */
#include "base/hash.h"
#include "base/philox.h"
#include "engine/net.h"
#include <string.h>

/* Element i is drawn by word i % 4 of block i / 4: the middle of one of 2^32 cells of (-bound, bound). */
static void draw(real *value, size_t count, const char *name, uint64_t seed, double bound)
{
    uint64_t key = hn_hash_bytes(name, strlen(name)).lo;

    for (size_t i = 0; i < count; i++) {
        struct hn_u32x4 word = hn_philox(seed, HN_DRAW_INIT, key, i / 4, 0);
        value[i] = (real)(bound * (((double)word.v[i % 4] + 0.5) * 0x1p-31 - 1.0));
    }
}

/* Element i is made of the four words of block i. */
static void draw_normal(real *value, size_t count, const char *name, uint64_t seed, double deviation)
{
    hn_draws d = hn_draws_for(seed, HN_DRAW_INIT, hn_hash_bytes(name, strlen(name)).lo, 0);

    for (size_t i = 0; i < count; i++)
        value[i] = (real)(deviation * hn_draw_normal(&d));
}

static void initialise(const struct hn_parameter *p, const struct hn_array *array, uint64_t seed)
{
    if (p->deviation > 0.0)
        draw_normal(array->value, p->count, array->name, seed, p->deviation);
    else if (p->bound > 0.0)
        draw(array->value, p->count, array->name, seed, p->bound);
    else
        for (size_t i = 0; i < p->count; i++)
            array->value[i] = (real)p->fill;
}

void hn_net_initialise(hn_net *net, uint64_t seed)
{
    const struct hn_array *array = net->array;

    for (int i = 0; i < net->graph->ops; i++)
        for (int j = 0; j < net->graph->op[i].parameters; j++)
            initialise(&net->graph->op[i].parameter[j], array++, seed);
    for (size_t i = 0; i < net->norms; i++) {
        const struct hn_normed *n = &net->normed[i];
        for (size_t j = 0; j < net->graph->op[n->op].in.c; j++) {
            n->running_mean[j] = 0;
            n->running_var[j] = 1;
        }
        *n->batches = 0;
    }
}
