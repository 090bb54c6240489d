/* Sums across ranks have the bits that one process gets.  ranks: 5 */
#define TAP_MPI
#include "base/mem.h"
#include "base/philox.h"
#include "comm/reduce.h"
#include "tap.h"

enum { MAX_LEAVES = 40 };

/* Numbers of very different sizes: another order of adding gives other bits. */
static real leaf(size_t k, size_t j)
{
    struct hn_u32x4 u = hn_philox(5, HN_DRAW_TEST, k, j, 0);

    return (real)(((double)u.v[0] / 4294967296.0 - 0.5) * ldexp(1.0, (int)(u.v[1] % 20)));
}

static void add(real *a, const real *b, size_t n)
{
    for (size_t j = 0; j < n; j++)
        a[j] += b[j];
}

/* The tree by its definition. */
static void node_sum(struct hn_range node, size_t width, real *out)
{
    if (node.count == 1) {
        for (size_t j = 0; j < width; j++)
            out[j] = leaf(node.first, j);
        return;
    }
    size_t left = hn_tree_split(node.count);
    real *right = hn_calloc(width, sizeof *right);
    node_sum((struct hn_range){node.first, left}, width, out);
    node_sum((struct hn_range){node.first + left, node.count - left}, width, right);
    add(out, right, width);
    hn_free(right);
}

/* Runs of five ranks. */
struct deal {
    size_t n;
    size_t count[5];
};
static const struct deal deals[] = {
    {8, {2, 2, 2, 1, 1}},   {11, {3, 3, 2, 2, 1}},  {3, {1, 1, 1, 0, 0}},     {1, {0, 0, 1, 0, 0}},
    {37, {5, 0, 19, 6, 7}}, {16, {16, 0, 0, 0, 0}}, {40, {1, 2, 13, 11, 13}},
};

static void runs_of(const struct deal *d, struct hn_range run[5])
{
    for (size_t r = 0, at = 0; r < 5; at += d->count[r++])
        run[r] = (struct hn_range){at, d->count[r]};
}

/* Sums `width` elements in `buckets` uneven buckets, last ones first as in backward; true when equal to want.
 */
static bool sums_equal(hn_comm *c, const struct deal *d, size_t width, size_t buckets, bool in_first,
                       const real *want, enum hn_reduce_algorithm algorithm)
{
    struct hn_range run[5], node[HN_TREE_COVER];
    real *value[HN_TREE_COVER], *root = hn_calloc(width, sizeof *root);
    hn_reducer *r;

    runs_of(d, run);
    size_t cover = hn_tree_cover(d->n, run[hn_comm_rank(c)], node);
    for (size_t i = 0; i < cover; i++) {
        value[i] = hn_calloc(width, sizeof **value);
        node_sum(node[i], width, value[i]);
    }
    if (hn_reducer_new(&r, c, d->n, run, width, algorithm) != HN_OK)
        return false;
    size_t blocks = hn_total_blocks();
    real *out = in_first && cover > 0 ? value[0] : root;
    for (size_t b = buckets, end = width; b-- > 0;) {
        size_t first = b * b * width / (buckets * buckets);
        hn_reducer_start(r, first, end - first, value, out);
        end = first;
        hn_reducer_poll(r);
    }
    hn_reducer_wait(r);
    bool equal = hn_total_blocks() == blocks;
    if (algorithm == HN_REDUCE_ORDERED)
        equal = equal && memcmp(out, want, width * sizeof *want) == 0;
    for (size_t j = 0; j < width; j++) /* the other one is only near */
        equal = equal && fabs((double)(out[j] - want[j])) <= 1e7 * TAP_EPS;
    hn_reducer_free(r);
    for (size_t i = 0; i < cover; i++)
        hn_free(value[i]);
    hn_free(root);
    return equal;
}

static void sums(hn_comm *c, const char *what)
{
    static const size_t widths[] = {1, 3, 5, 4099};

    for (size_t i = 0; i < sizeof deals / sizeof *deals; i++) {
        bool good = true, near = true;
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            real *want = hn_calloc(widths[w], sizeof *want);
            node_sum((struct hn_range){0, deals[i].n}, widths[w], want);
            good = good && sums_equal(c, &deals[i], widths[w], 1, false, want, HN_REDUCE_ORDERED);
            good = good && sums_equal(c, &deals[i], widths[w], 13, true, want, HN_REDUCE_ORDERED);
            near = near && sums_equal(c, &deals[i], widths[w], 3, w % 2, want, HN_REDUCE_MPI);
            hn_free(want);
        }
        ok(good, "%zu leaves, %s: ordered sums have one process's bits, nothing is allocated", deals[i].n,
           what);
        ok(near, "%zu leaves, %s: the library's sums are near", deals[i].n, what);
    }
}

