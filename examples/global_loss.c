/* The exact contrastive loss in somebody else's MPI program.
 *
 * 60 samples of 3 classes have two embeddings each, dealt out over the ranks; gradient descent moves the
 * embeddings themselves on the sphere.  Each rank gives its own rows and gets their full gradient: every
 * sample meets the negatives of all ranks, and there is nothing to be summed afterwards.
 *
 *   cc global_loss.c $(pkg-config --cflags --libs hardneg) -lm
 *   mpirun -n 3 ./a.out [loss.kind=hard_scl loss.temperature=0.2 ...]
 *
 * Prints the same digits on 1, 2 and 3 ranks (up to 12, the microbatches). */
#include <hardneg/hardneg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 60, MICROBATCHES = 12, DIM = 8, STEPS = 100 };

static int rank;

/* Every mistake of any rank is known to all: they leave together, and one of them says why. */
static void check(hn_status status)
{
    if (status == HN_OK)
        return;
    if (rank == 0)
        fprintf(stderr, "global_loss: %s\n", hn_error_text());
    MPI_Finalize();
    exit(status);
}

static void normalise(real *row)
{
    double sum = 0;

    for (int j = 0; j < DIM; j++)
        sum += (double)row[j] * row[j];
    for (int j = 0; j < DIM; j++)
        row[j] = (real)(row[j] / sqrt(sum));
}

/* Embedding of sample `id` (of the whole batch) in one view: a function of the two alone, not of the rank. */
static void start(real *row, size_t id, int view)
{
    for (int j = 0; j < DIM; j++)
        row[j] = (real)(sin(12.9898 * (double)((id + 1) * (size_t)(j + 1))) +
                        0.3 * cos(78.233 * (double)id + view + j));
    normalise(row);
}

/* One step against the gradient along the sphere: z - rate (dz - z <z, dz>), made unit again. */
static void descend(real *row, const real *gradient, double rate)
{
    double along = 0;

    for (int j = 0; j < DIM; j++)
        along += (double)row[j] * gradient[j];
    for (int j = 0; j < DIM; j++)
        row[j] = (real)(row[j] - rate * (gradient[j] - along * row[j]));
    normalise(row);
}

int main(int argc, char **argv)
{
    const char *sets[64] = {"data.path=none", "batch.size=60", "batch.microbatches=12", "loss.kind=hard"};
    size_t count = 4, part = BATCH / MICROBATCHES, first, samples;
    struct hn_loss_summary summary;
    struct hn_config config;
    hn_comm *comm;
    hn_global_loss *loss;
    MPI_Comm mine;
    int ranks;

    MPI_Init(&argc, &argv);
    MPI_Comm_dup(MPI_COMM_WORLD, &mine); /* any communicator does */
    for (int i = 1; i < argc && count < 64; i++)
        sets[count++] = argv[i]; /* the keys of `hardneg train --help-config` */
    check(hn_comm_new(&comm, mine, NULL));
    rank = (int)hn_comm_rank(comm);
    ranks = (int)hn_comm_size(comm);
    check(hn_config_read(&config, "the command line", "", sets, count));

    /* Whole microbatches, as many as fall to this rank; the last rank has what is left. */
    first = MICROBATCHES / ranks * rank * part;
    samples = rank == ranks - 1 ? BATCH - first : MICROBATCHES / ranks * part;
    check(hn_global_loss_new(&loss, comm, &config, samples, DIM));

    real *z[2], *dz[2];
    int64_t *label = malloc((samples + 1) * sizeof *label);
    for (int view = 0; view < 2; view++) {
        z[view] = malloc((samples + 1) * DIM * sizeof(real));
        dz[view] = malloc((samples + 1) * DIM * sizeof(real));
        for (size_t i = 0; i < samples; i++)
            start(z[view] + i * DIM, first + i, view);
    }
    for (size_t i = 0; i < samples; i++)
        label[i] = (int64_t)((first + i) % 3);

    for (int step = 0; step <= STEPS; step++) {
        check(hn_global_loss_step(loss, z[0], z[1], label, dz[0], dz[1], &summary));
        if (rank == 0 && step % 20 == 0)
            printf("step %3d  loss %.17g  alignment %.17g\n", step, summary.loss, summary.alignment);
        for (int view = 0; view < 2; view++)
            for (size_t i = 0; i < samples; i++)
                descend(z[view] + i * DIM, dz[view] + i * DIM, 2.0);
    }

    for (int view = 0; view < 2; view++) {
        free(z[view]);
        free(dz[view]);
    }
    free(label);
    hn_global_loss_free(loss);
    hn_comm_free(comm);
    MPI_Comm_free(&mine);
    MPI_Finalize();
    return 0;
}
