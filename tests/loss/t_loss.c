/* The losses against cases done by hand, against an oracle (definitions in long double), and against central
 * differences. */
#include "backend/backend.h"
#include "loss/parts.h"
#include "sets.h"

static struct set set;
static struct result got;
static struct truth want;

static const struct hn_loss_options base = {.temperature = 0.5};

static struct hn_loss_options options(const char *kind, double t, double beta, double tau)
{
    struct hn_loss_options o = base;

    o.kind = kind_of(kind);
    o.temperature = t;
    o.beta = beta;
    o.tau_plus = tau;
    o.clamp = tau > 0;
    return o;
}

/* Two samples in one dimension, both views alike: z = 1, -1, 1, -1, t = 1, partner (i + 2) mod 4. */
static void by_hand(void)
{
    static const real z[4] = {1, -1, 1, -1};
    struct hn_loss_options o = options("infonce", 1, 0, 0);

    for (size_t i = 0; i < 4; i++) {
        set.z[i] = z[i];
        set.partner[i] = (i + 2) % 4;
        set.number[i] = i;
        set.label[i] = (int64_t)(i % 2);
    }
    set_use(&set, 4, 1);
    set_cut(&set, 4, false);
    run_loss(&got, &o, &set, 1, 1);
    double e = exp(1.0), n = 2 / e, l = log(1 + n / e), q = n / (e + n);
    ok(fabs(got.sum.loss - l) < TAP_TOL(1e-6, 1e-14), "infonce: log(1 + 2 e^-2), got %.9g", got.sum.loss);
    /* A_ij = q/4 spread over two negatives, -q/4 at the positive; G doubles both.  dz_0 = -(1 + 1) q/4 z_2 +
     * ... */
    real dz[4];
    for (size_t i = 0; i < 4; i++)
        dz[i] = (real)(-(q / 2 + q / 2) * (double)z[i]);
    tap_near("infonce: gradient", got.dz, dz, 4, TAP_TOL(1e-6, 1e-14));
    ok(got.sum.anchors == 4 && got.sum.excluded == 0 && got.sum.ess == 2 && got.sum.largest_weight == 0.5 &&
           fabs(got.sum.alignment) < TAP_TOL(1e-6, 1e-14),
       "two even negatives, aligned views");
    o = options("hard", 1, 3, 0.9); /* R = 2/e, tau K e = 1.8 e: clamped */
    run_loss(&got, &o, &set, 1, 1);
    ok(fabs(got.sum.loss - l) < TAP_TOL(1e-6, 1e-14) && got.sum.clamped == 4,
       "hard, clamped: the floor is K / e");
    o.clamp = false; /* kappa + e^x = 1 - 0.9 - 1.8 + 2 e^-2 < 0 */
    run_loss(&got, &o, &set, 1, 1);
    ok(got.sum.undefined == 4 && got.sum.excluded == 4 && got.sum.loss == 0,
       "the same without the clamp has no logarithm: loss 0");
    bool zero = true;
    for (size_t i = 0; i < 4; i++)
        zero = zero && got.dz[i] == 0;
    ok(zero, "and gradient 0");
}

/* Row losses, counts, loss and gradient against the oracle; false (and a line) when they differ. */
static bool agrees(const struct hn_loss_options *o, double slack)
{
    double largest = 0, worst = 0, worst_row = 0;
    size_t m = set.pool.m;

    run_loss(&got, o, &set, 1, 1);
    oracle_run(&want, o, &set);
    for (size_t i = 0; i < m * set.pool.dim; i++) {
        largest = fmax(largest, fabs(want.dz[i]));
        double d = fabs((double)got.dz[i] - want.dz[i]);
        worst = d > worst || isnan(d) ? d : worst;
    }
    for (size_t i = 0; i < m; i++) {
        bool out = ((int)got.stat[i].flags & HN_ROW_COUNTS) == 0;
        double d = out && isnan(want.row[i]) ? 0 : fabs(got.stat[i].loss - want.row[i]);
        worst_row = d > worst_row || isnan(d) || out != isnan(want.row[i]) ? d : worst_row;
    }
    bool pass = worst <= slack * fmax(largest, 0.1) && worst_row <= slack * fmax(1, want.loss) &&
                fabs(got.sum.loss - want.loss) <= slack * fmax(1, want.loss) &&
                got.sum.excluded == want.excluded && got.sum.clamped == want.clamped &&
                got.sum.undefined == want.undefined;
    if (!pass)
        printf(
            "# %s t %g beta %g tau %g detach %d positives %d reduction %d n %zu d %zu: dz %.3g of %.3g, row "
            "%.3g, loss %.9g want %.9g, excluded %zu want %zu, clamped %zu want %zu, undefined %zu want "
            "%zu\n",
            hn_loss_names()[o->kind], o->temperature, o->beta, o->tau_plus, o->detach, (int)o->positives,
            (int)o->reduction, m / 2, set.pool.dim, worst, largest, worst_row, got.sum.loss, want.loss,
            got.sum.excluded, want.excluded, got.sum.clamped, want.clamped, got.sum.undefined,
            want.undefined);
    return pass;
}

