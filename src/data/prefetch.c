/* The thread that reads ahead.  It calls pread and hashes, never HDF5, MPI or the log.
 *
 * Two slots: the trainer holds one (from hn_prefetch_next until the next call),
 * the thread fills the other.  A slot's states:
 *
 *   FREE -> (thread fills) -> READY -> hn_prefetch_next -> HELD -> hn_prefetch_next -> FREE
 *
 * What the thread meets is kept in the slot and handed out when its step's turn
 * comes; the thread has ended then, and every later call says the same. */
#include "base/mem.h"
#include "base/pulse.h"
#include "data/dataset.h"
#include "data/layout.h"
#include "data/partners.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum state { FREE, READY, HELD };

struct slot {
    enum state state;
    struct hn_batch batch;
    uint64_t *id, *partner;
    int64_t *label;
    unsigned char *bytes, *partner_bytes;
    hn_status status;
    char text[1024], place[128]; /* of what failed */
};

struct hn_prefetch {
    hn_dataset *data;
    enum hn_split split;
    struct hn_order order;
    hn_partners *partners;          /* NULL: a sample's second view is its own */
    uint64_t steps_per_epoch, step; /* step: the thread's next */
    size_t batch, first, count;     /* of the global batch: its size, the own samples */
    struct slot slot[2];
    size_t turn; /* slot of the trainer's next step */
    void *block;
    pthread_t thread;
    bool running, quit, ended;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* ---- the thread ---- */

static bool told_to_quit(hn_prefetch *p)
{
    bool quit;

    pthread_mutex_lock(&p->lock);
    quit = p->quit;
    pthread_mutex_unlock(&p->lock);
    return quit;
}

/* Sample i of the own ones lies at place `first + i` of the step's slice of the epoch. */
static hn_status fill(hn_prefetch *p, struct slot *s)
{
    uint64_t epoch = p->step / p->steps_per_epoch, slice = p->step % p->steps_per_epoch * p->batch;
    size_t size = p->data->info.sample_bytes;

    s->batch.step = p->step;
    s->batch.epoch = epoch;
    for (size_t i = 0; i < p->count && !told_to_quit(p); i++) {
        hn_status st;

        s->id[i] = hn_order_at(&p->order, epoch, slice + p->first + i);
        st = hn_dataset_read(p->data, p->split, s->id[i], s->bytes + i * size, &s->label[i]);
        if (st == HN_OK && p->partners) {
            s->partner[i] = hn_partners_draw(p->partners, p->order.seed, epoch, s->id[i], s->label[i]);
            st = hn_dataset_read(p->data, p->split, s->partner[i], s->partner_bytes + i * size, NULL);
        }
        if (st != HN_OK) {
            snprintf(s->text, sizeof s->text, "%s", hn_error_text());
            snprintf(s->place, sizeof s->place, "%s", hn_error_place());
            return st;
        }
    }
    p->step++;
    return HN_OK;
}

static void *read_ahead(void *arg)
{
    hn_prefetch *p = arg;
    size_t turn = 0;

    hn_pulse_as(HN_LIFE_READER);
    pthread_mutex_lock(&p->lock);
    while (!p->ended) {
        struct slot *s = &p->slot[turn];
        while (s->state != FREE && !p->quit)
            pthread_cond_wait(&p->changed, &p->lock);
        if (!p->quit) {
            pthread_mutex_unlock(&p->lock);
            s->status = fill(p, s);
            pthread_mutex_lock(&p->lock);
            s->state = READY;
            turn ^= 1;
        }
        p->ended = p->quit || s->status != HN_OK;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- making one ---- */

static hn_status check(const hn_dataset *d, const struct hn_data_options *o, size_t batch,
                       size_t microbatches, struct hn_range own)
{
    if (o->split < 0 || o->split >= HN_SPLITS)
        return hn_fail(HN_EUSAGE, "data.split: there is no split %d", o->split);
    if (d->info.samples[o->split] == 0)
        return hn_fail(HN_EUSAGE, "%s: has no samples in %s", d->path, hn_split_name(o->split));
    if (batch == 0 || microbatches == 0 || batch % microbatches != 0)
        return hn_fail(HN_EUSAGE, "a batch of %zu samples cannot be cut into %zu equal microbatches", batch,
                       microbatches);
    if (batch > d->info.samples[o->split])
        return hn_fail(HN_EUSAGE, "%s: a batch of %zu samples is larger than the set: %s has %llu", d->path,
                       batch, hn_split_name(o->split), (unsigned long long)d->info.samples[o->split]);
    if (own.count > microbatches || own.first > microbatches - own.count)
        return hn_fail(HN_EBUG, "microbatches %zu + %zu of %zu", own.first, own.count, microbatches);
    if (o->positives == HN_PAIR_LABEL && !d->info.labelled[o->split])
        return hn_fail(HN_EUSAGE, "%s: data.positives \"label\" needs labels, and split \"%s\" has none",
                       d->path, hn_split_name(o->split));
    if (o->order == HN_ORDER_BLOCKS && o->group == 0)
        return hn_fail(HN_EUSAGE, "data.group: must be at least 1 block");
    return HN_OK;
}

static void layout(struct slot slot[2], hn_carver *c, size_t samples, size_t sample_bytes, bool partners)
{
    for (struct slot *s = slot; s < slot + 2; s++) {
        s->id = hn_carve(c, sizeof *s->id, samples);
        s->label = hn_carve(c, sizeof *s->label, samples);
        s->bytes = hn_carve(c, sample_bytes, samples);
        s->partner = partners ? hn_carve(c, sizeof *s->partner, samples) : s->id;
        s->partner_bytes = partners ? hn_carve(c, sample_bytes, samples) : s->bytes;
        s->batch = (struct hn_batch){.samples = samples,
                                     .id = s->id,
                                     .label = s->label,
                                     .bytes = s->bytes,
                                     .partner = s->partner,
                                     .partner_bytes = s->partner_bytes};
    }
}

uint64_t hn_prefetch_bytes(const struct hn_dataset_info *info, const struct hn_data_options *options,
                           size_t samples)
{
    bool partners = options->positives == HN_PAIR_LABEL;
    hn_carver c = {0};

    layout((struct slot[2]){{0}, {0}}, &c, samples, info->sample_bytes, partners);
    return c.bytes + (partners ? hn_partners_bytes(info, (enum hn_split)options->split) : 0);
}

static uint64_t blocks_of(uint64_t bytes, uint64_t block)
{
    return (bytes + block - 1) / block;
}

/* As hn_blocks_cache sizes it: whole slots of the largest block, no more than there are blocks, two at least.
 */
uint64_t hn_prefetch_cache_bytes(const struct hn_dataset_info *info, uint64_t cache_bytes)
{
    uint64_t most = hn_layout_block_samples(info->sample_bytes) * info->sample_bytes, largest = 1, blocks = 0;

    for (int k = 0; k < HN_SPLITS; k++) {
        uint64_t bytes = info->samples[k] * info->sample_bytes, block = bytes < most ? bytes : most;
        uint64_t labels = info->labelled[k] ? 4 * info->samples[k] : 0;
        blocks += blocks_of(bytes, most) + blocks_of(labels, HN_LAYOUT_BLOCK);
        largest = block > largest ? block : largest;
        largest = labels > HN_LAYOUT_BLOCK && HN_LAYOUT_BLOCK > largest ? HN_LAYOUT_BLOCK : largest;
    }
    uint64_t slots = cache_bytes / largest;
    slots = slots > blocks ? blocks : slots;
    return (slots < 2 ? 2 : slots) * largest;
}

static hn_status start_thread(hn_prefetch *p)
{
    sigset_t all, before;
    int error;

    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&p->thread, NULL, read_ahead, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return hn_fail(HN_ENOMEM, "cannot start the reading thread: %s", strerror(error));
    p->running = true;
    return HN_OK;
}

/* Are most samples picked from blocks that left the cache since their last visit (if it does not hold all)?
 * With `blocks` not as long as a group and a block of labels fit; partners lie anywhere. */
static bool scattered(const hn_prefetch *p, uint64_t cache_bytes)
{
    uint64_t block = p->order.block * p->data->info.sample_bytes;

    return p->partners || p->order.kind == HN_ORDER_FULL || cache_bytes / block < p->order.group + 1;
}

hn_status hn_prefetch_new(hn_prefetch **out, hn_dataset *d, const struct hn_data_options *options,
                          uint64_t seed, size_t batch, size_t microbatches, struct hn_range own,
                          uint64_t first_step)
{
    hn_status st = check(d, options, batch, microbatches, own);
    hn_prefetch *p = st == HN_OK ? hn_zalloc(sizeof *p) : NULL;
    hn_carver c = {0};

    if (p == NULL)
        return st == HN_OK ? HN_ENOMEM : st;
    pthread_mutex_init(&p->lock, NULL);
    hn_pulse_condition(&p->changed);
    p->data = d;
    p->split = (enum hn_split)options->split;
    p->order = (struct hn_order){(enum hn_order_kind)options->order, seed, d->info.samples[p->split],
                                 d->info.block_samples[p->split], options->group};
    p->batch = batch;
    p->first = own.first * (batch / microbatches);
    p->count = own.count * (batch / microbatches);
    p->steps_per_epoch = p->order.samples / batch;
    p->step = first_step;
    bool partners = options->positives == HN_PAIR_LABEL;
    layout(p->slot, &c, p->count, d->info.sample_bytes, partners);
    if ((st = hn_carver_start(&c, &p->block, "prefetch")) != HN_OK)
        goto out;
    layout(p->slot, &c, p->count, d->info.sample_bytes, partners);
    if (partners && (st = hn_partners_new(&p->partners, d, p->split)) != HN_OK)
        goto out;
    st = hn_dataset_cache(d, options->cache_bytes, scattered(p, options->cache_bytes));
    if (st != HN_OK || (st = start_thread(p)) != HN_OK)
        goto out;
    *out = p;
    p = NULL;
out:
    hn_prefetch_free(p);
    return st;
}

void hn_prefetch_free(hn_prefetch *p)
{
    if (p == NULL)
        return;
    if (p->running) {
        pthread_mutex_lock(&p->lock);
        p->quit = true;
        pthread_cond_broadcast(&p->changed);
        while (!p->ended) /* it may wait for a file system */
            hn_pulse_wait(&p->changed, &p->lock, HN_LIFE_READER);
        hn_pulse();
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    hn_partners_free(p->partners);
    hn_free(p->block);
    hn_free(p);
}

uint64_t hn_prefetch_steps_per_epoch(const hn_prefetch *p)
{
    return p->steps_per_epoch;
}

hn_status hn_prefetch_next(hn_prefetch *p, const struct hn_batch **batch)
{
    struct slot *s = &p->slot[p->turn], *held = &p->slot[p->turn ^ 1];

    pthread_mutex_lock(&p->lock);
    if (held->state == HELD) {
        held->state = FREE;
        pthread_cond_broadcast(&p->changed);
    }
    while (s->state != READY)
        hn_pulse_wait(&p->changed, &p->lock, HN_LIFE_READER);
    hn_pulse();
    if (s->status == HN_OK)
        s->state = HELD;
    pthread_mutex_unlock(&p->lock);
    if (s->status != HN_OK) {
        hn_error_set(s->text, s->place);
        return s->status;
    }
    p->turn ^= 1;
    *batch = &s->batch;
    return HN_OK;
}
