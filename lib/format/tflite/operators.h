/* The functions of the rows in operators.def. */
#ifndef FORMAT_TFLITE_OPERATORS_H
#define FORMAT_TFLITE_OPERATORS_H

#include "format/tflite/tflite.h"

#define ROW(number, name, function, onnx, act, moves) void tflite_read_##function(struct tflite_op *o);
#include "format/tflite/operators.def"
#undef ROW

#endif
