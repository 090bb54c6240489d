/* The smaller parts: sums over ranks, views, checkpoints. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/tree.h"
#include "check/bench.h"
#include "hardneg/ckpt.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 11500000 /* reals: about a ResNet-18 */, MICROBATCHES = 16, REPEATS_MOST = 64 };

static hn_status check_repeats(const struct hn_bench *b)
{
    return b->options->repeats > REPEATS_MOST ? hn_fail(HN_EUSAGE, "--repeats: at most %d", REPEATS_MOST)
                                              : HN_OK;
}

/* ---- sums ---- */

/* Seconds of one sum over the ranks, which starts from one node of each. */
static double reduce_once(struct hn_bench *b, hn_reducer *r, real *const *value)
{
    double start;

    hn_comm_barrier(b->comm);
    start = hn_now();
    hn_reducer_start(r, 0, WIDTH, value, value[0]);
    hn_reducer_wait(r);
    return hn_now() - start;
}

static hn_status reduce_both(struct hn_bench *b, const struct hn_range *run, real *const *value)
{
    hn_reducer *ordered = NULL, *plain = NULL;
    double slow[REPEATS_MOST], fast[REPEATS_MOST], seconds, mpi;
    size_t repeats = b->options->repeats;
    hn_status st;

    if ((st = hn_reducer_new(&ordered, b->comm, MICROBATCHES, run, WIDTH, HN_REDUCE_ORDERED)) != HN_OK ||
        (st = hn_reducer_new(&plain, b->comm, MICROBATCHES, run, WIDTH, HN_REDUCE_MPI)) != HN_OK)
        goto out;
    reduce_once(b, ordered, value);
    reduce_once(b, plain, value);
    for (size_t i = 0; i < repeats; i++) {
        slow[i] = reduce_once(b, ordered, value);
        fast[i] = reduce_once(b, plain, value);
    }
    seconds = hn_bench_median(slow, repeats);
    mpi = hn_bench_median(fast, repeats);
    st = hn_bench_row(b, "ordered sum, 11.5 M", seconds,
                      (struct hn_bench_value[]){{"of MPI_Iallreduce", seconds / mpi},
                                                {"GB/s", 1e-9 * WIDTH * sizeof(real) / seconds},
                                                {NULL, 0}});
out:
    hn_reducer_free(plain);
    hn_reducer_free(ordered);
    return st;
}

hn_status hn_bench_reduce(struct hn_bench *b)
{
    size_t ranks = hn_comm_size(b->comm), nodes;
    struct hn_range *run = hn_calloc(ranks, sizeof *run), node[HN_TREE_COVER];
    real *value[HN_TREE_COVER] = {NULL}, *memory = NULL;
    hn_status st = check_repeats(b);

    if (st == HN_OK && (ranks < 2 || ranks > MICROBATCHES))
        st = hn_fail(HN_EUSAGE, "bench reduce: needs 2 to %d ranks (mpirun -n 2)", MICROBATCHES);
    if (st == HN_OK && run == NULL)
        st = HN_ENOMEM;
    if (st != HN_OK)
        goto out;
    for (size_t r = 0; r < ranks; r++)
        run[r] = hn_share(MICROBATCHES, ranks, r);
    nodes = hn_tree_cover(MICROBATCHES, run[hn_comm_rank(b->comm)], node);
    memory = hn_calloc(nodes * WIDTH, sizeof(real));
    if ((st = hn_comm_agree(b->comm, memory ? HN_OK : HN_ENOMEM)) != HN_OK)
        goto out;
    for (size_t i = 0; i < nodes; i++)
        value[i] = memory + i * WIDTH;
    st = reduce_both(b, run, value);
out:
    hn_free(memory);
    hn_free(run);
    return st;
}

/* ---- views ---- */

struct views {
    const hn_augment *augment;
    unsigned char *sample;
    real *out;     /* per thread */
    char *scratch; /* per thread */
    size_t size, scratch_bytes;
};
enum { SIDE = 32, SAMPLES = 256, ROUNDS = 8 };

static void make_view(void *ctx, size_t item, size_t thread)
{
    const struct views *v = ctx;

    for (int view = 0; view < 2; view++)
        hn_augment_view(v->augment, v->out + thread * v->size, v->sample + item % SAMPLES * (SIDE * SIDE * 3),
                        item / SAMPLES, item % SAMPLES, view, v->scratch + thread * v->scratch_bytes);
}

