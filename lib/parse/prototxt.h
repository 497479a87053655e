/* Protocol Buffers' text form ("prototxt"), as the tree that parse/protobuf.h describes.
 * Source: the text format page of the Protocol Buffers documentation. */
#ifndef PARSE_PROTOTXT_H
#define PARSE_PROTOTXT_H

#include "parse/protobuf.h"

/* The tree of a text, in the arena; it does not refer to the text. Fields that the table lacks are kept, as forks of a
 * format have them, with the kind that their value shows; those that it has must show the kind that it says. Numbers
 * are PROTOBUF_INT or PROTOBUF_FLOAT as they are written. NULL with a message that names the line. */
struct protobuf *prototxt_read(const char *text, size_t size, const struct protobuf_type *type, struct arena *arena,
                               struct error *err);

#endif
