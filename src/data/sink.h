/* data/sink.h - writing a data set in our layout (data/layout.h), for the importers.
 *
 * Local.  What the set holds is said first; then its splits are filled in order,
 * each first with all its samples, then with all its labels, in pieces of any
 * size.  A publish that fails, or a free before it, leaves nothing behind; what
 * killed imports left in the folder goes when a sink is made. */
#ifndef HN_DATA_SINK_H
#define HN_DATA_SINK_H

#include "base/text.h"
#include "data/layout.h"

struct hn_sink_spec {
    const char *name, *importer, *source; /* texts of the root */
    enum hn_sample_kind kind;
    uint64_t h, w, c;
    uint64_t samples[HN_SPLITS];
    bool labelled[HN_SPLITS];
    uint64_t classes;
    const char *names; /* every class name ended by a newline; NULL: unnamed */
    hn_progress *progress;
    void *ctx;
    const volatile sig_atomic_t *stop; /* as in hn_import_options */
};

typedef struct hn_sink hn_sink;

hn_status hn_sink_new(hn_sink **out, const char *path, const struct hn_sink_spec *spec);
hn_status hn_sink_samples(hn_sink *s, enum hn_split split, const void *bytes, uint64_t count);
hn_status hn_sink_labels(hn_sink *s, enum hn_split split, const int32_t *label, uint64_t count);
/* The sink is done for, whatever comes back. */
hn_status hn_sink_publish(hn_sink *s);
void hn_sink_free(hn_sink *s);

/* "hardneg VERSION import KIND". */
#define HN_IMPORTER(kind) "hardneg " HN_VERSION " import " kind
/* The option's name, else the last part of source without suffixes, cut to what fits; returns name. */
char *hn_sink_name(char name[64], const char *option, const char *source);

#endif