/* Every loss with every option it takes, at mild and extreme settings, in blocks of several sizes. */
static void oracle(void)
{
    static const double t[] = {0.5, 0.1, 0.01}, beta[] = {0, 1, 5, 50}, tau[] = {0, 0.1, 0.5};

    for (int k = 0; hn_loss_names()[k]; k++) {
        bool pass = true;
        int cases = 0;
        for (size_t c = 0; c < 3 * 4 * 3 * 2 * 2 * 2; c++) {
            struct hn_loss_options o = {.kind = k,
                                        .temperature = t[c % 3],
                                        .beta = beta[c / 3 % 4],
                                        .tau_plus = tau[c / 12 % 3],
                                        .clamp = c % 7 != 0,
                                        .detach = c / 36 % 2,
                                        .positives = c / 72 % 2 ? HN_POSITIVES_LABEL : HN_POSITIVES_VIEW,
                                        .reduction = c / 144 % 2 ? HN_REDUCTION_PAIRS : HN_REDUCTION_ANCHORS};
            if (hn_loss_check(&o) != HN_OK || (o.beta > 0 && !hn_loss_kind(k)->tilted))
                continue;
            set_random(&set, 5 + c % 9, 2 + c % 7, 3, c);
            set_cut(&set, 1 + c % 11, c % 2);
            pass = agrees(&o, TAP_TOL(5e-5, 1e-12)) && pass; /* seen: 1.7e-5, 5e-14 */
            cases++;
        }
        ok(pass && cases > 0, "%s agrees with its definition in %d settings", hn_loss_names()[k], cases);
    }
}

/* Finite and bounded at every temperature from 0.01 and every beta up to 50, on what is hardest: identical,
 * opposite and tightly clustered rows. */
static void safe(void)
{
    static const double t[] = {0.01, 0.02, 0.07, 0.5}, beta[] = {0, 1, 10, 50};
    bool finite = true;

    for (int k = 0; hn_loss_names()[k]; k++)
        for (size_t c = 0; c < 4 * 4 * 3 * 4; c++) {
            struct hn_loss_options o = options(hn_loss_names()[k], t[c % 4], beta[c / 4 % 4], 0);
            size_t d = 8;
            o.tau_plus = hn_loss_kind(k)->corrected && c % 2 ? 0.1 : 0;
            o.clamp = o.tau_plus > 0;
            o.detach = c % 5 == 0;
            o.hardening = (enum hn_hardening)(c / 48);
            o.threshold = 0.5;
            o.topk = 3;
            o.positives =
                hn_loss_kind(k)->label_positives && c % 7 < 4 ? HN_POSITIVES_LABEL : HN_POSITIVES_VIEW;
            set_random(&set, 12, d, 3, c);
            for (size_t i = 1; i < set.pool.m; i++)
                for (size_t x = 0; x < d; x++) {
                    real *z = &set.z[i * d + x], first = set.z[x];
                    real sign = c / 16 % 3 == 1 && i % 2 ? -1 : 1;
                    *z = c / 16 % 3 == 2 ? first + (real)1e-4 * (*z - first) : sign * first;
                }
            set_cut(&set, 7, false);
            run_loss(&got, &o, &set, 1, 1);
            bool good = isfinite(got.sum.loss) && got.sum.loss >= 0 && got.sum.loss < 8 + 2.2 / o.temperature;
            for (size_t i = 0; i < set.pool.m * d; i++)
                good = good && fabs((double)got.dz[i]) <= 4 * (1 + o.beta) / o.temperature;
            if (!good)
                printf("# %s t %g beta %g hardening %d case %zu: loss %g\n", hn_loss_names()[k],
                       o.temperature, o.beta, (int)o.hardening, c, got.sum.loss);
            finite = finite && good;
        }
    ok(finite, "loss and gradient stay finite and bounded from t 0.01 and up to beta 50");
}

/* A last row of the pool that equals another: same dot products, so its number decides. */
static void repeat_row(size_t from)
{
    size_t d = set.pool.dim;

    memcpy(set.z + (set.pool.m - 1) * d, set.z + from * d, d * sizeof *set.z);
    memcpy(set.z + (set.pool.m / 2) * d, set.z + from * d, d * sizeof *set.z);
}

