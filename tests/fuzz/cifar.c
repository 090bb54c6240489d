/* Any bytes as a source of CIFAR: the first byte says which set, and whether the rest is the source itself or
 * a list of what is in it, since records are long:
 *
 *   NAME LABEL RECORDS [REST]     a member: so many records of that label, and so many bytes more
 *   NAME =TEXT                    a member with that text and a newline, "|" standing for newlines
 *
 * 'a' 'b' 'c': the source itself, CIFAR-10, -100, -100 coarse; 'A' 'B' 'C': the members in a tar archive;
 * 'F': the first member alone, CIFAR-10. */
#include "fuzz/dataset.h"

enum { ROOM = 1 << 20, RECORD = 3074 };

/* A member's head in a tar archive (POSIX.1-1988). */
static void put_head(unsigned char *head, const char *name, size_t size)
{
    unsigned sum = 0;

    memset(head, 0, 512);
    snprintf((char *)head, 100, "%s", name);
    snprintf((char *)head + 100, 8, "%07o", 0644u);
    snprintf((char *)head + 124, 12, "%011o", (unsigned)size);
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    head[156] = '0';
    memset(head + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += head[i];
    snprintf((char *)head + 148, 8, "%06o", sum & 0777777);
}

static size_t fill(unsigned char *to, const char *what, size_t record)
{
    unsigned label = 0, records = 0, rest = 0;

    if (*what == '=') {
        size_t n = strlen(what + 1);
        memcpy(to, what + 1, n + 1);
        for (char *p = (char *)to; *p; p++)
            *p = *p == '|' ? '\n' : *p;
        to[n] = '\n';
        return n + 1;
    }
    sscanf(what, "%u %u %u", &label, &records, &rest);
    records %= 8;
    rest %= 4096;
    memset(to, (int)(label & 255), records * record + rest);
    return records * record + rest;
}

/* Writes the members that the text lists. */
static size_t build(unsigned char *out, char *text, size_t record, bool tar)
{
    size_t n = 0;

    for (char *line, *rest = text; (line = strsep(&rest, "\n")) != NULL;) {
        char *what = strchr(line, ' ');
        if (what == NULL || n + 512 * 3 + 8 * RECORD + 8192 > ROOM)
            continue;
        *what++ = '\0';
        size_t size = fill(out + n + (tar ? 512 : 0), what, record);
        if (!tar)
            return size;
        put_head(out + n, line, size);
        n += 512 + size;
        while (n % 512)
            out[n++] = 0;
    }
    memset(out + n, 0, 1024);
    return n + 1024;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned char archive[ROOM];
    char kind = size ? (char)data[0] : 'a', *text;
    bool itself = kind >= 'a', hundred = (kind | 32) == 'b' || (kind | 32) == 'c';
    const struct hn_import_options options = {.fine = (kind | 32) == 'b'};
    const char *source, *out = fuzz_path("out.h5");

    fuzz_begin();
    if (itself || size < 2) {
        source = fuzz_file("source", data + !!size, size - !!size);
    } else {
        text = fuzz_text(data + 1, size - 1);
        source = fuzz_file("source", archive, build(archive, text, hundred ? 3074 : 3073, kind != 'F'));
        free(text);
    }
    if (fuzz_good((hundred ? hn_import_cifar100 : hn_import_cifar10)(source, out, &options), HN_EDATA))
        fuzz_check_dataset(out);
    return fuzz_end();
}
