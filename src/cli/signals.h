/* cli/signals.h - signals that ask the program to end soon. */
#ifndef HN_CLI_SIGNALS_H
#define HN_CLI_SIGNALS_H

#include <signal.h>

/* USR1, USR2, TERM, INT and HUP (unless it is ignored: nohup) only set this from now on; before MPI starts,
 * so that none is lost.  PIPE is ignored: the writer learns of it. */
extern volatile sig_atomic_t hn_stop;
void hn_catch_signals(void);

#endif
