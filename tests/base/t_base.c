/* Small parts of base: memory, random numbers, hashes, threads, text. */
#include "base/assert.h"
#include "base/build.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/text.h"
#include "base/threads.h"
#include "tap.h"
#include <Random123/philox.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void memory(void)
{
    size_t before = hn_live_blocks(), product;
    void *a = hn_zalloc(10);

    ok(a && (uintptr_t)a % HN_ALIGN == 0 && hn_live_blocks() == before + 1, "blocks are aligned and counted");
    hn_free(a);
    hn_free(NULL);
    ok(hn_live_blocks() == before, "freed blocks are counted off");
    ok(!hn_mul(&product, SIZE_MAX, 2) && hn_calloc(SIZE_MAX, 2) == NULL, "an overflowing size is refused");
    hn_carver c = {0};
    void *block = NULL;
    hn_carve(&c, 4, 3);
    hn_carve(&c, 8, 100);
    ok(c.bytes == 64 + 832, "a carver counts in aligned pieces");
    ok(hn_carver_start(&c, &block, "test") == HN_OK, "a carver starts");
    char *first = hn_carve(&c, 4, 3), *second = hn_carve(&c, 8, 100);
    ok(first == block && second == first + 64, "and hands out what it counted");
    hn_free(block);
    c = (hn_carver){0};
    hn_carve(&c, SIZE_MAX, 2);
    ok(hn_carver_start(&c, &block, "test") == HN_ENOMEM, "an overflowing layout is refused");
}

static void to_pipe(void *ctx, enum hn_log_level level, const char *line)
{
    (void)level;
    dprintf(*(int *)ctx, "%s\n", line);
}

/* A second run that takes more than the first counted; returns how the process ended. */
static int overrun(char *said, size_t room)
{
    int pipes[2], status = -1;
    pid_t child;

    if (pipe(pipes) != 0 || (child = fork()) < 0)
        return -1;
    if (child == 0) {
        hn_carver c = {0};
        void *block = NULL;
        hn_log_to(to_pipe, &pipes[1], HN_LOG_INFO);
        hn_carve(&c, 1, 64);
        if (hn_carver_start(&c, &block, "test") != HN_OK)
            _exit(1);
        hn_carve(&c, 1, 64);
        hn_carve(&c, 1, 1);
        hn_free(block);
        _exit(0);
    }
    close(pipes[1]);
    ssize_t n = read(pipes[0], said, room - 1);
    said[n > 0 ? n : 0] = '\0';
    close(pipes[0]);
    waitpid(child, &status, 0);
    return status;
}

static void assertions(void)
{
    char said[512];
    int status = overrun(said, sizeof said);
#ifdef HN_DEBUG
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, "base/mem.c:") != NULL &&
           strstr(said, "does not hold: ") != NULL,
       "debug builds stop where a carver runs over, and say where");
#else
    int tried = 0;
    HN_ASSERT(++tried > 1);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0 && said[0] == '\0' && tried == 0,
       "assertions are for debug builds: others do not even look");
#endif
}

static void random_numbers(void)
{
    /* Random123's known answer for Philox4x32-10 (its kat_vectors file). */
    philox4x32_ctr_t ctr = {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}};
    philox4x32_key_t key = {{0xffffffff, 0xffffffff}};
    philox4x32_ctr_t out = philox4x32(ctr, key);
    hn_draws d = hn_draws_for(7, HN_DRAW_TEST, 3, 9), e = d;
    double sum = 0, normal = 0, square = 0;
    int low = 0, high = 0, n = 20000;

    ok(out.v[0] == 0x408f276d && out.v[1] == 0x41c83b0e && out.v[2] == 0xa20bc7c6 && out.v[3] == 0x6d5451fd,
       "Philox4x32-10 gives the published answer");
    ok(hn_draw_u32(&d) == hn_draw_u32(&e), "equal streams draw equal numbers");
    for (int i = 0; i < n; i++) {
        uint64_t k = hn_draw_between(&d, 5, 9);
        low += k == 5;
        high += k == 9;
        sum += hn_draw_unit(&d);
        double x = hn_draw_normal(&d);
        normal += x;
        square += x * x;
    }
    ok(abs(low - n / 5) < 300 && abs(high - n / 5) < 300, "a range's ends come as often as they should");
    ok(fabs(sum / n - 0.5) < 0.01, "units average a half");
    ok(fabs(normal / n) < 0.03 && fabs(square / n - 1) < 0.05, "normals have mean 0 and variance 1");
}

static void hashes(void)
{
    const char *text = "hard negatives";
    unsigned char bytes[16];
    hn_hasher *h = NULL;
    struct hn_hash whole = hn_hash_bytes(text, strlen(text));

    ok(hn_hasher_new(&h) == HN_OK, "a hasher opens");
    hn_hasher_add(h, text, 5);
    hn_hasher_add(h, text + 5, strlen(text) - 5);
    ok(hn_hash_equal(hn_hasher_value(h), whole), "pieces hash like the whole");
    hn_hash_store(whole, bytes);
    ok(hn_hash_equal(hn_hash_load(bytes), whole), "a hash survives its sixteen bytes");
    hn_hasher_free(h);
}

static void mark(void *ctx, size_t item, size_t index)
{
    (void)index;
    ((int *)ctx)[item]++;
}

static void threads(void)
{
    hn_threads *t = NULL;
    int count[1000] = {0}, bad = 0;

    ok(hn_threads_new(&t, 3) == HN_OK && hn_threads_count(t) == 3, "three threads start");
    for (int round = 0; round < 50; round++)
        hn_threads_each(t, 1000, mark, count);
    for (int i = 0; i < 1000; i++)
        bad += count[i] != 50;
    ok(bad == 0, "each item is done once a run");
    hn_threads_free(t);
}

static void build(void)
{
    const char *id = hn_build_id();

    ok(strlen(id) >= 16 && strspn(id, "0123456789abcdef") == strlen(id), "the build has an id (%s)", id);
}

static void errors(void)
{
    struct hn_text t = {0};

    ok(hn_fail(HN_EDATA, "%s: no samples", "x.h5") == HN_EDATA &&
           strcmp(hn_error_text(), "x.h5: no samples") == 0,
       "an error keeps its sentence");
    (void)hn_fail(HN_EDATA, "rank 3: %s", hn_error_text());
    ok(strcmp(hn_error_text(), "rank 3: x.h5: no samples") == 0, "and can be quoted in the next");
    for (int i = 0; i < 500; i++)
        hn_text_add(&t, "%d,", i % 10);
    ok(hn_text_status(&t) == HN_OK && t.length == 1000 && t.at[998] == '9', "text grows");
    hn_text_free(&t);
    ok(hn_live_blocks() == 0, "nothing is left");
}

int main(void)
{
    tap_plan(23);
    memory();
    assertions();
    random_numbers();
    hashes();
    threads();
    build();
    errors();
    return tap_done();
}
