/* check/verify.h - holding the program against a file of reference values.
 *
 * Collective: every rank makes every call, in the same order.  Each kind of
 * reference file is one source file with one entry in the table of
 * check/verify.c: recognise by content, then run every case and note() it. */
#ifndef HN_CHECK_VERIFY_H
#define HN_CHECK_VERIFY_H

#include "base/text.h"
#include "base/threads.h"
#include "hardneg/comm.h"
#include "store/store.h"

struct hn_verify {
    hn_comm *comm;
    hn_store *file; /* the same image on every rank */
    hn_threads *threads;
    double factor; /* on every tolerance */
    struct hn_verify_report *report;
};

/* One comparison: `kind` groups lines of the table ("loss hard", "conv2d"), `name` the case, deviation its
 * distance from the reference in the unit of the tolerance.  NaN fails.  Ranks may pass different deviations:
 * the largest counts. */
void hn_verify_note(struct hn_verify *v, const char *kind, const char *name, double deviation,
                    double tolerance);
/* A case that this program does not support (yet), and why. */
void hn_verify_skip(struct hn_verify *v, const char *kind, const char *name, const char *why);

struct hn_verify_kind {
    const char *name; /* "losses", "layers", ... */
    bool (*recognise)(const hn_store *file);
    hn_status (*run)(struct hn_verify *v); /* fails only for a file it cannot read (HN_EDATA) or memory */
};
/* One per file check/verify_*.c. */
extern const struct hn_verify_kind hn_verify_losses, hn_verify_training, hn_verify_layers, hn_verify_augment,
    hn_verify_knn, hn_verify_schedules;

/* Collective.  Reads path on rank 0, runs every case on all ranks and writes a table of the largest deviation
 * per kind of case, and what was not run and why, to `table` (rank 0).  HN_ECHECK when a deviation is over
 * its tolerance. */
hn_status hn_verify_file(hn_comm *comm, hn_threads *threads, const char *path, double factor,
                         struct hn_text *table);

#endif
