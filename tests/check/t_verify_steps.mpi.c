/* ranks: 3
 *
 * Layers, schedules and training steps against reference values: a layer worked by hand, right and wrong, the
 * runs in tests/golden, and $HN_GOLDEN when it is there. */
#define TAP_MPI
#include "backend/backend.h"
#include "base/mem.h"
#include "check/verify.h"
#include "tap.h"
#include <unistd.h>

/* In place of verify.c's: counted for us to look at. */
static size_t compared, over, skipped;

void hn_verify_note(struct hn_verify *v, const char *kind, const char *name, double deviation,
                    double tolerance)
{
    (void)v;
    compared++;
    if (!(deviation <= tolerance)) {
        over++;
        if (getenv("HN_SHOW"))
            printf("# %s %s: %g over %g\n", kind, name, deviation, tolerance);
    }
}

void hn_verify_skip(struct hn_verify *v, const char *kind, const char *name, const char *why)
{
    (void)v, (void)kind, (void)name, (void)why;
    skipped++;
}

static hn_comm *comm;
static hn_threads *crew;

static hn_status run(const struct hn_verify_kind *kind, const char *path)
{
    struct hn_verify v = {.comm = comm, .threads = crew, .factor = 1};
    hn_status st = hn_store_open_foreign(&v.file, path);

    compared = over = skipped = 0;
    if (st == HN_OK)
        st = kind->recognise(v.file) ? kind->run(&v)
                                     : hn_fail(HN_EDATA, "%s: not known as %s", path, kind->name);
    hn_store_close(v.file);
    return st;
}

/* y = x W' with x = (1, 2), W = ((1, 2), (3, 4)): y = (5, 11); dy = (1, 1): dx = (4, 6), dW = ((1, 2), (1,
 * 2)). */
struct by_hand {
    double y1;        /* 11 when right */
    uint64_t columns; /* of W: 2 when right */
    bool without_dx;
};

static hn_status put(hn_store_writer *w, const char *name, uint64_t rows, uint64_t columns, const double *v)
{
    return hn_store_put(w, name, HN_F64, 2, (const uint64_t[]){rows, columns}, v);
}

static hn_status write_layer(const char *path, struct by_hand o)
{
    hn_store_writer *w = NULL;
    hn_status st = hn_store_begin(&w);

    if (st != HN_OK || (st = put(w, "/linear/0/x", 1, 2, (const double[]){1, 2})) != HN_OK ||
        (st = put(w, "/linear/0/weight", 2, o.columns, (const double[]){1, 2, 3, 4, 5, 6})) != HN_OK ||
        (st = put(w, "/linear/0/y", 1, 2, (const double[]){5, o.y1})) != HN_OK ||
        (st = put(w, "/linear/0/d_y", 1, 2, (const double[]){1, 1})) != HN_OK ||
        (st = put(w, "/linear/0/d_weight", 2, o.columns, (const double[]){1, 2, 1, 2, 1, 2})) != HN_OK ||
        (st = put(w, "/attention/0/x", 1, 2, (const double[]){1, 2})) != HN_OK ||
        (!o.without_dx && (st = put(w, "/linear/0/d_x", 1, 2, (const double[]){4, 6})) != HN_OK)) {
        hn_store_abandon(w);
        return st;
    }
    return hn_store_publish(w, path);
}

static void layers_by_hand(void)
{
    char path[64];
    hn_status st;

    snprintf(path, sizeof path, "/tmp/hn-layers.%ld.h5", (long)getpid());
    st = write_layer(path, (struct by_hand){11, 2, false});
    st = st == HN_OK ? run(&hn_verify_layers, path) : st;
    tap_status(st, HN_OK, "a layer worked by hand runs");
    ok(compared == 3 && over == 0 && skipped == 1, "it agrees, a layer that does not exist is named");
    st = write_layer(path, (struct by_hand){11.01, 2, false});
    st = st == HN_OK ? run(&hn_verify_layers, path) : st;
    ok(st == HN_OK && compared == 3 && over == 1, "a wrong value is over its tolerance");
    st = write_layer(path, (struct by_hand){11, 3, false});
    tap_status(st == HN_OK ? run(&hn_verify_layers, path) : st, HN_EDATA,
               "a weight of another shape is refused");
    st = write_layer(path, (struct by_hand){11, 2, true});
    tap_status(st == HN_OK ? run(&hn_verify_layers, path) : st, HN_EDATA, "a missing array is refused");
    ok(run(&hn_verify_training, path) == HN_EDATA && run(&hn_verify_schedules, path) == HN_EDATA,
       "layers are taken for nothing else");
    unlink(path);
}

static void file(const struct hn_verify_kind *kind, const char *folder, const char *name, size_t least)
{
    char path[512];

    if (folder == NULL) {
        tap_skip(1, "no folder with reference files");
        return;
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    hn_status st = run(kind, path);
    if (!ok(st == HN_OK && compared >= least && over == 0, "%s: every value within its tolerance", name))
        printf("# status %d (%s), %zu of %zu over\n", (int)st, hn_error_text(), over, compared);
}

int main(int argc, char **argv)
{
    struct hn_comm_options options = {0};
    const char *golden = getenv("HN_GOLDEN"), *top = getenv("HN_TOP");
    char own[512];

    MPI_Init(&argc, &argv);
    hn_backend_start();
    tap_plan(6 + 2 + 6 + 1);
    if (hn_comm_new(&comm, MPI_COMM_WORLD, &options) != HN_OK || hn_threads_new(&crew, 2) != HN_OK)
        return 1;
    snprintf(own, sizeof own, "%s/tests/golden", top ? top : ".");
    layers_by_hand();
    file(&hn_verify_training, own, "train_joint.h5", 100);
    file(&hn_verify_training, own, "train_per_view.h5", 100);
    file(&hn_verify_layers, golden, "ops.h5", 120);
    file(&hn_verify_schedules, golden, "schedules.h5", 14);
    file(&hn_verify_training, golden, "train_mlp.h5", 80);
    file(&hn_verify_training, golden, "train_convnet.h5", 90);
    file(&hn_verify_training, golden, "train_mlp_lars.h5", 70);
    file(&hn_verify_training, golden, "train_resnet18.h5", 0);
    hn_threads_free(crew);
    hn_comm_free(comm);
    ok(hn_live_blocks() == 0, "every block is freed");
    int status = tap_done();
    MPI_Finalize();
    return status;
}
