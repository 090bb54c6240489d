/* Small sealed files: what goes in comes out, and no damage gets through. */
#include "base/file.h"
#include "base/mem.h"
#include "store/files.h"
#include "store/store.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const float f32[6] = {1.5f, -2, 3e30f, 0, -0.0f, 7};
static const int64_t i64[3] = {1, -5000000000, 255};
static const unsigned char u8[4] = {0, 1, 128, 255};

static hn_status write_small(const char *path, int generation)
{
    hn_store_writer *w = NULL;
    hn_status st = hn_store_begin(&w);
    double pi = 3.25;
    int32_t i32[2] = {generation, -7};

    if (st != HN_OK)
        return st;
    if (hn_store_put(w, "/a/b/weights", HN_F32, 2, (uint64_t[]){2, 3}, f32) ||
        hn_store_put(w, "/a/ids", HN_I64, 1, (uint64_t[]){3}, i64) ||
        hn_store_put(w, "bytes", HN_U8, 3, (uint64_t[]){1, 2, 2}, u8) ||
        hn_store_put(w, "/scalar", HN_F64, 0, NULL, &pi) ||
        hn_store_put(w, "/empty", HN_F32, 2, (uint64_t[]){0, 3}, NULL) ||
        hn_store_put(w, "/small", HN_I32, 1, (uint64_t[]){2}, i32) ||
        hn_store_put_attr_text(w, "/", "title", "gr\xc3\xbc\xc3\x9f dich") ||
        hn_store_put_attr_text(w, "/a", "none", "") || hn_store_put_attr_i64(w, "/small", "n", -12) ||
        hn_store_put_attr_i64(w, "/small", "n", 12) || hn_store_put_attr_f64(w, "/a/b/weights", "x", 0.5)) {
        hn_store_abandon(w);
        return HN_EBUG;
    }
    return hn_store_publish(w, path);
}

static void check_arrays(hn_store *s)
{
    struct hn_array_info info;
    float f[6];
    double d[6], scalar = 0;
    int64_t i[3];
    unsigned char b[4];

    ok(hn_store_info(s, "/a/b/weights", &info) == HN_OK && info.type == HN_F32 && info.rank == 2 &&
           info.dim[0] == 2 && info.dim[1] == 3 && info.count == 6 && info.offset != UINT64_MAX,
       "an array has type, shape and place");
    ok(hn_store_read(s, "/a/b/weights", HN_F32, f, 6) == HN_OK && memcmp(f, f32, sizeof f) == 0,
       "floats come back bit by bit");
    ok(hn_store_read(s, "a/b/weights", HN_F64, d, 6) == HN_OK && d[2] == (double)f32[2], "or as doubles");
    ok(hn_store_read(s, "/a/ids", HN_I64, i, 3) == HN_OK && memcmp(i, i64, sizeof i) == 0, "int64 as well");
    ok(hn_store_read(s, "/bytes", HN_U8, b, 4) == HN_OK && memcmp(b, u8, 4) == 0, "and bytes");
    ok(hn_store_read(s, "/scalar", HN_F64, &scalar, 1) == HN_OK && scalar == 3.25, "and a scalar");
    ok(hn_store_info(s, "/empty", &info) == HN_OK && info.count == 0 && info.dim[1] == 3 &&
           hn_store_read(s, "/empty", HN_F32, NULL, 0) == HN_OK,
       "and an empty array");
    ok(hn_store_read_rows(s, "/a/b/weights", HN_F64, 1, 1, d) == HN_OK && d[0] == 0 && d[2] == 7, "and rows");
    tap_status(hn_store_read_rows(s, "/a/b/weights", HN_F64, 1, 2, d), HN_EDATA,
               "rows past the end are refused");
    tap_status(hn_store_read_rows(s, "/scalar", HN_F64, 0, 1, d), HN_EDATA, "so are rows of a scalar");
    tap_status(hn_store_read(s, "/a/ids", HN_I64, i, 2), HN_EDATA, "so is another count");
    tap_status(hn_store_read(s, "/a/nothing", HN_I64, i, 2), HN_EDATA, "so is an array that is not there");
    tap_status(hn_store_info(s, "/a/b", &info), HN_EDATA, "so is a group");
}