/* Larger than a piece, and more buckets than the queue holds. */
static void large_and_many(hn_comm *c)
{
    size_t width = ((size_t)1 << 18) + 12345;
    real *want = hn_calloc(width, sizeof *want);

    node_sum((struct hn_range){0, 3}, width, want);
    ok(sums_equal(c, &deals[2], width, 2, true, want, HN_REDUCE_ORDERED), "a bucket of several pieces");
    width = 3 * HN_REDUCE_QUEUE * HN_REDUCE_QUEUE / 1000;
    ok(sums_equal(c, &deals[2], width, HN_REDUCE_QUEUE + 100, false, want, HN_REDUCE_ORDERED),
       "more buckets than wait at a time, some of them empty");
    hn_free(want);
}

static double stat(size_t k, size_t j, enum hn_combine how)
{
    if (how == HN_CHAN && j % 3 == 0)
        return (double)(1 + (k * 7 + j) % 5);
    return fabs((double)leaf(k, j));
}

static bool stats_equal(hn_comm *c, const struct deal *d, size_t width, enum hn_combine how)
{
    struct hn_range run[5], node[MAX_LEAVES];
    double *row = hn_calloc(MAX_LEAVES * width, sizeof *row),
           *want = hn_calloc(MAX_LEAVES * width, sizeof *want);
    hn_reducer *r;

    runs_of(d, run);
    struct hn_range own = run[hn_comm_rank(c)];
    for (size_t k = 0; k < d->n; k++) {
        node[k] = (struct hn_range){k, 1};
        for (size_t j = 0; j < width; j++) {
            want[k * width + j] = stat(k, j, how);
            if (k >= own.first && k < own.first + own.count)
                row[(k - own.first) * width + j] = want[k * width + j];
        }
    }
    hn_combine_rows(how, want, width, d->n, node, d->n);
    if (hn_reducer_new(&r, c, d->n, run, 1, HN_REDUCE_MPI) != HN_OK)
        return false;
    hn_reducer_stats(r, how, row, width);
    bool equal = memcmp(row, want, width * sizeof *row) == 0;
    hn_reducer_free(r);
    hn_free(row);
    hn_free(want);
    return equal;
}

static void statistics(hn_comm *c)
{
    for (int how = HN_SUM; how <= HN_CHAN; how++) {
        bool good = true;
        for (size_t i = 0; i < sizeof deals / sizeof *deals; i++)
            good = good && stats_equal(c, &deals[i], 3, (enum hn_combine)how) &&
                   stats_equal(c, &deals[i], 30003, (enum hn_combine)how);
        ok(good, "statistics combined in way %d: one process's bits, also in several rounds", how);
    }
}

/* Statistics in the middle of sums in flight. */
static void mixed(hn_comm *c)
{
    struct hn_range run[5], node[HN_TREE_COVER];
    size_t width = 50000;
    real *value[HN_TREE_COVER], *root = hn_calloc(width, sizeof *root),
                                *want = hn_calloc(width, sizeof *want);
    double row[MAX_LEAVES];
    hn_reducer *r;
    bool good = true;

    runs_of(&deals[4], run);
    struct hn_range own = run[hn_comm_rank(c)];
    size_t cover = hn_tree_cover(37, own, node);
    node_sum((struct hn_range){0, 37}, width, want);
    for (size_t i = 0; i < cover; i++) {
        value[i] = hn_calloc(width, sizeof **value);
        node_sum(node[i], width, value[i]);
    }
    hn_reducer_new(&r, c, 37, run, width, HN_REDUCE_ORDERED);
    for (size_t b = 0; b < 10; b++) {
        hn_reducer_start(r, b * 5000, 5000, value, root);
        for (size_t k = 0; k < own.count; k++)
            row[k] = (double)(own.first + k) + (double)b;
        hn_reducer_stats(r, HN_MAX, row, 1);
        good = good && row[0] == 36.0 + (double)b;
    }
    hn_reducer_wait(r);
    ok(good && memcmp(root, want, width * sizeof *want) == 0, "statistics between sums in flight");
    hn_reducer_free(r);
    for (size_t i = 0; i < cover; i++)
        hn_free(value[i]);
    hn_free(root);
    hn_free(want);
}

static void refused(hn_comm *c)
{
    struct hn_range run[5] = {{0, 2}, {2, 1}, {4, 1}, {5, 1}, {6, 0}};
    hn_reducer *r;

    tap_status(hn_reducer_new(&r, c, 6, run, 10, HN_REDUCE_ORDERED), HN_EBUG, "runs with a gap are refused");
    run[2].first = 3;
    run[3].first = 4;
    tap_status(hn_reducer_new(&r, c, 6, run, 10, HN_REDUCE_ORDERED), HN_EBUG,
               "runs that end early are refused");
}

int main(int argc, char **argv)
{
    hn_comm *c, *nodes;

    MPI_Init(&argc, &argv);
    tap_plan(37);
    hn_comm_new(&c, MPI_COMM_WORLD, NULL);
    hn_comm_new(&nodes, MPI_COMM_WORLD, &(struct hn_comm_options){.ranks_per_node = 2});
    sums(c, "one node");
    sums(nodes, "pretended nodes");
    large_and_many(c);
    statistics(nodes);
    mixed(c);
    refused(c);
    hn_comm_free(nodes);
    hn_comm_free(c);
    ok(hn_live_blocks() == 0, "nothing is left");
    int failed = tap_done();
    MPI_Finalize();
    return failed;
}
