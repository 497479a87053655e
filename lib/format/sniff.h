/* Inside lib/format: files that no format of the table claims. */
#ifndef FORMAT_SNIFF_H
#define FORMAT_SNIFF_H

#include <stdbool.h>

#include "base/mem.h"

/* What a file is that is no model at all, whatever its name says: empty, a web page, a Git LFS pointer, compressed.
 * Such a message is complete: "is …, want …". NULL: none of these. */
const char *sniff_no_model(const struct blob *blob);

/* The name of a kind of file that this toolkit can tell, though it does not read it: "a TensorFlow Lite model". NULL:
 * none. */
const char *sniff_foreign(const struct blob *blob);

#endif
