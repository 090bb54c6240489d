/* The public loss over a communicator: however the batch is dealt out, each rank has the bits that one
 * process with all rows has.  What does not fit is refused by all ranks together. ranks: 3 */
#define TAP_MPI
#include "base/mem.h"
#include "hardneg/hardneg.h"
#include "tap.h"

enum { BATCH = 24, PART = 4, DIM = 7 };

static hn_comm *world, *alone;
static real z[2][BATCH * DIM], whole[2][BATCH * DIM], mine[2][BATCH * DIM];
static int64_t label[BATCH];

static void make_rows(void)
{
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < BATCH; i++) {
            double sum = 0;
            for (size_t j = 0; j < DIM; j++) {
                /* Views of one sample lie close together: a shared part and one of their own. */
                double x = sin(12.9898 * (double)(i * DIM + j + 1)),
                       y = sin(78.233 * (double)((v * BATCH + i) * DIM + j + 1));
                z[v][i * DIM + j] = (real)(x + 0.5 * y);
                sum += (x + 0.5 * y) * (x + 0.5 * y);
            }
            for (size_t j = 0; j < DIM; j++)
                z[v][i * DIM + j] = (real)((double)z[v][i * DIM + j] / sqrt(sum));
            label[i] = (int64_t)(i % 5);
        }
}

static struct hn_config config_of(const char *kind)
{
    char set[64];
    const char *sets[] = {"data.path=none", "batch.size=24", "batch.microbatches=6", "loss.tile=3", set};
    struct hn_config c;

    snprintf(set, sizeof set, "loss.kind=%s", kind);
    if (hn_config_read(&c, "test", "", sets, 5) != HN_OK) {
        printf("Bail out! %s\n", hn_error_text());
        exit(1);
    }
    return c;
}

static struct hn_loss_summary one_process(const struct hn_config *c)
{
    struct hn_loss_summary s = {0};
    hn_global_loss *g = NULL;

    if (hn_global_loss_new(&g, alone, c, BATCH, DIM) != HN_OK ||
        hn_global_loss_step(g, z[0], z[1], label, whole[0], whole[1], &s) != HN_OK)
        printf("# %s\n", hn_error_text());
    hn_global_loss_free(g);
    return s;
}

/* count: samples of each rank. */
static void dealt_out(const char *kind, const size_t count[3])
{
    struct hn_config c = config_of(kind);
    struct hn_loss_summary want = one_process(&c), got = {0};
    size_t rank = hn_comm_rank(world), n = count[rank], first = 0;
    hn_global_loss *g = NULL;
    bool same = true;

    c.threads = 1 + rank % 2; /* no bit depends on it */
    for (size_t r = 0; r < rank; r++)
        first += count[r];
    for (size_t v = 0; v < 2; v++)
        memcpy(mine[v], z[v] + first * DIM, n * DIM * sizeof(real));
    hn_status st = hn_global_loss_new(&g, world, &c, n, DIM);
    if (st == HN_OK) /* in place */
        st = hn_global_loss_step(g, mine[0], mine[1], label + first, mine[0], mine[1], &got);
    hn_global_loss_free(g);
    for (size_t v = 0; v < 2; v++)
        same = same && memcmp(mine[v], whole[v] + first * DIM, n * DIM * sizeof(real)) == 0;
    ok(st == HN_OK && same && got.loss == want.loss && got.anchors == want.anchors && want.loss != 0,
       "%s, %zu + %zu + %zu samples: loss and gradient of one process, bit for bit", kind, count[0], count[1],
       count[2]);
}

