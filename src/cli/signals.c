#include "cli/signals.h"
#include <stddef.h>

volatile sig_atomic_t hn_stop;

static void on_signal(int number)
{
    hn_stop = number;
}

void hn_catch_signals(void)
{
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}
