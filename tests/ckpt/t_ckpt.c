/* Checkpoints: what was saved comes back; damage, other models and full disks lose nothing that was good. */
#include "base/mem.h"
#include "ckpt/content.h"
#include "hardneg/ckpt.h"
#include "store/files.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static real weight[6] = {(real)0.1, -2, (real)3e-30, 0, 5, (real)1e30}, bias[2] = {1, 2}, got_weight[6],
            got_bias[2];
static int64_t counters[3] = {1, -1, 1ll << 60}, got_counters[3];
static const struct hn_ckpt_array saved[] = {
    {"model/encoder.0.weight", false, 2, {2, 3}, weight},
    {"model/encoder.0.bias", false, 1, {2}, bias},
    {"order", true, 1, {3}, counters},
};
static const struct hn_ckpt_array wanted[] = {
    {"model/encoder.0.weight", false, 2, {2, 3}, got_weight},
    {"model/encoder.0.bias", false, 1, {2}, got_bias},
    {"order", true, 1, {3}, got_counters},
};
static const struct hn_ckpt_text texts[] = {{"config", "lr = 0.1;\n"}, {"empty", ""}};

static char logged[4096];

static void listen(void *ctx, enum hn_log_level level, const char *line)
{
    (void)ctx, (void)level;
    strncat(logged, line, sizeof logged - strlen(logged) - 1);
}

static hn_status save(const char *dir, uint64_t step)
{
    return hn_ckpt_save(dir, step, saved, 3, texts, 2);
}

static void flip(const char *path, long from_end)
{
    size_t n;
    unsigned char *bytes = slurp(path, &n);

    bytes[from_end < 0 ? n / 3 : n - (size_t)from_end] ^= 1;
    spill(path, bytes, n);
    free(bytes);
}

static void round_trip(const char *dir)
{
    hn_ckpt *c = NULL;
    char one[33], two[33], all[33];

    tap_status(hn_ckpt_newest(&c, dir), HN_OK, "a folder that is not there");
    ok(c == NULL, "holds no checkpoint");
    tap_status(save(dir, 7), HN_OK, "a checkpoint is saved");
    ok(access(in_play("run/step-00000007.h5"), R_OK) == 0 && files_with(dir, "") == 1, "under its step");
    tap_status(hn_ckpt_newest(&c, dir), HN_OK, "and found");
    if (c == NULL)
        exit(1);
    ok(hn_ckpt_step(c) == 7 && strstr(hn_ckpt_path(c), "run/step-00000007.h5"), "by step and path");
    tap_status(hn_ckpt_load(c, wanted, 3), HN_OK, "arrays are loaded");
    ok(!memcmp(weight, got_weight, sizeof weight) && !memcmp(bias, got_bias, sizeof bias) &&
           !memcmp(counters, got_counters, sizeof counters),
       "bit by bit");
    ok(hn_ckpt_get_text(c, "config") && !strcmp(hn_ckpt_get_text(c, "config"), "lr = 0.1;\n") &&
           hn_ckpt_get_text(c, "empty") && !*hn_ckpt_get_text(c, "empty") && !hn_ckpt_get_text(c, "none"),
       "texts, too");
    ok(hn_ckpt_hash(c, "model/", one) == HN_OK && hn_ckpt_hash(c, "", all) == HN_OK && strcmp(one, all) != 0,
       "hashes: %s", one);
    hn_ckpt_close(c);
    save(dir, 8);
    hn_ckpt_newest(&c, dir);
    ok(hn_ckpt_step(c) == 8 && hn_ckpt_hash(c, "model/", two) == HN_OK && !strcmp(one, two),
       "equal weights, equal hash");
    hn_ckpt_close(c);
    bias[1] = 3;
    save(dir, 8);
    hn_ckpt_newest(&c, dir);
    ok(hn_ckpt_hash(c, "model/", two) == HN_OK && strcmp(one, two) != 0, "another bit, another hash");
    hn_ckpt_close(c);
    bias[1] = 2;
}

