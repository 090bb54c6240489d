/* The tree: covers of any partition fold to the same root. */
#include "base/tree.h"
#include "tap.h"

/* Leaves are numbers whose sum depends on the order; every partition into runs must give the root's bits. */
static double root_over(size_t n, size_t parts)
{
    double row[600];
    struct hn_range node[600];
    size_t count = 0;

    for (size_t r = 0; r < parts; r++) {
        struct hn_range run = hn_share(n, parts, r), own[40];
        double leaf[40];
        for (size_t k = 0; k < run.count; k++) {
            own[k] = (struct hn_range){run.first + k, 1};
            leaf[k] = sin((double)(run.first + k) * 12.9898) * 43758.5453;
        }
        size_t left = hn_combine_rows(HN_SUM, leaf, 1, n, own, run.count);
        for (size_t k = 0; k < left; k++) {
            node[count] = own[k];
            row[count++] = leaf[k];
        }
    }
    count = hn_combine_rows(HN_SUM, row, 1, n, node, count);
    return count == 1 && node[0].first == 0 && node[0].count == n ? row[0] : NAN;
}

static void partitions(void)
{
    int bad = 0;

    for (size_t n = 1; n <= 33; n++)
        for (size_t parts = 1; parts <= n; parts++)
            bad += memcmp(&(double){root_over(n, parts)}, &(double){root_over(n, 1)}, sizeof(double)) != 0;
    ok(bad == 0, "every partition of 1 .. 33 leaves folds to the same bits (%d differ)", bad);
}

static void covers(void)
{
    int bad = 0;

    for (size_t n = 1; n <= 20; n++)
        for (size_t a = 0; a < n; a++)
            for (size_t b = a + 1; b <= n; b++) {
                struct hn_range node[HN_TREE_COVER], run = {a, b - a};
                size_t count = hn_tree_cover(n, run, node), at = a;
                for (size_t k = 0; k < count; at += node[k++].count)
                    bad += node[k].first != at || !hn_tree_is_node(n, node[k]);
                bad += at != b;
            }
    ok(bad == 0, "a cover is made of nodes and is gapless");
}

static void variance(void)
{
    const double x[7] = {3, -1, 4, 1, -5, 9, 2};
    double row[21], sum = 0, sq = 0;
    struct hn_range node[7];

    for (size_t i = 0; i < 7; i++) {
        row[3 * i] = 1;
        row[3 * i + 1] = x[i];
        row[3 * i + 2] = 0;
        node[i] = (struct hn_range){i, 1};
        sum += x[i];
    }
    for (size_t i = 0; i < 7; i++)
        sq += (x[i] - sum / 7) * (x[i] - sum / 7);
    ok(hn_combine_rows(HN_CHAN, row, 3, 7, node, 7) == 1, "seven leaves fold to one");
    ok(row[0] == 7 && fabs(row[1] - sum / 7) < 1e-14 && fabs(row[2] - sq) < 1e-12, "Chan: count, mean, M2");
}

static void shares(void)
{
    int bad = 0;

    for (size_t n = 0; n < 20; n++)
        for (size_t parts = 1; parts < 25; parts++) {
            size_t at = 0;
            for (size_t r = 0; r < parts; r++) {
                struct hn_range s = hn_share(n, parts, r);
                bad += s.first != at || s.count > n / parts + 1;
                at += s.count;
            }
            bad += at != n;
        }
    ok(bad == 0, "shares are gapless and even");
    ok(hn_tree_split(2) == 1 && hn_tree_split(5) == 4 && hn_tree_split(8) == 4 && hn_tree_split(9) == 8,
       "a node splits at the largest power of two below its length");
}

int main(void)
{
    tap_plan(6);
    partitions();
    covers();
    variance();
    shares();
    return tap_done();
}