/* Choices of negatives: every k and several thresholds, equal rows, more than there are, none that passes. */
static void choices(void)
{
    static const double threshold[] = {-1, -0.2137, 0.1234, 0.6543, 1};
    size_t fell = 0;

    for (int scl = 0; scl < 2; scl++) {
        bool pass = true;
        for (size_t c = 0; c < 120; c++) {
            struct hn_loss_options o = options(scl ? "hard_scl" : "hard", c % 3 ? 0.3 : 0.05, 0, 0);
            o.tau_plus = !scl && c % 5 == 0 ? 0.05 : 0;
            o.clamp = o.tau_plus > 0;
            o.hardening = c % 2 ? HN_HARDEN_TOPK : HN_HARDEN_THRESHOLD;
            o.threshold = threshold[c / 2 % 5];
            o.topk = 1 + c % 13 * (c % 13) / 4;
            o.positives = scl && c % 4 < 2 ? HN_POSITIVES_LABEL : HN_POSITIVES_VIEW;
            set_random(&set, 5 + c % 9, 3 + c % 7, 3, 900 + c);
            if (o.hardening == HN_HARDEN_TOPK)
                repeat_row(c % set.pool.m);
            set_cut(&set, 1 + c % 11, c % 4 < 2);
            pass = agrees(&o, TAP_TOL(5e-5, 1e-12)) && pass;
            fell += got.sum.fell_back;
        }
        ok(pass, "%s: threshold and top-k agree with their definitions", scl ? "hard_scl" : "hard");
    }
    ok(fell > 0, "some anchors fell back to all negatives");
}

/* Double build: central differences of the library's own loss (weights constant: of the oracle's, weights
 * held). */
static void differences(void)
{
    static wide z[SET_ROWS * SET_DIM], fixed[SET_ROWS * SET_DIM], A[SET_ROWS * SET_ROWS];
    struct hn_loss_options all[] = {options("infonce", 0.2, 0, 0),  options("debiased", 0.5, 0, 0.05),
                                    options("hard", 0.5, 1, 0.1),   options("hard", 0.2, 3, 0),
                                    options("scl", 0.5, 0, 0),      options("hard_scl", 0.5, 2, 0),
                                    options("hard_scl", 0.3, 2, 0), options("supcon", 0.2, 0, 0),
                                    options("hard", 0.3, 0, 0.05),  options("hard_scl", 0.3, 0, 0)};
    all[8].hardening = HN_HARDEN_TOPK;
    all[8].topk = 3;
    all[9].hardening = HN_HARDEN_THRESHOLD;
    all[9].threshold = 0.3;

    all[7].positives = HN_POSITIVES_LABEL;
    all[5].positives = HN_POSITIVES_LABEL;
    all[6].detach = true;
    for (size_t c = 0; c < sizeof all / sizeof *all; c++) {
        struct truth moved;
        double worst = 0;
        set_random(&set, 6, 3, 3, 77 + c);
        set_cut(&set, 5, false);
        run_loss(&got, &all[c], &set, 1, 1);
        struct oracle q = oracle_of(&all[c], &set);
        for (size_t i = 0; i < set.pool.m * set.pool.dim; i++)
            z[i] = fixed[i] = (wide)set.z[i];
        q.z = z;
        q.weight_z = all[c].detach ? fixed : z;
        for (size_t i = 0; i < set.pool.m * set.pool.dim; i++) {
            const wide h = 1e-5L;
            z[i] = fixed[i] + h;
            oracle_rows(&q, &moved, A);
            double up = moved.loss;
            z[i] = fixed[i] - h;
            oracle_rows(&q, &moved, A);
            z[i] = fixed[i];
            worst = fmax(worst, fabs((up - moved.loss) / 2e-5 - (double)got.dz[i]));
        }
        ok(worst < TAP_TOL(2e-5, 1e-7), "%s: gradient is that of central differences (%.2g)",
           hn_loss_names()[all[c].kind], worst);
    }
}

/* Adding a constant to a row of scores changes nothing: sum_j A_ij = 0 and sum_j D_ij = 1 for free pairs.
 * Seen from outside: with an extra coordinate that is the same in all rows, its gradient sums to 0. */
static void shift(void)
{
    struct hn_loss_options o = options("hard", 0.3, 4, 0);
    double sum = 0, size = 0;

    set_random(&set, 9, 6, 3, 5);
    for (size_t i = 0; i < set.pool.m; i++)
        set.z[i * 6 + 5] = (real)0.25;
    set_cut(&set, 7, false);
    run_loss(&got, &o, &set, 1, 1);
    for (size_t i = 0; i < set.pool.m; i++) {
        sum += (double)got.dz[i * 6 + 5];
        size += fabs((double)got.dz[i * 6 + 5]);
    }
    ok(fabs(sum) < TAP_TOL(1e-6, 1e-14) * fmax(1, size), "free pairs push and pull evenly (%.2g of %.2g)",
       sum, size);
}

