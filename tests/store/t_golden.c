/* The reference files, as h5py wrote them: numbers that the README or the generators state. */
#include "base/mem.h"
#include "store/files.h"
#include "store/store.h"
#include "tap.h"

static hn_store *open_golden(const char *folder, const char *name)
{
    char path[1024];
    hn_store *s = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    tap_status(hn_store_open_foreign(&s, path), HN_OK, "%s is opened", name);
    return s;
}

static void augment(hn_store *s)
{
    struct hn_array_info info;
    double v[4];
    char text[64];
    static unsigned char pixel[16 * 32 * 32 * 3];
    int32_t order[24 * 4], first[4];
    bool each = true;

    ok(hn_store_info(s, "/sources/c32", &info) == HN_OK && info.type == HN_U8 && info.rank == 4 &&
           info.dim[0] == 16 && info.dim[3] == 3 &&
           hn_store_read(s, "/sources/c32", HN_U8, pixel, info.count) == HN_OK,
       "sixteen colour images");
    ok(hn_store_attr_f64s(s, "/sampler/crop_32x32", "ratio", v, 4) == 2 && v[0] == 0.75 && v[1] == 4.0 / 3,
       "a vector attribute");
    ok(hn_store_attr_text(s, "/jitter_orders", "source", text, sizeof text) && !strcmp(text, "c32"),
       "a text attribute");
    ok(hn_store_read(s, "/jitter_orders/order", HN_I32, order, 96) == HN_OK &&
           hn_store_read_rows(s, "/jitter_orders/order", HN_I32, 5, 1, first) == HN_OK &&
           !memcmp(first, order + 20, 16),
       "int32, whole and by rows");
    for (int i = 0; i < 24; i++)
        each &=
            (1 << order[4 * i] | 1 << order[4 * i + 1] | 1 << order[4 * i + 2] | 1 << order[4 * i + 3]) == 15;
    ok(each, "which are permutations");
}

static void training(hn_store *s)
{
    char name[80];
    struct hn_array_info info;

    bool group = false;
    ok(hn_store_member(s, "/", 0, name, sizeof name, &group), "members");
    ok(hn_store_info(s, "/settings", &info) == HN_EDATA && hn_store_has(s, "/settings"),
       "a group of settings");
}

/* Every array of the file as bytes in memory is what it is by path. */
static int compare(hn_store *a, hn_store *b, const char *group, int *arrays)
{
    char name[200], full[400];
    bool is_group;
    int bad = 0;

    for (size_t i = 0; hn_store_member(a, group, i, name, sizeof name, &is_group); i++) {
        struct hn_array_info info;
        snprintf(full, sizeof full, "%s/%s", group[1] ? group : "", name);
        if (is_group) {
            bad += compare(a, b, full, arrays);
            continue;
        }
        if (hn_store_info(a, full, &info) != HN_OK)
            continue; /* texts */
        size_t bytes = info.count * hn_type_size(info.type);
        void *x = hn_zalloc(bytes + 1), *y = hn_zalloc(bytes + 1);
        bad += hn_store_read(a, full, info.type, x, info.count) ||
               hn_store_read(b, full, info.type, y, info.count) || memcmp(x, y, bytes) != 0;
        hn_free(x);
        hn_free(y);
        ++*arrays;
    }
    return bad;
}

int main(void)
{
    const char *folder = getenv("HN_GOLDEN");
    char path[1024];
    hn_store *a, *b = NULL;
    int arrays = 0;
    size_t n;

    if (folder == NULL)
        tap_skip_all("HN_GOLDEN is not set");
    tap_plan(13);
    a = open_golden(folder, "augment.h5");
    if (a != NULL)
        augment(a);
    hn_store_close(a);
    a = open_golden(folder, "train_mlp.h5");
    if (a != NULL)
        training(a);
    hn_store_close(a);
    a = open_golden(folder, "ops.h5");
    snprintf(path, sizeof path, "%s/ops.h5", folder);
    unsigned char *bytes = slurp(path, &n);
    tap_status(hn_store_open_image(&b, bytes, n, path), HN_OK, "or from memory");
    free(bytes);
    if (a != NULL && b != NULL) {
        int bad = compare(a, b, "/", &arrays);
        ok(bad == 0 && arrays > 100, "all %d arrays are the same", arrays);
    }
    hn_store_close(a);
    hn_store_close(b);
    ok(hn_live_blocks() == 0, "no memory is left behind");
    return tap_done();
}
