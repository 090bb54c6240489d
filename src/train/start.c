#include "train/start.h"
#include "base/cpu.h"
#include "base/json.h"
#include "base/mem.h"
#include <string.h>
#include <unistd.h>

void hn_start_versions(struct hn_text *out)
{
    hn_text_add(out, "hardneg %s (%s)\nprocessor: %s\nlinear algebra: %s\nMPI: %s\n", HN_VERSION,
                sizeof(real) == 4 ? "float" : "double", hn_cpu_describe(), hn_engine_describe(),
                hn_comm_version());
}

hn_status hn_start_compare(hn_comm *comm, const char *config_text, const hn_dataset *data)
{
    struct hn_text versions = {0};
    const struct hn_dataset_info *info = hn_dataset_info(data);
    char seen[64];
    hn_status st;

    hn_start_versions(&versions);
    snprintf(seen, sizeof seen, "%s", "");
    if ((st = hn_comm_agree(comm, hn_text_status(&versions))) != HN_OK)
        goto out;
    if ((st = hn_comm_same(comm, "program, processor and libraries", versions.at, versions.length)) !=
            HN_OK ||
        (st = hn_comm_same(comm, "the config", config_text, strlen(config_text))) != HN_OK)
        goto out;
    memcpy(seen, &info->file_bytes, sizeof info->file_bytes);
    memcpy(seen + sizeof info->file_bytes, info->file_hash, sizeof info->file_hash);
    st = hn_comm_same(comm, "the data file", seen, sizeof info->file_bytes + sizeof info->file_hash);
out:
    hn_text_free(&versions);
    return st;
}

static size_t count_parameters(const hn_net *net)
{
    size_t count = 0;

    for (size_t i = 0; i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        if (a->role != HN_RUNNING && a->role != HN_COUNTER)
            count += a->count;
    }
    return count;
}

/* Gathers every rank's number on all. */
static hn_status sum_over_ranks(hn_comm *comm, size_t mine, size_t *sum)
{
    size_t ranks = hn_comm_size(comm), *all = hn_calloc(2 * ranks, sizeof *all);
    hn_status st = hn_comm_agree(comm, all ? HN_OK : HN_ENOMEM);

    if (st == HN_OK) {
        for (size_t r = 0; r < ranks; r++)
            all[ranks + r] = sizeof mine;
        hn_comm_gather(comm, &mine, all, all + ranks);
        *sum = 0;
        for (size_t r = 0; r < ranks; r++)
            *sum += all[r];
    }
    hn_free(all);
    return st;
}

static void warn_binding(const struct hn_session *s)
{
    const struct hn_binding *b = &s->binding;
    size_t own = (s->config.microbatches + hn_comm_size(s->comm) - 1) / hn_comm_size(s->comm);

    if (b->threads > own)
        hn_log(HN_LOG_WARN,
               "%zu threads per rank, but at most %zu microbatches: set run.threads = %zu, or more "
               "batch.microbatches",
               b->threads, own, own);
    if (b->host_threads > b->host_cores)
        hn_log(HN_LOG_WARN,
               "%zu threads share %zu cores on this host: start fewer ranks or threads, or bind otherwise "
               "(mpirun --bind-to none, srun --cpu-bind)",
               b->host_threads, b->host_cores);
}

static void say(const hn_trainer *t, size_t bytes_everywhere)
{
    const struct hn_session *s = &t->session;
    const struct hn_config *c = &s->config;
    const struct hn_dataset_info *info = hn_dataset_info(s->data);
    size_t ranks = hn_comm_size(s->comm), nodes = hn_comm_nodes(s->comm);

    hn_log(HN_LOG_INFO, "%zu rank%s on %zu node%s, %zu thread%s each; %zu of %zu cores of this host in use",
           ranks, ranks == 1 ? "" : "s", nodes, nodes == 1 ? "" : "s", s->binding.threads,
           s->binding.threads == 1 ? "" : "s",
           s->binding.host_threads < s->binding.host_cores ? s->binding.host_threads : s->binding.host_cores,
           s->binding.host_cores);
    hn_log(HN_LOG_INFO, "data %s: %s, %llu samples of %zux%zux%zu to train on, %zu classes", c->data.path,
           info->name, (unsigned long long)info->samples[c->data.split], info->h, info->w, info->c,
           info->classes);
    hn_log(HN_LOG_INFO,
           "batch %zu in %zu microbatches; %zu negatives per anchor at most; loss %s, exact over the pool",
           c->batch, c->microbatches, 2 * c->batch - 2, hn_loss_names()[c->loss.kind]);
    hn_log(HN_LOG_INFO,
           "encoder %s, %zu parameters, feature %zu, embedding %zu; %.1f MiB for networks on all ranks",
           hn_encoder_names()[c->model.encoder], count_parameters(hn_core_net(t->core)),
           hn_net_feature_size(hn_core_net(t->core)), hn_net_output_size(hn_core_net(t->core)),
           (double)bytes_everywhere / 1048576.0);
    hn_log(HN_LOG_INFO, "%llu epochs of %llu steps; run directory %s", (unsigned long long)c->epochs,
           (unsigned long long)t->per_epoch, t->dir.path);
    uint64_t dropped = info->samples[c->data.split] % c->batch;
    if (dropped > 0)
        hn_log(HN_LOG_INFO,
               "the last %llu samples of each epoch's order do not fill a batch and are left out",
               (unsigned long long)dropped);
}

static hn_status record(hn_trainer *t)
{
    struct hn_text line = {0}, versions = {0};
    hn_json *j = hn_json_new();
    char host[256] = "";
    hn_status st;

    gethostname(host, sizeof host - 1);
    hn_start_versions(&versions);
    hn_json_integer(j, "from_step", (int64_t)t->step);
    hn_json_string(j, "command", t->options.command ? t->options.command : "");
    hn_json_string(j, "host", host);
    hn_json_integer(j, "ranks", (int64_t)hn_comm_size(t->session.comm));
    hn_json_integer(j, "nodes", (int64_t)hn_comm_nodes(t->session.comm));
    hn_json_integer(j, "threads", (int64_t)t->session.binding.threads);
    hn_json_string(j, "versions", versions.at ? versions.at : "");
    if ((st = hn_json_line(j, &line)) == HN_OK && (st = hn_text_status(&versions)) == HN_OK)
        st = hn_rundir_append(&t->dir, "starts.jsonl", line.at);
    hn_json_free(j);
    hn_text_free(&line);
    hn_text_free(&versions);
    return st;
}

hn_status hn_start_announce(hn_trainer *t)
{
    size_t bytes = 0;
    hn_status st = sum_over_ranks(t->session.comm, hn_net_bytes(hn_core_net(t->core)), &bytes);

    if (st != HN_OK)
        return st;
    if (hn_trainer_leads(t)) {
        say(t, bytes);
        warn_binding(&t->session);
        st = record(t);
    }
    return hn_comm_agree(t->session.comm, st);
}
