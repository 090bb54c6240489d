#include "train/drift.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pulse.h"
#include <string.h>
#include <unistd.h>

enum { RELOADS = 3 }; /* of one life of the run; the next time it ends */

hn_status hn_drift_open(hn_trainer *t)
{
    size_t ranks = hn_comm_size(t->session.comm);

    t->hashes = hn_calloc(t->state.arrays + ranks, sizeof *t->hashes);
    t->hash_bytes = hn_calloc(ranks, sizeof *t->hash_bytes);
    if (t->hashes == NULL || t->hash_bytes == NULL)
        return HN_ENOMEM;
    for (size_t r = 0; r < ranks; r++)
        t->hash_bytes[r] = sizeof *t->hashes;
    return HN_OK;
}

/* All arrays of reals; scratch: one hash for each. */
static struct hn_hash hash_state(const hn_trainer *t, struct hn_hash *scratch)
{
    size_t n = 0;

    for (size_t i = 0; i < t->state.arrays; i++) {
        const struct hn_ckpt_array *a = &t->state.array[i];
        size_t count = 1;
        for (int d = 0; d < a->rank; d++)
            count *= a->dim[d];
        if (!a->integer)
            scratch[n++] = hn_hash_bytes(a->data, count * sizeof(real));
    }
    return hn_hash_bytes(scratch, n * sizeof *scratch);
}

static size_t votes(const struct hn_hash *all, size_t ranks, size_t for_rank)
{
    size_t count = 0;

    for (size_t r = 0; r < ranks; r++)
        count += hn_hash_equal(all[r], all[for_rank]);
    return count;
}

/* A rank that is with the most, and the first that is not; odd == ranks: all are equal. */
struct verdict {
    size_t best, odd;
    bool tie; /* nobody can say which of the two is right */
};

static struct verdict judge(const struct hn_hash *all, size_t ranks)
{
    struct verdict v = {0};

    for (size_t r = 1; r < ranks; r++)
        if (votes(all, ranks, r) > votes(all, ranks, v.best))
            v.best = r;
    while (v.odd < ranks && hn_hash_equal(all[v.odd], all[v.best]))
        v.odd++;
    v.tie = v.odd < ranks && votes(all, ranks, v.odd) == votes(all, ranks, v.best);
    return v;
}

static void share_host(const hn_trainer *t, char host[128], size_t of_rank)
{
    memset(host, 0, 128);
    gethostname(host, 127);
    hn_comm_bcast(t->session.comm, host, 128, of_rank);
}

/* Collective: the sentence on every rank. */
static hn_status accuse(const hn_trainer *t, const struct verdict *v)
{
    unsigned long long step = t->step;
    char odd[128], best[128];

    share_host(t, odd, v->odd);
    share_host(t, best, v->best);
    if (v->tie)
        return hn_fail(HN_ELOST,
                       "step %llu: the states of ranks %zu (%s) and %zu (%s) differ: memory or processor of "
                       "one of them is at fault",
                       step, v->best, best, v->odd, odd);
    return hn_fail(HN_ELOST,
                   "step %llu: the state of rank %zu (%s) differs from the other ranks': its memory or "
                   "processor is at fault",
                   step, v->odd, odd);
}

static hn_status reload(hn_trainer *t)
{
    hn_ckpt *from = NULL;
    hn_status st = HN_OK;

    if (hn_trainer_leads(t)) {
        hn_disk_begin(t->dir.checkpoints);
        if ((st = hn_ckpt_newest(&from, t->dir.checkpoints)) == HN_OK && from == NULL)
            st = hn_fail(HN_ELOST, "%s: the last checkpoint is gone", t->dir.path);
        hn_disk_end();
    }
    if ((st = hn_comm_agree(t->session.comm, st)) == HN_OK)
        st = hn_trainer_load(t, from);
    hn_ckpt_close(from);
    return st;
}

hn_status hn_drift_check(hn_trainer *t, bool *back)
{
    size_t ranks = hn_comm_size(t->session.comm);
    struct verdict v;
    struct hn_hash *all = t->hashes + t->state.arrays, mine;
    hn_status st;

    *back = false;
    if (ranks == 1 || t->session.config.check_every == 0 || t->compared_step == t->step)
        return HN_OK;
    hn_comm_phase("comparing weights");
    mine = hash_state(t, t->hashes);
    hn_comm_gather(t->session.comm, &mine, all, t->hash_bytes);
    v = judge(all, ranks);
    t->compared_step = v.odd == ranks ? t->step : HN_NOT_SAVED;
    if (v.odd == ranks)
        return HN_OK;
    (void)accuse(t, &v);
    char text[512];
    snprintf(text, sizeof text, "%s", hn_error_text());
    if ((st = hn_trainer_end_save(t)) != HN_OK)
        return st;
    if (t->session.config.drift == HN_DRIFT_STOP || t->saved_step == HN_NOT_SAVED || t->reloads == RELOADS)
        return hn_fail(HN_ELOST, "%s; %s%s", text, t->reloads == RELOADS ? "it is not the first time; " : "",
                       hn_trainer_saved(t));
    t->reloads++;
    if ((st = reload(t)) != HN_OK)
        return st;
    *back = true;
    if (hn_trainer_leads(t))
        hn_log(HN_LOG_WARN, "%s; all ranks go back to step %llu", text, (unsigned long long)t->step);
    return HN_OK;
}
