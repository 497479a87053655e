/* Inside the ncnn reader: layers of 8-bit integers as QuantizeLinear and DequantizeLinear around the float layer.
 *
 * ncnn's scales multiply: q = round(x * scale), halves away from zero, in -127 … 127. ONNX rounds halves to even and
 * has -128 too: where a value lies just between two steps, or beyond the range, the results differ by one step. */
#ifndef FORMAT_NCNN_READ_INT8_H
#define FORMAT_NCNN_READ_INT8_H

#include "format/ncnn/read.h"

struct int8_scales {
    bool wanted;                           /* whether the layer has them at all */
    struct value *weight, *input, *output; /* as ONNX has them: 1 / ncnn's; output NULL: float comes out */
    struct tensor *factors;                /* of the weight, as they stand in the file; owned by ncnn_int8_weight() */
};

/* The records behind weights and bias; `id` is the parameter that says which there are, `channels` how many scales the
 * weights have. */
void ncnn_int8_read(struct reader *r, struct int8_scales *s, int id, int64_t channels);

/* x as the layer sees it: through QuantizeLinear and DequantizeLinear. */
struct value *ncnn_int8_input(struct reader *r, const struct int8_scales *s, struct value *x);
/* The weight as float32. Takes over the tensor: int8, or floats which ncnn rounds when it loads them. */
struct value *ncnn_int8_weight(struct reader *r, struct int8_scales *s, struct tensor *weight, int64_t outputs);
/* What the layer gives: rounded to 8 bits when the next layer takes these. */
struct value *ncnn_int8_output(struct reader *r, const struct int8_scales *s, struct value *v);

#endif