static void another_model(const char *dir)
{
    struct hn_ckpt_array a = {"model/encoder.0.weight", false, 2, {3, 2}, got_weight};
    hn_ckpt *c = NULL;
    real untouched = got_bias[0] = 77;

    hn_ckpt_newest(&c, dir);
    struct hn_ckpt_array pair[2] = {wanted[1], a};
    tap_status(hn_ckpt_load(c, pair, 2), HN_EUSAGE, "another shape is refused");
    ok(strstr(hn_error_text(), "model/encoder.0.weight is (2, 3) in the file, (3, 2) here"), "%s",
       hn_error_text());
    ok(got_bias[0] == untouched, "before anything is loaded");
    a.name = "model/encoder.1.weight";
    tap_status(hn_ckpt_load(c, &a, 1), HN_EUSAGE, "so is another name");
    ok(strstr(hn_error_text(), "has no model/encoder.1.weight"), "%s", hn_error_text());
    struct hn_ckpt_array kind = {"order", false, 1, {3}, got_weight};
    tap_status(hn_ckpt_load(c, &kind, 1), HN_EUSAGE, "so is another kind of number");
    hn_ckpt_close(c);
}

/* A file as the build of the other precision writes it. */
static void other_precision(const char *dir)
{
    enum hn_type other = sizeof(real) == 4 ? HN_F64 : HN_F32;
    float f[2] = {0.1f, 1e-20f};
    double d[2] = {0.1, 1e-20};
    const void *bytes = other == HN_F64 ? (void *)d : (void *)f;
    hn_store_writer *w = NULL;
    struct hn_hash h;
    char text[33];
    hn_ckpt *c = NULL;

    hn_ckpt_array_hash(&h, "w", other, 1, (uint64_t[]){2}, bytes);
    hn_hash_text(h, text);
    mkdir(dir, 0777);
    bool written = !hn_store_begin(&w) && !hn_store_put_attr_text(w, "/", "format", HN_CKPT_FORMAT) &&
                   !hn_store_put_attr_i64(w, "/", "version", HN_CKPT_VERSION) &&
                   !hn_store_put_attr_i64(w, "/", "step", 3) &&
                   !hn_store_put(w, "/w", other, 1, (uint64_t[]){2}, bytes) &&
                   !hn_store_put_attr_text(w, "/w", "xxh3", text);
    ok(written && hn_store_publish(w, in_play("other/step-00000003.h5")) == HN_OK,
       "a file of the other build");
    tap_status(hn_ckpt_newest(&c, dir), HN_OK, "is opened");
    struct hn_ckpt_array a = {"w", false, 1, {2}, got_bias};
    tap_status(hn_ckpt_load(c, &a, 1), HN_OK, "and loaded");
    ok(got_bias[0] == (other == HN_F64 ? (real)d[0] : (real)f[0]) &&
           got_bias[1] == (other == HN_F64 ? (real)d[1] : (real)f[1]),
       "widened or rounded");
    hn_ckpt_close(c);
    /* The seal is right, an array's hash is not: a mistake of the writer. */
    hn_store_begin(&w);
    hn_store_put_attr_text(w, "/", "format", HN_CKPT_FORMAT);
    hn_store_put_attr_i64(w, "/", "version", HN_CKPT_VERSION);
    hn_store_put_attr_i64(w, "/", "step", 4);
    f[1] = 5;
    d[1] = 5;
    hn_store_put(w, "/w", other, 1, (uint64_t[]){2}, bytes);
    hn_store_put_attr_text(w, "/w", "xxh3", text);
    hn_store_publish(w, in_play("other/step-00000004.h5"));
    tap_status(hn_ckpt_open(&c, in_play("other/step-00000004.h5")), HN_EDATA,
               "an array with another hash is found");
    ok(strstr(hn_error_text(), "w: damaged: its hash"), "%s", hn_error_text());
    hn_store_begin(&w);
    hn_store_put(w, "/w", other, 1, (uint64_t[]){2}, bytes);
    hn_store_publish(w, in_play("other/data.h5"));
    tap_status(hn_ckpt_open(&c, in_play("other/data.h5")), HN_EDATA,
               "another sealed file is not a checkpoint");
}

