/* store/files.h - a folder to play in, and files as bytes. */
#ifndef HN_TESTS_STORE_FILES_H
#define HN_TESTS_STORE_FILES_H

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char play[] = "/tmp/hardneg-test-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline void play_end(void)
{
    nftw(play, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void play_begin(void)
{
    if (mkdtemp(play) == NULL) {
        perror(play);
        exit(1);
    }
}

/* "FOLDER/NAME"; good for the last four calls. */
static inline const char *in_play(const char *name)
{
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];

    snprintf(p, 512, "%s/%s", play, name);
    return p;
}

/* Whole file; NULL when it is not there. */
static inline unsigned char *slurp(const char *path, size_t *count)
{
    FILE *f = fopen(path, "rb");
    unsigned char *bytes;

    *count = 0;
    if (f == NULL)
        return NULL;
    fseek(f, 0, SEEK_END);
    *count = (size_t)ftell(f);
    rewind(f);
    bytes = malloc(*count + 1);
    if (bytes != NULL && fread(bytes, 1, *count, f) != *count)
        *count = 0;
    fclose(f);
    return bytes;
}

static inline void spill(const char *path, const void *bytes, size_t count)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(bytes, 1, count, f) != count)
        perror(path);
    if (f != NULL)
        fclose(f);
}

static inline int same_file(const char *path, const void *bytes, size_t count)
{
    size_t n;
    unsigned char *now = slurp(path, &n);
    int same = now != NULL && n == count && memcmp(now, bytes, n) == 0;

    free(now);
    return same;
}

/* Files in a folder whose name holds `part`. */
static inline int files_with(const char *folder, const char *part)
{
    DIR *d = opendir(folder);
    int n = 0;

    if (d == NULL)
        return 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
             strstr(e->d_name, part) != NULL;
    closedir(d);
    return n;
}

#endif
