/* train/session.h - what training and evaluation both stand on: threads, data set, views, and the model's
 * graph.
 *
 * Collective to open; all ranks leave together. */
#ifndef HN_TRAIN_SESSION_H
#define HN_TRAIN_SESSION_H

#include "base/threads.h"
#include "hardneg/config.h"

struct hn_binding {
    size_t threads;                  /* of this rank */
    size_t cores;                    /* that this rank may use */
    size_t host_threads, host_cores; /* of all ranks on this host; cores: the union of what they may use */
};

struct hn_session {
    hn_comm *comm;
    struct hn_config config; /* with the sizes that come from the data */
    struct hn_binding binding;
    hn_threads *threads;
    hn_dataset *data;
    hn_augment *augment;
};

hn_status hn_session_open(struct hn_session *s, hn_comm *comm, const struct hn_config *config);
void hn_session_close(struct hn_session *s);

/* Local.  HN_EDATA, HN_EUSAGE: the split to train on is not there, or lacks the labels that the config needs.
 */
hn_status hn_session_check_split(const struct hn_config *c, const struct hn_dataset_info *data);

/* Local. */
hn_status hn_session_graph(const struct hn_session *s, hn_graph **out);

/* Collective.  Text of rank 0 (NULL counts as "") to all, in memory of the caller's. */
hn_status hn_share_text(hn_comm *comm, const char *text, char **out);

/* Collective.  wanted 0: the cores a rank may use, shared out among the ranks that may use them; never more
 * than `most` (its microbatches). */
hn_status hn_binding_find(struct hn_binding *out, hn_comm *comm, size_t wanted, size_t most);

#endif
