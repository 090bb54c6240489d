#include "train/state.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

enum { NAME = 160, STATES = 8 };

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

/* state: the names of the optimiser's blocks, NULL-terminated; block: they themselves, or NULL. */
static hn_status list(struct hn_state *s, const struct hn_array *array, size_t arrays,
                      const char *const *state, real *const *block)
{
    size_t states = 0, most;

    while (state && state[states])
        states++;
    most = arrays * (1 + states) + 3;
    *s = (struct hn_state){0};
    s->array = hn_calloc(most, sizeof *s->array);
    s->names = hn_calloc(most, NAME);
    if (s->array == NULL || s->names == NULL) {
        hn_state_free(s);
        return HN_ENOMEM;
    }
    for (size_t i = 0; i < arrays; i++)
        append_shaped(s, "model", &array[i],
                      array[i].role == HN_COUNTER ? (void *)array[i].counter : array[i].value);
    s->model_arrays = s->arrays;
    for (size_t k = 0; k < states; k++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "optim/%s", state[k]);
        for (size_t i = 0; i < arrays; i++)
            if (array[i].role != HN_RUNNING && array[i].role != HN_COUNTER)
                append_shaped(s, prefix, &array[i], block ? block[k] + array[i].offset : NULL);
    }
    if (state) {
        append_integer(s, "step", &s->step);
        append_integer(s, "updates", &s->updates);
        append_integer(s, "skips", &s->skips); /* the last: see load() */
    }
    return HN_OK;
}

hn_status hn_state_list(struct hn_state *s, hn_net *net, hn_optim *optim)
{
    const char *name[STATES + 1] = {NULL};
    real *block[STATES];

    for (size_t k = 0; optim && k < hn_optim_states(optim); k++) {
        name[k] = hn_optim_state_name(optim, k);
        block[k] = hn_optim_state(optim, k);
    }
    return list(s, hn_net_array(net, 0), hn_net_arrays(net), optim ? name : NULL, block);
}

hn_status hn_state_describe(struct hn_state *s, const struct hn_array *array, size_t arrays,
                            const struct hn_optim_options *optim)
{
    return list(s, array, arrays, hn_optim_kept(optim), NULL);
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

/* Checkpoints from before updates could be skipped do not count them. */
static hn_status load(struct hn_state *s, const hn_ckpt *from)
{
    bool counted = s->arrays == s->model_arrays || hn_ckpt_has(from, "state/skips");

    if (!counted)
        s->skips = 0;
    return hn_ckpt_load(from, s->array, s->arrays - !counted);
}

hn_status hn_state_load(struct hn_state *s, hn_comm *comm, const hn_ckpt *from)
{
    hn_status st = HN_OK;

    if (hn_comm_rank(comm) == 0)
        st = load(s, from);
    if ((st = hn_comm_agree(comm, st)) != HN_OK)
        return st;
    for (size_t i = 0; i < s->arrays; i++)
        hn_comm_bcast(comm, s->array[i].data, bytes_of(&s->array[i]), 0);
    return HN_OK;
}
