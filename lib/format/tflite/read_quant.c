/* Quantised tensors: real = scale * (q - zero point), with one scale or one for each index of an axis. */
#include <math.h>

#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"

static bool is_integer(enum dtype dtype)
{
    enum dtype_class c = dtype_info(dtype)->class;
    return c == DTYPE_CLASS_INT || c == DTYPE_CLASS_UINT;
}

bool tflite_is_quantised(const struct tflite_tensor *t, struct tflite_scale *scale)
{
    struct flatbuf_table quant = flatbuf_table(t->table, TENSOR_QUANT);
    uint64_t type = flatbuf_uint(t->table, TENSOR_TYPE, 1, TYPE_F32);
    scale->scale = flatbuf_vector(quant, QUANT_SCALE, 4);
    scale->zero = flatbuf_vector(quant, QUANT_ZERO, 8);
    scale->axis = (int)flatbuf_int(quant, QUANT_AXIS, 4, 0);
    return scale->scale.count > 0 && type < tflite_dtype_count && is_integer(tflite_dtypes[type]);
}

static int64_t zero_at(const struct tflite_scale *s, size_t i)
{
    return s->zero.count == 1 ? flatbuf_vector_int(s->zero, 0) : flatbuf_vector_int(s->zero, i);
}

bool tflite_same_scale(const struct tflite_tensor *a, const struct tflite_tensor *b)
{
    struct tflite_scale x, y;
    bool is_quantised = tflite_is_quantised(a, &x);
    if (tflite_is_quantised(b, &y) != is_quantised || !is_quantised)
        return !is_quantised;
    if (x.scale.count != y.scale.count || (x.scale.count > 1 && x.axis != y.axis))
        return false;
    for (size_t i = 0; i < x.scale.count; i++)
        if (flatbuf_vector_float(x.scale, i) != flatbuf_vector_float(y.scale, i) || zero_at(&x, i) != zero_at(&y, i))
            return false;
    return true;
}

/* Scales and zero points as constants: scalars, or lists along an axis. */
static struct value *put_scale(struct tflite_graph *g, const struct tflite_scale *s)
{
    int64_t count = (int64_t)s->scale.count;
    struct tensor *t = tensor_new(DTYPE_F32, count > 1, &count, g->file->err);
    for (int64_t i = 0; t && i < count; i++)
        ((float *)t->data)[i] = flatbuf_vector_float(s->scale, (size_t)i);
    return build_constant(g->b, NULL, t);
}

static struct value *put_zero(struct tflite_graph *g, const struct tflite_scale *s, enum dtype dtype)
{
    int64_t count = (int64_t)s->scale.count;
    struct tensor *t = tensor_new(dtype, count > 1, &count, g->file->err);
    for (int64_t i = 0; t && i < count; i++)
        tensor_set_i64(t, i, zero_at(s, (size_t)i));
    return build_constant(g->b, NULL, t);
}

/* Old converters gave a bias, which has one axis, the axis of the weights. */
static bool check_scale(struct tflite_graph *g, const struct tflite_tensor *t, struct tflite_scale *s)
{
    struct type type;
    if (tflite_tensor_type(g, t, &type) < 0)
        return false;
    for (size_t i = 0; i < s->scale.count; i++) {
        float scale = flatbuf_vector_float(s->scale, i);
        if (!isfinite(scale) || scale < 0)
            build_fail(g->b, "tensor '%s' has a scale of %g", tflite_tensor_name(g, t), (double)scale);
    }
    if (type.rank == 1)
        s->axis = 0;
    if (s->scale.count > 1 && (s->axis < 0 || s->axis >= type.rank ||
                               (type.dims[s->axis] >= 0 && type.dims[s->axis] != (int64_t)s->scale.count)))
        build_fail(g->b, "tensor '%s' has %u scales for axis %d", tflite_tensor_name(g, t), s->scale.count, s->axis);
    return !g->b->failed;
}

