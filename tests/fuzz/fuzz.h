/* fuzz/fuzz.h - what the targets share.
 *
 * A target takes any bytes as some outside text or file, calls what reads it, and holds it to the promise:
 * success leaves an object that can be read through; failure leaves a documented status and one clear line;
 * either way no memory stays behind.  Sanitizers and libFuzzer's limits see to the rest.  Built twice: with
 * libFuzzer (build/fuzz), and with main.c, which replays files (build/asan). */
#ifndef HN_TESTS_FUZZ_H
#define HN_TESTS_FUZZ_H

#include "base/mem.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig's scanner leaves a text behind when its parser gives up. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig_yylex";
}

#define must(x) ((x) ? (void)0 : fuzz_broken(#x, __FILE__, __LINE__))

_Noreturn static inline void fuzz_broken(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\nlast error: %s [%s]\n", file, line, what, hn_error_text(),
            hn_error_place());
    abort();
}

static inline void fuzz_hush(void *ctx, enum hn_log_level level, const char *line)
{
    (void)ctx, (void)level, (void)line;
}

static inline void fuzz_begin(void)
{
    hn_log_to(fuzz_hush, NULL, HN_LOG_INFO);
    hn_error_set("", "");
}

static inline int fuzz_end(void)
{
    must(hn_live_blocks() == 0);
    return 0;
}

/* One line that a terminal can show. */
static inline void fuzz_check_text(const char *text)
{
    must(text[0] != '\0');
    for (; *text; text++)
        must((unsigned char)*text >= ' ' && *text != 0x7f);
}

/* Did it work?  If not: was it one of `allowed`, and said? */
#define fuzz_good(status, ...) fuzz_good_at(status, (const hn_status[]){__VA_ARGS__, HN_OK})
static inline bool fuzz_good_at(hn_status st, const hn_status *allowed)
{
    if (st == HN_OK)
        return true;
    while (*allowed != st && *allowed != HN_OK)
        allowed++;
    must(*allowed == st);
    fuzz_check_text(hn_error_text());
    return false;
}

/* The input as a text of its own. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* ---- files: in a folder of this process, in memory where the system has such a place ---- */

static char fuzz_folder[512];

static inline int fuzz_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline void fuzz_clean(void)
{
    nftw(fuzz_folder, fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* "FOLDER/NAME"; good for the last eight calls. */
static inline const char *fuzz_path(const char *name)
{
    static char path[8][1024];
    static int next;
    const char *top = getenv("TMPDIR");

    if (fuzz_folder[0] == '\0') {
        snprintf(fuzz_folder, sizeof fuzz_folder, "%.400s/hn-fuzz.XXXXXX",
                 top                             ? top
                 : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                                                 : "/tmp");
        must(mkdtemp(fuzz_folder) != NULL);
        atexit(fuzz_clean);
    }
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", fuzz_folder, name);
    return path[next];
}

static inline const char *fuzz_file(const char *name, const void *bytes, size_t count)
{
    const char *path = fuzz_path(name);
    FILE *f = fopen(path, "wb");

    must(f != NULL && fwrite(bytes, 1, count, f) == count);
    must(fclose(f) == 0);
    return path;
}

#endif
