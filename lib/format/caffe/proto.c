#include "format/caffe/proto.h"

static const uint8_t texts[] = {
#include "format/caffe/proto.inc"
};

PROTOBUF_SCHEMA(schema, texts);

const struct protobuf_type *caffe_net_type(void)
{
    return protobuf_type(&schema, "NetParameter");
}
