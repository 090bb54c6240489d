/* A run of many steps holds as much at its end as after its first hundreds: memory, descriptors, threads,
 * HDF5's objects, mappings - on every rank, with saves, evaluations, comparisons of replicas and logs on the
 * way; and runs opened again and again in one process leave nothing.  HN_ENDURE: how many steps.  ranks: 2 */
#define TAP_MPI
#include "base/mem.h"
#include "data/make.h"
#include "train/trainer.h"
#include <dirent.h>
#include <hdf5.h>
#include <malloc.h>

#ifdef HN_DEBUG /* slow, and the same code */
enum { STEPS = 180 };
#else
enum { STEPS = 1500 };
#endif
enum { TRAIN = 160, TEST = 40, SIDE = 12, STOPS = 9, CYCLES = 3 };

/* Of sanitizers, where they are. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static hn_comm *comm;
static unsigned long long saves, judged;

/* ---- the run ---- */

static void put_split(hn_sink *s, enum hn_split split, size_t count)
{
    static unsigned char image[TRAIN * SIDE * SIDE];
    static int32_t label[TRAIN];

    for (size_t i = 0; i < count; i++)
        label[i] = (int32_t)i % 4;
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (unsigned char)((i * 7919 >> 3) + 40 * (i / (SIDE * SIDE) % 4));
    if (hn_sink_samples(s, split, image, count) != HN_OK || hn_sink_labels(s, split, label, count) != HN_OK)
        exit(1);
}

static void make_data(void)
{
    const struct hn_sink_spec spec = {.name = "tiny",
                                      .importer = "test",
                                      .source = "test",
                                      .kind = HN_IMAGES,
                                      .h = SIDE,
                                      .w = SIDE,
                                      .c = 1,
                                      .samples = {[HN_TRAIN] = TRAIN, [HN_TEST] = TEST},
                                      .labelled = {[HN_TRAIN] = true, [HN_TEST] = true},
                                      .classes = 4};
    hn_sink *s = NULL;

    if (tap_rank == 0) {
        if (hn_sink_new(&s, in_folder("tiny.h5"), &spec) != HN_OK)
            exit(1);
        put_split(s, HN_TRAIN, TRAIN);
        put_split(s, HN_TEST, TEST);
        if (hn_sink_publish(s) != HN_OK)
            exit(1);
    }
    hn_comm_barrier(comm);
}

static void count(void *ctx, const struct hn_train_progress *p)
{
    (void)ctx;
    saves += p->what == HN_PROGRESS_SAVE;
    judged += p->what == HN_PROGRESS_EVAL;
}

static hn_trainer *open_run(const char *name)
{
    struct hn_train_options o = {.run_dir = in_folder(name), .progress = count};
    struct hn_config c;
    hn_trainer *t = NULL;
    char text[1024];

    snprintf(
        text, sizeof text,
        "data: { path = \"%s\"; positives = \"label\"; };\n"
        "batch: { size = 32; microbatches = 8; };\n"
        "run: { threads = 2; epochs = 1000000; log_every = 1; check_every = 10; };\n"
        "augment: { crop_scale = [0.5, 1.0]; flip = 0.5; jitter = 0.8; brightness = 0.4; };\n"
        "model: { channels = [4, 6]; head_hidden = 8; head_out = 6; };\n"
        "eval: { every_epochs = 4.0; k = 5; }; ckpt: { every_steps = 10; every_epochs = 0; keep = 2; };\n",
        in_folder("tiny.h5"));
    if (hn_config_read(&c, "test.cfg", text, NULL, 0) != HN_OK || hn_trainer_new(&t, comm, &c, &o) != HN_OK)
        printf("# %s\n", hn_error_text());
    return t;
}

/* ---- what a process holds ---- */

struct held {
    size_t blocks, bytes; /* ours */
    size_t heap;          /* in use, of all libraries */
    size_t resident, mappings;
    size_t descriptors, threads, hdf5;
};

static size_t entries(const char *folder_name)
{
    DIR *d = opendir(folder_name);
    size_t n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static size_t lines(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t n = 0;

    for (int c; f && (c = fgetc(f)) != EOF;)
        n += c == '\n';
    if (f)
        fclose(f);
    return n;
}

static size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 m;

    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static struct held held_now(void)
{
    return (struct held){.blocks = hn_live_blocks(),
                         .bytes = hn_live_bytes(),
                         .heap = heap_in_use(),
                         .resident = resident(),
                         .mappings = lines("/proc/self/maps"),
                         .descriptors = entries("/proc/self/fd"),
                         .threads = entries("/proc/self/task"),
                         .hdf5 = (size_t)H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL)};
}

static void show(const char *when, unsigned long long step, const struct held *h)
{
    struct held all[2];

    hn_comm_gather(comm, h, all, (size_t[]){sizeof *h, sizeof *h});
    for (int r = 0; tap_rank == 0 && r < 2; r++)
        printf("# %s step %llu, rank %d: blocks %zu of %zu bytes, heap %zu KiB, resident %zu KiB, mappings "
               "%zu, descriptors "
               "%zu, threads %zu, objects %zu\n",
               when, step, r, all[r].blocks, all[r].bytes, all[r].heap / 1024, all[r].resident / 1024,
               all[r].mappings, all[r].descriptors, all[r].threads, all[r].hdf5);
}

