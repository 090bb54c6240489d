/* engine/planner.h - what plan.c (program), recompute.c (what is run again) and place.c (places) share while
 * they plan.  Local. */
#ifndef HN_ENGINE_PLANNER_H
#define HN_ENGINE_PLANNER_H

#include "base/mem.h"
#include "engine/net.h"

/* Bytes that are needed from step `from` to step `to`, both included. */
struct lease {
    size_t bytes, from, to;
    struct hn_place *where;
};

struct planner {
    const hn_graph *g;
    const struct hn_net_options *o;
    struct hn_plan *p;
    size_t threads, rows, groups;
    /* Of each tensor. */
    int *consumers;
    int *last;     /* the last op that reads it, or -1 */
    int *root;     /* the tensor in whose memory it lies (in-place ops), mostly itself */
    bool *wanted;  /* backward makes its gradient */
    bool *written; /* while backward's steps are written: it has had a contribution */
    bool *needed;  /* backward, with what it runs again, reads it */
    struct lease *value, *second_value, *grad; /* second: of what is run again */
    /* Of each op. */
    bool *returns;          /* it runs backward */
    bool *cut;              /* a segment begins with it; of the first always */
    bool *again;            /* its forward is run again in backward */
    bool *allowed;          /* a segment may begin with it */
    size_t *alive, *border; /* tensors that lie between it and the op before, beside the input; their bytes */
    size_t *weight;         /* bytes that backward wants of it */
    size_t *scratch;        /* bytes; asked once, as a backend may have to try */
    struct lease *saved, *second_saved;
    /* Of each step. */
    size_t *wave_of;
    bool returning;      /* the steps of backward are being written */
    struct lease *lease; /* all of them, for placing */
    size_t leases;
    void *block;
};

/* Gives every lease a home and an offset.  wave_of NULL: all live in a thread's memory. */
void hn_place_leases(struct lease *lease, size_t count, const size_t *wave_of, size_t *microbatch_bytes,
                     size_t *thread_bytes);
/* Writes the program for the cuts and repetitions that are marked, and places everything. */
void hn_planner_write(struct planner *a);
/* Bytes that an op saves for backward, of a microbatch. */
size_t hn_planner_saved(const struct planner *a, const struct hn_op *op);
/* Chooses what is run again, writes and places.  HN_EUSAGE when nothing fits the limit. */
hn_status hn_recompute_choose(struct planner *a);

#endif
