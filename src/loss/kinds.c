/* loss/kinds.c - the table of losses: what each is made of, needs and allows.
 *
 * Published as: infonce = NT-Xent of SimCLR, HCL's `easy`; debiased = DCL; hard
 * = HCL (with tau_plus 0: H-UCL of H-SCL's code); scl, hard_scl = H-SCL; supcon
 * = SupCon.
 * Options that a loss does not know (beta of infonce, say) are not read. */
#include "loss/parts.h"
#include <math.h>

/* clang-format off */
#define LOSSES(KIND)                                                                                  \
    KIND("infonce", .form = &hn_estimator)                                                            \
    KIND("debiased", .form = &hn_estimator, .corrected = true)                                        \
    KIND("hard", .form = &hn_estimator, .corrected = true, .tilted = true)                            \
    KIND("scl", .form = &hn_estimator, .other_class = true, .label_positives = true)                  \
    KIND("hard_scl", .form = &hn_estimator, .other_class = true, .label_positives = true, .tilted = true) \
    KIND("supcon", .form = &hn_supcon, .label_positives = true, .anchors_alone = true)
#define AS_KIND(text, ...) {.name = text, __VA_ARGS__},
#define AS_NAME(text, ...) text,

static const struct hn_loss_kind kinds[] = {LOSSES(AS_KIND)};
static const char *const names[] = {LOSSES(AS_NAME) NULL};
/* clang-format on */
enum { KINDS = sizeof kinds / sizeof *kinds };

const struct hn_loss_kind *hn_loss_kind(int kind)
{
    return &kinds[kind];
}

const char *const *hn_loss_names(void)
{
    return names;
}

const char *const *hn_hardening_names(void)
{
    static const char *const all[] = {[HN_HARDEN_TILT] = "tilt",
                                      [HN_HARDEN_NONE] = "none",
                                      [HN_HARDEN_THRESHOLD] = "threshold",
                                      [HN_HARDEN_TOPK] = "topk",
                                      NULL};
    return all;
}

const char *const *hn_beta_schedule_names(void)
{
    static const char *const all[] = {[HN_BETA_CONSTANT] = "constant",
                                      [HN_BETA_HCL_DOWN] = "hcl_down",
                                      [HN_BETA_LINEAR] = "linear",
                                      [HN_BETA_COSINE] = "cosine",
                                      NULL};
    return all;
}

bool hn_loss_needs_labels(const struct hn_loss_options *options)
{
    return kinds[options->kind].other_class || options->positives == HN_POSITIVES_LABEL;
}

static hn_status check_numbers(const struct hn_loss_options *o)
{
    if (!(o->temperature > 0) || !isfinite(o->temperature))
        return hn_fail(HN_EUSAGE, "temperature %g: must be above 0", o->temperature);
    if (!(o->beta >= 0) || !isfinite(o->beta))
        return hn_fail(HN_EUSAGE, "beta %g: must be 0 or more", o->beta);
    if (!(o->tau_plus >= 0 && o->tau_plus < 1))
        return hn_fail(HN_EUSAGE, "tau_plus %g: must be in [0, 1)", o->tau_plus);
    if (o->hardening == HN_HARDEN_TOPK && (o->topk == 0 || o->topk > UINT32_MAX))
        return hn_fail(HN_EUSAGE, "topk %zu: at least one negative is chosen", o->topk);
    if (o->hardening == HN_HARDEN_THRESHOLD && !isfinite(o->threshold))
        return hn_fail(HN_EUSAGE, "threshold %g: must be a number", o->threshold);
    if (o->beta_schedule != HN_BETA_CONSTANT && !(o->beta_end >= 0 && isfinite(o->beta_end)))
        return hn_fail(HN_EUSAGE, "beta_end %g: must be 0 or more", o->beta_end);
    return HN_OK;
}

hn_status hn_loss_check(const struct hn_loss_options *options)
{
    if (options->kind < 0 || options->kind >= KINDS)
        return hn_fail(HN_EUSAGE, "loss %d of %d", options->kind, KINDS);
    if (options->positives != HN_POSITIVES_VIEW && options->positives != HN_POSITIVES_LABEL)
        return hn_fail(HN_EUSAGE, "positives %d: neither view nor label", (int)options->positives);
    if (options->reduction != HN_REDUCTION_ANCHORS && options->reduction != HN_REDUCTION_PAIRS)
        return hn_fail(HN_EUSAGE, "reduction %d: neither anchors nor pairs", (int)options->reduction);
    if ((int)options->hardening < HN_HARDEN_TILT || options->hardening > HN_HARDEN_TOPK)
        return hn_fail(HN_EUSAGE, "hardening %d is not known", (int)options->hardening);
    if ((int)options->beta_schedule < HN_BETA_CONSTANT || options->beta_schedule > HN_BETA_COSINE)
        return hn_fail(HN_EUSAGE, "schedule %d of beta is not known", (int)options->beta_schedule);
    hn_status st = check_numbers(options);
    if (st != HN_OK)
        return st;

    const struct hn_loss_kind *k = &kinds[options->kind];
    if (options->positives == HN_POSITIVES_LABEL && !k->label_positives)
        return hn_fail(HN_EUSAGE, "%s: its only positive is the other view", k->name);
    if (options->reduction == HN_REDUCTION_PAIRS && k->anchors_alone)
        return hn_fail(HN_EUSAGE, "%s: its mean is over anchors (reduction \"anchors\"), never over pairs",
                       k->name);
    if (options->tau_plus > 0 && !k->corrected)
        return hn_fail(HN_EUSAGE, "%s: knows no tau_plus", k->name);
    return HN_OK;
}
