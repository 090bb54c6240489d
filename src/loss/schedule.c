/* loss/schedule.c - beta over the epochs: a function of the epoch alone, so resuming needs no state.
 *
 * hcl_down is HCL's `anneal down` (image/main.py): a grid of nine values from beta to 0; after every epoch
 * that int(epochs / 9) divides, the next one is taken, the first of which is beta again.  Where the published
 * program runs out of values, ours holds the last; with fewer than 9 epochs, where it divides by 0, ours
 * takes one after every epoch. */
#include "hardneg/loss.h"
#include <math.h>

static double hcl_down(double beta, uint64_t epoch, uint64_t epochs)
{
    uint64_t every = epochs / 9 > 0 ? epochs / 9 : 1, taken = (epoch - 1) / every;

    return taken == 0 ? beta : beta * (1 - (double)(taken - 1 < 8 ? taken - 1 : 8) / 8);
}

double hn_beta_at(const struct hn_loss_options *o, uint64_t epoch, uint64_t epochs)
{
    double p = epochs > 1 ? (double)(epoch - 1) / (double)(epochs - 1) : 0;

    switch (o->beta_schedule) {
    case HN_BETA_HCL_DOWN:
        return hcl_down(o->beta, epoch, epochs);
    case HN_BETA_LINEAR:
        return o->beta + (o->beta_end - o->beta) * p;
    case HN_BETA_COSINE:
        return o->beta_end + (o->beta - o->beta_end) * (1 + cos(3.14159265358979323846 * p)) / 2;
    default:
        return o->beta;
    }
}
