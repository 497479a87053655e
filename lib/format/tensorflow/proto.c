#include <string.h>

#include "format/tensorflow/tensorflow.h"

#include "format/tensorflow/proto.inc"
PROTOBUF_SCHEMA(schema);

const struct protobuf_type *tensorflow_message(const char *name)
{
    return protobuf_type(&schema, name);
}

const struct protobuf *tensorflow_attr(const struct protobuf *n, const char *name)
{
    for (const struct protobuf *a = protobuf_first(n, "attr"); a; a = protobuf_more(a))
        if (strcmp(protobuf_text(a, "key", ""), name) == 0)
            return protobuf_message(a, "value");
    return NULL;
}