/* Along a random direction the loss changes as the gradient says (double alone can see it well). */
static void gradient_is_of_the_loss(void)
{
    struct hn_config c = config_of("hard");
    struct hn_loss_summary s[2];
    double want = 0, h = sizeof(real) == 4 ? 1e-2 : 1e-5;
    static real keep[2][BATCH * DIM];

    memcpy(keep, z, sizeof keep);
    one_process(&c);
    for (int side = 0; side < 2; side++) {
        static real unused[2][BATCH * DIM];
        hn_global_loss *g = NULL;
        for (size_t v = 0; v < 2; v++)
            for (size_t i = 0; i < BATCH * DIM; i++)
                z[v][i] = (real)((double)keep[v][i] + (side ? h : -h) * sin((double)(3 * i + v)));
        if (hn_global_loss_new(&g, alone, &c, BATCH, DIM) == HN_OK)
            hn_global_loss_step(g, z[0], z[1], NULL, unused[0], unused[1], &s[side]);
        hn_global_loss_free(g);
    }
    memcpy(z, keep, sizeof keep);
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < BATCH * DIM; i++)
            want += (double)whole[v][i] * sin((double)(3 * i + v));
    double got = (s[1].loss - s[0].loss) / (2 * h);
    ok(fabs(got - want) <= TAP_TOL(1e-3, 1e-8) * (1 + fabs(want)),
       "the gradient is the loss's: %.9g, differences %.9g", want, got);
}

static void refused(const char *words, hn_status want, hn_status st, const char *what)
{
    if (!ok(st == want && strstr(hn_error_text(), words) != NULL, "%s", what))
        printf("# status %d, wanted %d: %s\n", (int)st, (int)want, hn_error_text());
}

static void refusals(void)
{
    struct hn_config c = config_of("hard"), odd = c, labelled = config_of("hard_scl");
    size_t rank = hn_comm_rank(world);
    struct hn_loss_summary s;
    hn_global_loss *g = NULL;

    refused("hold 12 samples in all, but batch.size is 24", HN_EUSAGE,
            hn_global_loss_new(&g, world, &c, 4, DIM), "samples that do not add up");
    refused("rank 1: 6 samples are no whole number", HN_EUSAGE,
            hn_global_loss_new(&g, world, &c, rank == 1 ? 6 : 8, DIM), "a rank with half a microbatch");
    odd.loss.temperature = rank == 2 ? 0.25 : 0.5;
    refused("rank 2 differs from rank 0 in the options", HN_EUSAGE,
            hn_global_loss_new(&g, world, &odd, 8, DIM), "another temperature on one rank");
    refused("rank 1 differs from rank 0 in the dimension", HN_EUSAGE,
            hn_global_loss_new(&g, world, &c, 8, rank == 1 ? 8 : DIM), "other rows on one rank");
    ok(g == NULL, "nothing is made then");

    if (hn_global_loss_new(&g, world, &labelled, 8, DIM) == HN_OK)
        refused("rank 1: this loss needs a label", HN_EUSAGE,
                hn_global_loss_step(g, z[0], z[1], rank == 1 ? NULL : label, mine[0], mine[1], &s),
                "labels missing on one rank");
    hn_global_loss_free(g);
    g = NULL;
    memcpy(mine, z, sizeof mine);
    if (rank == 1)
        mine[0][3] = NAN;
    if (hn_global_loss_new(&g, world, &c, 8, DIM) == HN_OK)
        refused("not finite", HN_EDIVERGED,
                hn_global_loss_step(g, mine[0], mine[1], NULL, mine[0], mine[1], &s),
                "a row of one rank that is not a number: all ranks say so");
    hn_global_loss_free(g);
}

int main(int argc, char **argv)
{
    static const size_t even[] = {8, 8, 8}, uneven[] = {4, 16, 4}, none[] = {0, 8, 16};
    static const char *const kinds[] = {"hard", "hard_scl", "debiased"};

    MPI_Init(&argc, &argv);
    tap_plan(3 * 3 + 1 + 7 + 1);
    if (tap_size != 3)
        tap_skip_all("needs 3 ranks");
    size_t before = hn_live_blocks();
    if (hn_comm_new(&world, MPI_COMM_WORLD, NULL) != HN_OK ||
        hn_comm_new(&alone, MPI_COMM_SELF, NULL) != HN_OK)
        return 1;
    make_rows();
    for (size_t k = 0; k < 3; k++) {
        dealt_out(kinds[k], even);
        dealt_out(kinds[k], uneven);
        dealt_out(kinds[k], none);
    }
    gradient_is_of_the_loss();
    refusals();
    hn_comm_free(alone);
    hn_comm_free(world);
    ok(hn_live_blocks() == before, "no memory is left");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
