/* hardneg/backend.h - which library computes convolutions and products.
 *
 * Local.  The choice is one for the whole process, like the libraries' own
 * threads; it is made before networks are, and never by timing inside a run. */
#ifndef HARDNEG_BACKEND_H
#define HARDNEG_BACKEND_H

#include "hardneg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* auto: by a table, for each shape and direction; the others: that library wherever it can. */
enum hn_backend_kind { HN_BACKEND_AUTO, HN_BACKEND_ONEDNN, HN_BACKEND_OPENBLAS };
const char *const *hn_backend_names(void);

struct hn_backend_options {
    int kind;         /* enum hn_backend_kind */
    char table[1024]; /* auto: a file that `hardneg tune` wrote; "": the table that is built in */
};

/* Before networks are made; until then it is auto by the built-in table, which also decides for shapes that a
 * file does not name.  HN_EUSAGE: a library that is not in this build, a table for another kind, of another
 * processor or of other libraries; HN_ENOINPUT: no such file; HN_EDATA: not a table.  On failure the former
 * choice stays. */
hn_status hn_backend_choose(const struct hn_backend_options *options);

/* The libraries, "OpenBLAS 0.3.21 (Zen), oneDNN 2.6.3". */
const char *hn_backend_libraries(void);
/* With what was chosen, "OpenBLAS 0.3.21 (Zen), oneDNN 2.6.3; auto, built-in table 2 (avx2)": part of a run's
 * identity. */
const char *hn_backend_describe(void);

#ifdef __cplusplus
}
#endif

#endif
