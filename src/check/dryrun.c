/* The dry run: data, ranks and threads as they would be, then sizes, then times. */
#include "check/dryrun.h"
#include "base/mem.h"
#include "base/tree.h"
#include "train/session.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "50000x32x32x3" or "1000x64". */
hn_status hn_samples_parse(struct hn_dataset_info *info, enum hn_split split, const char *text)
{
    unsigned long long n, h, w, ch;
    int used = -1;

    *info = (struct hn_dataset_info){.kind = HN_IMAGES, .name = "assumed", .classes = 1};
    if (sscanf(text, "%9llux%4llux%4llux%1llu%n", &n, &h, &w, &ch, &used) == 4 && text[used] == '\0') {
        info->h = h, info->w = w, info->c = ch;
        info->sample_bytes = h * w * ch;
    } else if (sscanf(text, "%9llux%6llu%n", &n, &ch, &used) == 2 && text[used] == '\0') {
        info->kind = HN_VECTORS;
        info->h = info->w = 1;
        info->c = ch;
        info->sample_bytes = ch * sizeof(float);
    }
    if (info->sample_bytes == 0 || n == 0 || strchr(text, '-'))
        return hn_fail(
            HN_EUSAGE,
            "--samples: \"%.60s\": write COUNTxHEIGHTxWIDTHxCHANNELS, or COUNTxENTRIES for vectors", text);
    info->samples[split] = n;
    info->labelled[split] = split != HN_UNLABELED;
    return HN_OK;
}

/* Rank 0 looks at the file; a file that is not there can be described instead. */
static hn_status read_data(struct hn_dryrun *d)
{
    const char *path = d->config->data.path;
    hn_dataset *data = NULL;
    hn_status st;

    if (access(path, F_OK) != 0 && d->options->samples) {
        d->assumed_data = true;
        return hn_samples_parse(&d->data, (enum hn_split)d->config->data.split, d->options->samples);
    }
    if ((st = hn_dataset_open(&data, path)) != HN_OK)
        return st == HN_ENOINPUT && d->options->samples == NULL
                   ? hn_fail(st, "%s (--samples 50000x32x32x3 says what it will hold)", hn_error_text())
                   : st;
    d->data = *hn_dataset_info(data);
    hn_dataset_close(data);
    return HN_OK;
}

static hn_status check_data(const struct hn_dryrun *d)
{
    const struct hn_config *c = d->config;
    uint64_t there = d->data.samples[c->data.split];
    hn_status st = hn_session_check_split(c, &d->data);

    if (st != HN_OK)
        return st;
    if (c->batch > there)
        return hn_fail(HN_EUSAGE, "%s: a batch of %zu samples is larger than the set: %s has %llu",
                       c->data.path, c->batch, hn_split_name((enum hn_split)c->data.split),
                       (unsigned long long)there);
    return HN_OK;
}

static size_t ratio_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* Ranks, threads of each, nodes: those that run, or those that were asked about. */
static hn_status seat(struct hn_dryrun *d, hn_comm *comm, const struct hn_binding *here)
{
    const struct hn_dryrun_options *o = d->options;
    size_t own;

    d->ranks = o->ranks ? o->ranks : hn_comm_size(comm);
    d->cores = d->machine.cores ? d->machine.cores : here->host_cores;
    if (d->ranks > d->config->microbatches)
        return hn_fail(HN_EUSAGE,
                       "%zu ranks, but only %zu microbatches to share out: start at most %zu ranks, or set "
                       "batch.microbatches higher",
                       d->ranks, d->config->microbatches, d->config->microbatches);
    if (o->nodes > d->ranks)
        return hn_fail(HN_EUSAGE, "%zu nodes for %zu ranks", o->nodes, d->ranks);
    own = ratio_up(d->config->microbatches, d->ranks);
    d->threads = d->measured_threads = here->threads;
    if (o->ranks || o->nodes || d->machine.cores) {
        size_t nodes = o->nodes ? o->nodes : 1, per_node = ratio_up(d->ranks, nodes);
        size_t free = d->cores / per_node ? d->cores / per_node : 1;
        d->threads = d->config->threads ? d->config->threads : free < own ? free : own;
    }
    d->nodes = o->nodes        ? o->nodes
               : o->ranks == 0 ? hn_comm_nodes(comm)
                               : ratio_up(d->ranks * d->threads, d->cores);
    if (d->nodes > d->ranks)
        d->nodes = d->ranks;
    return HN_OK;
}

/* The sizes that the data and then the views decide; scratch of the views. */
static hn_status take_sizes(struct hn_dryrun *d, struct hn_config *c)
{
    hn_augment *augment = NULL;
    hn_status st;

    hn_config_take_data(c, &d->data);
    if ((st = hn_augment_new(&augment, &c->augment, c->seed)) != HN_OK)
        return st;
    hn_augment_view_shape(augment, &c->model.h, &c->model.w, &c->model.c);
    d->view_scratch = hn_augment_scratch_bytes(augment);
    hn_augment_free(augment);
    return HN_OK;
}

static hn_status size_up(struct hn_dryrun *d, struct hn_config *c)
{
    struct hn_budget_case k = {.config = c, .data = &d->data, .ranks = d->ranks, .threads = d->threads};
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    hn_status st = take_sizes(d, c);

    if (st != HN_OK)
        return st;
    d->host_memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    k.view_scratch = d->view_scratch;
    return hn_budget(&d->budget, &k);
}

static hn_status plan(struct hn_dryrun *d, hn_comm *comm, struct hn_config *config)
{
    struct hn_range own = hn_share(config->microbatches, hn_comm_size(comm), hn_comm_rank(comm));
    bool leads = hn_comm_rank(comm) == 0;
    struct hn_binding here;
    hn_status st = HN_OK;

    if (d->options->machine)
        st = hn_machine_parse(&d->machine, d->options->machine);
    if (st == HN_OK && leads && (st = read_data(d)) == HN_OK)
        st = check_data(d);
    if ((st = hn_comm_agree(comm, st)) != HN_OK)
        return st;
    hn_comm_bcast(comm, &d->data, sizeof d->data, 0);
    hn_comm_bcast(comm, &d->assumed_data, sizeof d->assumed_data, 0);
    if ((st = hn_binding_find(&here, comm, config->threads, own.count)) != HN_OK)
        return st;
    if ((st = seat(d, comm, &here)) == HN_OK)
        st = size_up(d, config);
    if (st == HN_OK && d->options->measure && d->assumed_data)
        st = hn_fail(HN_ENOINPUT, "%s: is not there, so no step can be measured", config->data.path);
    return hn_comm_agree(comm, st);
}

hn_status hn_dryrun(hn_comm *comm, const struct hn_config *config, const struct hn_dryrun_options *options,
                    struct hn_text *out)
{
    struct hn_config sized = *config;
    struct hn_dryrun d = {.config = &sized, .options = options};
    hn_status st = plan(&d, comm, &sized);

    if (st == HN_OK && options->measure)
        st = hn_dryrun_measure(&d, comm);
    if (st != HN_OK || hn_comm_rank(comm) != 0)
        return st;
    d.timed = options->measure || options->machine;
    if (d.timed && (st = hn_dryrun_forecast(&d)) != HN_OK)
        return st;
    if (options->json)
        return hn_dryrun_json(&d, out);
    hn_dryrun_say(&d, out);
    return hn_text_status(out);
}
