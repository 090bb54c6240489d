#include "base/assert.h"

#ifdef HN_DEBUG
#include "hardneg/base.h"
#include <stdlib.h>

void hn_assert_failed(const char *file, int line, const char *condition)
{
    hn_log(HN_LOG_ERROR, "%s:%d: does not hold: %s", file, line, condition);
    abort(); /* the debugger or the core file finds the mistake where it happened */
}
#endif
