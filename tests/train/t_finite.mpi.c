/* One sample of a data set that is not finite, or as good as: all ranks stop in the step that has it in its
 * batch and name it, or leave that update out of each epoch, as often as they may.  ranks: 3 */
#define TAP_MPI
#include "data/make.h"
#include "train/trainer.h"

enum { TRAIN = 64, WIDTH = 6, BATCH = 32, EPOCHS = 3, BAD = 37, PER_EPOCH = TRAIN / BATCH };

static hn_comm *comm;

static void make_data(const char *name, float bad)
{
    const struct hn_sink_spec spec = {.name = "vectors",
                                      .importer = "test",
                                      .source = "test",
                                      .kind = HN_VECTORS,
                                      .h = 1,
                                      .w = 1,
                                      .c = WIDTH,
                                      .samples = {[HN_TRAIN] = TRAIN}};
    float vector[TRAIN * WIDTH];
    hn_sink *s = NULL;

    for (int i = 0; i < TRAIN * WIDTH; i++)
        vector[i] = (float)(i * 7919 % 1000) / 500 - 1;
    vector[BAD * WIDTH + 2] = bad;
    if (tap_rank == 0 &&
        (hn_sink_new(&s, in_folder(name), &spec) != HN_OK ||
         hn_sink_samples(s, HN_TRAIN, vector, TRAIN) != HN_OK || hn_sink_publish(s) != HN_OK)) {
        printf("# %s\n", hn_error_text());
        exit(1);
    }
    hn_comm_barrier(comm);
}

/* more: settings in the config's words. */
static hn_trainer *open_run(const char *name, const char *data, const char *more)
{
    struct hn_train_options o = {.run_dir = in_folder(name)};
    struct hn_config c;
    hn_trainer *t = NULL;
    char text[1024];

    snprintf(text, sizeof text,
             "data: { path = \"%s\"; }; batch: { size = %d; microbatches = 8; };\n"
             "augment: { noise = 0.1; }; loss: { kind = \"hard\"; }; eval: { every_epochs = 0.0; };\n"
             "model: { encoder = \"mlp\"; channels = [8]; head_hidden = 8; head_out = 4; norm = %s\n",
             in_folder(data), BATCH, more);
    if (hn_config_read(&c, "test.cfg", text, NULL, 0) != HN_OK || hn_trainer_new(&t, comm, &c, &o) != HN_OK)
        printf("# %s\n", hn_error_text());
    return t;
}

static bool same_step(const hn_trainer *t)
{
    int64_t step = (int64_t)t->step;

    return hn_comm_max(comm, step) == step && hn_comm_max(comm, -step) == -step;
}

static bool state_is_finite(const hn_trainer *t)
{
    for (size_t i = 0; i < hn_net_arrays(hn_core_net(t->core)); i++) {
        const struct hn_array *a = hn_net_array(hn_core_net(t->core), i);
        for (size_t k = 0; a->role != HN_COUNTER && k < a->count; k++)
            if (!isfinite(a->value[k]))
                return false;
    }
    return true;
}

static void stops(const char *name, const char *data, const char *more, int epochs, const char *words)
{
    hn_trainer *t = open_run(name, data, more);
    hn_status st = t ? hn_trainer_run(t) : HN_EBUG;

    tap_status(st, HN_EDIVERGED, "%s: every rank ends with 79", name);
    ok(t && same_step(t) && t->step < (unsigned)(epochs * PER_EPOCH), "in the same step, of epoch %d at most",
       epochs);
    ok(said(words), "and says: %s", words);
    hn_trainer_free(t);
}

static void skips(void)
{
    hn_trainer *t = open_run("skip", "nan.h5", "true; }; run: { epochs = 3; nonfinite = \"skip\"; };");
    hn_status st = t ? hn_trainer_run(t) : HN_EBUG;

    tap_status(st, HN_OK, "skip: the run comes to its end");
    ok(t && t->step == EPOCHS * PER_EPOCH && t->state.skips == EPOCHS, "an update of each epoch is left out");
    ok(t && state_is_finite(t), "weights and running statistics are finite");
    hn_trainer_free(t);
}

static void skips_too_often(void)
{
    hn_trainer *t =
        open_run("often", "nan.h5", "true; }; run: { epochs = 3; nonfinite = \"skip\"; max_skips = 2; };");
    hn_status st = t ? hn_trainer_run(t) : HN_EBUG;

    tap_status(st, HN_EDIVERGED, "max_skips: the third time ends the run");
    ok(t && same_step(t) && t->step >= 2 * PER_EPOCH && t->state.skips == 2, "in the third epoch");
    ok(said("the input of sample 37 is not finite; 2 updates were skipped before"), "and says so");
    hn_trainer_free(t);
}

int main(int argc, char **argv)
{
    hn_log_to(NULL, NULL, HN_LOG_ERROR);
    if (hn_comm_start(&comm, &argc, &argv) != HN_OK)
        return 1;
    tap_plan(18);
    if (tap_rank == 0)
        make_folder();
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    make_data("nan.h5", NAN);
    make_data("inf.h5", -INFINITY);
    make_data("large.h5", 3e38F);
    stops("nan", "nan.h5", "true; };", 1, "the input of sample 37 is not finite");
    stops("infinite", "inf.h5", "true; };", 1, "the input of sample 37 is not finite");
    if (sizeof(real) == sizeof(float)) { /* the network makes too much of it, in time with large weights */
        stops("large", "large.h5", "false; head_norm = false; }; optim: { lr = 10.0; };", 2,
              "the embedding of sample 37 is not finite");
        stops("normed", "large.h5", "true; };", 1, "running_var is not finite");
    } else {
        tap_skip(6, "in double precision no float is too large");
    }
    skips();
    skips_too_often();
    hn_comm_barrier(comm);
    if (tap_rank == 0)
        remove_folder();
    int failed = tap_done();
    hn_comm_finish(comm);
    return failed;
}
