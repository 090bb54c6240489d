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

/* The first rank that is not with the most; of two, rank 0 is believed.  ranks: all are equal. */
static size_t find_odd(const struct hn_hash *all, size_t ranks)
{
    size_t best = 0, odd = 0;

    for (size_t r = 1; r < ranks; r++)
        if (votes(all, ranks, r) > votes(all, ranks, best))
            best = r;
    while (odd < ranks && hn_hash_equal(all[odd], all[best]))
        odd++;
    return odd;
}

/* Collective: the sentence on every rank. */
static hn_status accuse(hn_trainer *t, size_t odd)
{
    char host[128] = "";

    gethostname(host, sizeof host - 1);
    hn_comm_bcast(t->session.comm, host, sizeof host, odd);
    return hn_fail(HN_ELOST,
                   "step %llu: the state of rank %zu (%s) differs from the other ranks': its memory or "
                   "processor is at fault",
                   (unsigned long long)t->step, odd, host);
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
    size_t ranks = hn_comm_size(t->session.comm), odd;
    struct hn_hash *all = t->hashes + t->state.arrays, mine;
    hn_status st;

    *back = false;
    if (ranks == 1 || t->session.config.check_every == 0)
        return HN_OK;
    hn_comm_phase("comparing weights");
    mine = hash_state(t, t->hashes);
    hn_comm_gather(t->session.comm, &mine, all, t->hash_bytes);
    if ((odd = find_odd(all, ranks)) == ranks)
        return HN_OK;
    (void)accuse(t, odd);
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
