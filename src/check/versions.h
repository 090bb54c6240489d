/* check/versions.h - what the program is made of, for --version.  Local. */
#ifndef HN_CHECK_VERSIONS_H
#define HN_CHECK_VERSIONS_H

#include "base/text.h"

void hn_versions(struct hn_text *out);

#endif
