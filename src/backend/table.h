/* backend/table.h - which way for which shape, measured, in a file.  Local.
 *
 *   hardneg table 1
 *   processor AMD EPYC (avx2 fma)
 *   libraries OpenBLAS 0.3.21 (Zen), oneDNN 2.6.3
 *   32 32 32 3 64 3 1 1 0: onednn openblas openblas
 *
 * A line per shape: rows, h, w, c_in, c_out, kernel, stride, padding, bias; the ways of forward, data,
 * weight. Lines that begin with # are for readers. */
#ifndef HN_BACKEND_TABLE_H
#define HN_BACKEND_TABLE_H

#include "backend/backend.h"
#include "base/hash.h"

enum { HN_TABLE_ROOM = 512 };

struct hn_table {
    struct hn_table_line {
        struct hn_conv shape;
        struct hn_ways ways;
    } line[HN_TABLE_ROOM];
    size_t lines;
    char hash[HN_HASH_TEXT]; /* of the file */
};

/* HN_ENOINPUT, HN_EDATA, HN_EUSAGE as hn_backend_choose() says. */
hn_status hn_table_read(struct hn_table *t, const char *path);
hn_status hn_table_write(const struct hn_table *t, const char *path);
const struct hn_table_line *hn_table_find(const struct hn_table *t, const struct hn_conv *c); /* or NULL */

#endif
