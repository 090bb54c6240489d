/* check/dryrun.h - what a run would take and how long, before it is started.
 *
 * Nothing is written; nothing of the network's size is allocated unless steps
 * are measured.  Sizes come from train/budget.h, as training itself says them;
 * times from measured steps or from a described machine. */
#ifndef HN_CHECK_DRYRUN_H
#define HN_CHECK_DRYRUN_H

#include "base/text.h"
#include "hardneg/train.h"
#include "train/budget.h"

/* What times follow from; what nobody said or measured is assumed. */
struct hn_machine {
    double gflops;    /* of one core in training, 1e9/s */
    double views;     /* per second and core */
    double bandwidth; /* of one node's network, 1e9 bytes/s */
    double latency;   /* of one message, microseconds */
    double memory;    /* bandwidth of one node's memory, 1e9 bytes/s */
    size_t cores;     /* of one node */
};

struct hn_dryrun_options {
    size_t ranks, nodes; /* 0: those that run now */
    const char *machine; /* "gflops=40,views=8000,bandwidth=1.2,latency=20,memory=12,cores=32", any of them;
                            or NULL */
    const char
        *samples; /* "50000x32x32x3" (or "1000x64": vectors) for a data file that is not there; or NULL */
    const char *run_dir; /* or NULL */
    uint64_t steps;      /* stop after so many; 0: to the end */
    bool measure, json;
};

/* Seconds of a step by what they go into, for one number of ranks. */
struct hn_forecast {
    size_t ranks, nodes;
    double input, network, loss, optimiser, messages;
    double step;
};

struct hn_dryrun {
    const struct hn_config *config;
    const struct hn_dryrun_options *options;
    struct hn_dataset_info data;
    bool assumed_data, timed;
    size_t ranks, nodes, threads, cores;
    uint64_t host_memory;
    struct hn_budget budget;
    size_t view_scratch;
    struct hn_machine machine;
    double measured_step; /* seconds; 0: not measured */
    struct hn_step_seconds phases;
    size_t measured_ranks, measured_threads;
    struct hn_forecast here;      /* of the planned ranks */
    struct hn_forecast table[24]; /* of 1, 2, 4 ... microbatches */
    size_t rows;
};

/* Collective.  The plan as text (or one line of JSON) on rank 0.  HN_ENOINPUT: no data file, and `samples`
 * does not say what it will hold; HN_EUSAGE: as training would refuse. */
hn_status hn_dryrun(hn_comm *comm, const struct hn_config *config, const struct hn_dryrun_options *options,
                    struct hn_text *out);

/* ---- inside ---- */
hn_status hn_machine_parse(struct hn_machine *m, const char *text);
/* "50000x32x32x3" or "1000x64": so many samples of that shape in one split. */
hn_status hn_samples_parse(struct hn_dataset_info *info, enum hn_split split, const char *text);
/* Collective: a few steps for real, and messages between two ranks; fills machine, phases, measured_step. */
hn_status hn_dryrun_measure(struct hn_dryrun *d, hn_comm *comm);
/* Local: fills `here` and `table`. */
hn_status hn_dryrun_forecast(struct hn_dryrun *d);
void hn_dryrun_say(const struct hn_dryrun *d, struct hn_text *out);
hn_status hn_dryrun_json(const struct hn_dryrun *d, struct hn_text *out);

#endif
