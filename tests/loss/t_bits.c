/* A row's statistics and gradient have the same bits whoever computes which blocks, on however many threads.
 */
#include "backend/backend.h"
#include "sets.h"

static struct set set;
static struct result alone, shared;

/* s_ij and s_ji are one number, in a tile, across tiles and across owners: seen at the positives. */
static bool symmetric(void)
{
    bool same = true;

    for (size_t i = 0; i < set.pool.m; i++)
        same = same && shared.stat[i].similarity == shared.stat[set.partner[i]].similarity;
    return same;
}

/* dz as it would come from each owner: every split into runs of blocks, 1 to 3 threads. */
static bool any_split(const struct hn_loss_options *o)
{
    size_t m = set.pool.m, d = set.pool.dim;
    bool same = true;

    run_loss(&alone, o, &set, 1, 1);
    for (size_t owners = 1; owners <= set.pool.blocks + 1; owners += 1 + owners / 3)
        for (size_t threads = 1; threads <= 3; threads++) {
            run_loss(&shared, o, &set, owners, threads);
            same = same && memcmp(alone.stat, shared.stat, m * sizeof *alone.stat) == 0 &&
                   memcmp(alone.dz, shared.dz, m * d * sizeof *alone.dz) == 0 &&
                   memcmp(&alone.sum, &shared.sum, sizeof alone.sum) == 0 && symmetric();
        }
    return same;
}

int main(void)
{
    tap_plan(8);
    hn_backend_start();
    for (int k = 0; hn_loss_names()[k]; k++) {
        bool same = true;
        for (uint64_t c = 0; c < 6; c++) {
            struct hn_loss_options o = {.kind = k, .temperature = c % 2 ? 0.5 : 0.05, .beta = 2};
            const char *name = hn_loss_names()[k];
            o.tau_plus = strcmp(name, "hard") == 0 || strcmp(name, "debiased") == 0 ? 0.1 : 0;
            o.clamp = o.tau_plus > 0;
            o.detach = c == 3;
            if ((strstr(name, "scl") || strcmp(name, "supcon") == 0) && c % 3)
                o.positives = HN_POSITIVES_LABEL;
            o.hardening = c == 4 ? HN_HARDEN_TOPK : c == 5 ? HN_HARDEN_THRESHOLD : HN_HARDEN_TILT;
            o.topk = 6;
            o.threshold = 0.4;
            set_random(&set, 20 + c * 5, 17 + c, 4, c);
            set_cut(&set, (size_t[]){7, 16, 33, 5, 24, 90}[c], c % 2);
            same = any_split(&o) && same;
        }
        ok(same, "%s: the same bits from any split of the blocks and 1 to 3 threads", hn_loss_names()[k]);
    }

    /* A block's own diagonal: rows that are bitwise equal, inside a block and across, get one similarity. */
    struct hn_loss_options o = {.kind = 0, .temperature = 0.07};
    set_random(&set, 30, 24, 2, 9);
    for (size_t i = 1; i < 60; i++)
        memcpy(set.z + i * 24, set.z, 24 * sizeof *set.z);
    set_cut(&set, 13, false);
    run_loss(&alone, &o, &set, 3, 2);
    double worst = 0;
    for (size_t i = 0; i < 60 * 24; i++)
        worst = fmax(worst, fabs((double)alone.dz[i]));
    ok(worst < TAP_TOL(2e-4, 1e-13) && fabs(alone.sum.loss - log(59.0)) < TAP_TOL(2e-5, 1e-13),
       "collapsed rows: loss log(m - 1), no gradient (%.2g)", worst);
    ok(hn_live_blocks() == 0, "everything is given back");
    return tap_done();
}
