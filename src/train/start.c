#include "train/start.h"
#include "base/build.h"
#include "base/cpu.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "train/budget.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define MIB 1048576.0

void hn_start_versions(struct hn_text *out)
{
    hn_text_add(out, "hardneg %s (%s), build %s\nprocessor: %s\nlinear algebra: %s\nMPI: %s\n", HN_VERSION,
                sizeof(real) == 4 ? "float" : "double", hn_build_id(), hn_cpu_describe(),
                hn_engine_describe(), hn_comm_version());
}

/* The end of the file as this rank sees it: a seal, whose hash covers everything but the samples, whose
 * hashes it covers. */
static hn_status read_seal(const char *path, unsigned char bytes[64])
{
    hn_disk_begin(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    ssize_t n = end < 64 ? 0 : pread(fd, bytes, 64, end - 64);
    int why = end < 0 || n < 0 ? errno : 0; /* close() may set another */

    if (fd >= 0)
        close(fd);
    hn_disk_end();
    if (why != 0)
        return hn_fail(HN_EIO, "%s: its end cannot be read: %s", path, strerror(why));
    return n == 64 ? HN_OK : hn_fail(HN_EDATA, "%s: damaged: cut short meanwhile", path);
}

hn_status hn_start_compare(hn_comm *comm, const char *config_text, const char *data_path)
{
    struct hn_text versions = {0};
    unsigned char seal[64];
    hn_status st;

    hn_start_versions(&versions);
    if ((st = hn_text_status(&versions)) == HN_OK)
        st = read_seal(data_path, seal);
    if ((st = hn_comm_agree(comm, st)) != HN_OK ||
        (st = hn_comm_same(comm, "program, processor or libraries", versions.at, versions.length)) != HN_OK ||
        (st = hn_comm_same(comm, "the config", config_text, strlen(config_text))) != HN_OK)
        goto out;
    st = hn_comm_same(comm, "the data file", seal, sizeof seal);
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

/* What every rank tells about itself. */
struct told {
    char host[HOST_NAME_MAX + 1];
};

static hn_status tell_all(const hn_trainer *t, struct told **out)
{
    hn_comm *comm = t->session.comm;
    size_t ranks = hn_comm_size(comm), *bytes = hn_calloc(ranks, sizeof *bytes);
    struct told mine = {0};
    struct told *all = hn_calloc(ranks, sizeof *all);
    hn_status st = hn_comm_agree(comm, bytes && all ? HN_OK : HN_ENOMEM);

    if (st == HN_OK) {
        gethostname(mine.host, sizeof mine.host - 1);
        for (size_t r = 0; r < ranks; r++)
            bytes[r] = sizeof mine;
        hn_comm_gather(comm, &mine, all, bytes);
        *out = all;
        all = NULL;
    }
    hn_free(all);
    hn_free(bytes);
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

/* Of rank 0, which owns most; the lines of a plan, not of a measurement. */
static hn_status say_memory(const hn_trainer *t)
{
    const struct hn_session *s = &t->session;
    struct hn_budget_case k = {.config = &s->config,
                               .data = hn_dataset_info(s->data),
                               .view_scratch = hn_augment_scratch_bytes(s->augment),
                               .ranks = hn_comm_size(s->comm),
                               .threads = s->binding.threads};
    struct hn_budget b;
    const struct hn_memory *m = &b.memory;
    hn_status st = hn_budget(&b, &k);

    if (st != HN_OK)
        return st;
    hn_log(
        HN_LOG_INFO,
        "memory of a rank, MiB: %.1f weights, gradients and optimiser, %.1f activations, %.1f scratch, %.1f "
        "pool and loss, %.1f reducer, %.1f data; %.1f in all (train --dry-run tells more)",
        (double)(m->parameters + m->gradients + m->optimiser + m->statistics) / MIB,
        (double)m->activations / MIB, (double)m->scratch / MIB, (double)(m->pool + m->loss) / MIB,
        (double)m->reducer / MIB, (double)(m->cache + m->views) / MIB, (double)hn_memory_sum(m) / MIB);
    return HN_OK;
}

static void say(const hn_trainer *t)
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
    hn_log(HN_LOG_INFO, "encoder %s, %zu parameters, feature %zu, embedding %zu",
           hn_encoder_names()[c->model.encoder], count_parameters(hn_core_net(t->core)),
           hn_net_feature_size(hn_core_net(t->core)), hn_net_output_size(hn_core_net(t->core)));
    hn_log(HN_LOG_INFO, "%llu epochs of %llu steps; run directory %s", (unsigned long long)c->epochs,
           (unsigned long long)t->per_epoch, t->dir.path);
    uint64_t dropped = info->samples[c->data.split] % c->batch;
    if (dropped > 0)
        hn_log(HN_LOG_INFO,
               "the last %llu samples of each epoch's order do not fill a batch and are left out",
               (unsigned long long)dropped);
}

/* "n1 n2": every host once, in the order of ranks. */
static void list_hosts(const struct told *all, size_t ranks, struct hn_text *out)
{
    for (size_t r = 0; r < ranks; r++) {
        bool seen = false;
        for (size_t k = 0; k < r; k++)
            seen |= strcmp(all[k].host, all[r].host) == 0;
        if (!seen)
            hn_text_add(out, "%s%s", r ? " " : "", all[r].host);
    }
}

static hn_status record(hn_trainer *t, const struct told *all)
{
    struct hn_text line = {0}, versions = {0}, hosts = {0};
    hn_json *j = hn_json_new();
    hn_status st;

    list_hosts(all, hn_comm_size(t->session.comm), &hosts);
    hn_start_versions(&versions);
    hn_json_integer(j, "from_step", (int64_t)t->step);
    hn_json_string(j, "command", t->options.command ? t->options.command : "");
    hn_json_string(j, "hosts", hosts.at ? hosts.at : "");
    hn_json_integer(j, "ranks", (int64_t)hn_comm_size(t->session.comm));
    hn_json_integer(j, "nodes", (int64_t)hn_comm_nodes(t->session.comm));
    hn_json_integer(j, "threads", (int64_t)t->session.binding.threads);
    hn_json_string(j, "versions", versions.at ? versions.at : "");
    hn_json_string(j, "data", t->data_identity);
    if ((st = hn_text_status(&versions)) == HN_OK && (st = hn_text_status(&hosts)) == HN_OK &&
        (st = hn_json_line(j, &line)) == HN_OK)
        st = hn_rundir_append(&t->dir, "starts.jsonl", line.at);
    hn_json_free(j);
    hn_text_free(&line);
    hn_text_free(&versions);
    hn_text_free(&hosts);
    return st;
}

hn_status hn_start_announce(hn_trainer *t)
{
    struct told *all = NULL;
    hn_status st = tell_all(t, &all);

    if (st != HN_OK)
        return st;
    if (hn_trainer_leads(t)) {
        say(t);
        warn_binding(&t->session);
        if ((st = say_memory(t)) == HN_OK)
            st = record(t, all);
    }
    hn_free(all);
    return hn_comm_agree(t->session.comm, st);
}
