/* "did you mean": the nearest name by the number of wrong, missing, added or swapped letters. */
#include "config/keys.h"
#include <string.h>

enum { LONGEST = 48 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment (Damerau 1964): insert, delete, replace, swap neighbours. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), d[LONGEST + 1][LONGEST + 1];

    if (n > LONGEST || m > LONGEST)
        return 2 * LONGEST;
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t x = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            x = least(x, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                x = least(x, d[i - 2][j - 2] + 1);
            d[i][j] = x;
        }
    return d[n][m];
}

/* So far away a name is not suggested: it would be a guess, not a typing error. */
static size_t too_far(const char *name)
{
    return strlen(name) / 3 + 2;
}

/* A key counts as one step away when only its section is wrong or missing, provided that a letter of its own
 * name is right. */
static size_t key_distance(const char *name, const struct hn_key *k)
{
    const char *dot = strrchr(name, '.'), *own = dot ? dot + 1 : name;
    size_t whole = distance(name, k->name), part = distance(own, hn_key_short(k));

    return part < strlen(own) ? least(whole, part + 1) : whole;
}

const struct hn_key *hn_key_suggest(const char *name)
{
    const struct hn_key *best = NULL;
    size_t nearest = too_far(name);

    for (size_t i = 0; i < hn_key_count; i++) {
        size_t x = key_distance(name, &hn_keys[i]);
        bool tie = best && x == nearest && distance(name, hn_keys[i].name) < distance(name, best->name);
        if (x < nearest || tie) {
            nearest = x;
            best = &hn_keys[i];
        }
    }
    return best;
}

const char *hn_name_suggest(const char *name, const char *const *names)
{
    const char *best = NULL;
    size_t nearest = too_far(name);

    for (; *names; names++)
        if (distance(name, *names) < nearest) {
            nearest = distance(name, *names);
            best = *names;
        }
    return best;
}
