#include "train/state.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

enum { NAME = 160 };

static struct hn_ckpt_array *append(struct hn_state *s, const char *prefix, const char *name)
{
    struct hn_ckpt_array *a = &s->array[s->arrays];
    char *text = s->names + s->arrays++ * NAME;

    snprintf(text, NAME, "%s/%s", prefix, name);
    *a = (struct hn_ckpt_array){.name = text};
    return a;
}

/* An entry with the shape of `like`. */
static void append_shaped(struct hn_state *s, const char *prefix, const struct hn_array *like, void *data)
{
    struct hn_ckpt_array *a = append(s, prefix, like->name);

    a->integer = like->role == HN_COUNTER;
    a->rank = like->rank;
    for (int d = 0; d < like->rank; d++)
        a->dim[d] = like->dim[d];
    a->data = data;
}

static void append_integer(struct hn_state *s, const char *name, int64_t *value)
{
    struct hn_ckpt_array *a = append(s, "state", name);

    a->integer = true;
    a->data = value;
}

hn_status hn_state_list(struct hn_state *s, hn_net *net, hn_optim *optim)
{
    size_t arrays = hn_net_arrays(net), states = optim ? hn_optim_states(optim) : 0;
    size_t most = arrays * (1 + states) + 2;

    *s = (struct hn_state){0};
    s->array = hn_calloc(most, sizeof *s->array);
    s->names = hn_calloc(most, NAME);
    if (s->array == NULL || s->names == NULL) {
        hn_state_free(s);
        return HN_ENOMEM;
    }
    for (size_t i = 0; i < arrays; i++) {
        const struct hn_array *a = hn_net_array(net, i);
        append_shaped(s, "model", a, a->role == HN_COUNTER ? (void *)a->counter : a->value);
    }
    s->model_arrays = s->arrays;
    for (size_t k = 0; k < states; k++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "optim/%s", hn_optim_state_name(optim, k));
        for (size_t i = 0; i < arrays; i++) {
            const struct hn_array *a = hn_net_array(net, i);
            if (a->role != HN_RUNNING && a->role != HN_COUNTER)
                append_shaped(s, prefix, a, hn_optim_state(optim, k) + a->offset);
        }
    }
    if (optim) {
        append_integer(s, "step", &s->step);
        append_integer(s, "updates", &s->updates);
    }
    return HN_OK;
}

void hn_state_free(struct hn_state *s)
{
    hn_free(s->array);
    hn_free(s->names);
    *s = (struct hn_state){0};
}

static size_t bytes_of(const struct hn_ckpt_array *a)
{
    size_t count = 1;

    for (int d = 0; d < a->rank; d++)
        count *= a->dim[d];
    return count * (a->integer ? sizeof(int64_t) : sizeof(real));
}

hn_status hn_state_load(struct hn_state *s, hn_comm *comm, const hn_ckpt *from)
{
    hn_status st = HN_OK;

    if (hn_comm_rank(comm) == 0)
        st = hn_ckpt_load(from, s->array, s->arrays);
    if ((st = hn_comm_agree(comm, st)) != HN_OK)
        return st;
    for (size_t i = 0; i < s->arrays; i++)
        hn_comm_bcast(comm, s->array[i].data, bytes_of(&s->array[i]), 0);
    return HN_OK;
}
