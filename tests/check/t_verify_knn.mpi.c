/* ranks: 5
 * The kNN part of `verify`: reference values over ranks of which some own no rows, and files that are wrong
 * on purpose.  The notes are this test's own. */
#define TAP_MPI
#include "tap.h"

#include "backend/backend.h"
#include "base/mem.h"
#include "check/verify.h"
#include <unistd.h>

static struct {
    int compared, over;
    double closest; /* the largest share of a tolerance that was used up */
} seen;

void hn_verify_note(struct hn_verify *v, const char *kind, const char *name, double deviation,
                    double tolerance)
{
    double worst = deviation;

    (void)v;
    MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    seen.compared++;
    seen.over += !(worst <= tolerance);
    if (tolerance > 0)
        seen.closest = fmax(seen.closest, worst / tolerance);
    if (!(worst <= tolerance) && strcmp(name, "made") != 0 && tap_rank == 0)
        printf("# %s %s: %.3g is over %.3g\n", kind, name, worst, tolerance);
}

void hn_verify_skip(struct hn_verify *v, const char *kind, const char *name, const char *why)
{
    (void)v, (void)kind, (void)name, (void)why;
}

static hn_status run(hn_comm *comm, hn_threads *threads, hn_store *file)
{
    struct hn_verify v = {.comm = comm, .file = file, .threads = threads, .factor = 1};

    memset(&seen, 0, sizeof seen);
    return hn_verify_knn.recognise(file) ? hn_verify_knn.run(&v) : hn_fail(HN_EDATA, "not recognised");
}

static void reference(hn_comm *comm, hn_threads *threads, const char *folder, const char *below)
{
    char path[512];
    hn_store *file = NULL;

    if (folder == NULL) {
        tap_skip(3, "the folder is not known");
        return;
    }
    snprintf(path, sizeof path, "%s/%s/knn.h5", folder, below);
    tap_status(hn_store_open_foreign(&file, path), HN_OK, "%s opens", below);
    tap_status(run(comm, threads, file), HN_OK, "it runs");
    ok(seen.compared >= 6 && seen.compared % 6 == 0 && seen.over == 0,
       "%d comparisons agree (at most %.2g of a tolerance)", seen.compared, seen.closest);
    hn_store_close(file);
}

/* Three rows, two queries, k = 2, t = 1, worked by hand: ties of rows and of classes. */
struct made {
    double neighbour[4], similarity[4], score[4], ranking[4], top1;
    int64_t label;
};
static const struct made right = {
    {0, 2, 1, 0}, {1, 1, 1, 0}, {2.718281828459045, 2.718281828459045, 1, 2.718281828459045},
    {0, 1, 1, 0}, 0.5,          1};

static hn_status make(hn_store **file, const struct made *m)
{
    const float bank[6] = {1, 0, 0, 1, 1, 0}, query[4] = {1, 0, 0, 1};
    const int64_t bank_label[3] = {0, 1, m->label}, query_label[2] = {1, 1};
    const uint64_t two[2] = {2, 2};
    hn_store_writer *w = NULL;
    char path[64];
    hn_status st = hn_store_begin(&w);

    st = st ? st : hn_store_put(w, "/bank", HN_F32, 2, (uint64_t[]){3, 2}, bank);
    st = st ? st : hn_store_put(w, "/bank_label", HN_I64, 1, (uint64_t[]){3}, bank_label);
    st = st ? st : hn_store_put(w, "/query", HN_F32, 2, two, query);
    st = st ? st : hn_store_put(w, "/query_label", HN_I64, 1, (uint64_t[]){2}, query_label);
    st = st ? st : hn_store_put(w, "/made/neighbour", HN_F64, 2, two, m->neighbour);
    st = st ? st : hn_store_put(w, "/made/similarity", HN_F64, 2, two, m->similarity);
    st = st ? st : hn_store_put(w, "/made/score", HN_F64, 2, two, m->score);
    st = st ? st : hn_store_put(w, "/made/ranking", HN_F64, 2, two, m->ranking);
    st = st ? st : hn_store_put_attr_i64(w, "/made", "k", 2);
    st = st ? st : hn_store_put_attr_f64(w, "/made", "t", 1.0);
    st = st ? st : hn_store_put_attr_f64(w, "/made", "top1", m->top1);
    st = st ? st : hn_store_put_attr_f64(w, "/made", "top5", 1.0);
    if (st != HN_OK) {
        hn_store_abandon(w);
        return st;
    }
    snprintf(path, sizeof path, "/tmp/hn-verify-knn-%ld.h5", (long)getpid());
    if ((st = hn_store_publish(w, path)) == HN_OK)
        st = hn_store_open(file, path);
    unlink(path);
    return st;
}

static void try_made(hn_comm *comm, hn_threads *threads, const char *what, const struct made *m,
                     hn_status status, int compared, int over)
{
    hn_store *file = NULL;
    hn_status st = hn_comm_agree(comm, make(&file, m));

    st = st == HN_OK ? run(comm, threads, file) : HN_EBUG;
    ok(st == status && seen.compared == compared && seen.over == over, "%s (status %d, %d compared, %d over)",
       what, (int)st, seen.compared, seen.over);
    hn_store_close(file);
}

static void made(hn_comm *comm, hn_threads *threads)
{
    struct made m = right;

    try_made(comm, threads, "a right case is right", &m, HN_OK, 6, 0);
    m.neighbour[0] = 2;
    m.neighbour[1] = 0;
    try_made(comm, threads, "equal rows in the wrong order are seen", &m, HN_OK, 6, 1);
    m = right;
    m.similarity[3] = 1e-6;
    try_made(comm, threads, "a similarity that is off is seen", &m, HN_OK, 6, 1);
    m = right;
    m.score[2] *= 1 + 1e-9;
    try_made(comm, threads, "a score that is off is seen", &m, HN_OK, 6, 1);
    m = right;
    m.ranking[0] = 1;
    m.ranking[1] = 0;
    try_made(comm, threads, "equal classes in the wrong order are seen", &m, HN_OK, 6, 1);
    m = right;
    m.top1 = 1.0;
    try_made(comm, threads, "a share that is off is seen", &m, HN_OK, 6, 1);
    m = right;
    m.label = 2;
    try_made(comm, threads, "a label out of range is bad data", &m, HN_EDATA, 0, 0);
    m = right;
    m.ranking[1] = 7;
    try_made(comm, threads, "a ranking out of range is bad data", &m, HN_EDATA, 0, 0);
}

int main(int argc, char **argv)
{
    hn_comm *comm = NULL;
    hn_threads *threads = NULL;

    MPI_Init(&argc, &argv);
    tap_plan(15);
    hn_backend_start();
    hn_comm_new(&comm, MPI_COMM_WORLD, NULL);
    hn_threads_new(&threads, 2);
    made(comm, threads);
    reference(comm, threads, getenv("HN_TOP"), "tests/golden");
    reference(comm, threads, getenv("HN_GOLDEN"), ".");
    hn_threads_free(threads);
    hn_comm_free(comm);
    ok(hn_live_blocks() == 0, "everything is given back");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
