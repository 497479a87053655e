/* Inside lib/format/caffe2: a pair of nets, one that fills the weights and one that computes (read.c). An operator's
 * type is a row of ops.def. "Int8X" is X on bytes: it is read as X of real numbers, with QuantizeLinear and
 * DequantizeLinear behind. */
#ifndef FORMAT_CAFFE2_CAFFE2_H
#define FORMAT_CAFFE2_CAFFE2_H

#include "format/netdef/netdef.h"

#define OP(type, read, onnx) netdef_fn caffe2_read_##read;
#include "format/caffe2/ops.def"
#undef OP

/* Whether the channels stand last: the argument "order". */
bool caffe2_is_nhwc(struct netdef_op *o);
/* Input k, of which the channels are known, has them second, whatever its order. */
struct value *caffe2_image(struct netdef_op *o, int k, int rank, int64_t channels);
/* Output 0 is v, with channels second, in the order that the operator gives. */
void caffe2_give_image(struct netdef_op *o, struct value *v, int rank);
/* DTYPE_NONE: a type that is not read. */
enum dtype caffe2_dtype(int64_t number);
/* v rounded to bytes as the operator says ("Y_scale", "Y_zero_point"), as real numbers. */
struct value *caffe2_rounded(struct netdef_op *o, struct value *v);

#endif
