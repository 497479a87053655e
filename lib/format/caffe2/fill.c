/* Operators of the net that fills the weights: each gives a constant. */
#include <string.h>

#include "format/caffe2/caffe2.h"

enum dtype caffe2_dtype(int64_t number)
{
    static const enum dtype dtypes[] = {DTYPE_NONE, DTYPE_F32, DTYPE_I32, DTYPE_U8,  DTYPE_NONE, DTYPE_BOOL, DTYPE_U8,
                                        DTYPE_I8,   DTYPE_U16, DTYPE_I16, DTYPE_I64, DTYPE_NONE, DTYPE_F16,  DTYPE_F64};
    return number > 0 && number < (int64_t)(sizeof(dtypes) / sizeof(*dtypes)) ? dtypes[number] : DTYPE_NONE;
}

/* The argument "shape": the rank, -1 after a failure. */
static int read_shape(struct netdef_op *o, int64_t *dims)
{
    int rank = netdef_ints(o, "shape", dims, TENSOR_MAX_RANK);
    if (rank > TENSOR_MAX_RANK)
        build_fail(o->b, "it fills a tensor of %d axes, want at most %d", rank, TENSOR_MAX_RANK);
    if (rank < 0)
        build_fail(o->b, "it has no shape");
    return o->b->failed ? -1 : rank;
}

/* A constant called as the output. */
static struct value *constant(struct netdef_op *o, struct tensor *t)
{
    return build_constant(o->b, protobuf_text(o->message, "output", ""), t);
}

static bool has_count(struct netdef_op *o, int rank, const int64_t *dims, size_t count)
{
    if (!o->b->failed && tensor_count(rank, dims) != (int64_t)count)
        build_fail(o->b, "it has %zu values, want %lld, as its shape says", count, (long long)tensor_count(rank, dims));
    return !o->b->failed;
}

/* ---- numbers ---- */

static struct tensor *floats(struct netdef_op *o, int rank, const int64_t *dims, const struct protobuf_span *span)
{
    struct blob *file = o->r->file;
    if (span->step == sizeof(float))
        return tensor_of_blob(DTYPE_F32, rank, dims, file, (size_t)(span->data - (const uint8_t *)file->data),
                              o->b->err);
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, o->b->err);
    for (size_t i = 0; t && i < span->count; i++)
        memcpy((float *)t->data + i, span->data + i * span->step, sizeof(float));
    return t;
}

static struct tensor *integers(struct netdef_op *o, enum dtype dtype, int rank, const int64_t *dims,
                               const struct protobuf *values)
{
    struct tensor *t = tensor_new(dtype, rank, dims, o->b->err);
    int64_t i = 0;
    for (const struct protobuf *p = protobuf_first(values, "ints"); t && p; p = protobuf_more(p))
        tensor_set_i64(t, i++, protobuf_as_int(p, 0));
    return t;
}

/* Floats, or integers: the type of the operator says which. */
void caffe2_read_fill(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct protobuf *values = netdef_arg(o, "values"), *p = protobuf_find(values, "floats");
    enum dtype dtype = strstr(o->type, "Int64")  ? DTYPE_I64
                       : strstr(o->type, "Int")  ? DTYPE_I32
                       : strstr(o->type, "Bool") ? DTYPE_BOOL
                                                 : DTYPE_F32;
    int rank = read_shape(o, dims);
    size_t count = p ? p->span.count : protobuf_count(values, "ints");
    if (rank < 0 || !has_count(o, rank, dims, count))
        return;
    netdef_give(o, 0, constant(o, p ? floats(o, rank, dims, &p->span) : integers(o, dtype, rank, dims, values)));
}

/* ---- bytes ---- */

static struct tensor *bytes(struct netdef_op *o, int rank, const int64_t *dims)
{
    const struct protobuf *s = protobuf_find(netdef_arg(o, "values"), "s");
    if (!has_count(o, rank, dims, s ? s->span.count : 0))
        return NULL;
    struct tensor *t = tensor_new(DTYPE_U8, rank, dims, o->b->err);
    if (t && s)
        memcpy(t->data, s->span.data, s->span.count);
    return t;
}

void caffe2_read_fill_bytes(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = read_shape(o, dims);
    if (rank >= 0)
        netdef_give(o, 0, constant(o, bytes(o, rank, dims)));
}

/* Bytes, or the 32-bit integers of a bias, with their scale. */
void caffe2_read_fill_int8(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct protobuf *values = netdef_arg(o, "values");
    bool is_bias = strstr(o->type, "Int8GivenInt") != NULL;
    int rank = read_shape(o, dims);
    if (rank < 0 || (is_bias && !has_count(o, rank, dims, protobuf_count(values, "ints"))))
        return;
    struct value *raw = constant(o, is_bias ? integers(o, DTYPE_I32, rank, dims, values) : bytes(o, rank, dims));
    struct value *scale = build_number(o->b, DTYPE_F32, netdef_float(o, "Y_scale", 1));
    int64_t zero = netdef_int(o, "Y_zero_point", 0);
    if (is_bias ? zero != 0 : zero < 0 || zero > 255)
        build_fail(o->b, "Y_zero_point is %lld, want %s", (long long)zero, is_bias ? "0" : "0 to 255");
    struct value *v =
        BUILD(o->b, "DequantizeLinear", raw, scale, is_bias ? NULL : build_number(o->b, DTYPE_U8, (double)zero));
    netdef_give(o, 0, v);
}

struct value *caffe2_rounded(struct netdef_op *o, struct value *v)
{
    int64_t zero = netdef_int(o, "Y_zero_point", 0);
    float scale = netdef_float(o, "Y_scale", 0);
    if (!(scale > 0) || zero < 0 || zero > 255)
        build_fail(o->b, "Y_scale is %g and Y_zero_point %lld, want a scale above 0 and 0 to 255", (double)scale,
                   (long long)zero);
    struct value *s = build_number(o->b, DTYPE_F32, scale), *z = build_number(o->b, DTYPE_U8, (double)zero);
    return BUILD(o->b, "DequantizeLinear", BUILD(o->b, "QuantizeLinear", v, s, z), s, z);
}

/* One value for all elements, of a shape that may be that of the input. */
void caffe2_read_constant_fill(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct protobuf *value = netdef_arg(o, "value");
    enum dtype dtype = caffe2_dtype(netdef_int(o, "dtype", 1));
    bool whole = value && protobuf_find(value, "i");
    double number = whole ? (double)protobuf_int(value, "i", 0) : protobuf_float(value, "f", 0);
    if (dtype == DTYPE_NONE)
        build_fail(o->b, "it fills a tensor of a type that is not read");
    struct value *one = build_number(o->b, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, number), *shape;
    if (o->in_count && netdef_int(o, "input_as_shape", 0)) {
        shape = build_cast(o->b, netdef_in(o, 0), DTYPE_I64);
    } else if (o->in_count) {
        shape = BUILD(o->b, "Shape", netdef_in(o, 0));
    } else {
        int rank = read_shape(o, dims);
        shape = rank < 0 ? NULL : build_list(o->b, rank, dims);
    }
    netdef_give(o, 0, BUILD(o->b, "Expand", one, shape));
}
