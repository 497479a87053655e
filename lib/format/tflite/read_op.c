/* What the functions of operators see of them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "op/permuted.h"
#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"

void tflite_fail(struct tflite_op *o, const char *format, ...)
{
    char text[512];
    va_list args;
    if (o->b->failed)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct tflite_tensor *t = tflite_output(o, 0);
    build_fail(o->b, "%s '%s': %s", o->row->name, t ? tflite_tensor_name(o->g, t) : "", text);
}

/* ---- operands ---- */

const struct type *tflite_type(struct build *b, struct value *v)
{
    return v ? build_type(b, v) : NULL;
}

static struct tflite_tensor *operand(struct tflite_op *o, struct flatbuf_vector list, int k)
{
    int64_t i = (size_t)k < list.count ? flatbuf_vector_int(list, (size_t)k) : -1;
    return i < 0 ? NULL : tflite_tensor(o->g, i);
}

struct tflite_tensor *tflite_input(struct tflite_op *o, int k)
{
    return operand(o, o->inputs, k);
}

struct tflite_tensor *tflite_output(struct tflite_op *o, int k)
{
    return operand(o, o->outputs, k);
}

bool tflite_has(const struct tflite_op *o, int k)
{
    return (size_t)k < o->inputs.count && flatbuf_vector_int(o->inputs, (size_t)k) >= 0;
}

struct value *tflite_raw(struct tflite_op *o, int k)
{
    return tflite_tensor_raw(o->g, tflite_input(o, k));
}

struct value *tflite_real(struct tflite_op *o, int k)
{
    return tflite_tensor_real(o->g, tflite_input(o, k));
}

struct value *tflite_in(struct tflite_op *o, int k)
{
    return o->is_raw ? tflite_raw(o, k) : tflite_real(o, k);
}

int tflite_ints(struct tflite_op *o, int k, int64_t *values, int max)
{
    struct tflite_tensor *t = tflite_input(o, k);
    const struct tensor *data = t ? tflite_tensor_data(o->g, t) : NULL;
    if (!data || data->count > max || data->dtype == DTYPE_STRING)
        return -1;
    tensor_load_i64(data, 0, data->count, values);
    return (int)data->count;
}

int tflite_want_ints(struct tflite_op *o, int k, int64_t *values, int max)
{
    int count = tflite_ints(o, k, values, max);
    if (count < 0)
        tflite_fail(o, "input %d must be a constant of at most %d integers", k, max);
    return count;
}

static struct value *as_i64(struct tflite_op *o, int k)
{
    struct value *v = tflite_raw(o, k);
    const struct type *type = tflite_type(o->b, v);
    return type && type->dtype == DTYPE_I64 ? v : build_cast(o->b, v, DTYPE_I64);
}

struct value *tflite_i64(struct tflite_op *o, int k)
{
    int64_t values[TENSOR_MAX_RANK];
    int count = tflite_ints(o, k, values, TENSOR_MAX_RANK);
    if (count >= 0)
        return build_list(o->b, count, values);
    struct value *v = as_i64(o, k);
    return tflite_dims(o, k, NULL) == 1 ? v : BUILD(o->b, "Reshape", v, BUILD_LIST(o->b, -1));
}

struct value *tflite_i64_as_is(struct tflite_op *o, int k)
{
    struct tflite_tensor *t = tflite_input(o, k);
    const struct tensor *data = t ? tflite_tensor_data(o->g, t) : NULL;
    if (data && data->dtype != DTYPE_STRING)
        return build_constant(o->b, NULL, tensor_cast(data, DTYPE_I64, true, o->b->err));
    return as_i64(o, k);
}

int tflite_dims(struct tflite_op *o, int k, int64_t *dims)
{
    struct tflite_tensor *t = tflite_input(o, k);
    const struct type *known = t && t->raw ? tflite_type(o->b, t->raw) : NULL;
    struct type stated;
    if (!t || o->b->failed || tflite_tensor_type(o->g, t, &stated) < 0)
        return -1;
    if (!known || known->kind != TYPE_TENSOR || known->rank < 0)
        known = &stated;
    for (int i = 0; dims && i < known->rank; i++)
        dims[i] = known->dims[i];
    return known->rank;
}

