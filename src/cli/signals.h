/* cli/signals.h - signals that ask the program to end soon. */
#ifndef HN_CLI_SIGNALS_H
#define HN_CLI_SIGNALS_H

#include <signal.h>

/* USR1, USR2, TERM and INT only set this from now on; before MPI starts, so that none is lost. */
extern volatile sig_atomic_t hn_stop;
void hn_catch_signals(void);

#endif
