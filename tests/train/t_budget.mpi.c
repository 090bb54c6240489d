/* What a plan says is what a run takes: memory, the checkpoint's size, the list of arrays.  ranks: 3 */
#define TAP_MPI
#include "base/mem.h"
#include "data/make.h"
#include "train/budget.h"
#include "train/trainer.h"

enum { TRAIN = 96, SIDE = 12 };

static hn_comm *comm;

/* A small data set, on rank 0. */
static void make_data(const char *path)
{
    const struct hn_sink_spec spec = {.name = "tiny",
                                      .importer = "test",
                                      .source = "test",
                                      .kind = HN_IMAGES,
                                      .h = SIDE,
                                      .w = SIDE,
                                      .c = 3,
                                      .samples = {[HN_TRAIN] = TRAIN},
                                      .labelled = {[HN_TRAIN] = true},
                                      .classes = 2};
    static unsigned char image[TRAIN * SIDE * SIDE * 3];
    static int32_t label[TRAIN];
    hn_sink *s = NULL;

    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (unsigned char)(i * 7919 >> 3);
    for (int i = 0; i < TRAIN; i++)
        label[i] = i % 2;
    if (hn_comm_rank(comm) == 0 &&
        (hn_sink_new(&s, path, &spec) != HN_OK || hn_sink_samples(s, HN_TRAIN, image, TRAIN) != HN_OK ||
         hn_sink_labels(s, HN_TRAIN, label, TRAIN) != HN_OK || hn_sink_publish(s) != HN_OK))
        exit(1);
    hn_comm_barrier(comm);
}

static bool read_config(struct hn_config *c, const char *text)
{
    return hn_config_read(c, "test.cfg", text, NULL, 0) == HN_OK;
}

static hn_status plan_of(struct hn_budget *b, const hn_trainer *t)
{
    const struct hn_session *s = &t->session;
    struct hn_budget_case k = {.config = &s->config,
                               .data = hn_dataset_info(s->data),
                               .view_scratch = hn_augment_scratch_bytes(s->augment),
                               .ranks = hn_comm_size(s->comm),
                               .rank = hn_comm_rank(s->comm),
                               .threads = s->binding.threads};

    return hn_budget(b, &k);
}

/* One run: what it takes against what its plan says. */
static void one(const char *what, const char *settings)
{
    char text[1024], data[300], run[300], name[400];
    struct hn_config c;
    struct hn_train_options o = {.run_dir = run};
    struct hn_step_report report;
    hn_trainer *t = NULL;
    struct hn_budget b = {0};
    struct stat file = {0};
    size_t before = hn_live_bytes();

    snprintf(data, sizeof data, "%s", in_folder("tiny.h5"));
    snprintf(run, sizeof run, "%s", in_folder(what));
    snprintf(text, sizeof text, "data: { path = \"%s\"; };\n%s", data, settings);
    if (!ok(read_config(&c, text), "%s: a config", what))
        return;
    hn_status st = hn_trainer_new(&t, comm, &c, &o);
    if (st == HN_OK)
        st = hn_trainer_step(t, &report);
    if (st == HN_OK)
        st = plan_of(&b, t);
    double took = (double)(hn_live_bytes() - before),
           said = (double)(hn_memory_sum(&b.memory) + b.memory.saving);
    ok(st == HN_OK && said > 0.96 * took - 32768 && said < 1.04 * took,
       "%s: the plan says %.0f bytes, the run took %.0f", what, said, took);
    if (st == HN_OK)
        st = hn_trainer_save(t);
    snprintf(name, sizeof name, "%s/checkpoints/step-00000001.h5", run);
    bool there = st == HN_OK && stat(name, &file) == 0;
    ok(there && fabs((double)b.checkpoint / (double)file.st_size - 1) < 0.01,
       "%s: a checkpoint of %llu bytes, planned %llu", what, (unsigned long long)file.st_size,
       (unsigned long long)b.checkpoint);
    hn_trainer_free(t);
}

static void memory_and_disk(void)
{
    one("default", "batch: { size = 48; microbatches = 8; };\n"
                   "model: { channels = [16, 32]; head_hidden = 64; head_out = 16; };\n"
                   "run: { threads = 1; }; eval: { every_epochs = 0.0; };");
    one("threads", "batch: { size = 96; microbatches = 6; };\n"
                   "model: { channels = [24]; head_hidden = 32; head_out = 64; };\n"
                   "batchnorm: { scope = \"microbatch\"; };\n"
                   "run: { threads = 2; }; eval: { every_epochs = 0.0; };");
    one("labels", "batch: { size = 32; microbatches = 4; }; loss: { kind = \"hard_scl\"; tile = 8; };\n"
                  "model: { encoder = \"mlp\"; channels = [300]; norm = false; head_out = 16; };\n"
                  "run: { threads = 1; };");
}

static void arrays(void)
{
    struct hn_model_options o = {.h = 8,
                                 .w = 8,
                                 .c = 3,
                                 .channels = {4, 6},
                                 .stages = 2,
                                 .norm = true,
                                 .head_hidden = 8,
                                 .head_out = 6};
    struct hn_net_options net_options = {.views = 2, .samples = 2, .microbatches = 1, .own = {0, 1}};
    struct hn_array *list = NULL;
    hn_threads *threads = NULL;
    hn_graph *graph = NULL;
    hn_net *net = NULL;
    size_t count = 0;
    bool same;

    while (strcmp(hn_encoder_names()[o.encoder], "convnet") != 0)
        o.encoder++;
    same = hn_threads_new(&threads, 1) == HN_OK && hn_model_build(&graph, &o) == HN_OK &&
           hn_graph_arrays(&list, &count, graph) == HN_OK &&
           hn_net_new(&net, graph, &net_options, threads) == HN_OK && count == hn_net_arrays(net);
    for (size_t i = 0; same && i < count; i++) {
        const struct hn_array *a = hn_net_array(net, i);
        same = strcmp(a->name, list[i].name) == 0 && a->role == list[i].role && a->count == list[i].count &&
               a->rank == list[i].rank && memcmp(a->dim, list[i].dim, (size_t)a->rank * sizeof *a->dim) == 0;
    }
    ok(same, "a graph lists the %zu arrays that its net has", count);
    hn_net_free(net);
    hn_free(list);
    hn_threads_free(threads);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    tap_plan(11);
    hn_log_to(NULL, NULL, HN_LOG_ERROR);
    if (tap_rank == 0)
        make_folder();
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    hn_comm_new(&comm, MPI_COMM_WORLD, NULL);
    make_data(in_folder("tiny.h5"));
    memory_and_disk();
    arrays();
    hn_comm_barrier(comm);
    hn_comm_free(comm);
    if (tap_rank == 0)
        remove_folder();
    ok(hn_live_blocks() == 0, "nothing is left");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