int tflite_want_rank(struct tflite_op *o, int k)
{
    int rank = tflite_dims(o, k, NULL);
    if (rank < 0)
        tflite_fail(o, "input %d is absent", k);
    return rank;
}

int tflite_axis(struct tflite_op *o, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    tflite_fail(o, "axis %lld of %d", (long long)axis, rank);
    return -1;
}

/* ---- weights ---- */

struct value *tflite_weights(struct tflite_op *o, int k, int rank, const int64_t *perm)
{
    struct tflite_tensor *t = tflite_input(o, k), *source = t;
    if (source && source->decoded >= 0)
        source = tflite_tensor(o->g, source->decoded);
    const struct tensor *data = source ? tflite_tensor_data(o->g, source) : NULL;
    if (o->b->failed || !t)
        return NULL;
    if (data ? data->rank != rank : tflite_want_rank(o, k) != rank) {
        tflite_fail(o, "weights of %d axes: want %d", data ? data->rank : tflite_want_rank(o, k), rank);
        return NULL;
    }
    if (!data || !perm)
        return perm ? build_transpose(o->b, tflite_real(o, k), rank, perm) : tflite_real(o, k);
    const char *name = tflite_has_name(o->g, source) ? tflite_tensor_name(o->g, source) : NULL;
    struct value *raw = build_constant(o->b, name, op_permuted(data, perm, o->b->err));
    struct value *real = tflite_dequantise(o->g, source, raw, perm);
    return data->dtype == DTYPE_F16 ? build_cast(o->b, real, DTYPE_F32) : real;
}

/* ---- results ---- */

struct value *tflite_scalar(struct build *b, struct value *v)
{
    const struct type *type = tflite_type(b, v);
    return type && type->rank == 0 ? v : build_reshape(b, v, 0, NULL);
}

struct value *tflite_activate(struct build *b, struct value *v, int64_t act)
{
    switch (act) {
    case ACT_NONE:
        return v;
    case ACT_RELU:
        return BUILD(b, "Relu", v);
    case ACT_RELU_N1_TO_1:
        return BUILD(b, "Clip", v, build_number(b, DTYPE_F32, -1), build_number(b, DTYPE_F32, 1));
    case ACT_RELU6:
        return BUILD(b, "Clip", v, build_number(b, DTYPE_F32, 0), build_number(b, DTYPE_F32, 6));
    case ACT_TANH:
        return BUILD(b, "Tanh", v);
    default:
        build_fail(b, "fused activation %lld: want 0 to 4", (long long)act);
        return NULL;
    }
}

static void keep(struct tflite_op *o, struct tflite_tensor *t, struct value *raw, struct value *real)
{
    const char *name = tflite_has_name(o->g, t) ? tflite_tensor_name(o->g, t) : NULL;
    if (o->b->failed)
        return;
    t->raw = raw->producer && !raw->is_output && name ? build_name(o->b, raw, name) : raw;
    t->real = real;
}

void tflite_give_raw(struct tflite_op *o, int k, struct value *v)
{
    struct tflite_tensor *t = tflite_output(o, k);
    struct tflite_scale unused;
    if (v && t && !o->b->failed)
        keep(o, t, v, tflite_is_quantised(t, &unused) ? NULL : v);
}

void tflite_give(struct tflite_op *o, int k, struct value *v)
{
    struct tflite_tensor *t = tflite_output(o, k);
    if (!v || !t || o->b->failed)
        return;
    if (o->row->act >= 0 && k == 0)
        v = tflite_activate(o->b, v, flatbuf_int(o->options, o->row->act, 1, 0));
    if (o->is_raw)
        tflite_give_raw(o, k, v);
    else
        tflite_give_raw(o, k, tflite_quantise(o->g, t, v));
}

/* ---- layout ---- */

struct value *tflite_to_nchw(struct build *b, struct value *v, int rank)
{
    static const int64_t perm[][5] = {{0, 2, 1}, {0, 3, 1, 2}, {0, 4, 1, 2, 3}};
    return build_transpose(b, v, rank, perm[rank - 3]);
}

struct value *tflite_to_nhwc(struct build *b, struct value *v, int rank)
{
    static const int64_t perm[][5] = {{0, 2, 1}, {0, 2, 3, 1}, {0, 2, 3, 4, 1}};
    return build_transpose(b, v, rank, perm[rank - 3]);
}
