#include "base/libraries.h"
#include <jansson.h>
#include <stdio.h>
#include <xxhash.h>

const char *hn_jansson_version(void)
{
    return jansson_version_str();
}

const char *hn_xxhash_version(void)
{
    static char text[32];
    unsigned v = XXH_versionNumber(); /* major * 10000 + minor * 100 + release */

    snprintf(text, sizeof text, "%u.%u.%u", v / 10000, v / 100 % 100, v % 100);
    return text;
}
