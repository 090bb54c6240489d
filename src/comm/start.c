/* Starting and ending MPI for the program. */
#include "comm/watch.h"
#include <signal.h>
#include <stdlib.h>

/* What the launcher says, also before MPI has started. */
static int own_rank(void)
{
    static const char *const rank_of[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};

    for (size_t i = 0; i < sizeof rank_of / sizeof *rank_of; i++) {
        const char *rank = getenv(rank_of[i]);
        if (rank != NULL)
            return atoi(rank);
    }
    return 0;
}

bool hn_comm_first_process(void)
{
    return own_rank() == 0;
}

/* N tasks of one step that each see a world of one would all train the same run into one directory. */
static hn_status check_alone(int size)
{
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS");

    if (size == 1 && tasks != NULL && atoi(tasks) > 1 && getenv("OMPI_COMM_WORLD_SIZE") == NULL)
        return hn_fail(
            HN_EUSAGE,
            "SLURM started %s tasks, but each is a world of its own: use srun --mpi=pmix, or mpirun", tasks);
    return HN_OK;
}

hn_status hn_comm_start(hn_comm **out, int *argc, char ***argv)
{
    int provided = 0, size = 0;
    hn_status st = hn_watch_start(own_rank());

    if (st != HN_OK)
        return st;
    MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &provided);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (provided < MPI_THREAD_SERIALIZED) /* the watch calls it while the main thread is in a file system */
        st = hn_fail(HN_EUSAGE,
                     "this MPI library lets only one thread of a process call it, ever: one that gives "
                     "MPI_THREAD_SERIALIZED is needed, such as Open MPI");
    else if ((st = check_alone(size)) == HN_OK)
        st = hn_comm_new(out, MPI_COMM_WORLD, NULL);
    if (st == HN_OK) {
        hn_ring_open(*out);
    } else {
        MPI_Finalize();
        hn_watch_end();
    }
    return st;
}

void hn_comm_finish(hn_comm *c)
{
    /* From here on one rank that is gone must not take the others with it: launchers send TERM. */
    signal(SIGTERM, SIG_IGN);
    hn_comm_phase("leaving MPI, all is written");
    hn_comm_barrier(c);
    hn_ring_close(c);
    hn_comm_free(c);
    MPI_Finalize();
    hn_watch_end();
}

hn_status hn_comm_again(hn_comm **out, const hn_comm *c, const struct hn_comm_options *options)
{
    hn_comm_phase("starting MPI"); /* its own waits, in which no rank hears of another */
    return hn_comm_new(out, c->control, options);
}