/* Ours in place of the system's: a file server that has a bad moment. */
static int reads_fail;
ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
    if (reads_fail == 0)
        return syscall(SYS_pread64, fd, bytes, n, at);
    reads_fail--;
    errno = EIO;
    return -1;
}

/* A read that fails is no damage, a good file under another name is. */
static void unread(const char *dir)
{
    char other[600];
    hn_ckpt *c = NULL;

    save(dir, 5);
    save(dir, 6);
    reads_fail = 2;
    tap_status(hn_ckpt_newest(&c, dir), HN_OK, "reads that fail for a moment");
    ok(c != NULL && hn_ckpt_step(c) == 6, "cost no step");
    hn_ckpt_close(c);
    reads_fail = 1000;
    tap_status(hn_ckpt_newest(&c, dir), HN_EIO, "reads that go on failing are no damage");
    ok(c == NULL && strstr(hn_error_text(), "step-00000006.h5: reading failed"), "the file is named: %s",
       hn_error_text());
    reads_fail = 0;
    snprintf(other, sizeof other, "%s/step-00000010.h5", dir);
    rename(in_play("unread/step-00000005.h5"), other);
    logged[0] = '\0';
    tap_status(hn_ckpt_newest(&c, dir), HN_OK, "a renamed one");
    ok(c != NULL && hn_ckpt_step(c) == 6 && strstr(logged, "step-00000010.h5: holds step 5: renamed?"),
       "is passed over, and said");
    hn_ckpt_close(c);
    logged[0] = '\0';
    hn_ckpt_set_aside(dir, 6);
    ok(strstr(logged, "step-00000010.h5: kept as step-00000010.h5.damaged") && files_with(dir, "") == 2 &&
           files_with(dir, ".damaged") == 1,
       "set aside it is kept, and counts no more");
    uint64_t latest = 0;
    ok(hn_ckpt_latest(dir, &latest) && latest == 6, "the newest is the good one");
}

static void falls_back(const char *dir)
{
    hn_ckpt *c = NULL;

    save(dir, 1);
    save(dir, 2);
    save(dir, 123456789);
    flip(in_play("back/step-123456789.h5"), -1);
    truncate(in_play("back/step-00000002.h5"), 1000);
    spill(in_play("back/step-9.h5"), "not ours", 8);
    spill(in_play("back/.step-00000003.h5.host.1.tmp"), "x", 1);
    logged[0] = '\0';
    tap_status(hn_ckpt_newest(&c, dir), HN_OK, "damaged checkpoints");
    ok(c != NULL && hn_ckpt_step(c) == 1, "are passed over");
    ok(strstr(logged, "step-123456789.h5: damaged") && strstr(logged, "step-00000002.h5: no seal") &&
           !strstr(logged, "step-9.h5"),
       "with a word on each");
    hn_ckpt_close(c);
    flip(in_play("back/step-00000001.h5"), 10);
    tap_status(hn_ckpt_newest(&c, dir), HN_EDATA, "when none is left that is said");
    ok(c == NULL && strstr(hn_error_text(), "move them away"), "and what to do; none comes back");
    tap_status(hn_ckpt_newest(&c, in_play("back/step-9.h5")), HN_ENOINPUT, "a file is no folder");
}

static bool left(const char *dir, const char *steps)
{
    char name[64], found[64] = "";

    for (int i = 0; i <= 9; i++) {
        snprintf(name, sizeof name, "%s/step-%08d.h5", dir, i);
        if (access(name, F_OK) == 0)
            found[strlen(found)] = (char)('0' + i);
    }
    if (strcmp(found, steps) != 0)
        printf("# left: %s, wanted %s\n", found, steps);
    return strcmp(found, steps) == 0;
}

