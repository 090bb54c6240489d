#include "data/sink.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"
#include <stdio.h>
#include <string.h>

struct hn_sink {
    hn_store_writer *store;
    char *path;
    enum hn_sample_kind kind;
    uint64_t sample_bytes, done, total;
    hn_progress *progress;
    void *ctx;
    const volatile sig_atomic_t *stop;
};

static hn_status declare_split(hn_sink *s, const struct hn_sink_spec *spec, enum hn_split split)
{
    bool images = spec->kind == HN_IMAGES;
    uint64_t n = spec->samples[split], dim[4] = {n, spec->h, spec->w, spec->c};
    char array[32];
    hn_status st;

    if (n == 0)
        return HN_OK;
    if (!images)
        dim[1] = spec->c;
    st = hn_store_declare(s->store, hn_layout_path(array, split, hn_layout_array(spec->kind)),
                          images ? HN_U8 : HN_F32, images ? 4 : 2, dim,
                          hn_layout_block_samples(s->sample_bytes) * s->sample_bytes);
    if (st == HN_OK && spec->labelled[split])
        st = hn_store_declare(s->store, hn_layout_path(array, split, "labels"), HN_I32, 1, dim,
                              HN_LAYOUT_BLOCK);
    return st;
}

static hn_status put_texts(hn_sink *s, const struct hn_sink_spec *spec)
{
    char source[4096]; /* attributes have to stay small */
    hn_status st = hn_store_put_attr_text(s->store, "/", "format", HN_LAYOUT_FORMAT);

    snprintf(source, sizeof source, "%s", spec->source);

    if (st == HN_OK)
        st = hn_store_put_attr_i64(s->store, "/", "version", HN_LAYOUT_VERSION);
    if (st == HN_OK)
        st = hn_store_put_attr_text(s->store, "/", "name", spec->name);
    if (st == HN_OK)
        st = hn_store_put_attr_i64(s->store, "/", "classes", (int64_t)spec->classes);
    if (st == HN_OK)
        st = hn_store_put_attr_text(s->store, "/", "importer", spec->importer);
    if (st == HN_OK)
        st = hn_store_put_attr_text(s->store, "/", "source", source);
    return st;
}

/* What a killed import left where path will be. */
static void sweep_beside(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        hn_file_sweep(".");
    else if (snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + (slash == path), path) <
             (int)sizeof folder)
        hn_file_sweep(folder);
}

static hn_status begin(hn_sink *s, const struct hn_sink_spec *spec)
{
    uint64_t length = spec->names ? strlen(spec->names) : 0;
    hn_status st = hn_store_begin_large(&s->store, s->path);

    if (st == HN_OK && length > 0)
        st = hn_store_declare(s->store, HN_LAYOUT_CLASSNAMES, HN_U8, 1, &length, HN_LAYOUT_BLOCK);
    for (int k = 0; k < HN_SPLITS && st == HN_OK; k++)
        st = declare_split(s, spec, k);
    if (st == HN_OK)
        st = put_texts(s, spec);
    if (st == HN_OK && length > 0)
        st = hn_store_fill(s->store, HN_LAYOUT_CLASSNAMES, spec->names, length);
    return st;
}

hn_status hn_sink_new(hn_sink **out, const char *path, const struct hn_sink_spec *spec)
{
    hn_sink *s = hn_zalloc(sizeof *s);
    hn_status st = HN_ENOMEM;

    if (s == NULL || (s->path = hn_strdup(path)) == NULL)
        goto out;
    s->kind = spec->kind;
    s->sample_bytes = spec->kind == HN_IMAGES ? spec->h * spec->w * spec->c : 4 * spec->c;
    s->total = spec->samples[HN_TRAIN] + spec->samples[HN_TEST] + spec->samples[HN_UNLABELED];
    s->progress = spec->progress;
    s->ctx = spec->ctx;
    s->stop = spec->stop;
    sweep_beside(path);
    if ((st = begin(s, spec)) != HN_OK)
        goto out;
    *out = s;
    s = NULL;
out:
    hn_sink_free(s);
    return st;
}

static hn_status check_stop(const hn_sink *s)
{
    if (s->stop == NULL || *s->stop == 0)
        return HN_OK;
    return hn_fail(HN_STOPPED, "%s: stopped on request after %llu of %llu samples; nothing is kept", s->path,
                   (unsigned long long)s->done, (unsigned long long)s->total);
}

hn_status hn_sink_samples(hn_sink *s, enum hn_split split, const void *bytes, uint64_t count)
{
    char array[32];
    hn_status st = check_stop(s);

    if (st == HN_OK)
        st = hn_store_fill(s->store, hn_layout_path(array, split, hn_layout_array(s->kind)), bytes,
                           count * s->sample_bytes);
    s->done += count;
    if (st == HN_OK && s->progress)
        s->progress(s->ctx, s->done, s->total);
    return st;
}

hn_status hn_sink_labels(hn_sink *s, enum hn_split split, const int32_t *label, uint64_t count)
{
    char array[32];
    hn_status st = check_stop(s);

    return st == HN_OK ? hn_store_fill(s->store, hn_layout_path(array, split, "labels"), label, 4 * count)
                       : st;
}

hn_status hn_sink_publish(hn_sink *s)
{
    hn_status st = hn_store_publish(s->store, s->path);

    s->store = NULL;
    hn_sink_free(s);
    return st;
}

void hn_sink_free(hn_sink *s)
{
    if (s == NULL)
        return;
    hn_store_abandon(s->store);
    hn_free(s->path);
    hn_free(s);
}

char *hn_sink_name(char name[64], const char *option, const char *source)
{
    size_t end = strlen(source);
    const char *suffix;

    if (option) {
        snprintf(name, 64, "%s", option);
        return name;
    }
    while (end > 1 && source[end - 1] == '/')
        end--;
    size_t first = end;
    while (first > 0 && source[first - 1] != '/')
        first--;
    snprintf(name, 64, "%.*s", (int)(end - first < 63 ? end - first : 63), source + first);
    if (name[0] == '\0' || name[0] == '.') /* a folder like "." or ".." says nothing */
        snprintf(name, 64, "data");
    suffix = strchr(name, '.');
    if (suffix)
        name[suffix - name] = '\0';
    return name;
}
