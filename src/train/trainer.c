/* Opening and closing a run. */
#include "train/trainer.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "train/drift.h"
#include "train/finite.h"
#include "train/start.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static hn_status check_ranks(const hn_trainer *t)
{
    size_t ranks = hn_comm_size(t->session.comm), microbatches = t->session.config.microbatches;

    if (ranks > microbatches)
        return hn_fail(HN_EUSAGE,
                       "%zu ranks, but only %zu microbatches to share out: start at most %zu ranks, or set "
                       "batch.microbatches higher",
                       ranks, microbatches, microbatches);
    return HN_OK;
}

static hn_status open_core(hn_trainer *t)
{
    const struct hn_config *c = &t->session.config;
    struct hn_core_options options = hn_core_options_of(c);
    hn_graph *graph = NULL;
    hn_status st = hn_comm_agree(t->session.comm, hn_session_graph(&t->session, &graph));

    options.labelled = hn_dataset_info(t->session.data)->labelled[c->data.split];
    if (st != HN_OK) {
        hn_graph_free(graph);
        return st;
    }
    if ((st = hn_core_new(&t->core, t->session.comm, t->session.threads, graph, &options)) != HN_OK)
        return st;
    hn_net_initialise(hn_core_net(t->core), c->seed);
    if ((st = hn_state_list(&t->state, hn_core_net(t->core), hn_core_optim(t->core))) == HN_OK &&
        (st = hn_finite_open(t)) == HN_OK)
        st = hn_drift_open(t);
    return hn_comm_agree(t->session.comm, st);
}

static void identify_data(hn_trainer *t)
{
    const struct hn_dataset_info *info = hn_dataset_info(t->session.data);
    char hash[HN_HASH_TEXT];

    hn_hash_text(hn_hash_load(info->file_hash), hash);
    snprintf(t->data_identity, sizeof t->data_identity, "%s of %llu bytes", hash,
             (unsigned long long)info->file_bytes);
}

/* Rank 0: do at least two classes occur?  Reads labels until one differs from the first. */
static hn_status check_classes(const hn_trainer *t)
{
    enum hn_split split = (enum hn_split)t->session.config.data.split;
    uint64_t samples = hn_dataset_info(t->session.data)->samples[split];
    int64_t first = 0, label = 0;
    hn_status st = hn_dataset_read(t->session.data, split, 0, NULL, &first);

    for (uint64_t i = 1; st == HN_OK && i < samples && label == first; i++)
        st = hn_dataset_read(t->session.data, split, i, NULL, &label);
    if (st == HN_OK && label == first)
        st = hn_fail(
            HN_EUSAGE, "%s: split \"%s\" has one class only: loss %s takes its negatives from other classes",
            t->session.config.data.path, hn_split_name(split), hn_loss_names()[t->session.config.loss.kind]);
    return st;
}

/* Does the data set have what the loss and the evaluation need? */
static hn_status check_data(hn_trainer *t)
{
    const struct hn_config *c = &t->session.config;
    const struct hn_dataset_info *info = hn_dataset_info(t->session.data);
    hn_status st;

    t->evaluates = info->labelled[HN_TRAIN] && info->labelled[HN_TEST] && info->samples[HN_TEST] > 0;
    if (!t->evaluates && c->eval.every_epochs > 0 && hn_trainer_leads(t))
        hn_log(HN_LOG_INFO, "%s has no labelled splits \"train\" and \"test\": no evaluation on the way",
               c->data.path);
    if ((st = hn_session_check_split(c, info)) != HN_OK || !hn_loss_needs_labels(&c->loss))
        return st;
    return hn_trainer_leads(t) ? check_classes(t) : HN_OK;
}

static hn_status open_buffers(hn_trainer *t)
{
    size_t workers = hn_threads_count(t->session.threads);

    t->scratch_bytes = hn_round_up(hn_augment_scratch_bytes(t->session.augment), HN_ALIGN);
    t->scratch = hn_calloc(workers, t->scratch_bytes);
    return t->scratch ? HN_OK : HN_ENOMEM;
}

/* The same samples in the same order: another set would go on without a word. */
static hn_status check_same_data(const hn_trainer *t, const hn_ckpt *from)
{
    const char *before = hn_ckpt_get_text(from, "data");

    if (before == NULL || strcmp(before, t->data_identity) == 0)
        return HN_OK;
    return hn_fail(HN_EUSAGE, "%s: cannot go on from here: it was trained on a data set %s, and %s is %s",
                   hn_ckpt_path(from), before, t->session.config.data.path, t->data_identity);
}

