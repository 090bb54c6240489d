/* How long a step takes: measured here, or worked out for a described machine, and for more ranks.
 *
 * The model: a rank works through its microbatches in rounds of as many as it
 * has threads; network and loss shrink with the rounds, the optimiser does not
 * (every rank updates all weights), and messages are what is received at a
 * node's bandwidth, shared by its ranks, plus log2(ranks) latencies per call.
 * Nothing is taken to be hidden behind backward, each thread to have a core. */
#include "base/clock.h"
#include "base/mem.h"
#include "check/dryrun.h"
#include "train/session.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Assumed unless said or measured: one core of a server of these years, 10 Gbit/s Ethernet. */
static const struct hn_machine assumed = {
    .gflops = 20, .views = 5000, .bandwidth = 1.2, .latency = 20, .memory = 10};

enum { STEPS_MOST = 5 };
static const double SECONDS_MOST = 20;

/* ---- a machine in words ---- */

static double *find(struct hn_machine *m, const char *name, size_t length)
{
    const struct {
        const char *name;
        double *value;
    } part[] = {{"gflops", &m->gflops},
                {"views", &m->views},
                {"bandwidth", &m->bandwidth},
                {"latency", &m->latency},
                {"memory", &m->memory}};

    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (strlen(part[i].name) == length && strncmp(part[i].name, name, length) == 0)
            return part[i].value;
    return NULL;
}

hn_status hn_machine_parse(struct hn_machine *m, const char *text)
{
    for (const char *at = text;;) {
        size_t length = strcspn(at, "=,");
        double cores, *value = find(m, at, length);
        char *end = NULL;
        if (value == NULL && length == 5 && strncmp(at, "cores", 5) == 0)
            value = &cores;
        if (value && at[length] == '=')
            *value = strtod(at + length + 1, &end);
        if (end == NULL || end == at + length + 1 || (*end != ',' && *end != '\0') || !(*value > 0) ||
            *value > 1e15)
            return hn_fail(
                HN_EUSAGE,
                "--machine: \"%.60s\": write NAME=NUMBER,... with gflops (of a core), views (per "
                "second and core), bandwidth (of a node, GB/s), latency (us), memory (GB/s), cores",
                at);
        if (value == &cores) {
            if (cores < 1 || cores > 65536)
                return hn_fail(HN_EUSAGE, "--machine: %g cores of a node", cores);
            m->cores = (size_t)cores;
        }
        if (*end == '\0')
            return HN_OK;
        at = end + 1;
    }
}

/* ---- measuring ---- */

static double total(const struct hn_step_seconds *s)
{
    return s->input + s->forward + s->gather + s->loss + s->backward + s->reduction + s->optimiser;
}

static int by_total(const void *a, const void *b)
{
    double x = total(a), y = total(b);

    return (x > y) - (x < y);
}

/* The first step warms up; then the median of a few.  Rank 0's clock says when it is enough. */
static hn_status run_steps(hn_trainer *t, hn_comm *comm, struct hn_step_seconds *median)
{
    struct hn_step_seconds seconds[STEPS_MOST];
    struct hn_step_report report;
    double start = hn_now();
    size_t n = 0;
    hn_status st = hn_trainer_step(t, &report);

    for (bool more = true; st == HN_OK && more;) {
        if ((st = hn_trainer_step(t, &report)) != HN_OK)
            break;
        seconds[n++] = report.seconds;
        bool enough = n == STEPS_MOST || hn_now() - start > SECONDS_MOST;
        more = hn_comm_max(comm, hn_comm_rank(comm) == 0 && !enough) > 0;
    }
    if (st != HN_OK)
        return st;
    qsort(seconds, n, sizeof *seconds, by_total);
    *median = seconds[n / 2];
    return HN_OK;
}

/* A message there and back, half of it: the quickest of some. */
static double pass_seconds(hn_comm *comm, void *bytes, size_t count, size_t far)
{
    double best = INFINITY;

    for (int i = 0; i < 20; i++) {
        double start = hn_now();
        hn_comm_pass(comm, bytes, count, 0, far);
        hn_comm_pass(comm, bytes, count, far, 0);
        best = fmin(best, (hn_now() - start) / 2);
    }
    return best;
}

static hn_status measure_network(struct hn_dryrun *d, hn_comm *comm)
{
    enum { LARGE = 1 << 20 };
    size_t rank = hn_comm_rank(comm), far = hn_comm_size(comm) - 1;
    char *bytes = hn_zalloc(LARGE);
    hn_status st = hn_comm_agree(comm, bytes ? HN_OK : HN_ENOMEM);

    if (st == HN_OK && (rank == 0 || rank == far)) {
        double small = pass_seconds(comm, bytes, 8, far), large = pass_seconds(comm, bytes, LARGE, far);
        double rate = 1e-9 * LARGE / fmax(large - small, 1e-9);
        bool apart = hn_comm_nodes(comm) > 1;
        if (apart && d->machine.latency == 0)
            d->machine.latency = 1e6 * small;
        if (apart && d->machine.bandwidth == 0)
            d->machine.bandwidth = rate;
        if (!apart && d->machine.memory == 0)
            d->machine.memory = rate * (double)(far + 1);
    }
    hn_free(bytes);
    hn_comm_barrier(comm);
    return st;
}