static void check_names(hn_store *s)
{
    char name[16], text[32];
    bool group = false;
    int64_t n = 0;
    double x = 0, v[2];

    ok(hn_store_has(s, "/a/b") && hn_store_has(s, "/a/b/weights") && hn_store_has(s, "/") &&
           !hn_store_has(s, "/a/c") && !hn_store_has(s, "/x/y/z"),
       "what is there is known");
    ok(hn_store_member(s, "/", 0, name, sizeof name, &group) && !strcmp(name, "a") && group &&
           hn_store_member(s, "/", 1, name, sizeof name, &group) && !strcmp(name, "bytes") && !group &&
           !hn_store_member(s, "/", 5, name, sizeof name, &group) &&
           !hn_store_member(s, "/none", 0, name, sizeof name, NULL) &&
           !hn_store_member(s, "/", 1, name, 3, NULL),
       "members come in the order of names");
    ok(hn_store_attr_text(s, "/", "title", text, sizeof text) && !strcmp(text, "gr\xc3\xbc\xc3\x9f dich") &&
           hn_store_attr_text(s, "/a", "none", text, sizeof text) && text[0] == '\0',
       "texts come back");
    ok(!hn_store_attr_text(s, "/", "title", text, 5) && !hn_store_attr_text(s, "/", "other", text, 5) &&
           !hn_store_attr_text(s, "/none", "title", text, 5) &&
           !hn_store_attr_text(s, "/small", "n", text, 5),
       "unless too long, absent or no text");
    ok(hn_store_attr_i64(s, "/small", "n", &n) && n == 12 && hn_store_attr_f64(s, "/small", "n", &x) &&
           x == 12 && hn_store_attr_f64(s, "/a/b/weights", "x", &x) && x == 0.5 &&
           !hn_store_attr_f64(s, "/", "title", &x) && hn_store_attr_f64s(s, "/small", "n", v, 2) == 1 &&
           v[0] == 12 && hn_store_attr_f64s(s, "/small", "n", v, 0) == 0,
       "numbers come back, the last one put");
}

static void round_trip(void)
{
    const char *path = in_play("small.h5");
    hn_store *s = NULL;
    size_t n, m;

    tap_status(write_small(path, 1), HN_OK, "a small file is published");
    tap_status(hn_store_open(&s, path), HN_OK, "and opened");
    if (s == NULL)
        exit(1);
    check_arrays(s);
    check_names(s);
    hn_store_close(s);
    unsigned char *one = slurp(path, &n), *two;
    write_small(in_play("again.h5"), 1);
    two = slurp(in_play("again.h5"), &m);
    ok(n == m && memcmp(one, two, n) == 0, "the same content gives the same %zu bytes", n);
    s = NULL;
    tap_status(hn_store_open_image(&s, one, n, "bytes"), HN_OK, "anybody's reader ignores the seal");
    hn_store_close(s);
    tap_status(hn_store_open_foreign(&s, path), HN_OK, "also by path");
    hn_store_close(s);
    free(one);
    free(two);
}

/* Both ways to open must refuse; says at which byte one did not. */
static void damage(void)
{
    const char *path = in_play("small.h5"), *bad = in_play("bad.h5");
    size_t n;
    unsigned char *bytes = slurp(path, &n);
    hn_store *s = NULL;
    long let_through = -1, other = -1;

    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= (unsigned char)(1u << i % 8);
        spill(bad, bytes, n);
        hn_status whole = hn_store_open(&s, bad), head = hn_store_open_head(&s, bad);
        if (whole == HN_OK || head == HN_OK)
            let_through = (long)i;
        else if (whole != HN_EDATA || head != HN_EDATA || strncmp(hn_error_text(), bad, strlen(bad)) != 0)
            other = (long)i;
        bytes[i] ^= (unsigned char)(1u << i % 8);
    }
    ok(let_through < 0, "each of %zu bytes changed is found (%ld)", n, let_through);
    ok(other < 0, "and said with the file's name (%ld)", other);
    let_through = -1;
    for (size_t cut = 0; cut < n; cut += cut < 200 || cut + 200 > n ? 1 : 97) {
        spill(bad, bytes, cut);
        if (hn_store_open(&s, bad) != HN_EDATA || hn_store_open_head(&s, bad) != HN_EDATA)
            let_through = (long)cut;
    }
    ok(let_through < 0, "a file cut short is found (%ld)", let_through);
    spill(bad, bytes, n - 48);
    tap_status(hn_store_open_head(&s, bad), HN_EDATA, "a file without seal is refused");
    ok(strstr(hn_error_text(), "`hardneg import hdf5` makes a sealed copy") != NULL, "naming the remedy");
    unsigned char *more = calloc(1, n + 100);
    memcpy(more, bytes, n);
    spill(bad, more, n + 100);
    tap_status(hn_store_open(&s, bad), HN_EDATA, "so is one with something behind it");
    memcpy(more + 52, bytes + n - 48, 48); /* a seal that is right about nothing */
    spill(bad, more, 100);
    tap_status(hn_store_open(&s, bad), HN_EDATA, "so is one whose seal speaks of another length");
    spill(bad, "hello, world: this is a text of more than 48 bytes, no HDF5.", 60);
    tap_status(hn_store_open(&s, bad), HN_EDATA, "so is a text");
    ok(strstr(hn_error_text(), "nor HDF5") != NULL, "which is said");
    tap_status(hn_store_open_foreign(&s, bad), HN_EDATA, "also where any HDF5 will do");
    tap_status(hn_store_open_image(&s, "hello", 5, "five bytes"), HN_EDATA, "and of bytes");
    tap_status(hn_store_open_image(&s, "", 0, "no bytes"), HN_EDATA, "and of none");
    tap_status(hn_store_open(&s, in_play("nothing.h5")), HN_ENOINPUT, "a file that is not there");
    tap_status(hn_store_open_head(&s, in_play("nothing.h5")), HN_ENOINPUT, "is another thing");
    tap_status(hn_store_open_foreign(&s, in_play("nothing.h5")), HN_ENOINPUT, "in all three");
    tap_status(hn_store_open(&s, play), HN_ENOINPUT, "and so is a folder");
    free(more);
    free(bytes);
}

