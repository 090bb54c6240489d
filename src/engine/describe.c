#include "backend/backend.h"
#include "hardneg/engine.h"

const char *hn_engine_describe(void)
{
    hn_backend_start();
    return hn_backend_describe();
}
