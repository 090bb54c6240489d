/* ckpt/save.c - writing a checkpoint. */
#include "base/file.h"
#include "base/mem.h"
#include "ckpt/content.h"
#include "ckpt/folder.h"
#include "hardneg/ckpt.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* An array with its hash; bytes NULL: its place alone. name without a leading "/". */
static hn_status put_hashed(hn_store_writer *w, const char *name, enum hn_type type, int rank,
                            const uint64_t *dim, const void *bytes)
{
    char text[HN_HASH_TEXT];
    struct hn_hash hash = {0};
    hn_status st = strlen(name) < HN_CKPT_NAME ? HN_OK : hn_fail(HN_EBUG, "%s: too long a name", name);

    if (st == HN_OK && bytes)
        st = hn_ckpt_array_hash(&hash, name, type, rank, dim, bytes);
    if (st == HN_OK)
        st = bytes ? hn_store_put(w, name, type, rank, dim, bytes)
                   : hn_store_put_nothing(w, name, type, rank, dim);
    if (st != HN_OK)
        return st;
    hn_hash_text(hash, text);
    return hn_store_put_attr_text(w, name, HN_CKPT_ATTRIBUTE, text);
}

static hn_status put_text(hn_store_writer *w, const struct hn_ckpt_text *t)
{
    char name[HN_CKPT_NAME];
    uint64_t length = strlen(t->text);

    if (snprintf(name, sizeof name, HN_CKPT_TEXTS "%s", t->name) >= (int)sizeof name)
        return hn_fail(HN_EBUG, "%s: too long a name", t->name);
    return put_hashed(w, name, HN_U8, 1, &length, t->text);
}

static hn_status put_all(hn_store_writer *w, uint64_t step, const struct hn_ckpt_array *array, size_t arrays,
                         const struct hn_ckpt_text *text, size_t texts)
{
    hn_status st = hn_store_put_attr_text(w, "/", "format", HN_CKPT_FORMAT);

    if (st == HN_OK)
        st = hn_store_put_attr_i64(w, "/", "version", HN_CKPT_VERSION);
    if (st == HN_OK)
        st = hn_store_put_attr_i64(w, "/", "step", (int64_t)step);
    for (size_t i = 0; st == HN_OK && i < arrays; i++)
        st = put_hashed(w, array[i].name, array[i].integer ? HN_I64 : HN_TYPE_REAL, array[i].rank,
                        array[i].dim, array[i].data);
    for (size_t i = 0; st == HN_OK && i < texts; i++)
        st = put_text(w, &text[i]);
    return st;
}

hn_status hn_ckpt_save(const char *dir, uint64_t step, const struct hn_ckpt_array *array, size_t arrays,
                       const struct hn_ckpt_text *text, size_t texts)
{
    char path[PATH_MAX];
    hn_store_writer *w = NULL;
    hn_status st = hn_ckpt_file_name(path, sizeof path, dir, step);

    if (st == HN_OK)
        st = hn_ckpt_make_folder(dir);
    if (st == HN_OK)
        st = hn_store_begin(&w);
    if (st != HN_OK)
        return st;
    st = put_all(w, step, array, arrays, text, texts);
    if (st == HN_OK)
        return hn_store_publish(w, path);
    hn_store_abandon(w);
    return st;
}

hn_status hn_ckpt_measure(uint64_t *bytes, const struct hn_ckpt_array *array, size_t arrays,
                          const struct hn_ckpt_text *text, size_t texts)
{
    hn_store_writer *w = NULL;
    hn_status st = hn_store_begin(&w);

    if (st != HN_OK)
        return st;
    if ((st = put_all(w, 0, array, arrays, text, texts)) == HN_OK)
        st = hn_store_measure(w, bytes);
    hn_store_abandon(w);
    return st;
}

/* The newest that verifies; false when there is none (or no memory to tell). */
static bool newest_good(const char *dir, const uint64_t *step, size_t count, uint64_t *good)
{
    char path[PATH_MAX];
    hn_ckpt *c = NULL;

    for (size_t i = 0; i < count; i++)
        if (hn_ckpt_file_name(path, sizeof path, dir, step[i]) == HN_OK && hn_ckpt_open(&c, path) == HN_OK) {
            hn_ckpt_close(c);
            *good = step[i];
            return true;
        }
    return false;
}

static bool is_kept(const struct hn_ckpt_options *o, uint64_t step, size_t age)
{
    return age < o->keep || age == 0 || (o->keep_every > 0 && step % o->keep_every == 0);
}

static void delete_old(const char *dir, const struct hn_ckpt_options *options, const uint64_t *step,
                       size_t count)
{
    char path[PATH_MAX];
    uint64_t good = 0;
    size_t age = 0;

    while (age < count && is_kept(options, step[age], age))
        age++;
    if (age == count) /* nothing to delete: spare the reading */
        return;
    if (!newest_good(dir, step, count, &good))
        return; /* then every damaged file may still be worth something to somebody */
    for (; age < count; age++)
        if (!is_kept(options, step[age], age) && step[age] != good &&
            hn_ckpt_file_name(path, sizeof path, dir, step[age]) == HN_OK && remove(path) != 0)
            hn_log(HN_LOG_WARN, "%s: cannot be deleted", path);
}

void hn_ckpt_retire(const char *dir, const struct hn_ckpt_options *options)
{
    uint64_t *step = NULL;
    size_t count = 0;

    hn_file_sweep(dir);
    if (hn_ckpt_list(&step, &count, dir) != HN_OK) {
        hn_log(HN_LOG_WARN, "%s", hn_error_text());
        return;
    }
    delete_old(dir, options, step, count);
    hn_free(step);
}
