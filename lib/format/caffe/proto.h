/* The messages of Caffe's files, of BVLC's master and of the forks whose numbers do not contradict it. A field's name
 * is what counts: the text form has no numbers. */
#ifndef FORMAT_CAFFE_PROTO_H
#define FORMAT_CAFFE_PROTO_H

#include "parse/protobuf.h"

const struct protobuf_type *caffe_net_type(void);

#endif
