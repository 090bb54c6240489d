/* Features of a set: the same bits on any ranks and threads, in any row's place; NumPy files.  ranks: 3 */
#define TAP_MPI
#include "backend/backend.h"
#include "base/mem.h"
#include "base/threads.h"
#include "data/make.h"
#include "hardneg/eval.h"
#include "hardneg/model.h"

enum { SIDE = 8, SAMPLES = 101, BLOCK = 6 };

static hn_augment *new_augment(void)
{
    struct hn_augment_options o = {.h = SIDE,
                                   .w = SIDE,
                                   .c = 1,
                                   .crop_scale = {1, 1},
                                   .crop_ratio = {1, 1},
                                   .mean = {0.25, 0, 0, 0},
                                   .std = {0.5, 1, 1, 1}};
    hn_augment *a = NULL;

    hn_augment_new(&a, &o, 3);
    return a;
}

/* BLOCK rows at once; running statistics that are not the initial ones. */
static hn_net *new_net(struct hn_threads *threads)
{
    struct hn_model_options o = {
        .h = SIDE, .w = SIDE, .c = 1, .channels = {5, 9}, .stages = 2, .norm = true, .head_out = 4};
    struct hn_net_options net_options = {.views = 2, .samples = BLOCK / 2, .microbatches = 1};
    hn_graph *graph = NULL;
    hn_net *net = NULL;

    while (strcmp(hn_encoder_names()[o.encoder], "convnet") != 0)
        o.encoder++;
    if (hn_model_build(&graph, &o) != HN_OK || hn_net_new(&net, graph, &net_options, threads) != HN_OK)
        return NULL;
    hn_net_initialise(net, 11);
    for (size_t i = 0; i < hn_net_arrays(net); i++) {
        const struct hn_array *a = hn_net_array(net, i);
        for (size_t j = 0; a->role == HN_RUNNING && j < a->count; j++)
            a->value[j] += (real)0.01 * (real)(j + 1);
    }
    return net;
}

/* Every rank's share against what one rank with one thread finds. */
static bool equal_parts(const struct hn_features *part, const struct hn_features *whole)
{
    return part->total == whole->total && part->dim == whole->dim && part->own.count <= whole->total &&
           memcmp(part->row, whole->row + part->own.first * whole->dim,
                  part->own.count * whole->dim * sizeof *part->row) == 0 &&
           memcmp(part->label, whole->label + part->own.first, part->own.count * sizeof *part->label) == 0;
}

static void pixels(const struct hn_features *f)
{
    double worst = 0.0;
    int wrong = 0;

    for (size_t i = 0; i < f->own.count; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < SIDE * SIDE; k++)
            sum += pow((made_byte(i, k) / 255.0 - 0.25) / 0.5, 2);
        for (size_t k = 0; k < SIDE * SIDE; k++)
            worst = fmax(worst, fabs(f->row[i * SIDE * SIDE + k] -
                                     (made_byte(i, k) / 255.0 - 0.25) / 0.5 / sqrt(sum)));
        wrong += f->label[i] != made_label(i);
    }
    ok(f->dim == SIDE * SIDE && worst < 1e-6 && wrong == 0, "pixels: normalised, of length 1, with labels");
}

static void embed(hn_comm *comm, hn_comm *alone, hn_dataset *data, struct hn_threads *threads,
                  struct hn_threads *one)
{
    hn_augment *augment = new_augment();
    hn_net *net = new_net(threads), *other = new_net(one);
    struct hn_features part = {0}, whole = {0};

    tap_status(hn_eval_embed(&whole, alone, data, HN_TRAIN, augment, NULL, 7, one), HN_OK,
               "pixels on one rank");
    pixels(&whole);
    tap_status(hn_eval_embed(&part, comm, data, HN_TRAIN, augment, NULL, 4, threads), HN_OK, "and on three");
    ok(equal_parts(&part, &whole), "are the same bits");
    hn_features_free(&part);
    hn_features_free(&whole);

    tap_status(hn_eval_embed(&whole, alone, data, HN_TRAIN, augment, other, BLOCK, one), HN_OK,
               "features on one rank");
    tap_status(hn_eval_embed(&part, comm, data, HN_TRAIN, augment, net, BLOCK, threads), HN_OK,
               "and on three");
    ok(equal_parts(&part, &whole), "are the same bits");
    double length = 0.0;
    for (size_t j = 0; j < whole.dim; j++)
        length += (double)whole.row[100 * whole.dim + j] * (double)whole.row[100 * whole.dim + j];
    ok(whole.dim == hn_net_feature_size(net) && fabs(length - 1.0) < 1e-6, "of length 1");
    hn_features_free(&part);
    hn_features_free(&whole);

    tap_status(hn_eval_embed(&part, comm, data, HN_TEST, augment, net, BLOCK, threads), HN_OK,
               "less than a block");
    ok(part.total == 3 && part.own.count == (hn_comm_rank(comm) == 0 ? 3 : 0), "is one rank's");
    hn_features_free(&part);
    tap_status(hn_eval_embed(&part, comm, data, HN_UNLABELED, augment, net, BLOCK, threads), HN_EUSAGE,
               "no split");
    ok(said("made: no unlabeled split"), "is said");
    hn_net_free(other);
    hn_net_free(net);
    hn_augment_free(augment);
}

