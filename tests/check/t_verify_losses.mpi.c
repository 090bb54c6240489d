/* ranks: 5
 * The losses' part of `verify`: reference values over ranks that own uneven shares and none, and files that
 * are wrong on purpose.  The notes are this test's own. */
#define TAP_MPI
#include "tap.h"

#include "backend/backend.h"
#include "base/mem.h"
#include "check/loss_case.h"
#include "check/verify.h"
#include <unistd.h>

static struct {
    int compared, over, skipped;
    double closest; /* the largest share of a tolerance that was used up */
} seen;

void hn_verify_note(struct hn_verify *v, const char *kind, const char *name, double deviation,
                    double tolerance)
{
    (void)v;
    seen.compared++;
    if (deviation <= tolerance) {
        seen.closest = fmax(seen.closest, tolerance > 0 ? deviation / tolerance : 0);
        return;
    }
    seen.over++;
    if (getenv("HN_GOLDEN") && strncmp(name, "made", 4) != 0)
        printf("# rank %d: %s %s: %.3g is over %.3g\n", tap_rank, kind, name, deviation, tolerance);
}

void hn_verify_skip(struct hn_verify *v, const char *kind, const char *name, const char *why)
{
    (void)v, (void)kind, (void)name, (void)why;
    seen.skipped++;
}

static hn_status run(hn_comm *comm, hn_threads *threads, hn_store *file)
{
    struct hn_verify v = {.comm = comm, .file = file, .threads = threads, .factor = 1};

    memset(&seen, 0, sizeof seen);
    if (!hn_verify_losses.recognise(file))
        return hn_fail(HN_EDATA, "not recognised");
    return hn_verify_losses.run(&v);
}

static void golden(hn_comm *comm, hn_threads *threads, const char *name, int supported, int schedules)
{
    char path[512];
    hn_store *file = NULL;

    snprintf(path, sizeof path, "%s/%s", getenv("HN_GOLDEN"), name);
    tap_status(hn_store_open_foreign(&file, path), HN_OK, "%s opens", name);
    tap_status(run(comm, threads, file), HN_OK, "%s runs", name);
    ok(seen.compared == 4 * supported + schedules && seen.over == 0, "%s: %d cases and %d schedules agree",
       name, supported, schedules);
    if (tap_rank == 0)
        printf("# %s: %d compared, %d over, %d not run; at most %.2g of a tolerance\n", name, seen.compared,
               seen.over, seen.skipped, seen.closest);
    hn_store_close(file);
}

/* The largest relative error of a case's telemetry, in tolerances: what the summary says of the anchors that
 * count.  2 - 2 c_ip is |z_a - z_p|^2 as far as rows are of unit length, the file's to 6e-8. */
static double telemetry_off(hn_threads *threads, const hn_store *file, const char *group,
                            const struct hn_loss_case *c)
{
    static const char *const names[] = {"ess",       "largest_weight", "alignment", "ess_share",
                                        "collision", "uniformity",     "clamped",   "fell_back"};
    struct hn_loss_pool p = {0};
    struct hn_loss_summary sum = {0};
    hn_loss *loss = NULL;
    char path[256];
    double worst = 0;

    if (hn_loss_pool_new(&p, c) != HN_OK ||
        hn_loss_new(&loss, &c->options, p.pool.m, c->dim, p.largest, threads) != HN_OK)
        return INFINITY;
    struct hn_row_stat *stat = hn_calloc(p.pool.m, sizeof *stat);
    struct hn_range all = {0, p.pool.blocks};
    hn_loss_pool_fill(&p, c, all);
    hn_loss_lap1(loss, stat, &p.pool, all);
    hn_loss_summary(loss, &sum, stat, p.pool.m);
    double anchors = (double)(sum.anchors ? sum.anchors : 1);
    const double got[] = {sum.ess,
                          sum.largest_weight,
                          sum.alignment,
                          sum.ess_share,
                          sum.collision,
                          sum.uniformity,
                          (double)sum.clamped / anchors,
                          (double)sum.fell_back / anchors};
    snprintf(path, sizeof path, "%s/telemetry", group);
    for (size_t i = 0; i < sizeof got / sizeof *got; i++) {
        double want;
        double tolerance = i == 2 || i == 5 ? 2.5e-7 + TAP_TOL(1e-6, 0) : TAP_TOL(1e-5, 1e-9);
        if (hn_store_attr_f64(file, path, names[i], &want))
            worst = fmax(worst, fabs(got[i] - want) / fmax(1, fabs(want)) / tolerance);
    }
    hn_loss_free(loss);
    hn_free(stat);
    hn_loss_pool_free(&p);
    return worst;
}

static void telemetry(hn_threads *threads)
{
    char path[512], name[128], group[160];
    hn_store *file = NULL;
    double worst = 0;
    int cases = 0;

    snprintf(path, sizeof path, "%s/losses.h5", getenv("HN_GOLDEN"));
    if (hn_store_open_foreign(&file, path) != HN_OK)
        worst = INFINITY;
    for (size_t i = 0; file && hn_store_member(file, "/cases", i, name, sizeof name, NULL); i++) {
        struct hn_loss_case c = {0};
        snprintf(group, sizeof group, "/cases/%s", name);
        if (hn_loss_case_read(&c, file, group) == HN_OK && c.refused == NULL) {
            worst = fmax(worst, telemetry_off(threads, file, group, &c));
            cases++;
        }
        hn_loss_case_free(&c);
    }
    hn_store_close(file);
    ok(cases == 106 && worst <= 1, "the telemetry agrees in %d cases (%.2g of a tolerance)", cases, worst);
}

