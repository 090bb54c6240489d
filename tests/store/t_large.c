/* Files larger than memory: arrays in blocks with hashes, read by those who know only offsets. */
#include "base/hash.h"
#include "base/mem.h"
#include "store/files.h"
#include "store/store.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { N = 1000, WIDTH = 37, BLOCK = 64 * WIDTH };

static unsigned char image[N * WIDTH];
static int64_t label[N];

static void make(void)
{
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (unsigned char)(i * 2654435761u >> 13);
    for (int i = 0; i < N; i++)
        label[i] = i * 7 - 3;
}

static hn_status begin(hn_store_writer **w, const char *path)
{
    hn_status st = hn_store_begin_large(w, path);

    if (st == HN_OK)
        st = hn_store_put_attr_text(*w, "/", "name", "test");
    if (st == HN_OK)
        st = hn_store_declare(*w, "/train/images", HN_U8, 2, (uint64_t[]){N, WIDTH}, BLOCK);
    if (st == HN_OK)
        st = hn_store_declare(*w, "/train/labels", HN_I64, 1, (uint64_t[]){N}, 800);
    if (st == HN_OK)
        st = hn_store_declare(*w, "/test/images", HN_U8, 2, (uint64_t[]){0, WIDTH}, BLOCK);
    if (st == HN_OK)
        st = hn_store_put(*w, "/mean", HN_F32, 1, (uint64_t[]){2}, (float[]){0.25f, 0.5f});
    return st;
}

/* Images come in uneven pieces. */
static hn_status fill(hn_store_writer *w)
{
    hn_status st = HN_OK;
    size_t piece = 1;

    for (size_t at = 0; st == HN_OK && at < sizeof image; at += piece) {
        piece = at % 11 * 997 + 1;
        if (piece > sizeof image - at)
            piece = sizeof image - at;
        st = hn_store_fill(w, "/train/images", image + at, piece);
    }
    return st == HN_OK ? hn_store_fill(w, "/train/labels", label, sizeof label) : st;
}

static hn_status write_large(const char *path)
{
    hn_store_writer *w = NULL;
    hn_status st = begin(&w, path);

    if (st == HN_OK)
        st = fill(w);
    if (st == HN_OK)
        st = hn_store_put_attr_i64(w, "/train/labels", "classes", 10);
    if (st == HN_OK)
        return hn_store_publish(w, path);
    hn_store_abandon(w);
    return st;
}

static void blocks(hn_store *s, const char *path)
{
    static unsigned char raw[N * WIDTH];
    struct hn_store_blocks b = {0};
    int fd = open(path, O_RDONLY), good = 0;
    struct hn_array_info info;

    tap_status(hn_store_blocks(s, "/train/images", &b), HN_OK, "images are in blocks");
    ok(b.length == sizeof image && b.block == BLOCK && b.count == 16 && b.offset % 4096 == 0,
       "of the size asked for, at a page");
    ok(hn_store_info(s, "/train/images", &info) == HN_OK && info.offset == b.offset, "where HDF5 says, too");
    ok(pread(fd, raw, b.length, (off_t)b.offset) == (ssize_t)b.length && !memcmp(raw, image, sizeof raw),
       "plain reading finds them there");
    for (size_t i = 0; i < b.count; i++) {
        size_t n = i + 1 < b.count ? BLOCK : sizeof image - i * BLOCK;
        good += hn_hash_equal(hn_hash_bytes(raw + i * BLOCK, n), hn_hash_load(b.hash + 16 * i));
    }
    ok(good == 16, "every block has its hash");
    tap_status(hn_store_blocks(s, "/mean", &b), HN_EDATA, "a small array is not in blocks");
    ok(hn_store_blocks(s, "/test/images", &b) == HN_OK && b.count == 0 && b.length == 0,
       "an empty one has none");
    close(fd);
}

static void reading(hn_store *s)
{
    static unsigned char got[N * WIDTH];
    static double d[N];
    int64_t classes = 0, one[2];
    float mean[2];
    char text[8];

    ok(hn_store_read(s, "/train/images", HN_U8, got, sizeof got) == HN_OK && !memcmp(got, image, sizeof got),
       "images are read");
    ok(hn_store_read(s, "/train/labels", HN_F64, d, N) == HN_OK && d[0] == -3 && d[N - 1] == 7 * (N - 1) - 3,
       "labels are read, as doubles");
    ok(hn_store_read_rows(s, "/train/labels", HN_I64, 99, 2, one) == HN_OK && one[0] == label[99] &&
           one[1] == label[100],
       "rows over the border of a block, too");
    ok(hn_store_read(s, "/mean", HN_F32, mean, 2) == HN_OK && mean[1] == 0.5f, "and small arrays");
    ok(hn_store_attr_i64(s, "/train/labels", "classes", &classes) && classes == 10 &&
           hn_store_attr_text(s, "/", "name", text, sizeof text) && !strcmp(text, "test"),
       "and attributes");
}

