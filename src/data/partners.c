#include "data/partners.h"
#include "base/mem.h"
#include "base/philox.h"
#include "data/dataset.h"

enum { AT_ONCE = 4096 };

struct hn_partners {
    uint64_t *first;  /* classes + 1: members first[k] .. first[k + 1] - 1 are of class k */
    uint64_t *member; /* samples, ascending in their class */
    void *block;
};

static void layout(hn_partners *p, hn_carver *c, const struct hn_dataset_info *info, enum hn_split split)
{
    p->first = hn_carve(c, sizeof *p->first, info->classes + 1);
    p->member = hn_carve(c, sizeof *p->member, info->samples[split]);
}

/* All labels of the split: counted into first[label + 1] or, with `place`, their samples put in place. */
static hn_status sweep(hn_partners *p, hn_dataset *d, enum hn_split split, bool place)
{
    int32_t label[AT_ONCE];
    uint64_t samples = d->info.samples[split];

    for (uint64_t at = 0; at < samples; at += AT_ONCE) {
        uint64_t n = samples - at < AT_ONCE ? samples - at : AT_ONCE;
        hn_status st = hn_dataset_labels(d, split, at, n, label);
        if (st != HN_OK)
            return st;
        for (uint64_t i = 0; i < n; i++)
            if (label[i] < 0 || (uint64_t)label[i] >= d->info.classes)
                return hn_fail(HN_EDATA,
                               "%s: /%s/labels: label %d of sample %llu was another one when the "
                               "file was opened",
                               d->path, hn_split_name(split), label[i], (unsigned long long)(at + i));
            else if (place)
                p->member[p->first[label[i]]++] = at + i;
            else
                p->first[label[i] + 1]++;
    }
    return HN_OK;
}

/* Counting sort: counts, their sums, the samples; which moves every first to the next class's. */
static hn_status fill(hn_partners *p, hn_dataset *d, enum hn_split split)
{
    size_t classes = d->info.classes;
    hn_status st = sweep(p, d, split, false);

    for (size_t k = 0; k < classes; k++)
        p->first[k + 1] += p->first[k];
    if (st == HN_OK)
        st = sweep(p, d, split, true);
    for (size_t k = classes; k > 0; k--)
        p->first[k] = p->first[k - 1];
    p->first[0] = 0;
    return st;
}

hn_status hn_partners_new(hn_partners **out, hn_dataset *d, enum hn_split split)
{
    hn_partners *p = hn_zalloc(sizeof *p);
    hn_carver c = {0};
    hn_status st;

    if (p == NULL)
        return HN_ENOMEM;
    layout(p, &c, &d->info, split);
    if ((st = hn_carver_start(&c, &p->block, "the samples of each label")) == HN_OK) {
        layout(p, &c, &d->info, split);
        st = fill(p, d, split);
    }
    if (st == HN_OK)
        *out = p;
    else
        hn_partners_free(p);
    return st;
}

void hn_partners_free(hn_partners *p)
{
    if (p == NULL)
        return;
    hn_free(p->block);
    hn_free(p);
}

uint64_t hn_partners_draw(const hn_partners *p, uint64_t seed, uint64_t epoch, uint64_t id, int64_t label)
{
    hn_draws d = hn_draws_for(seed, HN_DRAW_PARTNER, id, epoch);

    return p->member[hn_draw_between(&d, p->first[label], p->first[label + 1] - 1)];
}

uint64_t hn_partners_bytes(const struct hn_dataset_info *info, enum hn_split split)
{
    hn_partners p;
    hn_carver c = {0};

    layout(&p, &c, info, split);
    return c.bytes;
}
