/* Judging an encoder: in a run, and from a checkpoint. */
#include "base/mem.h"
#include "base/pulse.h"
#include "train/trainer.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* kNN of the test set against the training set. */
static hn_status judge(const struct hn_session *s, hn_net *net, struct hn_knn_result *out)
{
    struct hn_features bank = {0}, query = {0};
    const struct hn_dataset_info *info = hn_dataset_info(s->data);
    const struct hn_eval_options *o = &s->config.eval;
    size_t block = 2 * s->config.batch / s->config.microbatches; /* rows that the network takes at a time */
    hn_status st;

    hn_comm_phase("evaluating");
    if (!info->labelled[HN_TRAIN] || !info->labelled[HN_TEST] || info->samples[HN_TEST] == 0)
        return hn_fail(HN_EDATA, "%s: nearest neighbours need labelled splits \"train\" and \"test\"",
                       s->config.data.path);
    if ((st = hn_eval_embed(&bank, s->comm, s->data, HN_TRAIN, s->augment, net, block, s->threads)) !=
            HN_OK ||
        (st = hn_eval_embed(&query, s->comm, s->data, HN_TEST, s->augment, net, block, s->threads)) != HN_OK)
        goto out;
    st = hn_eval_knn(out, s->comm, &bank, &query, info->classes, o->k, o->temperature, s->threads);
out:
    hn_features_free(&bank);
    hn_features_free(&query);
    return st;
}

hn_status hn_trainer_judge(hn_trainer *t, struct hn_knn_result *out)
{
    return judge(&t->session, hn_core_net(t->core), out);
}

/* A run directory's newest checkpoint that verifies, or the file itself. */
hn_status hn_run_checkpoint(hn_ckpt **out, const char *run)
{
    char folder[1200];
    struct stat info;
    hn_status st;

    if (stat(run, &info) != 0)
        return hn_fail(HN_ENOINPUT, "%s: no such run directory or checkpoint", run);
    if (!S_ISDIR(info.st_mode))
        return hn_ckpt_open(out, run);
    snprintf(folder, sizeof folder, "%s/checkpoints", run);
    if ((st = hn_ckpt_newest(out, folder)) == HN_OK && *out == NULL)
        st = hn_fail(HN_ENOINPUT, "%s: holds no checkpoint", run);
    return st;
}

struct judged {
    struct hn_session session;
    hn_net *net;
};

static void close_judged(struct judged *j)
{
    hn_net_free(j->net);
    hn_session_close(&j->session);
}

/* Evaluation has no exchange with other microbatches: every rank holds the whole network and owns
 * microbatches only as a shape for its blocks of rows. */
static hn_status open_net(struct judged *j)
{
    const struct hn_config *c = &j->session.config;
    struct hn_net_options options = {
        .views = 2, .samples = c->batch / c->microbatches, .microbatches = c->microbatches};
    hn_graph *graph = NULL;
    hn_status st = hn_session_graph(&j->session, &graph);

    if (st != HN_OK) {
        hn_graph_free(graph);
        return st;
    }
    if ((st = hn_net_new(&j->net, graph, &options, j->session.threads)) == HN_OK)
        hn_net_initialise(j->net, c->seed);
    return st;
}

static hn_status load_net(struct judged *j, const hn_ckpt *from)
{
    struct hn_state state;
    hn_status st = hn_comm_agree(j->session.comm, hn_state_list(&state, j->net, NULL));

    if (st == HN_OK)
        st = hn_state_load(&state, j->session.comm, from);
    hn_state_free(&state);
    return st;
}

/* Raw pixels are numbers of 0 .. 1 as they are, without the views' normalisation. */
static hn_status open_session(struct judged *j, hn_comm *comm, struct hn_config *config, enum hn_judged what)
{
    for (size_t c = 0; what == HN_PIXELS && c < HN_CHANNELS; c++) {
        config->augment.mean[c] = 0.0;
        config->augment.std[c] = 1.0;
    }
    return hn_session_open(&j->session, comm, config);
}

static hn_status open_judged(struct judged *j, hn_comm *comm, const char *run, const char *const *sets,
                             size_t count, enum hn_judged what)
{
    hn_ckpt *from = NULL;
    char *text = NULL;
    struct hn_config config;
    hn_status st = HN_OK;

    *j = (struct judged){0};
    if (hn_comm_rank(comm) == 0) {
        hn_disk_begin(run);
        if ((st = hn_run_checkpoint(&from, run)) == HN_OK && hn_ckpt_get_text(from, "config") == NULL)
            st = hn_fail(HN_EDATA, "%s: holds no config", hn_ckpt_path(from));
        hn_disk_end();
    }
    if ((st = hn_comm_agree(comm, st)) != HN_OK ||
        (st = hn_share_text(comm, from ? hn_ckpt_get_text(from, "config") : NULL, &text)) != HN_OK ||
        (st = hn_comm_agree(comm, hn_config_read(&config, run, text, sets, count))) != HN_OK ||
        (st = open_session(j, comm, &config, what)) != HN_OK)
        goto out;
    if (what == HN_PIXELS)
        goto out;
    if ((st = hn_comm_agree(comm, open_net(j))) == HN_OK && what == HN_TRAINED)
        st = load_net(j, from);
out:
    hn_free(text);
    hn_ckpt_close(from);
    if (st != HN_OK)
        close_judged(j);
    return st;
}

hn_status hn_evaluate(hn_comm *comm, const char *run, const char *const *sets, size_t count,
                      enum hn_judged what, struct hn_knn_result *out)
{
    struct judged j;
    hn_status st = open_judged(&j, comm, run, sets, count, what);

    if (st != HN_OK)
        return st;
    st = judge(&j.session, j.net, out);
    close_judged(&j);
    return st;
}

static hn_status find_split(const char *name, enum hn_split *split)
{
    for (int k = 0; k < HN_SPLITS; k++)
        if (strcmp(name, hn_split_name((enum hn_split)k)) == 0) {
            *split = (enum hn_split)k;
            return HN_OK;
        }
    return hn_fail(HN_EUSAGE, "no split is called \"%s\": train, test, unlabeled", name);
}

hn_status hn_embed(hn_comm *comm, const char *run, const char *const *sets, size_t count, const char *split,
                   const char *npy)
{
    struct hn_features rows = {0};
    enum hn_split which = HN_TEST;
    struct judged j;
    hn_status st = find_split(split, &which); /* the same on every rank */

    if (st != HN_OK || (st = hn_features_npy_check(comm, npy)) != HN_OK ||
        (st = open_judged(&j, comm, run, sets, count, HN_TRAINED)) != HN_OK)
        return st;
    if (hn_dataset_info(j.session.data)->samples[which] == 0)
        st = hn_fail(HN_EDATA, "%s: has no split \"%s\"", j.session.config.data.path, split);
    else
        st = hn_eval_embed(&rows, comm, j.session.data, which, j.session.augment, j.net,
                           2 * j.session.config.batch / j.session.config.microbatches, j.session.threads);
    if (st == HN_OK)
        st = hn_features_write_npy(&rows, comm, npy);
    hn_features_free(&rows);
    close_judged(&j);
    return st;
}

hn_status hn_run_hash(const char *run, char text[33], uint64_t *step)
{
    hn_ckpt *from = NULL;
    hn_status st = hn_run_checkpoint(&from, run);

    if (st == HN_OK) {
        *step = hn_ckpt_step(from);
        st = hn_ckpt_hash(from, "model/", text);
    }
    hn_ckpt_close(from);
    return st;
}
