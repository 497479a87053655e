/* Inside the ncnn writer: layers of 8-bit integers. */
#ifndef FORMAT_NCNN_WRITE_INT8_H
#define FORMAT_NCNN_WRITE_INT8_H

#include "format/ncnn/write.h"

/* A layer whose input comes through QuantizeLinear and DequantizeLinear, and whose weight through the latter. */
struct int8_layer {
    const struct value *input;   /* before both */
    const struct tensor *weight; /* int8 */
    const struct tensor *scales; /* of the weight, as ONNX has them */
    float input_scale;
};

/* Whether it is one that ncnn has: symmetric, in signed 8 bits, one scale for the input, one for each output or all. */
bool ncnn_int8_find(struct writer *w, struct int8_layer *q, const struct value *input, const struct value *weight);
/* The records of the scales behind weight and bias: `count` of the weight. ncnn's multiply where ONNX's divide. */
void ncnn_int8_put(struct writer *w, const struct int8_layer *q, int64_t count);

#endif