static void damaged(hn_comm *comm, const char *path, struct hn_threads *threads)
{
    hn_augment *augment = new_augment();
    struct hn_features part = {0};
    hn_dataset *data = NULL;

    tap_status(hn_comm_agree(comm, hn_dataset_open(&data, path)), HN_OK, "a set is opened");
    hn_comm_barrier(comm);
    if (hn_comm_rank(comm) == 0)
        for (long at = size_of(path) / 4; at < size_of(path) / 2; at += 64)
            flip_byte(path, at);
    hn_comm_barrier(comm);
    hn_status st = hn_eval_embed(&part, comm, data, HN_TRAIN, augment, NULL, 4, threads);
    ok(st == HN_EDATA && part.row == NULL && said("set.h5: damaged: "),
       "damage met on the way: all ranks leave (%d)", (int)st);
    hn_dataset_close(data);
    hn_augment_free(augment);
}

/* The numbers of an .npy file after checking its header. */
static bool reads_back(const char *path, const char *header, const void *bytes, size_t count)
{
    FILE *f = fopen(path, "rb");
    char start[128] = {0}, *got = malloc(count + 1);
    bool same = f != NULL && fread(start, 1, sizeof start, f) == sizeof start &&
                memcmp(start, "\x93NUMPY\x01\0\x76\0", 10) == 0 &&
                strncmp(start + 10, header, strlen(header)) == 0 && start[127] == '\n' &&
                fread(got, 1, count + 1, f) == count && memcmp(got, bytes, count) == 0;

    free(got);
    if (f != NULL)
        fclose(f);
    return same;
}

static void numpy(hn_comm *comm)
{
    enum { ROWS = 9, DIM = 5 };
    size_t rank = hn_comm_rank(comm);
    const struct hn_range own[3] = {{0, 2}, {2, 0}, {2, 7}}; /* of ranks */
    float row[ROWS * DIM];
    int64_t label[ROWS];

    for (size_t i = 0; i < ROWS * DIM; i++)
        row[i] = (float)i * 0.37F;
    for (size_t i = 0; i < ROWS; i++)
        label[i] = (int64_t)i - 1;
    struct hn_features f = {ROWS, DIM, own[rank], row + own[rank].first * DIM, label + own[rank].first};
    tap_status(hn_features_write_npy(&f, comm, in_folder("f.npy")), HN_OK, "features are written");
    ok(rank != 0 ||
           reads_back(in_folder("f.npy"), "{'descr': '<f4', 'fortran_order': False, 'shape': (9, 5), } ", row,
                      sizeof row),
       "rows, all in order");
    ok(rank != 0 ||
           reads_back(in_folder("f.labels.npy"), "{'descr': '<i8', 'fortran_order': False, 'shape': (9,), } ",
                      label, sizeof label),
       "labels beside them");
    tap_status(hn_features_write_npy(&f, comm, in_folder("nowhere/f.npy")), HN_ECREATE,
               "a folder that is not there");
    ok(said("nowhere/f.npy: cannot be created: ") && said("No such file or directory"),
       "is named on every rank");
    tap_status(hn_features_npy_check(comm, in_folder("nowhere/f.npy")), HN_ECREATE, "asked before the work");
    ok(said("nowhere/f.npy: cannot be created: "), "so as well");
    hn_comm_barrier(comm);
    if (rank == 0)
        make_dir("g.labels.npy");
    tap_status(hn_features_npy_check(comm, in_folder("g.npy")), HN_ECREATE, "a folder in the labels' place");
    tap_status(hn_features_npy_check(comm, in_folder("h.npy")), HN_OK, "a place where both can be made");
    ok(access(in_folder("h.npy"), F_OK) != 0, "makes neither");
    ok(nothing_like(".tmp"), "nothing is left behind");
}

int main(int argc, char **argv)
{
    hn_comm *comm, *alone;
    struct hn_threads *threads, *one;
    hn_dataset *data = NULL;

    MPI_Init(&argc, &argv);
    hn_backend_start();
    tap_plan(28);
    if (tap_rank == 0)
        make_folder();
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    hn_comm_new(&comm, MPI_COMM_WORLD, NULL);
    hn_comm_new(&alone, MPI_COMM_SELF, NULL);
    hn_threads_new(&threads, 1 + hn_comm_rank(comm) % 2);
    hn_threads_new(&one, 1);
    hn_status st = tap_rank == 0 ? make_set(in_folder("set.h5"), SAMPLES, SIDE, SIDE) : HN_OK;
    tap_status(hn_comm_agree(comm, st), HN_OK, "a set is made");
    st = hn_dataset_open(&data, in_folder("set.h5"));
    tap_status(hn_comm_agree(comm, st), HN_OK, "and opened");
    embed(comm, alone, data, threads, one);
    hn_dataset_close(data);
    damaged(comm, in_folder("set.h5"), threads);
    numpy(comm);
    hn_threads_free(one);
    hn_threads_free(threads);
    hn_comm_free(alone);
    hn_comm_barrier(comm);
    hn_comm_free(comm);
    if (tap_rank == 0)
        remove_folder();
    ok(hn_live_blocks() == 0, "nothing is left");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
