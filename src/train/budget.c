#include "train/budget.h"
#include "base/mem.h"
#include "base/tree.h"
#include "train/core.h"
#include "train/pool.h"
#include "train/start.h"
#include "train/state.h"

uint64_t hn_memory_sum(const struct hn_memory *m)
{
    return m->parameters + m->gradients + m->optimiser + m->activations + m->scratch + m->statistics +
           m->loss + m->pool + m->reducer + m->cache + m->views;
}

/* What the network, its arrays and the file that holds them say. */
struct shape {
    struct hn_array *array;
    size_t arrays;
};

static hn_status measure_checkpoint(struct hn_budget *b, const struct hn_budget_case *k,
                                    const struct shape *s)
{
    struct hn_text versions = {0};
    struct hn_state state = {0};
    char *config = NULL;
    hn_status st = hn_state_describe(&state, s->array, s->arrays, &k->config->optim);

    hn_start_versions(&versions);
    if (st == HN_OK && (st = hn_text_status(&versions)) == HN_OK &&
        (st = hn_config_dump(k->config, &config)) == HN_OK) {
        struct hn_ckpt_text text[] = {{"config", config},
                                      {"versions", versions.at},
                                      {"data", "00112233445566778899aabbccddeeff of 123456789 bytes"}};
        st = hn_ckpt_measure(&b->checkpoint, state.array, state.arrays, text, sizeof text / sizeof *text);
    }
    hn_config_text_free(config);
    hn_text_free(&versions);
    hn_state_free(&state);
    return st;
}

static size_t count_states(const struct hn_optim_options *o)
{
    const char *const *name = hn_optim_kept(o);
    size_t n = 0;

    while (name[n])
        n++;
    return n;
}

static hn_status add_memory(struct hn_budget *b, const struct hn_budget_case *k, const struct hn_range *run)
{
    const struct hn_config *c = k->config;
    const struct hn_net_plan *n = &b->net;
    size_t samples = c->batch / c->microbatches, rows = 2 * samples, reducer = 0;
    hn_status st = hn_reducer_bytes(&reducer, c->microbatches, run, k->ranks, k->rank, n->parameters,
                                    (enum hn_reduce_algorithm)c->reduce);

    b->memory = (struct hn_memory){
        .parameters = n->parameter_bytes,
        .gradients = n->gradient_bytes,
        .optimiser = n->parameter_bytes * count_states(&c->optim),
        .activations = n->row_bytes + n->activation_bytes,
        .scratch = n->scratch_bytes,
        .statistics = n->state_bytes,
        .loss = hn_loss_bytes(&c->loss, 2 * c->batch, rows < c->tile ? rows : c->tile, k->threads),
        .pool = hn_gathered_bytes(c->batch, c->microbatches, k->ranks, b->embedding, c->tile),
        .reducer = reducer,
        .cache = hn_prefetch_cache_bytes(k->data, c->data.cache_bytes),
        .views = hn_prefetch_bytes(k->data, &c->data, b->own.count * samples) +
                 k->threads * hn_round_up(k->view_scratch, HN_ALIGN),
        .saving = k->rank == 0 ? b->checkpoint : 0};
    return st;
}

static void add_traffic(struct hn_budget *b, const struct hn_budget_case *k, const struct hn_range *run)
{
    const struct hn_config *c = k->config;
    struct hn_range node[HN_TREE_COVER];
    size_t samples = c->batch / c->microbatches, mine = hn_tree_cover(c->microbatches, b->own, node);
    double others = (double)((c->microbatches - b->own.count) * samples), ranks = (double)k->ranks;
    double block = (double)(b->net.parameters * sizeof(real)), covers = 0;

    if (k->ranks == 1)
        return;
    for (size_t r = 0; r < k->ranks; r++)
        covers += (double)hn_tree_cover(c->microbatches, run[r], node);
    covers -= (double)mine;
    b->traffic = (struct hn_traffic){
        .gathered = others * (2.0 * (double)(b->embedding * sizeof(real) + sizeof(struct hn_row_stat)) +
                              (k->data->labelled[c->data.split] ? sizeof(int64_t) : 0)),
        .reduced = block / ranks * covers + block * (ranks - 1) / ranks,
        .normalised = covers * (double)b->net.exchanged * sizeof(double),
        .calls = 4 + b->net.exchanges + 2 * (b->net.parameters / ((size_t)1 << 18) + 1)};
}

static void add_work(struct hn_budget *b, const struct hn_budget_case *k)
{
    const struct hn_config *c = k->config;
    double rows = 2.0 * (double)c->batch;

    b->network_flops = rows * (b->net.forward_flops + b->net.backward_flops + b->net.again_flops);
    b->loss_flops = 6.0 * rows * rows * (double)b->embedding;
    b->steps_per_epoch = k->data->samples[c->data.split] / c->batch;
    b->steps = c->epochs * b->steps_per_epoch;
}

static void read_shape(struct hn_budget *b, const hn_graph *graph, const struct shape *s)
{
    for (size_t i = 0; i < s->arrays; i++)
        if (s->array[i].role != HN_RUNNING && s->array[i].role != HN_COUNTER)
            b->parameters += s->array[i].count;
    b->feature = hn_graph_feature_size(graph);
    b->embedding = hn_graph_output_size(graph);
}

static hn_status plan(struct hn_budget *b, const struct hn_budget_case *k, const hn_graph *graph,
                      const struct hn_range *run)
{
    struct hn_core_options core = hn_core_options_of(k->config);
    struct hn_net_options net = hn_core_net_options(&core, b->own);
    struct shape shape = {0};
    hn_status st;

    if ((st = hn_net_plan(&b->net, graph, &net, k->threads)) != HN_OK ||
        (st = hn_graph_arrays(&shape.array, &shape.arrays, graph)) != HN_OK)
        return st;
    read_shape(b, graph, &shape);
    add_work(b, k);
    if ((st = measure_checkpoint(b, k, &shape)) == HN_OK && (st = add_memory(b, k, run)) == HN_OK)
        add_traffic(b, k, run);
    hn_free(shape.array);
    return st;
}

hn_status hn_budget(struct hn_budget *out, const struct hn_budget_case *k)
{
    struct hn_range *run = hn_calloc(k->ranks, sizeof *run);
    hn_graph *graph = NULL;
    hn_status st = HN_ENOMEM;

    *out = (struct hn_budget){0};
    if (run == NULL)
        return st;
    for (size_t r = 0; r < k->ranks; r++)
        run[r] = hn_share(k->config->microbatches, k->ranks, r);
    out->own = run[k->rank];
    if ((st = hn_backend_choose(&k->config->backend)) == HN_OK &&
        (st = hn_model_build(&graph, &k->config->model)) == HN_OK)
        st = plan(out, k, graph, run);
    hn_graph_free(graph);
    hn_free(run);
    return st;
}
