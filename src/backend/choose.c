/* backend/choose.c - which way for which shape: decided before a run, from its shapes and the processor
 * alone. */
#include "backend/onednn.h"
#include "backend/openblas.h"
#include "backend/table.h"
#include <stdio.h>

static int kind = HN_BACKEND_AUTO;
static bool from_file;
static struct hn_table table; /* if from_file */

const char *const *hn_backend_names(void)
{
    static const char *const names[] = {
        [HN_BACKEND_AUTO] = "auto", [HN_BACKEND_ONEDNN] = "onednn", [HN_BACKEND_OPENBLAS] = "openblas", NULL};
    return names;
}

static hn_status check_kind(const struct hn_backend_options *o)
{
    if (o->kind == HN_BACKEND_ONEDNN && hn_onednn_version() == NULL)
        return hn_fail(
            HN_EUSAGE,
            "backend.kind = \"onednn\": this program (%s) was built without oneDNN; choose \"auto\" or "
            "\"openblas\"",
            sizeof(real) == 4 ? "float" : "double");
    if (o->kind != HN_BACKEND_AUTO && o->table[0] != '\0')
        return hn_fail(HN_EUSAGE, "backend.table is for backend.kind = \"auto\", not \"%s\"",
                       hn_backend_names()[o->kind]);
    return HN_OK;
}

hn_status hn_backend_choose(const struct hn_backend_options *options)
{
    static struct hn_table read; /* two of them: a failure leaves the former choice */
    hn_status st = check_kind(options);

    if (st == HN_OK && options->table[0] != '\0')
        st = hn_table_read(&read, options->table);
    if (st != HN_OK)
        return st;
    kind = options->kind;
    from_file = options->table[0] != '\0';
    table = read;
    return HN_OK;
}

/* Table 2, measured with AVX2 alone (other processors: hardneg tune), 8 and 32 rows, layers of ResNets (GF/s
 * of all their products at 32, OpenBLAS alone to the fastest of each: ResNet-18 of width 16 32 to 59,
 * ResNet-50 61 to 71).  Few channels make products too narrow for a GEMM.  With many, oneDNN's own layout is
 * worth the copies, but not in steps, nor for weights, where the GEMM is long, nor for data where images are
 * small. */
static enum hn_way built_in(const struct hn_conv *c, enum hn_conv_what what)
{
    bool weight = what == HN_CONV_WEIGHT, product = c->rows == 1 && c->h == 1;

    if (c->kernel == 1 && c->stride > 1)
        return !weight || c->c_in < 256 ? HN_WAY_NHWC : HN_WAY_UNFOLD;
    if (c->kernel == 1)
        return !product && !weight && (what == HN_CONV_FORWARD || c->c_in <= 256) ? HN_WAY_NHWC
                                                                                  : HN_WAY_UNFOLD;
    if (c->c_in <= 32 && c->c_out <= 64)
        return HN_WAY_NHWC;
    if (what == HN_CONV_DATA && c->c_in >= 512)
        return HN_WAY_UNFOLD;
    return c->stride == 1 && !weight ? HN_WAY_BLOCKED : HN_WAY_UNFOLD;
}

static enum hn_way wish(const struct hn_conv *c, enum hn_conv_what what)
{
    switch (kind) {
    case HN_BACKEND_ONEDNN:
        return HN_WAY_NHWC;
    case HN_BACKEND_OPENBLAS:
        return HN_WAY_UNFOLD;
    default:
        return built_in(c, what);
    }
}

struct hn_ways hn_conv_choose(const struct hn_conv *c)
{
    const struct hn_table_line *line = from_file ? hn_table_find(&table, c) : NULL;
    struct hn_ways ways;

    if (line)
        return line->ways;
    for (int i = 0; i < HN_CONV_WHATS; i++) {
        ways.of[i] = wish(c, (enum hn_conv_what)i);
        if (!hn_conv_can(c, (enum hn_conv_what)i, ways.of[i]))
            ways.of[i] = HN_WAY_UNFOLD;
    }
    return ways;
}

const char *hn_backend_libraries(void)
{
    static _Thread_local char text[128];
    const char *onednn = hn_onednn_version();

    snprintf(text, sizeof text, "%s%s%s", hn_openblas_describe(), onednn ? ", oneDNN " : "",
             onednn ? onednn : "");
    return text;
}

const char *hn_backend_describe(void)
{
    static _Thread_local char text[256];
    const char *by = kind != HN_BACKEND_AUTO ? "" : from_file ? ", table " : ", built-in table 2";

    snprintf(text, sizeof text, "%s%s; %s%s%s", hn_backend_libraries(),
             hn_onednn_version() ? "" : ", without oneDNN", hn_backend_names()[kind], by,
             from_file ? table.hash : "");
    return text;
}
