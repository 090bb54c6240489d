/* Whole training steps of an encoder on pictures of 32 x 32, views included, from a data set made for it. */
#include "base/mem.h"
#include "base/philox.h"
#include "check/bench.h"
#include "data/sink.h"
#include "train/trainer.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, REPEATS_MOST = 64 };

/* Smooth random pictures: two steps' worth, written by rank 0. */
static hn_status make_data(const char *path, size_t samples)
{
    struct hn_sink_spec spec = {.name = "bench",
                                .importer = "hardneg bench",
                                .source = "made",
                                .kind = HN_IMAGES,
                                .h = SIDE,
                                .w = SIDE,
                                .c = 3,
                                .samples = {[HN_TRAIN] = samples},
                                .labelled = {[HN_TRAIN] = true},
                                .classes = 10};
    unsigned char *image = hn_calloc(samples, BYTES);
    int32_t *label = hn_calloc(samples, sizeof *label);
    hn_sink *s = NULL;
    hn_status st = image && label ? hn_sink_new(&s, path, &spec) : HN_ENOMEM;

    for (size_t i = 0; st == HN_OK && i < samples * BYTES; i++)
        image[i] = (unsigned char)(128 + (i % SIDE) * (i % 5) + i / BYTES % 64 + i / (SIDE * 3) % SIDE);
    for (size_t i = 0; st == HN_OK && i < samples; i++)
        label[i] = (int32_t)(i % 10);
    if (st == HN_OK && (st = hn_sink_samples(s, HN_TRAIN, image, samples)) == HN_OK)
        st = hn_sink_labels(s, HN_TRAIN, label, samples);
    if (st == HN_OK)
        st = hn_sink_publish(s);
    else
        hn_sink_free(s);
    hn_free(image);
    hn_free(label);
    return st;
}

static hn_status make_config(struct hn_config *c, const struct hn_bench_options *o, const char *data)
{
    char text[2048];

    snprintf(text, sizeof text,
             "data: { path = \"%s\"; }; eval: { every_epochs = 0.0; };\n"
             "run: { threads = %zu; };\n"
             "batch: { size = %zu; microbatches = %zu; };\n"
             "augment: { preset = \"hcl-cifar\"; };\n"
             "model: { encoder = \"%s\"; width = %zu; head_hidden = 512; head_out = 128; };\n",
             data, o->threads, o->batch, o->microbatches, o->encoder, o->width);
    return hn_config_read(c, "bench", text, NULL, 0);
}

static double total(const struct hn_step_seconds *s)
{
    return s->input + s->forward + s->gather + s->loss + s->backward + s->reduction + s->optimiser;
}

/* One step to warm up, then the median. */
static hn_status run_steps(hn_trainer *t, size_t repeats, struct hn_step_seconds *median)
{
    struct hn_step_seconds all[REPEATS_MOST];
    double seconds[REPEATS_MOST], middle;
    struct hn_step_report report;
    hn_status st = hn_trainer_step(t, &report);

    for (size_t i = 0; st == HN_OK && i < repeats; i++) {
        st = hn_trainer_step(t, &report);
        all[i] = report.seconds;
        seconds[i] = total(&report.seconds);
    }
    if (st != HN_OK)
        return st;
    middle = hn_bench_median(seconds, repeats);
    for (size_t i = 0; i < repeats; i++)
        if (total(&all[i]) == middle)
            *median = all[i];
    return HN_OK;
}

static hn_status row(const struct hn_bench *b, hn_trainer *t, const struct hn_step_seconds *s, double gemm)
{
    const struct hn_bench_options *o = b->options;
    double rows = 2.0 * (double)o->batch, d = (double)hn_net_output_size(hn_core_net(t->core));
    double flops = rows * hn_net_flops_per_sample(hn_core_net(t->core)) + 6 * rows * rows * d;
    double seconds = total(s), rate = 1e-9 * flops / seconds;
    char what[80];
    const struct hn_bench_value value[] = {{"pairs/s", (double)o->batch / seconds},
                                           {"GFLOP/s", rate},
                                           {"of GEMM", rate / gemm},
                                           {"input", s->input},
                                           {"forward", s->forward},
                                           {"gather", s->gather},
                                           {"loss", s->loss},
                                           {"backward", s->backward},
                                           {"reduction", s->reduction},
                                           {"optimiser", s->optimiser},
                                           {NULL, 0}};

    snprintf(what, sizeof what, "step %s w%zu b%zu", o->encoder, o->width, o->batch);
    return hn_bench_row(b, what, seconds, value);
}

hn_status hn_bench_steps(struct hn_bench *b)
{
    const struct hn_bench_options *o = b->options;
    struct hn_train_options run = {0};
    struct hn_step_seconds median = {0};
    struct hn_config config;
    char path[1000];
    hn_trainer *t = NULL;
    double before, after;
    hn_status st = HN_OK;

    if (o->repeats > REPEATS_MOST)
        return hn_fail(HN_EUSAGE, "--repeats: at most %d steps", REPEATS_MOST);
    snprintf(path, sizeof path, "%s/bench.h5", o->folder);
    if (hn_comm_rank(b->comm) == 0)
        st = make_data(path, 2 * o->batch);
    if ((st = hn_comm_agree(b->comm, st)) != HN_OK ||
        (st = hn_comm_agree(b->comm, make_config(&config, o, path))) != HN_OK ||
        (st = hn_bench_gemm(b, &before)) != HN_OK ||
        (st = hn_trainer_new(&t, b->comm, &config, &run)) != HN_OK ||
        (st = run_steps(t, o->repeats, &median)) != HN_OK || (st = hn_bench_gemm(b, &after)) != HN_OK)
        goto out;
    st = row(b, t, &median, before > after ? before : after);
out:
    hn_trainer_free(t);
    hn_comm_barrier(b->comm);
    if (hn_comm_rank(b->comm) == 0)
        unlink(path);
    return st;
}
