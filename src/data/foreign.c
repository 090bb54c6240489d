#include "data/foreign.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

/* Names met in the wild, the likeliest first; labels are looked for beside the samples before. */
static const char *const samples_of[HN_SPLITS][24] = {
    {"/train/images",
     "/train/vectors",
     "/train/data",
     "/train/x",
     "/train/X",
     "/train/features",
     "/x_train",
     "/X_train",
     "/train_images",
     "/train_x",
     "/train_X",
     "/train_set_x",
     "/train_data",
     "/train_img",
     "/images",
     "/vectors",
     "/data",
     "/x",
     "/X",
     "/features",
     "/image",
     "/train"},
    {"/test/images", "/test/vectors", "/test/data", "/test/x", "/test/X", "/test/features", "/x_test",
     "/X_test", "/test_images", "/test_x", "/test_X", "/test_set_x", "/test_data", "/test_img", "/test"},
    {"/unlabeled/images", "/unlabeled/vectors", "/unlabeled/data", "/unlabeled/x", "/unlabeled/X",
     "/x_unlabeled", "/X_unlabeled", "/unlabeled_images", "/unlabeled_x", "/unlabeled_X", "/unlabeled"},
};
static const char *const labels_of[HN_SPLITS][24] = {
    {"/y_train", "/Y_train", "/train_labels", "/train_y", "/train_Y", "/train_set_y", "/train_label",
     "/labels", "/label", "/targets", "/target", "/y", "/Y"},
    {"/y_test", "/Y_test", "/test_labels", "/test_y", "/test_Y", "/test_set_y", "/test_label"},
    {NULL},
};
static const char *const beside[] = {"labels", "label", "targets", "target", "y", "Y"};

/* Is there an array (no group) of that name? */
static bool is_array(const hn_store *s, const char *name)
{
    char first[256];

    return hn_store_has(s, name) && !hn_store_member(s, name, 0, first, sizeof first, NULL) &&
           hn_store_info(s, name, &(struct hn_array_info){0}) == HN_OK;
}

static void list(const hn_store *s, const char *group, int depth, struct hn_text *text, int *left)
{
    char name[200], path[512];
    bool is_group;

    for (size_t i = 0; *left > 0 && hn_store_member(s, group, i, name, sizeof name, &is_group); i++) {
        snprintf(path, sizeof path, "%.300s/%s", strcmp(group, "/") == 0 ? "" : group, name);
        if (is_group && depth < 4) {
            list(s, path, depth + 1, text, left);
        } else {
            hn_text_add(text, "%s%s", text->at ? ", " : "", path);
            if (--*left == 0)
                hn_text_add(text, ", ...");
        }
    }
}

static hn_status not_found(hn_status status, const hn_store *s, const char *path, const char *what)
{
    struct hn_text text = {0};
    int left = 12;

    list(s, "/", 0, &text, &left);
    status = hn_fail(status, "%s: %s; it holds: %s", path, what, text.at ? text.at : "nothing");
    hn_text_free(&text);
    return status;
}

static hn_status take_option(char out[256], const hn_store *s, const char *path, const char *option)
{
    char what[300];

    if (option == NULL)
        return HN_OK;
    snprintf(out, 256, "%s%.250s", option[0] == '/' ? "" : "/", option);
    if (hn_store_has(s, out))
        return hn_store_info(s, out, &(struct hn_array_info){0});
    snprintf(what, sizeof what, "no array %s", out);
    return not_found(HN_EUSAGE, s, path, what);
}

static void guess(char out[256], const hn_store *s, const char *const name[24])
{
    for (int i = 0; i < 24 && name[i] && out[0] == '\0'; i++)
        if (is_array(s, name[i]))
            snprintf(out, 256, "%s", name[i]);
}

static void guess_labels(char out[256], const hn_store *s, const char *samples, enum hn_split split)
{
    int parent = (int)(strrchr(samples, '/') - samples);
    char name[320];

    for (size_t i = 0; parent > 0 && i < sizeof beside / sizeof *beside && out[0] == '\0'; i++) {
        snprintf(name, sizeof name, "%.*s/%s", parent, samples, beside[i]);
        if (strlen(name) < 256 && is_array(s, name))
            memcpy(out, name, strlen(name) + 1);
    }
    guess(out, s, labels_of[split]);
}

/* With any samples named, only named ones are taken. */
hn_status hn_foreign_find(struct hn_foreign *out, const hn_store *s, const char *path,
                          const struct hn_import_options *o)
{
    const char *const samples[HN_SPLITS] = {o->train_images, o->test_images, o->unlabeled};
    const char *const labels[HN_SPLITS] = {o->train_labels, o->test_labels, NULL};
    bool named = samples[0] || samples[1] || samples[2];
    bool found = false;

    memset(out, 0, sizeof *out);
    for (int i = 0; i < HN_SPLITS; i++) {
        hn_status st = take_option(out->samples[i], s, path, samples[i]);
        if (st == HN_OK)
            st = take_option(out->labels[i], s, path, labels[i]);
        if (st != HN_OK)
            return st;
        if (!named)
            guess(out->samples[i], s, samples_of[i]);
        if (out->samples[i][0] && out->labels[i][0] == '\0' && i != HN_UNLABELED)
            guess_labels(out->labels[i], s, out->samples[i], i);
        if (out->labels[i][0] && out->samples[i][0] == '\0')
            return hn_fail(HN_EUSAGE, "%s: labels %s are named, their samples are not", path, out->labels[i]);
        found = found || out->samples[i][0];
    }
    return found ? HN_OK : not_found(HN_EDATA, s, path, "no array of samples with a usual name (name it)");
}