/* Two samples in one dimension, both views alike, t = 1: loss log(1 + 2 e^-2); see tests/loss/t_loss.c. */
struct made {
    double loss, grad;
    int64_t excluded;
    const char *kind;
    bool no_row_loss;
};

static hn_status make(hn_store **file, const struct made *c)
{
    const char *g = "/cases/made";
    double z[4] = {1, -1, 1, -1}, grad[4], row[4], numbers[] = {1, 0, 0};
    static const char *const number_names[] = {"temperature", "beta", "tau_plus"};
    static const char *const texts[][2] = {
        {"hardening", "none"}, {"positives", "view"}, {"reduction", "anchors"}, {"loss", "infonce"}};
    int64_t label[2] = {7, -7}, zero = 0;
    char path[64];
    hn_store_writer *w = NULL;
    hn_status st;

    for (size_t i = 0; i < 4; i++) {
        grad[i] = c->grad * z[i];
        row[i] = c->loss;
    }
    if ((st = hn_store_begin(&w)) != HN_OK)
        return st;
    st = hn_store_put(w, "/cases/made/z", HN_F64, 2, (uint64_t[]){4, 1}, z);
    st = st ? st : hn_store_put(w, "/cases/made/grad", HN_F64, 2, (uint64_t[]){4, 1}, grad);
    st = st || c->no_row_loss ? st : hn_store_put(w, "/cases/made/row_loss", HN_F64, 1, (uint64_t[]){4}, row);
    st = st ? st : hn_store_put(w, "/cases/made/label", HN_I64, 1, (uint64_t[]){2}, label);
    st = st ? st : hn_store_put(w, "/cases/made/loss", HN_F64, 0, NULL, &c->loss);
    st = st ? st : hn_store_put(w, "/cases/made/excluded", HN_I64, 0, NULL, &c->excluded);
    st = st ? st : hn_store_put(w, "/cases/made/clamped", HN_I64, 0, NULL, &zero);
    st = st ? st : hn_store_put(w, "/cases/made/undefined", HN_I64, 0, NULL, &zero);
    for (size_t i = 0; i < 3; i++)
        st = st ? st : hn_store_put_attr_f64(w, g, number_names[i], numbers[i]);
    for (size_t i = 0; i < 4; i++)
        st = st ? st : hn_store_put_attr_text(w, g, texts[i][0], texts[i][1]);
    st = st ? st : hn_store_put_attr_text(w, g, "kind", c->kind);
    st = st ? st : hn_store_put_attr_i64(w, g, "clamp", 0);
    st = st ? st : hn_store_put_attr_i64(w, g, "detach", 0);
    snprintf(path, sizeof path, "/tmp/hn-verify-losses-%ld.h5", (long)getpid());
    if (st != HN_OK) {
        hn_store_abandon(w);
        return st;
    }
    if ((st = hn_store_publish(w, path)) == HN_OK)
        st = hn_store_open(file, path);
    unlink(path);
    return st;
}

static void made(hn_comm *comm, hn_threads *threads)
{
    double loss = log(1 + 2 * exp(-2.0)), grad = -2 * exp(-1.0) / (exp(1.0) + 2 * exp(-1.0));
    static const struct {
        const char *what;
        double loss, grad;
        int64_t excluded;
        const char *kind;
        bool no_row_loss;
        hn_status status;
        int over, compared;
    } tries[] = {
        {"a right case is right", 1, 1, 0, "views", false, HN_OK, 0, 4},
        {"a loss that is off is seen, in the loss and the rows", 1.001, 1, 0, "views", false, HN_OK, 2, 4},
        {"a gradient that is off is seen", 1, 1.001, 0, "views", false, HN_OK, 1, 4},
        {"a count that is off is seen", 1, 1, 1, "views", false, HN_OK, 1, 4},
        {"a missing array is said", 1, 1, 0, "views", true, HN_EDATA, 0, 0},
        {"a kind of another time is skipped", 1, 1, 0, "tensors", false, HN_OK, 0, 0},
    };

    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct made c = {loss * tries[i].loss, grad * tries[i].grad, tries[i].excluded, tries[i].kind,
                         tries[i].no_row_loss};
        hn_store *file = NULL;
        tap_status(hn_comm_agree(comm, make(&file, &c)), HN_OK, "a file is made");
        hn_status st = run(comm, threads, file);
        /* A gradient is compared by the ranks that own rows: the notes of all count. */
        int over = (int)hn_comm_max(comm, seen.over);
        ok(st == tries[i].status && seen.compared == tries[i].compared && over == tries[i].over,
           "%s (status %d, %d compared, %d over)", tries[i].what, (int)st, seen.compared, over);
        hn_store_close(file);
    }
}

int main(int argc, char **argv)
{
    hn_comm *comm = NULL;
    hn_threads *threads = NULL;

    MPI_Init(&argc, &argv);
    tap_plan(22);
    hn_backend_start();
    struct hn_comm_options options = {0};
    tap_status(hn_comm_new(&comm, MPI_COMM_WORLD, &options), HN_OK, "ranks meet");
    tap_status(hn_threads_new(&threads, 2), HN_OK, "threads start");
    made(comm, threads);
    if (getenv("HN_GOLDEN")) {
        golden(comm, threads, "losses.h5", 106, 17);
        telemetry(threads);
        golden(comm, threads, "losses_ties.h5", 4, 17);
    } else {
        tap_skip(7, "HN_GOLDEN is not set");
    }
    hn_threads_free(threads);
    hn_comm_free(comm);
    ok(hn_live_blocks() == 0, "everything is given back");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
