#include "check/verify_beta.h"
#include "check/stored.h"
#include <math.h>

static const double TOLERANCE = 1e-12;

hn_status hn_verify_beta(struct hn_verify *v, const struct hn_loss_options *o, const char *name,
                         const char *group, const char *array)
{
    struct hn_stored want = {0};
    double worst = 0;
    hn_status st = hn_stored_read(&want, v->file, group, array);

    if (st != HN_OK)
        return st;
    for (uint64_t e = 1; e <= want.info.count; e++) {
        double off = fabs(hn_beta_at(o, e, want.info.count) - want.v[e - 1]) / o->beta;
        worst = off <= worst ? worst : off;
    }
    hn_verify_note(v, "schedule of beta", name, worst, TOLERANCE);
    hn_stored_free(&want);
    return HN_OK;
}
