/* base/libraries.h - versions of the libraries behind base/json.h and base/hash.h.  Local. */
#ifndef HN_BASE_LIBRARIES_H
#define HN_BASE_LIBRARIES_H

const char *hn_jansson_version(void);
const char *hn_xxhash_version(void);

#endif
