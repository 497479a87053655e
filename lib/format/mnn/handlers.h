/* The functions that ops.def names, in read_*.c. */
#ifndef FORMAT_MNN_HANDLERS_H
#define FORMAT_MNN_HANDLERS_H

#include "format/mnn/read.h"

#define OP(number, name, param, read, onnx) void read(struct mnn_op *o);
#include "format/mnn/ops.def"
#undef OP

#endif
