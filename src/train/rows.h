/* train/rows.h - rows appended to a file, whole ones only.  Local.
 *
 *   open:  a row is written at once
 *   a write fails (disk full, quota, input/output error): the file is cut back to its last whole row, rows
 *   wait in memory, and each new row tries again; both ends of that are logged once
 *
 * What waits is bounded: later rows are then lost, and counted. */
#ifndef HN_TRAIN_ROWS_H
#define HN_TRAIN_ROWS_H

#include "base/text.h"
#include <sys/types.h>

struct hn_rows {
    char path[1200];        /* empty: not open */
    int file;               /* descriptor */
    off_t whole;            /* bytes of whole rows in it */
    off_t torn;             /* bytes behind them of a row that could neither be finished nor taken away */
    struct hn_text waiting; /* rows that could not be written */
    size_t lost;            /* rows there was no room for in memory either */
};

/* Behind what the file holds, which ends with a whole row.  HN_ECREATE: it cannot be opened. */
hn_status hn_rows_open(struct hn_rows *r, const char *path);
/* Writes what waits, or says that it is lost; not may_write: the file is another's by now. */
void hn_rows_close(struct hn_rows *r, bool may_write);
void hn_rows_add(struct hn_rows *r, const struct hn_text *row);
/* Tries to write what waits. */
void hn_rows_catch_up(struct hn_rows *r);
/* Any thread, while the file is open: what was written survives a power cut. */
void hn_rows_sync(const struct hn_rows *r);

#endif
