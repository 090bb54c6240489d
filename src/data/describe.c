/* What `hardneg info` says about a data set. */
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/dataset.h"

enum { SHOWN = 100 /* classes listed one by one */, PIECE = 8192 };

static hn_status count_labels(hn_dataset *d, enum hn_split split, uint64_t *count)
{
    int32_t label[PIECE];
    hn_status st = HN_OK;

    for (uint64_t at = 0, n; st == HN_OK && d->info.labelled[split] && at < d->info.samples[split]; at += n) {
        n = d->info.samples[split] - at < PIECE ? d->info.samples[split] - at : PIECE;
        st = hn_dataset_labels(d, split, at, n, label);
        for (uint64_t i = 0; i < n && st == HN_OK; i++)
            if (label[i] >= 0 && (uint64_t)label[i] < d->info.classes)
                count[label[i]]++;
    }
    return st;
}

static void add_sizes(struct hn_text *t, const hn_dataset *d)
{
    const struct hn_dataset_info *info = &d->info;
    char hash[HN_HASH_TEXT];

    hn_hash_text(hn_hash_load(info->file_hash), hash);
    hn_text_add(t, "data set   %s\n", info->name[0] ? info->name : "(no name)");
    if (info->kind == HN_IMAGES)
        hn_text_add(t, "samples    images of %zu x %zu x %zu, 8 bits\n", info->h, info->w, info->c);
    else
        hn_text_add(t, "samples    vectors of %zu, 32-bit floats\n", info->c);
    for (int s = 0; s < HN_SPLITS; s++) {
        const struct hn_layout_extent *e = &d->layout->extent[HN_EXTENT_SAMPLES(s)];
        if (info->samples[s] == 0)
            continue;
        hn_text_add(t, "%-10s %llu, %s; %llu %s of %llu samples (%.2f MiB)\n", hn_split_name(s),
                    (unsigned long long)info->samples[s], info->labelled[s] ? "labelled" : "without labels",
                    (unsigned long long)e->count, e->count == 1 ? "block" : "blocks",
                    (unsigned long long)info->block_samples[s],
                    (double)info->block_samples[s] * (double)info->sample_bytes / 1048576.0);
    }
    hn_text_add(t, "file       %llu bytes, layout hash %s\n", (unsigned long long)info->file_bytes, hash);
    hn_text_add(t, "made by    %s\n", d->importer[0] ? d->importer : "(unknown)");
    hn_text_add(t, "from       %s\n", d->source[0] ? d->source : "(unknown)");
}

static void add_classes(struct hn_text *t, const hn_dataset *d, const uint64_t *count)
{
    size_t classes = d->info.classes;

    hn_text_add(t, "classes    %zu\n", classes);
    if (classes == 0)
        return;
    hn_text_add(t, "%8s %-24s %10s %10s\n", "class", "name", "train", "test");
    for (size_t k = 0; k < classes && k < SHOWN; k++)
        hn_text_add(t, "%8zu %-24s %10llu %10llu\n", k, hn_dataset_class(d, k),
                    (unsigned long long)count[HN_TRAIN * classes + k],
                    (unsigned long long)count[HN_TEST * classes + k]);
    if (classes > SHOWN)
        hn_text_add(t, "%8s and %zu more\n", "...", classes - SHOWN);
}

hn_status hn_dataset_describe(hn_dataset *d, char **text)
{
    size_t classes = d->info.classes;
    uint64_t *count = hn_calloc((classes ? classes : 1) * HN_SPLITS, sizeof *count);
    struct hn_text t = {0};
    hn_status st = count ? HN_OK : HN_ENOMEM;

    for (int s = 0; s < HN_SPLITS && st == HN_OK; s++)
        st = count_labels(d, s, count + (size_t)s * classes);
    if (st == HN_OK) {
        add_sizes(&t, d);
        add_classes(&t, d, count);
        st = hn_text_status(&t);
    }
    if (st == HN_OK)
        *text = t.at;
    else
        hn_text_free(&t);
    hn_free(count);
    return st;
}

void hn_dataset_text_free(char *text)
{
    hn_free(text);
}
