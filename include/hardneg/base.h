/* hardneg/base.h - what every other header stands on: numbers, status, error text, log.
 *
 * Local: nothing here meets other ranks.
 *
 * A function that can fail returns hn_status.  The first one that knows what
 * went wrong records one sentence with hn_fail(); everyone above passes the
 * status on.  The sentence belongs to the calling thread until its next one. */
#ifndef HARDNEG_BASE_H
#define HARDNEG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HN_VERSION "0.1.0"

/* The floating-point type of everything that is trained: float in the product,
 * double in the build that checks it. */
#ifndef HN_REAL
#define HN_REAL float
#endif
typedef HN_REAL real;

/* Whoever includes this header asks for the library of its own `real`: a float library and a program compiled
 * with -DHN_REAL=double do not link ("undefined reference to hn_real_is_double"). */
#define HN_JOIN2(a, b) a##b
#define HN_JOIN(a, b)  HN_JOIN2(a, b)
extern const char HN_JOIN(hn_real_is_, HN_REAL);
static const char *const hn_real_of_library __attribute__((used)) = &HN_JOIN(hn_real_is_, HN_REAL);

/* The values are the program's exit codes. */
typedef enum {
    HN_OK = 0,
    HN_ECHECK = 1,    /* a check that was asked for failed */
    HN_EUSAGE = 64,   /* command line or config */
    HN_EDATA = 65,    /* content of a file */
    HN_ENOINPUT = 66, /* a file that is not there or cannot be read */
    HN_ELOST = 69,    /* a rank was lost or is stuck */
    HN_EBUG = 70,     /* our own mistake */
    HN_ENOMEM = 71,   /* out of memory or another system resource */
    HN_ECREATE = 73,  /* an output that cannot be created */
    HN_EIO = 74,      /* reading or writing failed on the way */
    HN_STOPPED = 75,  /* stopped on request; resume to go on */
    HN_EDIVERGED = 79 /* a number that is not finite */
} hn_status;

const char *hn_status_name(hn_status status);

/* Records the sentence (no newline, no "error:") and returns status. */
#define hn_fail(status, ...) hn_fail_at(__FILE__, __LINE__, status, __VA_ARGS__)
hn_status hn_fail_at(const char *file, int line, hn_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The calling thread's last sentence ("" if none) and where it was recorded. */
const char *hn_error_text(void);
const char *hn_error_place(void);
/* Takes over a sentence from another thread or rank. */
void hn_error_set(const char *text, const char *place);

/* Log.  Levels above the threshold are dropped; the default sink writes
 * "hardneg: ..." lines to stderr.  Only rank 0 should have a chatty threshold. */
enum hn_log_level { HN_LOG_ERROR, HN_LOG_WARN, HN_LOG_INFO, HN_LOG_DEBUG };
typedef void hn_log_sink(void *ctx, enum hn_log_level level, const char *line);
void hn_log_to(hn_log_sink *sink, void *ctx, enum hn_log_level threshold);
/* A second sink that gets every line, whatever the threshold (a run's log.txt); NULL ends it. */
void hn_log_tee(hn_log_sink *sink, void *ctx);
void hn_log(enum hn_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How what microbatches found out is combined, always up the tree of base/tree.h. */
enum hn_combine {
    HN_SUM,
    HN_MAX,
    HN_CHAN /* triples (count, mean, M2): Chan, Golub, LeVeque 1979, the parallel variance */
};

/* A run of consecutive things: first, first + 1, ... first + count - 1. */
struct hn_range {
    size_t first, count;
};

#ifdef __cplusplus
}
#endif

#endif
