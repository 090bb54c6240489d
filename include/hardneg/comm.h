/* hardneg/comm.h - the ranks of a run: who owns what, and every way in which they meet.
 *
 * The only door to MPI.  "Collective" calls are made by all ranks of the
 * communicator in the same order, on the main thread.  Every wait goes through
 * one polling loop. */
#ifndef HARDNEG_COMM_H
#define HARDNEG_COMM_H

#include "hardneg/base.h"
#include <mpi.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hn_comm hn_comm;

struct hn_comm_options {
    size_t ranks_per_node; /* 0: ask the machine; else pretend nodes of so many ranks (for tests) */
};

/* For programs that are all hardneg: starts MPI and makes *out over all ranks.  HN_EUSAGE when a SLURM step
 * started several tasks that do not know of each other. */
hn_status hn_comm_start(hn_comm **out, int *argc, char ***argv);
/* Collective.  Ends MPI; c is freed.  Output must be written before. */
void hn_comm_finish(hn_comm *c);
/* Collective.  The same ranks as c once more, with other options. */
hn_status hn_comm_again(hn_comm **out, const hn_comm *c, const struct hn_comm_options *options);
/* Local, also without MPI: is this process the first (or only) one of its job step? */
bool hn_comm_first_process(void);

/* Collective over comm, which is duplicated.  Ranks are ordered by node, then by rank on it. */
hn_status hn_comm_new(hn_comm **out, MPI_Comm comm, const struct hn_comm_options *options);
void hn_comm_free(hn_comm *c);

size_t hn_comm_rank(const hn_comm *c);
size_t hn_comm_size(const hn_comm *c);
size_t hn_comm_nodes(const hn_comm *c);

/* Collective.  If all say HN_OK: HN_OK.  Else the status of the lowest failing rank, and its sentence
 * ("rank 3: ...") on every rank. */
hn_status hn_comm_agree(hn_comm *c, hn_status status);
/* Collective: the largest of the ranks' values. */
int64_t hn_comm_max(hn_comm *c, int64_t value);
/* Collective: each of the values becomes its sum over the ranks; integers, so the order does not matter. */
void hn_comm_sum(hn_comm *c, int64_t *value, size_t count);
void hn_comm_barrier(hn_comm *c);
/* Collective: bytes of `root` to all. */
void hn_comm_bcast(hn_comm *c, void *bytes, size_t count, size_t root);
/* Collective: rank r's `count[r]` bytes go to all, into `all` at the sum of the counts before it.  `mine` may
 * lie in `all` at its place. */
void hn_comm_gather(hn_comm *c, const void *mine, void *all, const size_t *count);
/* From one rank to another: those two call it, others may. */
void hn_comm_pass(hn_comm *c, void *bytes, size_t count, size_t from, size_t to);
/* Collective: HN_OK when every rank passed the same bytes; else HN_EUSAGE on all, naming `what` ("the
 * config") and the rank that differs. */
hn_status hn_comm_same(hn_comm *c, const char *what, const void *bytes, size_t count);

/* ---- the watch of this process, in programs that began with hn_comm_start (src/comm/watch.h) ----
 *
 * Local, main thread.  A rank that hangs, has stopped or is gone is named in one line, and the job ends with
 * status 69 within `minutes` (10 at first; 0: never).  The thread that sees to it runs until
 * hn_comm_finish(). */
void hn_comm_stall_after(double minutes);
/* Where this rank is, for that line; phase: lives on. */
void hn_comm_step(uint64_t step);
void hn_comm_phase(const char *phase);
/* Should this rank end what it does?  Yes when *flag is not 0 (a signal; NULL: none), when hn_now() has
 * reached `when`, and soon after any other rank was asked to: the ring passes it on.  Long loops ask; ranks
 * hear of it at different times, so they leave by hn_comm_agree() or hn_comm_max(). */
void hn_comm_stop_when(const volatile sig_atomic_t *flag);
void hn_comm_stop_at(double when);
bool hn_comm_stopping(void);

/* Ends the process group now, after one line: for what cannot be agreed on. */
void hn_comm_abort(hn_comm *c, hn_status status) __attribute__((noreturn));

/* ---- the tree across ranks (base/tree.h): microbatches [first, first + count) of n belong to each rank ----
 */
typedef struct hn_reducer hn_reducer;

enum hn_reduce_algorithm { HN_REDUCE_ORDERED, HN_REDUCE_MPI };

/* Collective.  Every rank's run of microbatches, ascending with the rank; width: reals in a whole parameter
 * block. */
hn_status hn_reducer_new(hn_reducer **out, hn_comm *c, size_t microbatches,
                         const struct hn_range *run_of_rank, size_t width,
                         enum hn_reduce_algorithm algorithm);
/* Local: the memory that such a reducer takes on rank `rank` of `ranks`. */
hn_status hn_reducer_bytes(size_t *bytes, size_t microbatches, const struct hn_range *run_of_rank,
                           size_t ranks, size_t rank, size_t width, enum hn_reduce_algorithm algorithm);
void hn_reducer_free(hn_reducer *r);
/* Collective.  Rows of the own microbatches (own count, width) in; row 0 = the root on every rank out (so
 * a rank that owns none has room for one).  Always in the tree's order, whatever the algorithm. */
void hn_reducer_stats(hn_reducer *r, enum hn_combine how, double *row, size_t width);
/* Collective, does not block (unless hundreds of sums are waiting).  Starts the sum of elements
 * [first, first + count) of the own nodes' values (value[i] belongs to node i of the own run's cover; whole
 * parameter blocks) into root[first ..].  Until hn_reducer_wait() those elements of values and root are the
 * reducer's; root may be value[0], values keep what they held otherwise. */
void hn_reducer_start(hn_reducer *r, size_t first, size_t count, real *const *value, real *root);
/* Lets started sums progress; any number of times, also between ops. */
void hn_reducer_poll(hn_reducer *r);
/* Collective: returns when every started sum has ended in root on every rank. */
void hn_reducer_wait(hn_reducer *r);

const char *hn_comm_version(void);

#ifdef __cplusplus
}
#endif

#endif