/* Does the checkpoint belong to this config and this data? */
static hn_status check_checkpoint(const hn_trainer *t, const hn_ckpt *from)
{
    const char *text = hn_ckpt_get_text(from, "config");
    struct hn_config before;
    hn_status st;

    if (text == NULL)
        return hn_fail(HN_EDATA, "%s: holds no config", hn_ckpt_path(from));
    if ((st = hn_config_read(&before, hn_ckpt_path(from), text, NULL, 0)) != HN_OK)
        return st;
    if ((st = hn_config_resumable(&before, &t->session.config)) != HN_OK)
        return hn_fail(st, "%s: cannot go on from here: %s", hn_ckpt_path(from), hn_error_text());
    return check_same_data(t, from);
}

/* A file given by hand must not lie behind what the directory holds: resuming would find that again. */
static hn_status check_not_older(const hn_trainer *t, const hn_ckpt *from)
{
    uint64_t latest;

    if (!hn_ckpt_latest(t->dir.checkpoints, &latest) || latest <= hn_ckpt_step(from))
        return HN_OK;
    return hn_fail(
        HN_EUSAGE, "%s is step %llu, but %s holds step %llu already: choose another run directory (-o)",
        hn_ckpt_path(from), (unsigned long long)hn_ckpt_step(from), t->dir.path, (unsigned long long)latest);
}

/* Line by line: what has changed is named. */
static void compare_versions(const hn_ckpt *from)
{
    struct hn_text now = {0};
    const char *before = hn_ckpt_get_text(from, "versions");
    bool same = true;

    hn_start_versions(&now);
    for (const char *a = before, *b = now.at; a && b && (*a || *b);) {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        if (n != m || memcmp(a, b, n) != 0) {
            hn_log(HN_LOG_WARN, "the checkpoint was written under \"%.*s\"; this is \"%.*s\"", (int)n, a,
                   (int)m, b);
            same = false;
        }
        a += n + (a[n] != '\0');
        b += m + (b[m] != '\0');
    }
    if (!same)
        hn_log(HN_LOG_WARN, "the run goes on, but not with the bits of the uninterrupted one");
    hn_text_free(&now);
}

/* Rank 0: finds what to resume from; *from stays NULL for a fresh start. */
static hn_status find_checkpoint(hn_trainer *t, hn_ckpt **from)
{
    const char *resume = t->options.resume;
    hn_status st;

    if (strcmp(resume, "never") == 0) {
        if (hn_rundir_used(&t->dir))
            return hn_fail(HN_ECREATE,
                           "%s: a run was here before: choose another directory, or --resume auto",
                           t->dir.path);
        return HN_OK;
    }
    if (strcmp(resume, "auto") == 0) {
        if ((st = hn_ckpt_newest(from, t->dir.checkpoints)) == HN_OK && *from != NULL &&
            (st = check_checkpoint(t, *from)) == HN_OK)
            hn_ckpt_set_aside(t->dir.checkpoints, hn_ckpt_step(*from));
        return st;
    }
    if (access(resume, F_OK) != 0)
        return hn_fail(HN_ENOINPUT, "--resume %s: %s; it takes auto, never, a checkpoint or a run directory",
                       resume, strerror(errno));
    if ((st = hn_run_checkpoint(from, resume)) == HN_OK && (st = check_not_older(t, *from)) == HN_OK)
        st = check_checkpoint(t, *from);
    return st;
}

static hn_status check_folder(const char *path)
{
    struct stat info;

    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        return hn_fail(HN_ECREATE, "%s: no folder, but checkpoints go there: move it away", path);
    return HN_OK;
}

static bool is_done(const hn_trainer *t, const hn_ckpt *from)
{
    const struct hn_config *c = &t->session.config;
    uint64_t end = hn_dataset_info(t->session.data)->samples[c->data.split] / c->batch * c->epochs;

    if (t->options.steps && t->options.steps < end)
        end = t->options.steps;
    return from != NULL && hn_ckpt_step(from) >= end && strcmp(t->options.resume, "auto") == 0;
}

static hn_status open_directory(hn_trainer *t, hn_ckpt **from)
{
    hn_status st;

    if ((st = hn_rundir_open(&t->dir, t->options.run_dir)) != HN_OK ||
        (st = check_folder(t->dir.checkpoints)) != HN_OK || (st = find_checkpoint(t, from)) != HN_OK ||
        (st = hn_trainer_open_saver(t, !is_done(t, *from))) != HN_OK)
        return st;
    return hn_rundir_write(&t->dir, "config.cfg", t->config_text);
}

