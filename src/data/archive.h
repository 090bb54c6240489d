/* data/archive.h - files, folders and archives as a sequence of members; the only door to libarchive.
 *
 * Local.  A path may be a folder (its regular files in name order), a tar
 * archive, or any other file (one member); files may be compressed with gzip,
 * bzip2, xz, lzma or zstd.
 *
 *   hn_archive_open -> { hn_archive_next -> hn_archive_read ... } until no member is left -> hn_archive_close
 *
 * Contents are checked by the compressors' own sums; gzip's, which libarchive
 * 3.6 does not look at, is checked here.  For an archive the sum is known only
 * at its very end, so only who has seen the end knows that all was well. */
#ifndef HN_DATA_ARCHIVE_H
#define HN_DATA_ARCHIVE_H

#include "hardneg/base.h"

typedef struct hn_archive hn_archive;

/* HN_ENOINPUT when there is nothing at path that can be read. */
hn_status hn_archive_open(hn_archive **out, const char *path);
void hn_archive_close(hn_archive *a);
/* The next member's name (valid until the next call), or NULL after the last. */
hn_status hn_archive_next(hn_archive *a, const char **member);
/* Reads up to `want` bytes of the member; *got is smaller only at its end. */
hn_status hn_archive_read(hn_archive *a, void *bytes, size_t want, size_t *got);
/* Is the current member all there is: a single file, no folder and no archive? */
bool hn_archive_single(const hn_archive *a);
/* How the member is called in messages: "FOLDER/FILE" or "ARCHIVE: MEMBER". */
const char *hn_archive_where(const hn_archive *a);
/* The last part of a member's name without its folder and compression suffix: "x/test.bin.xz" is "test.bin".
 */
void hn_archive_stem(const char *member, char *stem, size_t room);

const char *hn_archive_version(void); /* of libarchive */

#endif