static void round_trip(void)
{
    const char *path = in_play("large.h5");
    hn_store *s = NULL;

    tap_status(write_large(path), HN_OK, "a large file is published");
    ok(files_with(play, "") == 1, "and alone in its folder");
    tap_status(hn_store_open_head(&s, path), HN_OK, "its head is opened");
    if (s == NULL)
        exit(1);
    blocks(s, path);
    reading(s);
    hn_store_close(s);
    s = NULL;
    tap_status(hn_store_open(&s, path), HN_OK, "it is opened whole");
    if (s != NULL)
        reading(s);
    hn_store_close(s);
    tap_status(hn_store_open_foreign(&s, path), HN_OK, "and as anybody's HDF5");
    hn_store_close(s);
}

/* Bytes in blocks are found when they are read, all others at once. */
static void damage(void)
{
    static unsigned char got[N * WIDTH];
    const char *bad = in_play("bad.h5");
    size_t n, late = 0, late_data = 0;
    unsigned char *bytes = slurp(in_play("large.h5"), &n);
    struct hn_store_blocks b[2] = {0};
    long whole = -1, head = -1;
    hn_store *s = NULL;

    hn_store_open_head(&s, in_play("large.h5"));
    hn_store_blocks(s, "/train/images", &b[0]);
    hn_store_blocks(s, "/train/labels", &b[1]);
    hn_store_close(s);
    for (size_t i = 0; i < n; i += 61) {
        bool inside = false;
        for (int k = 0; k < 2; k++)
            inside |= i >= b[k].offset && i < b[k].offset + b[k].length;
        bytes[i] ^= 0x40;
        spill(bad, bytes, n);
        if (hn_store_open(&s, bad) != HN_EDATA)
            whole = (long)i;
        hn_status st = hn_store_open_head(&s, bad);
        if (st != (inside ? HN_OK : HN_EDATA))
            head = (long)i;
        if (st == HN_OK) {
            late++;
            late_data += hn_store_read(s, "/train/images", HN_U8, got, sizeof got) == HN_EDATA ||
                         hn_store_read(s, "/train/labels", HN_I64, got, N) == HN_EDATA;
            hn_store_close(s);
        }
        bytes[i] ^= 0x40;
    }
    ok(whole < 0, "a changed byte is found when the file is opened whole (%ld)", whole);
    ok(head < 0, "and by the head unless it lies in a block (%ld)", head);
    ok(late > 0 && late == late_data, "those are found when they are read (%zu of %zu)", late_data, late);
    free(bytes);
}

static void unfinished(void)
{
    const char *path = in_play("half.h5");
    hn_store_writer *w = NULL;

    tap_status(begin(&w, path), HN_OK, "a large file is begun");
    ok(files_with(play, ".tmp") == 1 && access(path, F_OK) != 0, "as a temporary");
    tap_status(hn_store_fill(w, "/train/labels", label, 8), HN_OK, "and filled in part");
    tap_status(hn_store_fill(w, "/train/labels", label, sizeof label), HN_EBUG, "not beyond the end");
    tap_status(hn_store_publish(w, path), HN_EBUG, "half a file is not published");
    ok(begin(&w, path) == HN_OK, "another");
    hn_store_abandon(w);
    ok(files_with(play, "half") == 0, "may be abandoned, nothing is left");
    tap_status(hn_store_begin_large(&w, in_play("none/x.h5")), HN_ECREATE, "no folder, no file");
}

static int publish_limited(const char *path, rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    return write_large(path) == HN_EIO;
}

static void disk_full(void)
{
    const char *path = in_play("large.h5");
    size_t n, good = 0;
    unsigned char *before = slurp(path, &n);
    const rlim_t at[] = {3000, 30000, 45000, n - 20};

    fflush(stdout);
    for (int i = 0; i < 4; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) /* exit(): HDF5's own clean-up must get through as well */
            exit(publish_limited(path, at[i]) ? 0 : 1);
        waitpid(child, &status, 0);
        good += status == 0 && same_file(path, before, n) && files_with(play, ".tmp") == 0;
    }
    ok(good == 4, "a full disk, early or late, leaves the old file and nothing else (%zu of 4)", good);
    free(before);
}

int main(void)
{
    tap_plan(35);
    play_begin();
    make();
    round_trip();
    damage();
    unfinished();
    disk_full();
    ok(hn_live_blocks() == 0, "no memory is left behind");
    play_end();
    return tap_done();
}