/* Counts are the same; a mapping may come with a list that grows. */
static bool same_counts(const struct held *then, const struct held *now)
{
    return now->blocks == then->blocks && now->bytes == then->bytes &&
           now->descriptors == then->descriptors && now->threads == then->threads && now->hdf5 == 0 &&
           now->mappings < then->mappings + 8;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Bytes a step, in the span between stops that grows least: a leak grows in each of them; the lists that MPI
 * keeps of messages that came early, and what libraries keep for the next time, only in some. */
static double growth(const struct held *h, size_t offset, uint64_t steps)
{
    double grown[STOPS - 1];

    for (int i = 0; i < STOPS - 1; i++)
        grown[i] = (double)*(const size_t *)((const char *)&h[i + 1] + offset) -
                   (double)*(const size_t *)((const char *)&h[i] + offset);
    qsort(grown, STOPS - 1, sizeof *grown, by_size);
    return grown[0] * STOPS / (double)steps;
}

/* ---- the checks ---- */

static hn_status run_to(hn_trainer *t, uint64_t step)
{
    t->options.steps = step;
    return hn_trainer_run(t);
}

static bool sanitized(void) /* then freed blocks stay resident for a while */
{
    return __sanitizer_get_current_allocated_bytes;
}

/* The first stop comes after everything has happened many times. */
static void long_run(uint64_t steps)
{
    hn_trainer *t = open_run("run");
    struct held h[STOPS] = {{0}};
    bool good = t != NULL, same = true;

    for (uint64_t i = 0; good && i < STOPS; i++) {
        good = run_to(t, steps * (i + 1) / STOPS) == HN_OK;
        h[i] = held_now();
        same = same && same_counts(&h[0], &h[i]);
        if (i == 0 || i == STOPS - 1)
            show(i == 0 ? "early" : "late", t->step, &h[i]);
    }
    double heap = growth(h, offsetof(struct held, heap), steps);
    double pages = growth(h, offsetof(struct held, resident), steps);
    ok(good, "%llu steps are made", (unsigned long long)steps);
    ok(same, "our own memory is the same to the byte, descriptors, threads and mappings as many");
    /* On busy cores MPI's lists give up to 15 bytes a step in 1,500 steps, and in the debug build's 270 more
     * than a leak of 64 bytes a step, which is to be found. */
    ok(steps < 1000 || heap < 48, "the heap of all libraries grows by %.1f bytes a step", heap);
    ok(sanitized() || pages < 32, "resident memory by %.1f", pages);
    ok(tap_rank != 0 || (saves >= steps / 10 - 1 && judged >= steps / 20 - 1), "%llu saves, %llu evaluations",
       saves, judged);
    hn_trainer_free(t);
}

/* Runs that go on in one process, each from a checkpoint before the last: some steps come again. */
static void cycles(uint64_t steps)
{
    struct held first = {0}, now = {0};
    bool good = true, level = true;
    char newest[64];

    for (uint64_t i = 0; i < CYCLES; i++) {
        snprintf(newest, sizeof newest, "run/checkpoints/step-%08llu.h5",
                 (unsigned long long)(steps + 10 * i));
        good = good && (tap_rank != 0 || unlink(in_folder(newest)) == 0);
        hn_comm_barrier(comm);
        hn_trainer *t = open_run("run");
        good = good && t && t->step == steps + 10 * i - 10 && run_to(t, steps + 10 * (i + 1)) == HN_OK;
        hn_trainer_free(t);
        now = held_now();
        first = i == 0 ? now : first;
        level = level && same_counts(&first, &now) && now.heap < first.heap + (1 << 18);
        if (i == 0 || i == CYCLES - 1)
            show(i == 0 ? "opened" : "again", steps + 10 * (i + 1), &now);
    }
    ok(good, "the run is opened again %d times, and goes on", CYCLES);
    ok(level, "nothing of an earlier one is left");
}

/* Rank 0: does metrics.jsonl have a row for each step, in order? */
static bool each_once(uint64_t steps)
{
    FILE *f = fopen(in_folder("run/metrics.jsonl"), "r");
    char line[4096];
    unsigned long long step, last = 0;
    bool good = f != NULL;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "{\"kind\":\"step\",\"step\":%llu,", &step) == 1)
            good = good && step == ++last;
    if (f)
        fclose(f);
    return good && last == steps;
}

/* A checkpoint from before updates could be skipped has no count of them. */
static void older(void)
{
    hn_trainer *t = open_run("run");
    hn_status st = t ? HN_OK : HN_EBUG;

    if (t && tap_rank == 0) {
        const struct hn_ckpt_text text[] = {{"config", t->config_text}, {"data", t->data_identity}};
        t->state.step = (int64_t)t->step + 1;
        st = hn_ckpt_save(t->dir.checkpoints, t->step + 1, t->state.array, t->state.arrays - 1, text, 2);
    }
    uint64_t step = t ? t->step + 1 : 0;
    hn_trainer_free(t);
    st = hn_comm_agree(comm, st);
    t = open_run("run");
    ok(st == HN_OK && t && t->step == step && t->state.skips == 0,
       "a checkpoint without a count of skips serves");
    hn_trainer_free(t);
}

int main(int argc, char **argv)
{
    uint64_t steps = getenv("HN_ENDURE") ? strtoull(getenv("HN_ENDURE"), NULL, 10) : STEPS;

    hn_log_to(NULL, NULL, HN_LOG_ERROR);
    if (hn_comm_start(&comm, &argc, &argv) != HN_OK)
        return 1;
    tap_plan(10);
    if (tap_rank == 0)
        make_folder();
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    make_data();
    size_t before = hn_live_blocks();
    long_run(steps);
    cycles(steps);
    ok(tap_rank != 0 || each_once(steps + 10 * CYCLES), "metrics.jsonl has every step once");
    older();
    ok(hn_live_blocks() == before, "nothing is left");
    hn_comm_barrier(comm);
    if (tap_rank == 0)
        remove_folder();
    int failed = tap_done();
    hn_comm_finish(comm);
    return failed;
}