static int permuted_axis(int axis, const int64_t *perm)
{
    int to = 0;
    while (perm && to < TENSOR_MAX_RANK - 1 && perm[to] != axis)
        to++;
    return perm ? to : axis;
}

enum block_slots { BLOCK_SCALES, BLOCK_ZERO_POINTS, BLOCK_SIZE };

/* Weights with a scale for each block of the last axis, which another tensor has; their zero point is 0. */
static struct value *dequantise_blocks(struct tflite_graph *g, const struct tflite_tensor *t,
                                       struct flatbuf_table blocks, struct value *raw, const int64_t *perm)
{
    int rank = (int)flatbuf_vector(t->table, TENSOR_SHAPE, 4).count;
    const struct tensor *from = tflite_tensor_data(g, tflite_tensor(g, flatbuf_int(blocks, BLOCK_SCALES, 4, 0)));
    if (!from || from->rank != rank || rank < 1 || flatbuf_int(blocks, BLOCK_ZERO_POINTS, 4, 0) > 0)
        build_fail(g->b, "tensor '%s' has blocks without scales, or with zero points", tflite_tensor_name(g, t));
    if (g->b->failed)
        return NULL;
    struct value *scale = build_constant(g->b, NULL, tensor_cast(from, DTYPE_F32, false, g->file->err));
    scale = perm ? build_transpose(g->b, scale, rank, perm) : scale;
    struct value *v = BUILD(g->b, "DequantizeLinear", raw, scale);
    v = build_int(g->b, v, "axis", permuted_axis(rank - 1, perm));
    return build_int(g->b, v, "block_size", flatbuf_int(blocks, BLOCK_SIZE, 4, 0));
}

struct value *tflite_dequantise(struct tflite_graph *g, const struct tflite_tensor *t, struct value *raw,
                                const int64_t *perm)
{
    struct tflite_scale s;
    struct flatbuf_table quant = flatbuf_table(t->table, TENSOR_QUANT);
    if (flatbuf_uint(quant, QUANT_DETAILS_TYPE, 1, 0) == QUANT_BY_BLOCK)
        return dequantise_blocks(g, t, flatbuf_table(quant, QUANT_DETAILS), raw, perm);
    if (!tflite_is_quantised(t, &s))
        return raw;
    if (!check_scale(g, t, &s))
        return NULL;
    enum dtype dtype = tflite_dtypes[flatbuf_uint(t->table, TENSOR_TYPE, 1, 0)];
    struct value *scale = put_scale(g, &s);
    if (dtype == DTYPE_I64) /* biases of 16-bit activations, for which there is no DequantizeLinear */
        return BUILD(g->b, "Mul", build_cast(g->b, raw, DTYPE_F32), scale);
    struct value *v = BUILD(g->b, "DequantizeLinear", raw, scale, dtype == DTYPE_I32 ? NULL : put_zero(g, &s, dtype));
    return s.scale.count > 1 ? build_int(g->b, v, "axis", permuted_axis(s.axis, perm)) : v;
}

struct value *tflite_quantise(struct tflite_graph *g, const struct tflite_tensor *t, struct value *real)
{
    struct tflite_scale s;
    if (!tflite_is_quantised(t, &s))
        return real;
    if (!check_scale(g, t, &s))
        return NULL;
    enum dtype dtype = tflite_dtypes[flatbuf_uint(t->table, TENSOR_TYPE, 1, 0)];
    if (dtype == DTYPE_I32 || dtype == DTYPE_I64) /* no more does QuantizeLinear give these */
        return build_cast(g->b, BUILD(g->b, "Round", BUILD(g->b, "Div", real, put_scale(g, &s))), dtype);
    struct value *v = BUILD(g->b, "QuantizeLinear", real, put_scale(g, &s), put_zero(g, &s, dtype));
    return s.scale.count > 1 ? build_int(g->b, v, "axis", s.axis) : v;
}
