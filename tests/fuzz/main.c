/* Replays files through a target: TARGET FILE ...  A crash or a promise that does not hold ends it there,
 * with the file's name. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer's, for targets with mutations of their own: nothing is mutated here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room)
{
    (void)data, (void)room;
    return size;
}

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        perror(path);
        return 1;
    }
    rewind(f);
    uint8_t *data = malloc((size_t)size + !size); /* of the very size, for the sanitizer */
    size_t got = data ? fread(data, 1, (size_t)size, f) : 0;
    fclose(f);
    if (got == (size_t)size)
        LLVMFuzzerTestOneInput(data, got);
    free(data);
    return got != (size_t)size;
}

int main(int argc, char **argv)
{
    int bad = 0;

    for (int i = 1; i < argc; i++) {
        fprintf(stderr, "%s\n", argv[i]); /* the last one printed is the one that failed */
        bad |= replay(argv[i]);
    }
    return bad;
}
