/* The dry run in words, and as one line of JSON. */
#include "base/json.h"
#include "check/dryrun.h"
#include <stdio.h>

/* "44.7 MiB"; a few of these live at the same time. */
static const char *bytes(double n)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    static char text[8][24];
    static size_t turn;
    size_t u = 0;

    turn = (turn + 1) % 8;
    while (n >= 1024 && u + 1 < sizeof unit / sizeof *unit) {
        n /= 1024;
        u++;
    }
    snprintf(text[turn], sizeof text[turn], u ? "%.1f %s" : "%.0f %s", n, unit[u]);
    return text[turn];
}

/* "12.3 ms", "45.0 s", "3.2 h", "4.1 days" */
static const char *duration(double s)
{
    static char text[16][24];
    static size_t turn;
    const size_t texts = sizeof text / sizeof *text;
    double value = s < 1 ? 1e3 * s : s < 120 ? s : s < 7200 ? s / 60 : s < 172800 ? s / 3600 : s / 86400;

    turn = (turn + 1) % texts;
    snprintf(text[turn], sizeof text[turn], "%.1f %s", value,
             s < 1        ? "ms"
             : s < 120    ? "s"
             : s < 7200   ? "min"
             : s < 172800 ? "h"
                          : "days");
    return text[turn];
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static uint64_t steps_to_do(const struct hn_dryrun *d)
{
    uint64_t all = d->budget.steps, asked = d->options->steps;

    return asked > 0 && asked < all ? asked : all;
}

/* Files that are there at once, at most: the last ones, those kept for good, and the one that is being made.
 */
static uint64_t checkpoints_at_once(const struct hn_dryrun *d)
{
    const struct hn_ckpt_options *o = &d->config->ckpt;
    uint64_t steps = steps_to_do(d), saves = 1;

    if (o->every_steps > 0)
        saves += steps / o->every_steps;
    if (o->every_epochs > 0)
        saves += steps / (o->every_epochs * d->budget.steps_per_epoch);
    if (o->every_minutes > 0)
        saves += o->keep;
    return (saves < o->keep ? saves : o->keep) + (o->keep_every ? steps / o->keep_every : 0) + 1;
}

static void say_run(const struct hn_dryrun *d, struct hn_text *t)
{
    const struct hn_config *c = d->config;
    const struct hn_dataset_info *i = &d->data;
    uint64_t n = i->samples[c->data.split];
    double size = (double)(n * i->sample_bytes);

    hn_text_add(t, "ranks            %zu of %zu thread%s each, on %zu node%s\n", d->ranks, d->threads,
                plural(d->threads), d->nodes, plural(d->nodes));
    hn_text_add(
        t,
        "reads            %s%s: %llu samples of %zux%zux%zu to train on, %s; a rank reads %s of it per "
        "epoch\n",
        c->data.path, d->assumed_data ? " (not there: assumed)" : "", (unsigned long long)n, i->h, i->w, i->c,
        bytes(size), bytes(size * (double)d->budget.own.count / (double)c->microbatches));
    hn_text_add(t, "writes           %s: checkpoints of %s, %llu at once at most: %s; metrics and logs\n",
                d->options->run_dir ? d->options->run_dir : "the run directory",
                bytes((double)d->budget.checkpoint), (unsigned long long)checkpoints_at_once(d),
                bytes((double)(d->budget.checkpoint * checkpoints_at_once(d))));
    hn_text_add(t, "batch            %zu in %zu microbatches of %zu; a rank owns %s%zu (%zu samples)\n",
                c->batch, c->microbatches, c->batch / c->microbatches,
                c->microbatches % d->ranks ? "at most " : "", d->budget.own.count,
                d->budget.own.count * (c->batch / c->microbatches));
    hn_text_add(t, "steps            %llu per epoch, %llu epochs: %llu\n",
                (unsigned long long)d->budget.steps_per_epoch, (unsigned long long)c->epochs,
                (unsigned long long)d->budget.steps);
    hn_text_add(t, "model            %s, %zu parameters; feature %zu, embedding %zu; loss %s\n",
                hn_encoder_names()[c->model.encoder], d->budget.parameters, d->budget.feature,
                d->budget.embedding, hn_loss_names()[c->loss.kind]);
}

static void say_memory(const struct hn_dryrun *d, struct hn_text *t)
{
    const struct hn_memory *m = &d->budget.memory;
    const struct {
        const char *name;
        uint64_t bytes;
    } part[] = {{"parameters", m->parameters},
                {"gradients", m->gradients},
                {"optimiser", m->optimiser},
                {"activations", m->activations},
                {"scratch", m->scratch},
                {"statistics", m->statistics},
                {"loss", m->loss},
                {"pool", m->pool},
                {"reducer", m->reducer},
                {"data cache", m->cache},
                {"samples, views", m->views}};
    uint64_t sum = hn_memory_sum(m);
    size_t per_node = (d->ranks + d->nodes - 1) / d->nodes;
    double node = (double)(sum * per_node + m->saving);

    hn_text_add(t, "memory of a rank\n");
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        hn_text_add(t, "  %-14s %12s\n", part[i].name, bytes((double)part[i].bytes));
    hn_text_add(t,
                "  %-14s %12s  without MPI and libraries; rank 0 holds %s more, the copy of the state that "
                "it saves\n",
                "sum", bytes((double)sum), bytes((double)m->saving));
    hn_text_add(t, "  %-14s %12s  %zu rank%s; this host has %s%s\n", "a node", bytes(node), per_node,
                plural(per_node), bytes((double)d->host_memory),
                node > (double)d->host_memory ? ": TOO LITTLE" : "");
}

static void say_work(const struct hn_dryrun *d, struct hn_text *t)
{
    const struct hn_traffic *f = &d->budget.traffic;
    const struct hn_net_plan *n = &d->budget.net;
    double rows = 2.0 * (double)d->config->batch;

    hn_text_add(t, "work of a step   %.4g GFLOP: forward %.4g, backward %.4g, loss %.4g\n",
                1e-9 * (d->budget.network_flops + d->budget.loss_flops), 1e-9 * rows * n->forward_flops,
                1e-9 * rows * n->backward_flops, 1e-9 * d->budget.loss_flops);
    if (n->recompute == HN_RECOMPUTE_SEGMENTS)
        hn_text_add(
            t, "recomputation    %zu segments, %s of each microbatch kept, %.4g GFLOP of forward again\n",
            n->segments, bytes((double)n->kept_bytes), 1e-9 * rows * n->again_flops);
    else if (n->recompute == HN_RECOMPUTE_MICROBATCHES)
        hn_text_add(t,
                    "recomputation    whole microbatches one after the other, %.4g GFLOP of forward again\n",
                    1e-9 * rows * n->again_flops);
    if (d->ranks == 1)
        hn_text_add(t, "messages         none: one rank\n");
    else
        hn_text_add(t,
                    "messages         a rank receives %s per step: pool %s, gradients %s, BatchNorm %s; %zu "
                    "collective calls\n",
                    bytes(f->gathered + f->reduced + f->normalised), bytes(f->gathered), bytes(f->reduced),
                    bytes(f->normalised), f->calls);
}

static void say_table(const struct hn_dryrun *d, struct hn_text *t)
{
    hn_text_add(t, "  %5s %5s %11s %13s %11s %9s %11s\n", "ranks", "nodes", "step", "pairs/s", "efficiency",
                "messages", "to the end");
    for (size_t i = 0; i < d->rows; i++) {
        const struct hn_forecast *f = &d->table[i];
        hn_text_add(t, "  %5zu %5zu %11s %13.1f %9.0f %% %7.0f %% %11s\n", f->ranks, f->nodes,
                    duration(f->step), (double)d->config->batch / f->step,
                    100 * d->table[0].step / f->step / (double)f->ranks, 100 * f->messages / f->step,
                    duration(f->step * (double)steps_to_do(d)));
    }
}

static void say_time(const struct hn_dryrun *d, struct hn_text *t)
{
    const struct hn_machine *m = &d->machine;
    const struct hn_step_seconds *s = &d->phases;
    const struct hn_forecast *f = &d->here;

    if (!d->timed) {
        hn_text_add(
            t,
            "time             not known: --measure runs a few steps here, --machine describes a machine\n");
        return;
    }
    if (d->measured_step > 0)
        hn_text_add(
            t,
            "measured         %s per step on %zu rank%s of %zu thread%s: input %s, forward %s, gather "
            "%s, loss %s,\n",
            duration(d->measured_step), d->measured_ranks, plural(d->measured_ranks), d->measured_threads,
            plural(d->measured_threads), duration(s->input), duration(s->forward), duration(s->gather),
            duration(s->loss));
    if (d->measured_step > 0)
        hn_text_add(t, "                 backward %s, reduction %s, optimiser %s\n", duration(s->backward),
                    duration(s->reduction), duration(s->optimiser));
    hn_text_add(
        t,
        "machine          %.3g GFLOP/s and %.3g views/s per core; a node: %zu cores, memory %.3g GB/s, "
        "network %.3g GB/s, %.3g us\n",
        m->gflops, m->views, d->cores, m->memory, m->bandwidth, m->latency);
    hn_text_add(t,
                "time             a step %s (input %s, network %s, loss %s, optimiser %s, messages %s); "
                "%llu steps: %s\n",
                duration(f->step), duration(f->input), duration(f->network), duration(f->loss),
                duration(f->optimiser), duration(f->messages), (unsigned long long)steps_to_do(d),
                duration(f->step * (double)steps_to_do(d)));
    hn_text_add(t, "more ranks, of %zu thread%s, each with a core; evaluations and saves come on top\n",
                d->threads, plural(d->threads));
    say_table(d, t);
}

void hn_dryrun_say(const struct hn_dryrun *d, struct hn_text *t)
{
    say_run(d, t);
    say_memory(d, t);
    say_work(d, t);
    say_time(d, t);
}

static void put_times(const struct hn_dryrun *d, hn_json *j)
{
    char key[48];

    hn_json_number(j, "step_s", d->here.step);
    hn_json_number(j, "total_s", d->here.step * (double)steps_to_do(d));
    if (d->measured_step > 0)
        hn_json_number(j, "measured_step_s", d->measured_step);
    for (size_t i = 0; i < d->rows; i++) {
        const struct hn_forecast *f = &d->table[i];
        snprintf(key, sizeof key, "step_s_ranks_%zu", f->ranks);
        hn_json_number(j, key, f->step);
        snprintf(key, sizeof key, "efficiency_ranks_%zu", f->ranks);
        hn_json_number(j, key, d->table[0].step / f->step / (double)f->ranks);
    }
}

hn_status hn_dryrun_json(const struct hn_dryrun *d, struct hn_text *out)
{
    const struct hn_budget *b = &d->budget;
    const struct hn_memory *m = &b->memory;
    const struct {
        const char *key;
        uint64_t value;
    } whole[] = {{"ranks", d->ranks},
                 {"threads", d->threads},
                 {"nodes", d->nodes},
                 {"samples", d->data.samples[d->config->data.split]},
                 {"sample_bytes", d->data.sample_bytes},
                 {"data_assumed", d->assumed_data},
                 {"batch", d->config->batch},
                 {"microbatches", d->config->microbatches},
                 {"microbatches_of_rank", b->own.count},
                 {"parameters", b->parameters},
                 {"embedding", b->embedding},
                 {"steps_per_epoch", b->steps_per_epoch},
                 {"steps", b->steps},
                 {"checkpoint_bytes", b->checkpoint},
                 {"checkpoints_at_once", checkpoints_at_once(d)},
                 {"memory_parameters", m->parameters},
                 {"memory_gradients", m->gradients},
                 {"memory_optimiser", m->optimiser},
                 {"memory_activations", m->activations},
                 {"memory_scratch", m->scratch},
                 {"memory_statistics", m->statistics},
                 {"memory_loss", m->loss},
                 {"memory_pool", m->pool},
                 {"memory_reducer", m->reducer},
                 {"memory_cache", m->cache},
                 {"memory_views", m->views},
                 {"memory_sum", hn_memory_sum(m)},
                 {"memory_saving", m->saving}};
    hn_json *j = hn_json_new();
    hn_status st;

    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        hn_json_integer(j, whole[i].key, (int64_t)whole[i].value);
    hn_json_number(j, "flops_network", b->network_flops);
    hn_json_number(j, "flops_loss", b->loss_flops);
    hn_json_number(j, "bytes_gathered", b->traffic.gathered);
    hn_json_number(j, "bytes_reduced", b->traffic.reduced);
    hn_json_number(j, "bytes_normalised", b->traffic.normalised);
    if (d->timed)
        put_times(d, j);
    st = hn_json_line(j, out);
    hn_json_free(j);
    return st;
}
