/* backend/openblas.h - who the library of the products is.  Local. */
#ifndef HN_BACKEND_OPENBLAS_H
#define HN_BACKEND_OPENBLAS_H

#include "backend/backend.h"

const char *hn_openblas_describe(void); /* "OpenBLAS 0.3.21 (Zen)" */

#endif