hn_status hn_dryrun_measure(struct hn_dryrun *d, hn_comm *comm)
{
    struct hn_train_options o = {0};
    hn_trainer *t = NULL;
    hn_status st = hn_trainer_new(&t, comm, d->config, &o);

    if (st == HN_OK)
        st = run_steps(t, comm, &d->phases);
    hn_trainer_free(t);
    if (st != HN_OK)
        return st;
    d->measured_step = total(&d->phases);
    d->measured_ranks = hn_comm_size(comm);
    return d->measured_ranks > 1 ? measure_network(d, comm) : HN_OK;
}

/* ---- working out ---- */

/* Seconds on one thread: of one microbatch in the network and in the loss, of one view; of the update on all
 * threads of a rank. */
struct pace {
    double network, loss, view, update;
};

static double rounds(const struct hn_dryrun *d, size_t ranks, size_t threads)
{
    size_t own = (d->config->microbatches + ranks - 1) / ranks;

    return (double)((own + threads - 1) / threads);
}

static void fill_gaps(struct hn_machine *m)
{
    m->gflops = m->gflops > 0 ? m->gflops : assumed.gflops;
    m->views = m->views > 0 ? m->views : assumed.views;
    m->bandwidth = m->bandwidth > 0 ? m->bandwidth : assumed.bandwidth;
    m->latency = m->latency > 0 ? m->latency : assumed.latency;
    m->memory = m->memory > 0 ? m->memory : assumed.memory;
}

static struct pace described_pace(const struct hn_dryrun *d)
{
    const struct hn_budget *b = &d->budget;
    double s = (double)d->config->microbatches, flops = 1e9 * d->machine.gflops;

    return (struct pace){.network = b->network_flops / s / flops,
                         .loss = b->loss_flops / s / flops,
                         .view = 1 / d->machine.views,
                         /* weights and two moments read and written, gradient read */
                         .update = 7 *
                                   (double)(b->memory.parameters * ((d->ranks + d->nodes - 1) / d->nodes)) /
                                   (1e9 * d->machine.memory)};
}

static struct pace measured_pace(struct hn_dryrun *d)
{
    size_t threads = d->measured_threads;
    const struct hn_step_seconds *s = &d->phases;
    double n = rounds(d, d->measured_ranks, threads), samples;
    size_t own = (d->config->microbatches + d->measured_ranks - 1) / d->measured_ranks;
    struct pace p = {.network = (s->forward + s->backward) / n, .loss = s->loss / n, .update = s->optimiser};

    samples = (double)(own * (d->config->batch / d->config->microbatches));
    p.view = s->input * (double)threads / (2 * samples);
    d->machine.gflops =
        1e-9 * d->budget.network_flops / (double)d->config->microbatches / fmax(p.network, 1e-12);
    d->machine.views = 1 / fmax(p.view, 1e-12);
    return p;
}

static hn_status forecast(struct hn_forecast *f, const struct hn_dryrun *d, const struct pace *p,
                          size_t ranks)
{
    struct hn_budget_case k = {.config = d->config,
                               .data = &d->data,
                               .view_scratch = d->view_scratch,
                               .ranks = ranks,
                               .threads = d->threads};
    size_t per_node = (d->ranks + d->nodes - 1) / d->nodes,
           samples = d->config->batch / d->config->microbatches;
    double n = rounds(d, ranks, d->threads), rate;
    struct hn_budget b;
    hn_status st = hn_budget(&b, &k);

    if (st != HN_OK)
        return st;
    *f = (struct hn_forecast){.ranks = ranks, .nodes = (ranks + per_node - 1) / per_node};
    f->input = p->view * 2 * (double)(b.own.count * samples) / (double)d->threads;
    f->network = p->network * n;
    f->loss = p->loss * n;
    f->optimiser = p->update;
    rate = 1e9 * (f->nodes > 1 ? d->machine.bandwidth : d->machine.memory) /
           (double)(ranks < per_node ? ranks : per_node);
    if (ranks > 1)
        f->messages = (b.traffic.gathered + b.traffic.reduced + b.traffic.normalised) / rate +
                      (double)b.traffic.calls * ceil(log2((double)ranks)) * 1e-6 * d->machine.latency;
    f->step = f->input + f->network + f->loss + f->optimiser + f->messages;
    return HN_OK;
}

hn_status hn_dryrun_forecast(struct hn_dryrun *d)
{
    size_t most = d->config->microbatches;
    struct pace p;
    hn_status st;

    fill_gaps(&d->machine);
    p = d->measured_step > 0 ? measured_pace(d) : described_pace(d);
    if ((st = forecast(&d->here, d, &p, d->ranks)) != HN_OK)
        return st;
    for (size_t r = 1; st == HN_OK && d->rows < sizeof d->table / sizeof *d->table;
         r = 2 * r < most ? 2 * r : most) {
        st = forecast(&d->table[d->rows++], d, &p, r);
        if (r == most)
            break;
    }
    return st;
}
