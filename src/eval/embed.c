/* A split becomes rows.
 *
 * A batch of blocks at a time: the main thread reads the samples, then every
 * worker takes blocks: views without draws, the network, rows of length 1.  Block
 * b holds samples b * block and on, whoever computes it: a GEMM's bits change
 * with the number of rows and with a row's place among them. */
#include "base/mem.h"
#include "base/threads.h"
#include "base/tree.h"
#include "hardneg/eval.h"
#include <math.h>
#include <string.h>

enum { BLOCKS_PER_WORKER = 2 }; /* of a batch: so that uneven workers even out */

struct embed {
    hn_dataset *data;
    enum hn_split split;
    const hn_augment *augment;
    hn_net *net;
    struct hn_threads *threads;
    struct hn_features *out;
    size_t block, view, sample_bytes;
    size_t batch; /* blocks of a batch */

    void *memory;
    unsigned char *sample; /* (batch, block, sample_bytes) */
    struct desk {
        real *input, *feature; /* (block, view), (block, dim) */
        void *scratch;
    } * desk;            /* per worker */
    struct hn_range now; /* blocks of this batch */
};

/* Run with c counting, then with c carving. */
static void layout(struct embed *e, hn_carver *c)
{
    struct desk none = {0};

    e->sample = hn_carve(c, e->sample_bytes, e->batch * e->block);
    e->desk = hn_carve(c, sizeof *e->desk, hn_threads_count(e->threads));
    for (size_t w = 0; w < hn_threads_count(e->threads); w++) {
        struct desk *d = e->desk ? &e->desk[w] : &none;
        d->input = hn_carve(c, sizeof(real) * e->view, e->block);
        d->feature = hn_carve(c, sizeof(real) * e->out->dim, e->net ? e->block : 0);
        d->scratch = hn_carve(c, 1, hn_augment_scratch_bytes(e->augment));
    }
}

static hn_status prepare(struct embed *e, const hn_comm *comm)
{
    const struct hn_dataset_info *info = hn_dataset_info(e->data);
    struct hn_features *f = e->out;
    size_t total = (size_t)info->samples[e->split];
    hn_carver carver = {0};
    hn_status st;

    if (total == 0 || e->block == 0)
        return hn_fail(HN_EUSAGE, "%s: no %s split", info->name, hn_split_name(e->split));
    e->view = hn_augment_view_size(e->augment);
    e->sample_bytes = info->sample_bytes;
    if (e->net && hn_net_input_size(e->net) != e->view)
        return hn_fail(HN_EUSAGE, "the network takes %zu numbers, a view of %s has %zu",
                       hn_net_input_size(e->net), info->name, e->view);
    struct hn_range blocks =
        hn_share((total + e->block - 1) / e->block, hn_comm_size(comm), hn_comm_rank(comm));
    size_t first = blocks.first * e->block < total ? blocks.first * e->block : total;
    size_t end = (blocks.first + blocks.count) * e->block;
    *f = (struct hn_features){.total = total,
                              .dim = e->net ? hn_net_feature_size(e->net) : e->view,
                              .own = {first, (end < total ? end : total) - first}};
    e->batch = BLOCKS_PER_WORKER * hn_threads_count(e->threads);
    e->batch = e->batch < blocks.count ? e->batch : blocks.count;
    layout(e, &carver);
    if ((st = hn_carver_start(&carver, &e->memory, "embedding a set")) != HN_OK)
        return st;
    layout(e, &carver);
    if ((f->label = hn_calloc(f->own.count, sizeof *f->label)) == NULL)
        return HN_ENOMEM;
    size_t numbers;
    if (!hn_mul(&numbers, f->own.count, f->dim) || (f->row = hn_calloc(numbers, sizeof *f->row)) == NULL)
        return hn_fail(HN_ENOMEM, "out of memory: %zu rows of %zu features", f->own.count, f->dim);
    return HN_OK;
}

/* Own rows of block b of this batch: places among the own ones. */
static struct hn_range rows_of(const struct embed *e, size_t b)
{
    size_t first = (e->now.first + b) * e->block, left = e->out->own.count - first;

    return (struct hn_range){first, left < e->block ? left : e->block};
}

static hn_status read_batch(struct embed *e)
{
    struct hn_features *f = e->out;

    for (size_t b = 0; b < e->now.count; b++) {
        struct hn_range rows = rows_of(e, b);
        for (size_t i = 0; i < rows.count; i++) {
            unsigned char *to = e->sample + (b * e->block + i) * e->sample_bytes;
            hn_status st = hn_dataset_read(e->data, e->split, f->own.first + rows.first + i, to,
                                           &f->label[rows.first + i]);
            if (st != HN_OK)
                return st;
        }
    }
    return HN_OK;
}

/* A row of zeros stays as it is. */
static void unit_row(float *out, const real *x, size_t dim)
{
    double sum = 0.0;

    for (size_t j = 0; j < dim; j++)
        sum += (double)x[j] * (double)x[j];
    double inverse = 1.0 / fmax(sqrt(sum), 1e-12);
    for (size_t j = 0; j < dim; j++)
        out[j] = (float)((double)x[j] * inverse);
}

static void embed_block(void *ctx, size_t b, size_t worker)
{
    struct embed *e = ctx;
    struct desk *d = &e->desk[worker];
    struct hn_range rows = rows_of(e, b);
    const unsigned char *sample = e->sample + b * e->block * e->sample_bytes;
    size_t dim = e->out->dim;

    for (size_t i = 0; i < rows.count; i++)
        hn_augment_plain(e->augment, d->input + i * e->view, sample + i * e->sample_bytes, d->scratch);
    for (size_t i = rows.count; i < e->block; i++) /* the last row repeated */
        memcpy(d->input + i * e->view, d->input + (rows.count - 1) * e->view, e->view * sizeof(real));
    if (e->net)
        hn_net_infer(e->net, worker, d->input, d->feature, NULL);
    for (size_t i = 0; i < rows.count; i++)
        unit_row(e->out->row + (rows.first + i) * dim, (e->net ? d->feature : d->input) + i * dim, dim);
}

hn_status hn_eval_embed(struct hn_features *out, hn_comm *comm, hn_dataset *data, enum hn_split split,
                        const hn_augment *augment, hn_net *net, size_t block, struct hn_threads *threads)
{
    struct hn_features f = {0};
    struct embed e = {.data = data,
                      .split = split,
                      .augment = augment,
                      .net = net,
                      .threads = threads,
                      .out = &f,
                      .block = block};
    hn_status st = prepare(&e, comm);

    for (size_t blocks = st == HN_OK ? (f.own.count + block - 1) / block : 0;
         st == HN_OK && e.now.first < blocks; e.now.first += e.now.count) {
        e.now.count = blocks - e.now.first < e.batch ? blocks - e.now.first : e.batch;
        st = hn_comm_stopping() ? hn_fail(HN_STOPPED, "the evaluation was stopped on request")
                                : read_batch(&e);
        if (st == HN_OK)
            hn_threads_each(threads, e.now.count, embed_block, &e);
    }
    st = hn_comm_agree(comm, st);
    hn_free(e.memory);
    if (st == HN_OK)
        *out = f;
    else
        hn_features_free(&f);
    return st;
}
