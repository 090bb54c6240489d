#include "train/inject.h"

#ifdef HN_DEBUG
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t now_step;
static size_t now_rank;

static bool wanted(const char *what)
{
    static bool done;
    const char *text = getenv("HN_INJECT");
    char word[32];
    unsigned long long step, rank;

    if (done || text == NULL || sscanf(text, "%31s %llu %llu", word, &step, &rank) != 3)
        return false;
    if (strcmp(word, what) != 0 || step != now_step || rank != now_rank)
        return false;
    done = strcmp(word, "bits") != 0;
    return true;
}

void hn_inject_at(uint64_t step, size_t rank)
{
    now_step = step;
    now_rank = rank;
}

void hn_inject_bit(real *weight)
{
    if (wanted("bit") || wanted("bits"))
        ((unsigned char *)weight)[0] ^= 1; /* the last bit of the first weight */
}

void hn_inject_nan(const char *what, real *number)
{
    if (wanted(what))
        *number = (real)NAN;
}

void hn_inject_loss(double *row)
{
    if (wanted("loss"))
        *row = NAN;
}

void hn_inject_hang(void)
{
    if (wanted("hang"))
        for (;;)
            pause();
}
#endif
