#include "format/onnx/messages.h"

#include "parse/protobuf.h"

#define MESSAGE(message, title)            static const struct onnx_field message##_fields[] = {
#define FIELD(message, number, kind, name) {number, ONNX_##kind, 0, offsetof(struct onnx_##message, name)},
#define LINK(message, number, kind, name, other)                                                                       \
    {number, ONNX_##kind, ONNX_MESSAGE_##other, offsetof(struct onnx_##message, name)},
/* clang-format off */
#define END() };
/* clang-format on */
#include "format/onnx/messages.def"

const struct onnx_message onnx_messages[] = {
#define MESSAGE(message, title)                                                                                        \
    {title, message##_fields, sizeof message##_fields / sizeof *message##_fields, sizeof(struct onnx_##message)},
#define FIELD(message, number, kind, name)
#define LINK(message, number, kind, name, other)
#define END()
#include "format/onnx/messages.def"
};

const struct onnx_wire_element onnx_wire_elements[] = {
    [ONNX_INT] = {PROTOBUF_WIRE_VARINT, sizeof(int64_t)},
    [ONNX_FLOAT] = {PROTOBUF_WIRE_FIXED32, sizeof(float)},
    [ONNX_BYTES] = {PROTOBUF_WIRE_BYTES, sizeof(struct str)},
    [ONNX_TEXT] = {PROTOBUF_WIRE_BYTES, sizeof(char *)},
    [ONNX_ONE] = {PROTOBUF_WIRE_BYTES, sizeof(void *)},
    [ONNX_SPAN] = {PROTOBUF_WIRE_BYTES, sizeof(struct onnx_span)},
};
