#include "ckpt/content.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(enum hn_type type)
{
    static const char *const name[] = {
        [HN_U8] = "u8", [HN_I32] = "i32", [HN_I64] = "i64", [HN_F32] = "f32", [HN_F64] = "f64"};

    return name[type];
}

static void add_u64(hn_hasher *h, uint64_t v)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++, v >>= 8)
        bytes[i] = (unsigned char)v;
    hn_hasher_add(h, bytes, sizeof bytes);
}

hn_status hn_ckpt_array_hash(struct hn_hash *out, const char *name, enum hn_type type, int rank,
                             const uint64_t *dim, const void *bytes)
{
    size_t count = hn_type_size(type);
    hn_hasher *h = NULL;
    hn_status st = hn_hasher_new(&h);

    if (st != HN_OK)
        return st;
    hn_hasher_add(h, name, strlen(name) + 1);
    hn_hasher_add(h, type_name(type), strlen(type_name(type)) + 1);
    add_u64(h, (uint64_t)rank);
    for (int i = 0; i < rank; i++) {
        add_u64(h, dim[i]);
        count *= dim[i];
    }
    if (count > 0)
        hn_hasher_add(h, bytes, count);
    *out = hn_hasher_value(h);
    hn_hasher_free(h);
    return HN_OK;
}

/* A list that is filled by walking the groups twice: to count, then to read. */
struct walk {
    const hn_store *store;
    const char *path;
    struct hn_ckpt_item *item; /* NULL: count only */
    size_t count, room;
};

static hn_status compare_hash(const struct walk *w, struct hn_ckpt_item *item, const void *bytes)
{
    char stored[HN_HASH_TEXT] = "", found[HN_HASH_TEXT];
    hn_status st =
        hn_ckpt_array_hash(&item->hash, item->name, item->info.type, item->info.rank, item->info.dim, bytes);

    if (st != HN_OK)
        return st;
    hn_hash_text(item->hash, found);
    if (!hn_store_attr_text(w->store, item->name, HN_CKPT_ATTRIBUTE, stored, sizeof stored))
        return hn_fail(HN_EDATA, "%s: %s: has no hash", w->path, item->name);
    if (strcmp(stored, found) != 0)
        return hn_fail(HN_EDATA, "%s: %s: damaged: its hash is %s, it was saved with %s", w->path, item->name,
                       found, stored);
    return HN_OK;
}

/* name is full, without a leading "/". */
static hn_status read_item(struct walk *w, const char *name)
{
    struct hn_ckpt_item *item = &w->item[w->count++];
    bool is_text = strncmp(name, HN_CKPT_TEXTS, strlen(HN_CKPT_TEXTS)) == 0;
    hn_status st = hn_store_info(w->store, name, &item->info);
    char *bytes;

    if (st != HN_OK)
        return st;
    /* In one piece, so that it is no larger than the file: what is kept in chunks may claim any size. */
    if (item->info.count > 0 && item->info.offset == UINT64_MAX)
        return hn_fail(HN_EDATA, "%s: %s: is not kept in one piece", w->path, name);
    item->name = hn_strdup(name);
    bytes = hn_zalloc(item->info.count * hn_type_size(item->info.type) + 1); /* a text ends with zero */
    st = item->name == NULL || bytes == NULL ? HN_ENOMEM : HN_OK;
    if (st == HN_OK)
        st = hn_store_read(w->store, name, item->info.type, bytes, item->info.count);
    if (st == HN_OK)
        st = compare_hash(w, item, bytes);
    if (is_text && item->info.type == HN_U8) {
        item->text = bytes;
        bytes = NULL;
    }
    hn_free(bytes);
    return st;
}

static hn_status walk_group(struct walk *w, const char *group)
{
    char member[HN_CKPT_NAME], full[HN_CKPT_NAME];
    bool is_group = false;

    for (size_t i = 0; hn_store_member(w->store, group[0] ? group : "/", i, member, sizeof member, &is_group);
         i++) {
        int n = snprintf(full, sizeof full, "%s%s%s", group, group[0] ? "/" : "", member);
        hn_status st = HN_OK;
        if (n < 0 || (size_t)n >= sizeof full)
            return hn_fail(HN_EDATA, "%s: %s: a name that is too long", w->path, full);
        if (is_group)
            st = walk_group(w, full);
        else if (w->item != NULL && w->count < w->room)
            st = read_item(w, full);
        else
            w->count++;
        if (st != HN_OK)
            return st;
    }
    return HN_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct hn_ckpt_item *x = a, *y = b;

    return strcmp(x->name, y->name);
}

hn_status hn_ckpt_read_items(struct hn_ckpt_item **out, size_t *count, const hn_store *s, const char *path)
{
    struct walk w = {.store = s, .path = path};
    hn_status st = walk_group(&w, "");

    if (st != HN_OK)
        return st;
    w.room = w.count;
    w.count = 0;
    w.item = hn_calloc(w.room + 1, sizeof *w.item);
    if (w.item == NULL)
        return HN_ENOMEM;
    st = walk_group(&w, "");
    if (st != HN_OK) {
        hn_ckpt_free_items(w.item, w.room);
        return st;
    }
    qsort(w.item, w.count, sizeof *w.item, by_name);
    *out = w.item;
    *count = w.count;
    return HN_OK;
}

void hn_ckpt_free_items(struct hn_ckpt_item *item, size_t count)
{
    for (size_t i = 0; item != NULL && i < count; i++) {
        hn_free(item[i].name);
        hn_free(item[i].text);
    }
    hn_free(item);
}
