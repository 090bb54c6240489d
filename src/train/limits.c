#include "train/limits.h"
#include "base/clock.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* A save, which may take thrice what one took, and what lies around: the step in hand, leaving, SLURM's own
 * clock.  Of a job of minutes no more than a quarter, or it would never do a step. */
double hn_limits_margin(double save_seconds, double whole)
{
    return fmin(30.0 + 3.0 * save_seconds, whole / 4.0);
}

/* hn_now() at SLURM's end of this job; INFINITY: it tells none, or one that is past (a limit that was
 * raised). */
static double slurm_end(void)
{
    const char *text = getenv("SLURM_JOB_END_TIME");
    char *rest = NULL;
    double left = text ? (double)strtoll(text, &rest, 10) - (double)time(NULL) : 0.0;

    return text != NULL && *text != '\0' && *rest == '\0' && left > 0.0 ? hn_now() + left : INFINITY;
}

void hn_limits_set(hn_trainer *t)
{
    double own = 60.0 * t->session.config.max_minutes, end, margin;

    if (!hn_trainer_leads(t))
        return;
    end = slurm_end();
    margin = hn_limits_margin(t->save_seconds, end - t->started);
    if (isfinite(end) && t->save_seconds == 0.0)
        hn_log(HN_LOG_INFO,
               "SLURM ends this job in %.0f minutes: the run saves and stops about %.0f s before",
               (end - hn_now()) / 60.0, margin);
    hn_comm_stop_at(fmin(own > 0.0 ? t->started + own : INFINITY, end - margin));
}

void hn_limits_tell(const hn_trainer *t)
{
    double own = 60.0 * t->session.config.max_minutes;

    if (hn_trainer_leads(t) && own > 0.0 && hn_now() >= t->started + own)
        hn_log(HN_LOG_INFO, "the %g minutes of run.max_minutes are over", t->session.config.max_minutes);
}