static void retention(const char *dir)
{
    struct hn_ckpt_options o = {.keep = 2, .keep_every = 4};
    int kept = 0;

    for (int i = 1; i <= 9; i++)
        save(dir, (uint64_t)i);
    hn_ckpt_retire(dir, &o);
    ok(left(dir, "489"), "the last two and every fourth are kept");
    flip(in_play("old/step-00000009.h5"), -1);
    flip(in_play("old/step-00000008.h5"), -1);
    save(dir, 5);
    o = (struct hn_ckpt_options){.keep = 1};
    hn_ckpt_retire(dir, &o);
    ok(left(dir, "59"), "the newest that verifies is kept besides");
    flip(in_play("old/step-00000005.h5"), -1);
    save(dir, 3);
    flip(in_play("old/step-00000003.h5"), -1);
    hn_ckpt_retire(dir, &o);
    ok(left(dir, "359"), "where none verifies nothing is deleted");
    save(dir, 6);
    o.keep = 0;
    hn_ckpt_retire(dir, &o);
    ok(left(dir, "69"), "to keep none keeps the newest all the same");
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    char host[65], name[128];
    gethostname(host, sizeof host);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "old/.step-00000010.h5.%s.%ld.tmp", host, (long)(i ? getpid() : gone));
        spill(in_play(name), "x", 1);
    }
    hn_ckpt_sweep(dir);
    kept = files_with(dir, ".tmp");
    ok(kept == 1 && access(in_play(name), F_OK) == 0,
       "a dead process's temporary goes, a living one's stays (%d)", kept);
}

static int save_limited(const char *dir)
{
    struct rlimit limit = {2000, 2000};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    return save(dir, 7) == HN_ECREATE && strstr(hn_error_text(), "ulimit -f") != NULL;
}

static void disk_full(const char *dir)
{
    int status = -1;
    hn_ckpt *c = NULL;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0)
        _exit(save_limited(dir) ? 0 : 1);
    waitpid(child, &status, 0);
    ok(status == 0, "a save for which there is no room is said");
    ok(hn_ckpt_open(&c, in_play("run/step-00000007.h5")) == HN_OK && files_with(dir, ".tmp") == 0,
       "and leaves the old file");
    hn_ckpt_close(c);
    tap_status(save(in_play("run/step-00000007.h5"), 1), HN_ECREATE, "a folder below a file cannot be made");
}

static void killed(const char *dir)
{
    int bad = 0;

    for (int i = 0; i < 8; i++) {
        hn_ckpt *c = NULL;
        pid_t child = fork();
        if (child == 0)
            for (;;)
                if (save(dir, 7) != HN_OK)
                    _exit(1);
        usleep(4000 + 3000 * (unsigned)i);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        bad += hn_ckpt_open(&c, in_play("run/step-00000007.h5")) != HN_OK;
        hn_ckpt_close(c);
    }
    hn_ckpt_sweep(dir);
    ok(bad == 0 && files_with(dir, ".tmp") == 0,
       "killed while saving: the old or the new, never half of one");
}

static hn_status refuse(void *asked)
{
    ++*(int *)asked;
    return hn_fail(HN_ECREATE, "not now");
}

static void asked_before(const char *dir)
{
    hn_ckpt_image *image = NULL;
    int asked = 0;

    hn_ckpt_image_new(&image, saved, 3, texts, 2);
    hn_ckpt_image_take(image, 9);
    ok(hn_ckpt_image_write(image, dir, refuse, &asked) == HN_ECREATE && asked == 1 &&
           files_with(dir, "") == 0,
       "who is asked before a checkpoint is put in place can refuse it: nothing is there, no temporary "
       "either");
    ok(hn_ckpt_image_write(image, dir, NULL, NULL) == HN_OK && files_with(dir, "") == 1, "the next one is");
    hn_ckpt_image_free(image);
}

int main(void)
{
    char dir[512];

    tap_plan(51);
    play_begin();
    hn_log_to(listen, NULL, HN_LOG_WARN);
    snprintf(dir, sizeof dir, "%s", in_play("run"));
    round_trip(dir);
    another_model(dir);
    disk_full(dir);
    killed(dir);
    other_precision(in_play("other"));
    snprintf(dir, sizeof dir, "%s", in_play("back"));
    falls_back(dir);
    snprintf(dir, sizeof dir, "%s", in_play("unread"));
    unread(dir);
    snprintf(dir, sizeof dir, "%s", in_play("old"));
    retention(dir);
    asked_before(in_play("asked"));
    ok(hn_live_blocks() == 0, "no memory is left behind");
    play_end();
    return tap_done();
}
