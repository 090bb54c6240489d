/* ckpt/load.c - opening a checkpoint and taking things out of it. */
#include "base/mem.h"
#include "base/text.h"
#include "ckpt/content.h"
#include "ckpt/folder.h"
#include "hardneg/ckpt.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct hn_ckpt {
    hn_store *store;
    char *path;
    uint64_t step;
    struct hn_ckpt_item *item; /* in the order of strcmp */
    size_t items;
};

static hn_status read_head(hn_ckpt *c)
{
    char format[64];
    int64_t version = 0, step = -1;

    if (!hn_store_attr_text(c->store, "/", "format", format, sizeof format) ||
        strcmp(format, HN_CKPT_FORMAT) != 0)
        return hn_fail(HN_EDATA, "%s: not a checkpoint", c->path);
    if (!hn_store_attr_i64(c->store, "/", "version", &version) || version != HN_CKPT_VERSION)
        return hn_fail(HN_EDATA, "%s: a checkpoint of version %lld, this program knows version %d", c->path,
                       (long long)version, HN_CKPT_VERSION);
    if (!hn_store_attr_i64(c->store, "/", "step", &step) || step < 0)
        return hn_fail(HN_EDATA, "%s: does not say of which step it is", c->path);
    c->step = (uint64_t)step;
    return HN_OK;
}

hn_status hn_ckpt_open(hn_ckpt **out, const char *path)
{
    hn_ckpt *c = hn_zalloc(sizeof *c);
    hn_status st = HN_ENOMEM;

    if (c == NULL || (c->path = hn_strdup(path)) == NULL)
        goto out;
    st = hn_store_open(&c->store, path);
    if (st == HN_OK)
        st = read_head(c);
    if (st == HN_OK)
        st = hn_ckpt_read_items(&c->item, &c->items, c->store, path);
    if (st == HN_OK) {
        *out = c;
        c = NULL;
    }
out:
    hn_ckpt_close(c);
    return st;
}

bool hn_ckpt_latest(const char *dir, uint64_t *step)
{
    uint64_t *steps = NULL;
    size_t count = 0;
    bool some = hn_ckpt_list(&steps, &count, dir) == HN_OK && count > 0;

    if (some)
        *step = steps[0];
    hn_free(steps);
    return some;
}

void hn_ckpt_close(hn_ckpt *c)
{
    if (c == NULL)
        return;
    hn_ckpt_free_items(c->item, c->items);
    hn_store_close(c->store);
    hn_free(c->path);
    hn_free(c);
}

hn_status hn_ckpt_check_name(const hn_ckpt *c, uint64_t step)
{
    if (c->step == step)
        return HN_OK;
    return hn_fail(HN_EDATA, "%s: holds step %llu: renamed?", c->path, (unsigned long long)c->step);
}

/* Reading may fail for a moment (a server that restarts, no file descriptors left), which says nothing about
 * the file.  HN_EDATA: something does. */
static hn_status open_patiently(hn_ckpt **out, const char *path)
{
    enum { TRIES = 4 };
    const struct timespec wait = {.tv_nsec = 500000000};

    for (int tries = 1;; tries++) {
        hn_status st = hn_ckpt_open(out, path);
        if (st != HN_EIO && st != HN_ENOINPUT)
            return st;
        if (access(path, F_OK) != 0 && errno == ENOENT) /* a run at work may have retired it meanwhile */
            return hn_fail(HN_EDATA, "%s: gone", path);
        if (tries == TRIES)
            return hn_fail(HN_EIO,
                           "%s (tried %d times; not passed over, for it may be good: move it away to go on "
                           "from an older one)",
                           hn_error_text(), tries);
        nanosleep(&wait, NULL);
    }
}

static hn_status open_step(hn_ckpt **out, const char *dir, uint64_t step)
{
    char path[PATH_MAX];
    hn_status st = hn_ckpt_file_name(path, sizeof path, dir, step);

    if (st == HN_OK && (st = open_patiently(out, path)) == HN_OK &&
        (st = hn_ckpt_check_name(*out, step)) != HN_OK) {
        hn_ckpt_close(*out);
        *out = NULL;
    }
    return st;
}

/* Of those there are now; *latest: the newest of them, usable or not. */
static hn_status newest_of_now(hn_ckpt **out, const char *dir, uint64_t *latest)
{
    uint64_t *step = NULL;
    size_t count = 0;
    hn_status st = hn_ckpt_list(&step, &count, dir);

    if (st != HN_OK)
        return st;
    *out = NULL;
    *latest = count > 0 ? step[0] : 0;
    for (size_t i = 0; i < count; i++) {
        if ((st = open_step(out, dir, step[i])) != HN_EDATA)
            break; /* what is not known to be damaged is no reason to lose steps */
        hn_log(HN_LOG_WARN, "skipped a checkpoint: %s", hn_error_text());
    }
    hn_free(step);
    if (st == HN_EDATA)
        st = hn_fail(st,
                     "%s: none of %zu checkpoints can be used: move them away to begin again, give --resume "
                     "FILE, or choose another directory",
                     dir, count);
    return st;
}

