/* check/verify_residual.h - one case of a residual sum, for check/verify_layers.c.  Local. */
#ifndef HN_CHECK_VERIFY_RESIDUAL_H
#define HN_CHECK_VERIFY_RESIDUAL_H

#include "check/verify.h"

/* path: "/residual_add/0".  HN_EDATA when its arrays do not fit together. */
hn_status hn_verify_residual(struct hn_verify *v, const char *path);

#endif