/* Collective: the run directory on rank 0, and the state to go on from. */
static hn_status resume(hn_trainer *t)
{
    hn_ckpt *from = NULL;
    hn_status st = HN_OK;
    int64_t found = 0;

    hn_comm_phase("looking for a checkpoint");
    if (hn_trainer_leads(t)) {
        hn_disk_begin(t->options.run_dir);
        st = open_directory(t, &from);
        hn_disk_end();
    }
    if ((st = hn_comm_agree(t->session.comm, st)) != HN_OK)
        goto out;
    found = hn_comm_max(t->session.comm, from != NULL);
    if (found) {
        if ((st = hn_state_load(&t->state, t->session.comm, from)) != HN_OK)
            goto out;
        t->step = (uint64_t)t->state.step;
        t->saved_step =
            strcmp(t->options.resume, "auto") == 0 ? t->step : HN_NOT_SAVED; /* a file may lie elsewhere */
        *hn_optim_updates(hn_core_optim(t->core)) = (uint64_t)t->state.updates;
    }
    if (hn_trainer_leads(t)) {
        if (found) {
            hn_log(HN_LOG_INFO, "resuming from %s, step %llu", hn_ckpt_path(from),
                   (unsigned long long)t->step);
            compare_versions(from);
        }
        st = hn_rundir_open_metrics(&t->dir, t->step);
    }
    st = hn_comm_agree(t->session.comm, st);
out:
    hn_ckpt_close(from);
    return st;
}

static hn_status open_prefetch(hn_trainer *t)
{
    const struct hn_config *c = &t->session.config;
    hn_status st = hn_prefetch_new(&t->prefetch, t->session.data, &c->data, c->seed, c->batch,
                                   c->microbatches, hn_core_own(t->core), t->step);

    if (st != HN_OK)
        return st;
    t->per_epoch = hn_prefetch_steps_per_epoch(t->prefetch);
    t->steps = c->epochs * t->per_epoch;
    return HN_OK;
}

hn_status hn_trainer_load(hn_trainer *t, const hn_ckpt *from)
{
    hn_status st = hn_state_load(&t->state, t->session.comm, from);

    if (st != HN_OK)
        return st;
    t->step = t->saved_step = (uint64_t)t->state.step;
    *hn_optim_updates(hn_core_optim(t->core)) = (uint64_t)t->state.updates;
    hn_prefetch_free(t->prefetch);
    t->prefetch = NULL;
    if ((st = open_prefetch(t)) == HN_OK && hn_trainer_leads(t))
        st = hn_rundir_open_metrics(&t->dir, t->step);
    return hn_comm_agree(t->session.comm, st);
}

hn_status hn_trainer_new(hn_trainer **out, hn_comm *comm, const struct hn_config *config,
                         const struct hn_train_options *options)
{
    hn_trainer *t = hn_zalloc(sizeof *t);
    hn_status st = hn_comm_agree(comm, t ? HN_OK : HN_ENOMEM);

    if (st != HN_OK)
        goto out;
    t->options = *options;
    if (t->options.resume == NULL)
        t->options.resume = "auto";
    t->saved_step = t->saving_step = t->compared_step = HN_NOT_SAVED;
    t->started = t->saved_at = hn_now();
    hn_comm_stop_when(t->options.stop);
    if ((st = hn_session_open(&t->session, comm, config)) != HN_OK)
        goto out;
    identify_data(t);
    if ((st = check_ranks(t)) == HN_OK && (st = check_data(t)) == HN_OK && (st = open_buffers(t)) == HN_OK)
        st = hn_config_dump(&t->session.config, &t->config_text);
    if ((st = hn_comm_agree(comm, st)) != HN_OK ||
        (st = hn_start_compare(comm, t->config_text, config->data.path)) != HN_OK ||
        (st = open_core(t)) != HN_OK || (t->options.run_dir && (st = resume(t)) != HN_OK) ||
        (st = hn_comm_agree(comm, open_prefetch(t))) != HN_OK ||
        (t->options.run_dir && (st = hn_start_announce(t)) != HN_OK))
        goto out;
    *out = t;
    t = NULL;
out:
    hn_trainer_free(t);
    return st;
}

void hn_trainer_free(hn_trainer *t)
{
    if (t == NULL)
        return;
    hn_comm_stop_when(NULL);
    hn_comm_stop_at(INFINITY);
    hn_saver_free(t->saver);
    hn_prefetch_free(t->prefetch);
    hn_state_free(&t->state);
    hn_core_free(t->core);
    hn_free(t->scratch);
    hn_free(t->running);
    hn_free(t->hashes);
    hn_free(t->hash_bytes);
    hn_config_text_free(t->config_text);
    hn_rundir_close(&t->dir);
    hn_session_close(&t->session);
    hn_free(t);
}

uint64_t hn_trainer_steps_done(const hn_trainer *t)
{
    return t->step;
}

uint64_t hn_trainer_steps_total(const hn_trainer *t)
{
    return t->steps;
}
