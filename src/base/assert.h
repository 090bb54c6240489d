/* base/assert.h - our own logic, checked in debug builds (make debug, make asan).  Local.
 *
 *   HN_ASSERT(first + count <= n);
 *
 * Where it does not hold, the log gets the place and the words, and the process aborts.  In other builds the
 * condition is compiled but not evaluated: it must have no effect of its own.  Never for what comes from
 * outside - files, options, memory, ranks that are lost: those have a status. */
#ifndef HN_BASE_ASSERT_H
#define HN_BASE_ASSERT_H

#ifdef HN_DEBUG
#define HN_ASSERT(condition) ((condition) ? (void)0 : hn_assert_failed(__FILE__, __LINE__, #condition))
_Noreturn void hn_assert_failed(const char *file, int line, const char *condition);
#else
#define HN_ASSERT(condition) ((void)sizeof(!(condition)))
#endif

#endif
