/* Data sets of ours: written, opened, attached, read, described; every kind of damage is found. */
#include "base/mem.h"
#include "data/dataset.h"
#include "make.h"
#include "store/store.h"

static int reads_as_made(hn_dataset *d, enum hn_split split)
{
    unsigned char bytes[784];
    int64_t label;

    for (uint64_t i = 0; i < d->info.samples[split]; i++) {
        uint64_t id = (i * 7919) % d->info.samples[split];
        if (hn_dataset_read(d, split, id, bytes, &label) != HN_OK || label != made_label(id))
            return 0;
        for (uint64_t k = 0; k < d->info.sample_bytes; k++)
            if (bytes[k] != made_byte(id, k))
                return 0;
    }
    return 1;
}

static void whole(void)
{
    const char *path = in_folder("set.h5");
    hn_dataset *d = NULL, *e = NULL;
    const void *layout;
    size_t bytes;
    char *text = NULL;

    tap_status(make_set(path, 5001, 28, 28), HN_OK, "a set of 5001 images is written");
    tap_status(hn_dataset_open(&d, path), HN_OK, "and opened");
    const struct hn_dataset_info *i = hn_dataset_info(d);
    ok(i->kind == HN_IMAGES && i->h == 28 && i->w == 28 && i->c == 1 && i->sample_bytes == 784, "shape");
    ok(i->samples[HN_TRAIN] == 5001 && i->samples[HN_TEST] == 3 && i->samples[HN_UNLABELED] == 0 &&
           i->labelled[HN_TRAIN] && !i->labelled[HN_UNLABELED],
       "splits");
    ok(i->classes == 5 && strcmp(hn_dataset_class(d, 4), "e") == 0 && strcmp(hn_dataset_class(d, 5), "") == 0,
       "class names");
    ok(i->block_samples[HN_TRAIN] == 1337 && strcmp(i->name, "made") == 0 &&
           i->file_bytes == (uint64_t)size_of(path),
       "blocks of whole samples of about 1 MiB, name, size");
    hn_dataset_layout(d, &layout, &bytes);
    tap_status(hn_dataset_attach(&e, path, layout, bytes), HN_OK,
               "another rank attaches with the layout's bytes");
    ok(memcmp(i->file_hash, hn_dataset_info(e)->file_hash, 16) == 0 && hn_dataset_info(e)->classes == 5 &&
           strcmp(hn_dataset_class(e, 1), "b") == 0,
       "and knows the same");
    ok(reads_as_made(e, HN_TRAIN) && reads_as_made(e, HN_TEST), "every sample and label reads as written");
    tap_status(hn_dataset_cache(e, 0, true), HN_OK, "with the smallest cache, picking single samples");
    ok(reads_as_made(e, HN_TRAIN) && reads_as_made(e, HN_TRAIN), "too");
    tap_status(hn_dataset_cache(e, 3 << 20, false), HN_OK, "with a cache of three blocks of seven");
    ok(reads_as_made(e, HN_TRAIN), "too");
    tap_status(hn_dataset_verify(e, NULL, NULL), HN_OK, "all blocks match their hashes");
    tap_status(hn_dataset_describe(d, &text), HN_OK, "it can be described");
    ok(text && strstr(text, "images of 28 x 28 x 1") &&
           strstr(text, "train      5001, labelled; 4 blocks of 1337") &&
           strstr(text, "       0 a                              1001          1"),
       "with shapes, splits, samples per class");
    hn_dataset_text_free(text);
    tap_status(hn_dataset_read(d, HN_TRAIN, 5001, NULL, NULL), HN_EBUG, "a sample past the end is refused");
    hn_dataset_close(d);
    hn_dataset_close(e);
    hn_dataset_close(NULL);
}

static void attach_elsewhere(void)
{
    const char *path = in_folder("set.h5"), *other = in_folder("other.h5");
    hn_dataset *d = NULL, *e = NULL;
    const void *layout;
    size_t bytes;

    make_set(other, 10, 28, 28);
    hn_dataset_open(&d, path);
    hn_dataset_layout(d, &layout, &bytes);
    tap_status(hn_dataset_attach(&e, other, layout, bytes), HN_EDATA, "another file there is noticed");
    ok(said("another file?"), "and said");
    tap_status(hn_dataset_attach(&e, in_folder("none.h5"), layout, bytes), HN_ENOINPUT, "no file there");
    tap_status(hn_dataset_attach(&e, path, layout, bytes - 1), HN_EBUG, "a layout cut short is refused");
    int refused = 0, tried = 0;
    unsigned char *copy = malloc(bytes);
    for (size_t at = 0; at < sizeof(struct hn_layout); at += 5) {
        memcpy(copy, layout, bytes);
        copy[at] ^= 0x81;
        hn_status st = hn_dataset_attach(&e, path, copy, bytes);
        refused += st != HN_OK;
        tried++;
        if (st == HN_OK) {
            hn_dataset_close(e);
            e = NULL;
        }
    }
    free(copy);
    ok(refused > tried / 2, "layouts with a changed byte do no harm (%d of %d refused)", refused, tried);
    hn_dataset_close(d);
}

