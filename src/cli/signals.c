#include "cli/signals.h"
#include <stddef.h>

volatile sig_atomic_t hn_stop;

static void on_signal(int number)
{
    hn_stop = number;
}

void hn_catch_signals(void)
{
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] != SIGHUP || sigaction(SIGHUP, NULL, &before) != 0 || before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL); /* under nohup a terminal that goes stops nothing */
    signal(SIGPIPE, SIG_IGN);                     /* nor does the end of whoever reads our words */
}
