#include "base/tree.h"
#include "base/assert.h"
#include <string.h>

size_t hn_tree_split(size_t n)
{
    size_t split = 1;

    HN_ASSERT(n >= 2);
    while (split < (n + 1) / 2)
        split *= 2;
    return split;
}

bool hn_tree_is_node(size_t n, struct hn_range node)
{
    size_t first = 0, count = n;

    if (node.count == 0 || node.first + node.count > n)
        return false;
    while (first != node.first || count != node.count) {
        if (count <= node.count)
            return false;
        size_t split = hn_tree_split(count);
        if (node.first < first + split) {
            count = split;
        } else {
            first += split;
            count -= split;
        }
    }
    return true;
}

/* The maximal nodes of run below the node [first, first + count). */
static size_t cover(size_t first, size_t count, struct hn_range run, struct hn_range *nodes)
{
    if (first >= run.first + run.count || first + count <= run.first)
        return 0;
    if (first >= run.first && first + count <= run.first + run.count) {
        nodes[0] = (struct hn_range){first, count};
        return 1;
    }
    size_t split = hn_tree_split(count);
    size_t left = cover(first, split, run, nodes);
    return left + cover(first + split, count - split, run, nodes + left);
}

size_t hn_tree_cover(size_t n, struct hn_range run, struct hn_range nodes[HN_TREE_COVER])
{
    HN_ASSERT(run.count <= n && (run.count == 0 || run.first <= n - run.count));
    return n == 0 || run.count == 0 ? 0 : cover(0, n, run, nodes);
}

size_t hn_tree_fold(size_t n, struct hn_range *node, size_t *place, size_t count, hn_tree_combine *combine,
                    void *ctx)
{
    size_t top = 0; /* node[0 .. top) is a stack of what is folded so far */

    for (size_t i = 0; i < count; i++) {
        HN_ASSERT(hn_tree_is_node(n, node[i]));
        node[top] = node[i];
        place[top++] = i;
        while (top >= 2) {
            struct hn_range parent = {node[top - 2].first, node[top - 2].count + node[top - 1].count};
            bool siblings = hn_tree_is_node(n, parent) && hn_tree_split(parent.count) == node[top - 2].count;
            if (!siblings)
                break;
            combine(ctx, place[top - 2], place[top - 1]);
            node[--top - 1] = parent;
        }
    }
    return top;
}

/* Chan's merge of one (count, mean, M2) into another. */
static void chan(double *a, const double *b)
{
    double count = a[0] + b[0], delta = b[1] - a[1];

    if (count == 0.0)
        return;
    a[1] += delta * (b[0] / count);
    a[2] += b[2] + delta * delta * (a[0] * b[0] / count);
    a[0] = count;
}

void hn_combine(enum hn_combine how, double *left, const double *right, size_t width)
{
    switch (how) {
    case HN_SUM:
        for (size_t j = 0; j < width; j++)
            left[j] += right[j];
        break;
    case HN_MAX:
        for (size_t j = 0; j < width; j++)
            left[j] = left[j] > right[j] ? left[j] : right[j];
        break;
    case HN_CHAN:
        for (size_t j = 0; j + 2 < width; j += 3)
            chan(left + j, right + j);
        break;
    }
}

struct rows {
    enum hn_combine how;
    double *row;
    size_t width;
};

static void combine_rows(void *ctx, size_t left, size_t right)
{
    struct rows *r = ctx;

    hn_combine(r->how, r->row + left * r->width, r->row + right * r->width, r->width);
}

size_t hn_combine_rows(enum hn_combine how, double *row, size_t width, size_t n, struct hn_range *node,
                       size_t count)
{
    struct rows r = {how, row, width};
    size_t top = 0;

    /* Fold in windows that a place list on the stack can hold: node[0 .. top) is folded already. */
    for (size_t i = 0; i < count; i++) {
        size_t place[HN_TREE_COVER];
        HN_ASSERT(top < HN_TREE_COVER);
        node[top] = node[i];
        if (top != i)
            memcpy(row + top * width, row + i * width, width * sizeof *row);
        top = hn_tree_fold(n, node, place, top + 1, combine_rows, &r);
    }
    return top;
}

struct hn_range hn_share(size_t n, size_t parts, size_t index)
{
    size_t each = n / parts, longer = n % parts;
    struct hn_range run = {index * each + (index < longer ? index : longer), each + (index < longer)};

    HN_ASSERT(index < parts);
    if (run.count == 0)
        run.first = n;
    return run;
}
