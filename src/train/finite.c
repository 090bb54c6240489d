#include "train/finite.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool skips(const hn_trainer *t)
{
    return t->session.config.nonfinite == HN_NONFINITE_SKIP;
}

/* ---- what forward moves ---- */

static size_t bytes_of(const struct hn_array *a)
{
    return a->role == HN_RUNNING   ? a->count * sizeof *a->value
           : a->role == HN_COUNTER ? a->count * sizeof *a->counter
                                   : 0;
}

static void *numbers_of(const struct hn_array *a)
{
    return a->role == HN_COUNTER ? (void *)a->counter : a->value;
}

hn_status hn_finite_open(hn_trainer *t)
{
    hn_net *net = hn_core_net(t->core);
    size_t bytes = 1;

    if (!skips(t))
        return HN_OK;
    for (size_t i = 0; i < hn_net_arrays(net); i++)
        bytes += bytes_of(hn_net_array(net, i));
    t->running = hn_calloc(bytes, 1);
    return t->running ? HN_OK : HN_ENOMEM;
}

static void copy_running(hn_trainer *t, bool back)
{
    hn_net *net = hn_core_net(t->core);
    unsigned char *kept = t->running;

    for (size_t i = 0; i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        size_t bytes = bytes_of(a);
        if (bytes == 0)
            continue;
        if (back)
            memcpy(numbers_of(a), kept, bytes);
        else
            memcpy(kept, numbers_of(a), bytes);
        kept += bytes;
    }
}

void hn_finite_keep(hn_trainer *t)
{
    if (skips(t))
        copy_running(t, false);
}

/* ---- where it began ---- */

static bool all_finite(const real *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Own rows, microbatch by microbatch, both views of its samples in each. */
static hn_status check_rows(const hn_trainer *t, const char *what, bool inputs)
{
    hn_net *net = hn_core_net(t->core);
    size_t samples = t->session.config.batch / t->session.config.microbatches;
    size_t width = inputs ? hn_net_input_size(net) : hn_net_output_size(net);

    for (size_t k = 0; k < hn_core_own(t->core).count; k++) {
        const real *row = inputs ? hn_net_input(net, k) : hn_net_output(net) + k * 2 * samples * width;
        for (size_t r = 0; r < 2 * samples; r++)
            if (!all_finite(row + r * width, width))
                return hn_fail(HN_EDIVERGED, "step %llu: the %s of sample %llu is not finite",
                               (unsigned long long)t->step + 1, what,
                               (unsigned long long)t->batch->id[k * samples + r % samples]);
    }
    return HN_OK;
}

/* BatchNorm's: a variance can overflow where all that is normalised by it stays finite. */
static const struct hn_array *odd_statistics(hn_net *net)
{
    for (size_t i = 0; i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        if (a->role == HN_RUNNING && !all_finite(a->value, a->count))
            return a;
    }
    return NULL;
}

/* The same on every rank. */
static hn_status check_sums(const hn_trainer *t, const struct hn_core_report *core)
{
    hn_net *net = hn_core_net(t->core);
    const struct hn_array *odd = odd_statistics(net);

    if (odd != NULL)
        return hn_fail(HN_EDIVERGED, "step %llu: %s is not finite", (unsigned long long)t->step + 1,
                       odd->name);
    if (!isfinite(core->loss.loss))
        return hn_fail(HN_EDIVERGED, "step %llu: the loss is not finite", (unsigned long long)t->step + 1);
    for (size_t i = 0; i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        if (a->role != HN_RUNNING && a->role != HN_COUNTER &&
            !all_finite(hn_net_gradient(net) + a->offset, a->count))
            return hn_fail(HN_EDIVERGED, "step %llu: the gradient of %s is not finite",
                           (unsigned long long)t->step + 1, a->name);
    }
    return hn_fail(HN_EDIVERGED, "step %llu: the norm of the gradient is not finite",
                   (unsigned long long)t->step + 1);
}

/* Ranks own microbatches in order, so the lowest rank that finds something has the first sample. */
static hn_status find(const hn_trainer *t, const struct hn_core_report *core)
{
    hn_status st = hn_comm_agree(t->session.comm, check_rows(t, "input", true));

    if (st == HN_OK)
        st = hn_comm_agree(t->session.comm, check_rows(t, "embedding", false));
    return st == HN_OK ? check_sums(t, core) : st;
}

/* The end of the run; a save in flight first, so that what is said of good state is so. */
static hn_status end(hn_trainer *t, const char *found, const char *why)
{
    hn_status st = hn_trainer_end_save(t);

    return st != HN_OK ? st : hn_fail(HN_EDIVERGED, "%s; %s%s", found, why, hn_trainer_saved(t));
}

hn_status hn_finite_check(hn_trainer *t, const struct hn_core_report *core, bool *skip)
{
    uint64_t most = t->session.config.max_skips;
    char found[1200], why[80];

    *skip = false;
    if (isfinite(core->loss.loss) && isfinite(core->grad_norm) &&
        odd_statistics(hn_core_net(t->core)) == NULL)
        return HN_OK;
    (void)find(t, core);
    snprintf(found, sizeof found, "%s", hn_error_text());
    if (!skips(t))
        return end(t, found, "");
    copy_running(t, true);
    snprintf(why, sizeof why, "%lld updates were skipped before (run.max_skips); ",
             (long long)t->state.skips);
    if ((uint64_t)t->state.skips >= most)
        return end(t, found, why);
    t->state.skips++;
    *skip = true;
    if (hn_trainer_leads(t))
        hn_log(HN_LOG_WARN, "%s; its update is skipped, %lld of %llu", found, (long long)t->state.skips,
               (unsigned long long)most);
    return HN_OK;
}
