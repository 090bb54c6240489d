#include "train/session.h"
#include "base/mem.h"
#include "base/pulse.h"
#include "base/tree.h"
#include "hardneg/train.h"
#include <string.h>

/* Rank 0 opens with HDF5 and checks; the others attach to the layout it sends. */
static hn_status open_data(struct hn_session *s)
{
    const char *path = s->config.data.path;
    const void *layout = NULL;
    void *received = NULL;
    size_t bytes = 0;
    uint64_t size;
    hn_status st = HN_OK;

    if (hn_comm_rank(s->comm) == 0) {
        hn_disk_begin(path);
        if ((st = hn_dataset_open(&s->data, path)) == HN_OK)
            hn_dataset_layout(s->data, &layout, &bytes);
        hn_disk_end();
    }
    if ((st = hn_comm_agree(s->comm, st)) != HN_OK)
        return st;
    size = bytes;
    hn_comm_bcast(s->comm, &size, sizeof size, 0);
    received = hn_zalloc(size);
    if ((st = hn_comm_agree(s->comm, received ? HN_OK : HN_ENOMEM)) != HN_OK)
        goto out;
    if (layout)
        memcpy(received, layout, size);
    hn_comm_bcast(s->comm, received, size, 0);
    if (hn_comm_rank(s->comm) != 0) {
        hn_disk_begin(path);
        st = hn_dataset_attach(&s->data, path, received, size);
        hn_disk_end();
    }
    st = hn_comm_agree(s->comm, st);
out:
    hn_free(received);
    return st;
}

void hn_config_take_data(struct hn_config *c, const struct hn_dataset_info *info)
{
    c->augment.vectors = info->kind == HN_VECTORS;
    c->augment.h = info->h;
    c->augment.w = info->w;
    c->augment.c = info->c;
}

/* The sizes that the data decides, then those that the views decide. */
static hn_status take_sizes(struct hn_session *s)
{
    struct hn_model_options *m = &s->config.model;
    hn_status st;

    hn_config_take_data(&s->config, hn_dataset_info(s->data));
    if ((st = hn_augment_new(&s->augment, &s->config.augment, s->config.seed)) != HN_OK)
        return st;
    hn_augment_view_shape(s->augment, &m->h, &m->w, &m->c);
    return HN_OK;
}

hn_status hn_session_open(struct hn_session *s, hn_comm *comm, const struct hn_config *config)
{
    struct hn_range own = hn_share(config->microbatches, hn_comm_size(comm), hn_comm_rank(comm));
    hn_status st;

    *s = (struct hn_session){.comm = comm, .config = *config};
    hn_comm_stall_after(config->stall_minutes);
    hn_comm_phase("opening the data");
    if ((st = hn_comm_agree(comm, hn_backend_choose(&config->backend))) != HN_OK ||
        (st = open_data(s)) != HN_OK ||
        (st = hn_binding_find(&s->binding, comm, config->threads, own.count)) != HN_OK)
        goto out;
    if ((st = take_sizes(s)) == HN_OK)
        st = hn_threads_new(&s->threads, s->binding.threads);
    st = hn_comm_agree(comm, st);
out:
    if (st != HN_OK)
        hn_session_close(s);
    return st;
}

void hn_session_close(struct hn_session *s)
{
    hn_threads_free(s->threads);
    hn_augment_free(s->augment);
    hn_dataset_close(s->data);
    *s = (struct hn_session){0};
}

hn_status hn_session_check_split(const struct hn_config *c, const struct hn_dataset_info *data)
{
    const char *split = hn_split_name((enum hn_split)c->data.split);

    if (data->samples[c->data.split] == 0)
        return hn_fail(HN_EDATA, "%s: has no split \"%s\" (data.split)", c->data.path, split);
    if (data->labelled[c->data.split])
        return HN_OK;
    if (c->data.positives == HN_PAIR_LABEL)
        return hn_fail(HN_EUSAGE, "data.positives \"label\" needs labels, and split \"%s\" of %s has none",
                       split, c->data.path);
    if (hn_loss_needs_labels(&c->loss))
        return hn_fail(HN_EUSAGE, "loss %s needs labels, and split \"%s\" of %s has none",
                       hn_loss_names()[c->loss.kind], split, c->data.path);
    return HN_OK;
}

hn_status hn_session_graph(const struct hn_session *s, hn_graph **out)
{
    return hn_model_build(out, &s->config.model);
}