hn_status hn_ckpt_newest(hn_ckpt **out, const char *dir)
{
    uint64_t latest = 0, now;
    hn_status st;

    /* A run at work may have saved, and retired all that were there, while we read. */
    do
        st = newest_of_now(out, dir, &latest);
    while (st == HN_EDATA && hn_ckpt_latest(dir, &now) && now > latest);
    return st;
}

const char *hn_ckpt_path(const hn_ckpt *c)
{
    return c->path;
}

uint64_t hn_ckpt_step(const hn_ckpt *c)
{
    return c->step;
}

static int name_order(const void *key, const void *item)
{
    return strcmp(key, ((const struct hn_ckpt_item *)item)->name);
}

static const struct hn_ckpt_item *find(const hn_ckpt *c, const char *name)
{
    return bsearch(name, c->item, c->items, sizeof *c->item, name_order);
}

bool hn_ckpt_has(const hn_ckpt *c, const char *name)
{
    return find(c, name) != NULL;
}

const char *hn_ckpt_get_text(const hn_ckpt *c, const char *name)
{
    char full[HN_CKPT_NAME];
    const struct hn_ckpt_item *item;

    if (snprintf(full, sizeof full, HN_CKPT_TEXTS "%s", name) >= (int)sizeof full)
        return NULL;
    item = find(c, full);
    return item ? item->text : NULL;
}

static void add_shape(struct hn_text *t, int rank, const uint64_t *dim)
{
    hn_text_add(t, "(");
    for (int i = 0; i < rank; i++)
        hn_text_add(t, "%s%llu", i ? ", " : "", (unsigned long long)dim[i]);
    hn_text_add(t, ")");
}

static hn_status other_shape(const hn_ckpt *c, const struct hn_ckpt_item *item, const struct hn_ckpt_array *a)
{
    struct hn_text t = {0};
    hn_status st;

    add_shape(&t, item->info.rank, item->info.dim);
    hn_text_add(&t, " in the file, ");
    add_shape(&t, a->rank, a->dim);
    hn_text_add(&t, " here");
    st = hn_text_status(&t);
    if (st == HN_OK)
        st = hn_fail(HN_EUSAGE, "%s: %s is %s: another model?", c->path, a->name, t.at);
    hn_text_free(&t);
    return st;
}

static hn_status check_array(const hn_ckpt *c, const struct hn_ckpt_array *a)
{
    const struct hn_ckpt_item *item = find(c, a->name);
    bool same;

    if (item == NULL)
        return hn_fail(HN_EUSAGE, "%s: has no %s: another model?", c->path, a->name);
    same = item->info.rank == a->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = item->info.dim[i] == a->dim[i];
    if (!same)
        return other_shape(c, item, a);
    if (a->integer ? item->info.type != HN_I64 : item->info.type != HN_F32 && item->info.type != HN_F64)
        return hn_fail(HN_EUSAGE, "%s: %s does not hold %s: another model?", c->path, a->name,
                       a->integer ? "integers" : "floating-point numbers");
    return HN_OK;
}

hn_status hn_ckpt_load(const hn_ckpt *c, const struct hn_ckpt_array *array, size_t arrays)
{
    hn_status st = HN_OK;

    for (size_t i = 0; st == HN_OK && i < arrays; i++) /* all or nothing */
        st = check_array(c, &array[i]);
    for (size_t i = 0; st == HN_OK && i < arrays; i++)
        st = hn_store_read(c->store, array[i].name, array[i].integer ? HN_I64 : HN_TYPE_REAL, array[i].data,
                           find(c, array[i].name)->info.count);
    return st;
}

/* Over the hash of each array, in the order of names: those are over names, types, shapes and bytes. */
hn_status hn_ckpt_hash(const hn_ckpt *c, const char *prefix, char text[33])
{
    unsigned char bytes[16];
    hn_hasher *h = NULL;
    hn_status st = hn_hasher_new(&h);

    if (st != HN_OK)
        return st;
    for (size_t i = 0; i < c->items; i++)
        if (c->item[i].text == NULL && strncmp(c->item[i].name, prefix, strlen(prefix)) == 0) {
            hn_hash_store(c->item[i].hash, bytes);
            hn_hasher_add(h, bytes, sizeof bytes);
        }
    hn_hash_text(hn_hasher_value(h), text);
    hn_hasher_free(h);
    return HN_OK;
}
