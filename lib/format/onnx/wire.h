/* Protocol Buffers' wire form of an ONNX file: messages are read into structs and written from them by the table of
 * their fields. A file's messages nest no deeper, and are no more, than the limits here. */
#ifndef FORMAT_ONNX_WIRE_H
#define FORMAT_ONNX_WIRE_H

#include "base/file.h"
#include "base/mem.h"
#include "format/onnx/messages.h"

/* Messages within messages; what ONNX's own readers take. */
#define WIRE_MAX_DEPTH    100
#define WIRE_MAX_MESSAGES (2 << 20)
#define WIRE_MAX_FIELDS   (16 << 20)
/* Bytes of the structs, their lists and names: a list takes many times what its elements take in the file. */
#define WIRE_MAX_BYTES ((size_t)512 << 20)

/* The messages of the file, in the arena; the elements of tensors, and strings of bytes, stay in the file, which must
 * outlive them. What messages.def does not list is left out. NULL with a message. */
struct onnx_model *onnx_wire_read(const void *data, size_t size, struct arena *arena, struct error *err);

/* Whether these bytes are plausibly the beginning, or the whole, of a ModelProto: top-level fields are those of the
 * standard with their wire types, and there is a graph that begins as one. */
int onnx_wire_is_model(const void *data, size_t size);

/* The bytes of the file that onnx_wire_write() makes. */
size_t onnx_wire_size(const struct onnx_model *model);
int onnx_wire_write(const struct onnx_model *model, struct file_out *out, struct error *err);

#endif