static void places(void)
{
    tap_status(write_small(in_play("small.h5/x.h5"), 1), HN_ECREATE, "a path below a file cannot be created");
    tap_status(write_small(in_play("none/x.h5"), 1), HN_ECREATE, "nor one below nothing");
    tap_status(write_small(in_play(""), 1), HN_ECREATE, "nor one without a name");
    mkdir(in_play("taken"), 0777);
    tap_status(write_small(in_play("taken"), 1), HN_ECREATE, "nor one that is a folder");
    ok(files_with(play, ".tmp") == 0, "and nothing is left behind");
}

/* Runs in a child, since limits cannot be lifted again. */
static int publish_limited(const char *path)
{
    struct rlimit limit = {1000, 1000};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    return write_small(path, 2) == HN_EIO && strstr(hn_error_text(), strerror(EFBIG)) != NULL;
}

static void disk_full(void)
{
    const char *path = in_play("small.h5");
    size_t n;
    static unsigned char *before; /* a child that ends has not lost it */
    int status = -1;
    pid_t child;

    before = slurp(path, &n);
    fflush(stdout);
    child = fork();
    if (child == 0)
        _exit(publish_limited(path) ? 0 : 1);
    waitpid(child, &status, 0);
    ok(status == 0, "a write that fails on the way is said");
    ok(same_file(path, before, n), "the old file is as it was");
    ok(files_with(play, ".tmp") == 0, "and nothing is left behind");
    free(before);
}

/* A child that replaces the file over and over is killed at some instant. */
static void killed(void)
{
    const char *path = in_play("small.h5");
    int torn = 0, rounds = 12, left;

    for (int i = 0; i < rounds; i++) {
        hn_store *s = NULL;
        pid_t child = fork();
        if (child == 0)
            for (int g = 0;; g++)
                if (write_small(path, g) != HN_OK)
                    _exit(1);
        usleep(3000 + 2500 * (unsigned)i);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        torn += hn_store_open(&s, path) != HN_OK;
        hn_store_close(s);
    }
    ok(torn == 0, "a writer killed %d times never leaves half a file", rounds);
    spill(in_play(".mine.tmp"), "x", 1);
    spill(in_play(".x.h5.elsewhere.7.tmp"), "x", 1);
    left = files_with(play, ".tmp");
    hn_file_sweep(play);
    ok(files_with(play, ".tmp") == 2, "what it left (%d) is swept away, others' files are not", left - 2);
    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    utimensat(AT_FDCWD, in_play(".mine.tmp"), old, 0);
    utimensat(AT_FDCWD, in_play(".x.h5.elsewhere.7.tmp"), old, 0);
    hn_file_sweep(play);
    ok(files_with(play, ".tmp") == 1, "except another host's, older than a day");
    remove(in_play(".mine.tmp"));
}

static void quiet(void *ctx, enum hn_log_level level, const char *line)
{
    (void)ctx, (void)level, (void)line;
}

int main(void)
{
    tap_plan(51);
    play_begin();
    hn_log_to(quiet, NULL, HN_LOG_ERROR);
    round_trip();
    damage();
    places();
    disk_full();
    killed();
    ok(hn_live_blocks() == 0, "no memory is left behind");
    play_end();
    return tap_done();
}