static void damage(void)
{
    const char *path = in_folder("damaged.h5");
    hn_dataset *d = NULL;
    unsigned char bytes[784];
    int64_t label;
    uint64_t at;

    make_set(path, 5001, 28, 28);
    hn_dataset_open(&d, path);
    at = d->layout->extent[HN_EXTENT_SAMPLES(HN_TRAIN)].offset;
    hn_dataset_close(d);
    flip_byte(path, (long)at + 1400 * 784);
    tap_status(hn_dataset_open(&d, path), HN_OK, "a flipped byte in a block is not seen at opening");
    tap_status(hn_dataset_read(d, HN_TRAIN, 3, bytes, &label), HN_OK, "nor while other blocks are read");
    tap_status(hn_dataset_read(d, HN_TRAIN, 1337, bytes, &label), HN_EDATA,
               "but when its block is first read");
    ok(said("block 1 of train samples (entries 1337 to 2673, bytes "), "which says where");
    tap_status(hn_dataset_read(d, HN_TRAIN, 1337, bytes, &label), HN_EDATA, "and again");
    tap_status(hn_dataset_verify(d, NULL, NULL), HN_EDATA, "verifying finds it");
    hn_dataset_close(d);
    flip_byte(path, (long)at + 1400 * 784);
    tap_status(hn_dataset_open(&d, path), HN_OK, "flipped back");
    tap_status(hn_dataset_verify(d, NULL, NULL), HN_OK, "all is well");
    cut_file(path, size_of(path) - 100000);
    hn_dataset_cache(d, 0, false);
    hn_status st = HN_OK;
    for (uint64_t i = 5000; i > 4000 && st == HN_OK; i--)
        st = hn_dataset_read(d, HN_TRAIN, i, bytes, &label);
    ok(st == HN_EDATA || st == HN_OK, "a file cut while it is open ends in a sentence, not a signal");
    hn_dataset_close(d);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "a file cut short is not opened");
    tap_status(hn_dataset_open(&d, in_folder("none.h5")), HN_ENOINPUT, "nor one that is not there");
    put_file("text.h5", "hello", 5);
    tap_status(hn_dataset_open(&d, in_folder("text.h5")), HN_EDATA, "nor a text");
    make_set(path, 10, 28, 28);
    flip_byte(path, 300);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "nor one with a flipped byte in its head");
}

/* Sealed files that are no proper sets. */
static hn_status seal(const char *path, uint64_t samples, uint64_t h, uint64_t labels, int32_t label,
                      bool format, bool floats)
{
    uint64_t dim[4] = {samples, h, 4, 1}, bytes = samples * h * 4 * (floats ? 4 : 1);
    unsigned char *zero = calloc(1, bytes + 1);
    int32_t *value = malloc(4 * labels + 4);
    hn_store_writer *w = NULL;

    for (uint64_t i = 0; i < labels; i++)
        value[i] = i == labels - 1 ? label : 0;
    hn_store_begin_large(&w, path);
    hn_store_declare(w, "/train/images", floats ? HN_F32 : HN_U8, 4, dim, 1024);
    if (labels)
        hn_store_declare(w, "/train/labels", HN_I32, 1, &labels, 1024);
    if (format)
        hn_store_put_attr_text(w, "/", "format", HN_LAYOUT_FORMAT);
    hn_store_put_attr_i64(w, "/", "version", HN_LAYOUT_VERSION);
    hn_store_put_attr_i64(w, "/", "classes", 3);
    if (bytes)
        hn_store_fill(w, "/train/images", zero, bytes);
    if (labels)
        hn_store_fill(w, "/train/labels", value, 4 * labels);
    free(zero);
    free(value);
    return hn_store_publish(w, path);
}

static void improper(void)
{
    const char *path = in_folder("improper.h5");
    hn_dataset *d = NULL;

    tap_status(seal(path, 20, 4, 20, 2, true, false), HN_OK, "a proper set by hand");
    tap_status(hn_dataset_open(&d, path), HN_OK, "opens");
    hn_dataset_close(d);
    d = NULL;
    seal(path, 20, 4, 20, 3, true, false);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "label out of range");
    ok(said("label 3 of sample 19 is outside 0 .. 2"), "says which");
    seal(path, 20, 4, 20, -1, true, false);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "negative label");
    seal(path, 20, 4, 19, 0, true, false);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "labels missing");
    ok(said("19 labels for 20 samples"), "says how many");
    seal(path, 20, 4, 20, 2, false, false);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "no data set");
    ok(said("not a data set of hardneg"), "says so");
    seal(path, 20, 4, 20, 2, true, true);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "images of another type");
    seal(path, 0, 4, 0, 0, true, false);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "an empty set");
    ok(said("no samples"), "says so");
    seal(path, 20, 5, 20, 2, true, false);
    tap_status(hn_dataset_open(&d, path), HN_EDATA, "blocks that cut samples");
    tap_status(make_set(in_folder("none/x.h5"), 5, 2, 2), HN_ECREATE, "an output folder that is not there");
}

int main(void)
{
    tap_plan(50);
    make_folder();
    whole();
    attach_elsewhere();
    damage();
    improper();
    remove_folder();
    ok(hn_live_blocks() == 0, "no memory is left behind (%zu blocks)", hn_live_blocks());
    return tap_done();
}
