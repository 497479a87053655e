#include "format/caffe/proto.h"

#include "format/caffe/proto.inc"
PROTOBUF_SCHEMA(schema);

const struct protobuf_type *caffe_net_type(void)
{
    return protobuf_type(&schema, "NetParameter");
}
