/* base/build.h - which build this is: two programs of one version may compute differently.  Local. */
#ifndef HN_BASE_BUILD_H
#define HN_BASE_BUILD_H

/* The linker's build id of the program, hexadecimal: a hash of all that was linked.  "unknown" when there is
 * none. Main thread first. */
const char *hn_build_id(void);

#endif
