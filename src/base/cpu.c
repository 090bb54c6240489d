#include "base/cpu.h"
#include <stdio.h>
#include <string.h>

static void read_model(char *name, size_t room)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[512];

    snprintf(name, room, "unknown processor");
    if (f == NULL)
        return;
    while (fgets(line, sizeof line, f)) {
        char *value = strchr(line, ':');
        if (value == NULL || strncmp(line, "model name", 10) != 0)
            continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\n")] = '\0';
        snprintf(name, room, "%s", value);
        break;
    }
    fclose(f);
}

const char *hn_cpu_describe(void)
{
    static char text[256];
    char model[160];

    if (text[0] != '\0')
        return text;
    read_model(model, sizeof model);
#if defined __x86_64__
    snprintf(text, sizeof text, "%s (%s%s%s)", model, __builtin_cpu_supports("avx2") ? "avx2" : "sse2",
             __builtin_cpu_supports("fma") ? " fma" : "",
             __builtin_cpu_supports("avx512f") ? " avx512f" : "");
#else
    snprintf(text, sizeof text, "%s", model);
#endif
    return text;
}