static hn_status time_views(struct hn_bench *b, struct views *v, const char *what)
{
    size_t threads = hn_threads_count(b->threads), items = SAMPLES * ROUNDS, repeats = b->options->repeats;
    double seconds[REPEATS_MOST], median;

    v->out = hn_calloc(threads * v->size, sizeof(real));
    v->scratch = hn_calloc(threads, v->scratch_bytes);
    v->sample = hn_calloc(SAMPLES, SIDE * SIDE * 3);
    if (v->out == NULL || v->scratch == NULL || v->sample == NULL)
        return HN_ENOMEM;
    for (size_t i = 0; i < (size_t)SAMPLES * SIDE * SIDE * 3; i++)
        v->sample[i] = (unsigned char)(128 + (i % SIDE) * (i % 5) + i / 3072 % 64);
    hn_threads_each(b->threads, items, make_view, v);
    for (size_t i = 0; i < repeats; i++) {
        double start = hn_now();
        hn_threads_each(b->threads, items, make_view, v);
        seconds[i] = hn_now() - start;
    }
    median = hn_bench_median(seconds, repeats);
    return hn_bench_row(b, what, median,
                        (struct hn_bench_value[]){
                            {"views/s per core", 2 * (double)items / median / (double)threads}, {NULL, 0}});
}

/* With the settings that a config has by itself, and with all of a preset. */
static hn_status views_of(struct hn_bench *b, const char *what, const char *settings)
{
    struct hn_dataset_info info = {.kind = HN_IMAGES, .h = SIDE, .w = SIDE, .c = 3};
    struct views v = {0};
    struct hn_config c;
    char text[256];
    hn_augment *augment = NULL;
    hn_status st;

    snprintf(text, sizeof text, "data: { path = \"none\"; }; %s", settings);
    if ((st = hn_config_read(&c, "bench", text, NULL, 0)) != HN_OK)
        return st;
    hn_config_take_data(&c, &info);
    if ((st = hn_augment_new(&augment, &c.augment, 1)) == HN_OK) {
        v.augment = augment;
        v.size = hn_round_up(hn_augment_view_size(augment), HN_ALIGN);
        v.scratch_bytes = hn_round_up(hn_augment_scratch_bytes(augment), HN_ALIGN);
        st = time_views(b, &v, what);
    }
    hn_free(v.sample);
    hn_free(v.scratch);
    hn_free(v.out);
    hn_augment_free(augment);
    return st;
}

hn_status hn_bench_views(struct hn_bench *b)
{
    hn_status st = check_repeats(b);

    if (st == HN_OK)
        st = views_of(b, "views, defaults", "");
    if (st == HN_OK)
        st = views_of(b, "views, hcl-cifar", "augment: { preset = \"hcl-cifar\"; };");
    if (st == HN_OK)
        st = views_of(b, "views, simclr-cifar", "augment: { preset = \"simclr-cifar\"; };");
    return st;
}

/* ---- checkpoints ---- */

static hn_status save_and_open(struct hn_bench *b, const char *dir, const char *path,
                               const struct hn_ckpt_array *array, size_t arrays)
{
    double write[REPEATS_MOST], read[REPEATS_MOST], w, r, mb;
    hn_ckpt *c = NULL;
    uint64_t bytes;
    hn_status st = hn_ckpt_measure(&bytes, array, arrays, NULL, 0);

    for (size_t i = 0; st == HN_OK && i < b->options->repeats; i++) {
        double since = hn_now();
        if ((st = hn_ckpt_save(dir, 1, array, arrays, NULL, 0)) != HN_OK)
            break;
        write[i] = hn_lap(&since);
        if ((st = hn_ckpt_open(&c, path)) == HN_OK)
            hn_ckpt_close(c);
        read[i] = hn_lap(&since);
    }
    if (st != HN_OK)
        return st;
    w = hn_bench_median(write, b->options->repeats);
    r = hn_bench_median(read, b->options->repeats);
    mb = 1e-6 * (double)bytes;
    st = hn_bench_row(b, "checkpoint, written", w,
                      (struct hn_bench_value[]){{"MB", mb}, {"MB/s", mb / w}, {NULL, 0}});
    return st != HN_OK ? st
                       : hn_bench_row(b, "checkpoint, verified", r,
                                      (struct hn_bench_value[]){{"MB", mb}, {"MB/s", mb / r}, {NULL, 0}});
}

/* The size of a ResNet-18 with Adam; rank 0 alone. */
hn_status hn_bench_checkpoint(struct hn_bench *b)
{
    enum { ARRAYS = 12 };
    struct hn_ckpt_array array[ARRAYS];
    char name[ARRAYS][16], dir[1000], path[1100];
    size_t each = 3 * (size_t)WIDTH / ARRAYS;
    hn_status st = check_repeats(b);
    real *data;

    if (st != HN_OK || hn_comm_rank(b->comm) != 0)
        return st;
    if ((data = hn_calloc(each, sizeof *data)) == NULL)
        return HN_ENOMEM;
    for (size_t i = 0; i < each; i++)
        data[i] = (real)(i % 977) * (real)0.001;
    for (size_t i = 0; i < ARRAYS; i++) {
        snprintf(name[i], sizeof name[i], "model/%zu", i);
        array[i] = (struct hn_ckpt_array){.name = name[i], .rank = 1, .dim = {each}, .data = data};
    }
    snprintf(dir, sizeof dir, "%s/bench-checkpoints", b->options->folder);
    snprintf(path, sizeof path, "%s/step-00000001.h5", dir);
    st = save_and_open(b, dir, path, array, ARRAYS);
    unlink(path);
    rmdir(dir);
    hn_free(data);
    return st;
}
