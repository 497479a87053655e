/* Zip archives: members stored or deflated, sizes of 64 bits, other bytes before the archive (whose offsets then count
 * from the file's start or from the archive's). Source of the format: PKWARE APPNOTE 6.3. */
#ifndef PARSE_ZIP_H
#define PARSE_ZIP_H

#include "base/mem.h"

struct zip;

/* Reads the archive's directory. Keeps a reference to the blob. */
struct zip *zip_open(struct blob *blob, struct error *err);
void zip_close(struct zip *z); /* NULL is allowed */

/* Whether the bytes end as an archive does: for recognising one without an error. */
bool zip_is(const struct blob *blob);

size_t zip_count(const struct zip *z);

/* A member's name; lives as long as the archive. It is the file's word: it may be a path that leads anywhere. */
const char *zip_name(const struct zip *z, size_t i);

/* The first member of that name; zip_count() when there is none. */
size_t zip_find(const struct zip *z, const char *name);

/* A member's bytes, checked against its checksum: a part of the archive's blob when stored, else unpacked. More than
 * `most` bytes are refused before anything is unpacked. The message does not name the member. */
struct blob *zip_read(const struct zip *z, size_t i, size_t most, struct error *err);

#endif
