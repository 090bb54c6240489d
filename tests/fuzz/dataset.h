/* fuzz/dataset.h - a data set that was made of anything is whole. */
#ifndef HN_TESTS_FUZZ_DATASET_H
#define HN_TESTS_FUZZ_DATASET_H

#include "fuzz/fuzz.h"
#include "hardneg/data.h"

/* Reads an open set through: samples (the first and last hundred of a split), labels, names, description. */
static inline void fuzz_read_dataset(hn_dataset *d)
{
    const struct hn_dataset_info *info = hn_dataset_info(d);
    unsigned char *sample = malloc(info->sample_bytes);
    char *text = NULL;
    int64_t label;

    must(sample != NULL && memchr(info->name, '\0', sizeof info->name) != NULL);
    must(hn_dataset_verify(d, NULL, NULL) == HN_OK);
    for (int s = 0; s < HN_SPLITS; s++)
        for (uint64_t i = 0; i < info->samples[s]; i++) {
            if (i == 100 && info->samples[s] > 200)
                i = info->samples[s] - 100;
            must(hn_dataset_read(d, (enum hn_split)s, i, sample, &label) == HN_OK);
            must(label >= -1 && label < (int64_t)info->classes && (label >= 0 || !info->labelled[s]));
        }
    for (size_t k = 0; k < info->classes && k < 1000; k++)
        must(strlen(hn_dataset_class(d, k)) < SIZE_MAX);
    must(hn_dataset_describe(d, &text) == HN_OK);
    hn_dataset_text_free(text);
    free(sample);
}

static inline void fuzz_check_dataset(const char *path)
{
    hn_dataset *d = NULL;

    must(hn_dataset_open(&d, path) == HN_OK);
    fuzz_read_dataset(d);
    hn_dataset_close(d);
}

#endif
