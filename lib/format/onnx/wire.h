/* Protocol Buffers' wire form of an ONNX file. protobuf-c alone cannot read untrusted files: nested messages overflow
 * its stack, and it copies every weight. A bounded scan goes first and makes the skeleton that protobuf-c may read. */
#ifndef FORMAT_ONNX_WIRE_H
#define FORMAT_ONNX_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "format/onnx/onnx.pb-c.h"

/* Messages within messages; what ONNX's own readers take. */
#define WIRE_MAX_DEPTH    100
#define WIRE_MAX_MESSAGES (2 << 20)
#define WIRE_MAX_FIELDS   (16 << 20)

/* The messages of the file, with the elements of each TensorProto replaced by spans of the file. What is not in
 * onnx.proto is left out. To be given to onnx_wire_free(); NULL with a message. */
Onnx__ModelProto *onnx_wire_unpack(const void *data, size_t size, struct error *err);
void onnx_wire_free(Onnx__ModelProto *model); /* NULL is allowed */

/* Whether these bytes are plausibly the beginning, or the whole, of a ModelProto: top-level fields are those of the
 * standard with their wire types, and there is a graph that begins as one. */
int onnx_wire_is_model(const void *data, size_t size);

#endif