static void who_is_left_out(void)
{
    struct hn_loss_options o = options("hard_scl", 0.5, 2, 0);
    bool zero = true;

    o.positives = HN_POSITIVES_LABEL;
    set_random(&set, 6, 4, 1, 3);
    set_cut(&set, 5, false);
    run_loss(&got, &o, &set, 1, 1);
    for (size_t i = 0; i < set.pool.m * set.pool.dim; i++)
        zero = zero && got.dz[i] == 0;
    ok(got.sum.excluded == 12 && got.sum.anchors == 0 && got.sum.loss == 0 && zero,
       "one class alone has no negatives: loss and gradient 0");
    o = options("supcon", 0.5, 0, 0);
    o.positives = HN_POSITIVES_LABEL;
    ok(agrees(&o, TAP_TOL(5e-5, 1e-12)) && got.sum.excluded == 0, "supcon needs positives alone");
    o = options("infonce", 0.5, 0, 0);
    set_random(&set, 1, 4, 1, 3);
    set_cut(&set, 1, false);
    run_loss(&got, &o, &set, 2, 1);
    ok(got.sum.excluded == 2 && got.sum.loss == 0 && got.dz[0] == 0 && got.dz[7] == 0,
       "one sample alone has no negatives either");
    set_random(&set, 8, 4, 3, 4);
    for (int k = 0; hn_loss_names()[k]; k++) {
        o = options(hn_loss_names()[k], 0.1, 2, 0);
        set.z[13] = (real)NAN;
        run_loss(&got, &o, &set, 1, 1);
        ok(isnan(got.sum.loss), "%s: a NaN comes through as a NaN", hn_loss_names()[k]);
    }
    set.z[13] = (real)INFINITY;
    run_loss(&got, &o, &set, 1, 1);
    ok(!isfinite(got.sum.loss), "an infinity is not passed over");
}

static void refusals(void)
{
    struct hn_loss_options o = options("hard", 0.5, 1, 0.1);

    tap_status(hn_loss_check(&o), HN_OK, "hard takes tau_plus");
    o.positives = HN_POSITIVES_LABEL;
    tap_status(hn_loss_check(&o), HN_EUSAGE, "hard has one positive");
    o = options("scl", 0.5, 0, 0.1);
    tap_status(hn_loss_check(&o), HN_EUSAGE, "scl has no tau_plus");
    o = options("infonce", 0, 0, 0);
    tap_status(hn_loss_check(&o), HN_EUSAGE, "temperature 0 is refused");
    o = options("hard", 0.5, NAN, 0);
    tap_status(hn_loss_check(&o), HN_EUSAGE, "a beta that is no number is refused");
    o = options("debiased", 0.5, 0, 1);
    tap_status(hn_loss_check(&o), HN_EUSAGE, "tau_plus 1 is refused");
    o = options("supcon", 0.5, 0, 0);
    o.reduction = HN_REDUCTION_PAIRS;
    tap_status(hn_loss_check(&o), HN_EUSAGE, "supcon is a mean over anchors");
    o.reduction = HN_REDUCTION_ANCHORS;
    o = options("hard", 0.5, 0, 0);
    o.hardening = HN_HARDEN_TOPK;
    tap_status(hn_loss_check(&o), HN_EUSAGE, "top-k of none is refused");
    o.topk = 1;
    tap_status(hn_loss_check(&o), HN_OK, "of one it is not");
    o.hardening = (enum hn_hardening)7;
    tap_status(hn_loss_check(&o), HN_EUSAGE, "a hardening that is not there is refused");
    o = options("hard", 0.5, 1, 0);
    o.beta_schedule = HN_BETA_LINEAR;
    o.beta_end = -1;
    tap_status(hn_loss_check(&o), HN_EUSAGE, "beta does not end below 0");
    o.kind = 99;
    tap_status(hn_loss_check(&o), HN_EUSAGE, "a loss that is not there is refused");
    hn_threads *crew = NULL;
    hn_loss *l = NULL;
    hn_threads_new(&crew, 1);
    o = options("infonce", 0.5, 0, 0);
    tap_status(hn_loss_new(&l, &o, 10, 4, SIZE_MAX / 8, crew), HN_ENOMEM, "a block beyond memory is refused");
    hn_threads_free(crew);
    ok(!hn_loss_needs_labels(&o), "infonce needs no labels");
    o = options("scl", 0.5, 0, 0);
    ok(hn_loss_needs_labels(&o), "scl does");
}

int main(void)
{
    tap_plan(53);
    hn_backend_start();
    by_hand();
    oracle();
    choices();
    safe();
    differences();
    shift();
    who_is_left_out();
    refusals();
    ok(hn_live_blocks() == 0, "everything is given back");
    return tap_done();
}
