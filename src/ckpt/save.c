/* ckpt/save.c - writing a checkpoint, and deleting old ones. */
#include "base/file.h"
#include "base/mem.h"
#include "ckpt/folder.h"
#include "hardneg/ckpt.h"
#include "store/store.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

hn_status hn_ckpt_save(const char *dir, uint64_t step, const struct hn_ckpt_array *array, size_t arrays,
                       const struct hn_ckpt_text *text, size_t texts)
{
    hn_ckpt_image *image = NULL;
    hn_status st = hn_ckpt_image_new(&image, array, arrays, text, texts);

    if (st != HN_OK)
        return st;
    hn_ckpt_image_take(image, step);
    st = hn_ckpt_image_write(image, dir, NULL, NULL);
    hn_ckpt_image_free(image);
    return st;
}

/* The newest that verifies; false when there is none (or no memory to tell). */
static bool newest_good(const char *dir, const uint64_t *step, size_t count, uint64_t *good)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < count; i++)
        if (hn_ckpt_file_name(path, sizeof path, dir, step[i]) == HN_OK && hn_store_check(path) == HN_OK) {
            *good = step[i];
            return true;
        }
    return false;
}

static bool is_kept(const struct hn_ckpt_options *o, uint64_t step, size_t age)
{
    return age < o->keep || age == 0 || (o->keep_every > 0 && step % o->keep_every == 0);
}

static hn_status delete_one(const char *dir, uint64_t step)
{
    char path[PATH_MAX];
    hn_status st = hn_ckpt_file_name(path, sizeof path, dir, step);

    if (st == HN_OK && remove(path) != 0 && errno != ENOENT)
        st = hn_fail(HN_EIO, "%s: cannot be deleted: %s", path, strerror(errno));
    return st;
}

static hn_status delete_old(const char *dir, const struct hn_ckpt_options *options, const uint64_t *step,
                            size_t count)
{
    hn_status st = HN_OK;
    uint64_t good = 0;
    size_t age = 0;

    while (age < count && is_kept(options, step[age], age))
        age++;
    if (age == count) /* nothing to delete: spare the reading */
        return HN_OK;
    if (!newest_good(dir, step, count, &good))
        return HN_OK; /* then every damaged file may still be worth something to somebody */
    for (; age < count; age++)
        if (!is_kept(options, step[age], age) && step[age] != good) {
            hn_status one = delete_one(dir, step[age]);
            st = st == HN_OK ? one : st;
        }
    return st;
}

hn_status hn_ckpt_retire(const char *dir, const struct hn_ckpt_options *options)
{
    uint64_t *step = NULL;
    size_t count = 0;
    hn_status st = hn_ckpt_list(&step, &count, dir);

    if (st == HN_OK)
        st = delete_old(dir, options, step, count);
    hn_free(step);
    return st;
}

static void set_aside_one(const char *dir, uint64_t step)
{
    char path[PATH_MAX], aside[PATH_MAX + 8];

    if (hn_ckpt_file_name(path, sizeof path, dir, step) != HN_OK)
        return;
    snprintf(aside, sizeof aside, "%s.damaged", path);
    if (rename(path, aside) == 0)
        hn_log(HN_LOG_WARN, "%s: kept as %s", path, aside + strlen(dir) + 1);
    else if (errno != ENOENT)
        hn_log(HN_LOG_WARN, "%s: damaged, and cannot be renamed: %s", path, strerror(errno));
}

void hn_ckpt_set_aside(const char *dir, uint64_t step)
{
    uint64_t *found = NULL;
    size_t count = 0;

    if (hn_ckpt_list(&found, &count, dir) == HN_OK)
        for (size_t i = 0; i < count && found[i] > step; i++)
            set_aside_one(dir, found[i]);
    hn_free(found);
}

void hn_ckpt_sweep(const char *dir)
{
    hn_file_sweep(dir);
}
