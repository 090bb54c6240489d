/* cli/progress.h - what people see while they wait: one line that is rewritten on a terminal, plain lines
 * elsewhere.
 *
 * Rank 0 alone calls these.  Words go to stderr, results to stdout. */
#ifndef HN_CLI_PROGRESS_H
#define HN_CLI_PROGRESS_H

#include "base/text.h"

/* Is somebody looking? */
bool hn_progress_on_terminal(void);
/* On a terminal: rewrites the line, at most ten times a second unless `now`. */
void hn_progress_line(bool now, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Clears the line, so that the next word stands alone.  Idempotent. */
void hn_progress_end(void);
/* 3725 -> "1:02:05" */
void hn_progress_time(double seconds, char text[32]);

#endif
