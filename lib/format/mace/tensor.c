/* Tensors of a net: in its second file, or with it. */
#include <math.h>
#include <string.h>

#include "format/mace/mace.h"

enum dtype mace_dtype(int64_t number)
{
    static const enum dtype dtypes[] = {DTYPE_NONE, DTYPE_F32, DTYPE_U8, DTYPE_F16, DTYPE_I32, DTYPE_F16,
                                        DTYPE_BF16, DTYPE_I16, DTYPE_I8, DTYPE_U16, DTYPE_U32, DTYPE_BOOL};
    return number > 0 && number < (int64_t)(sizeof(dtypes) / sizeof(*dtypes)) ? dtypes[number] : DTYPE_NONE;
}

/* Numbers that stand in the net itself. */
static struct tensor *inside(struct mace_reader *m, const struct protobuf *p, enum dtype dtype, int rank,
                             const int64_t *dims)
{
    const struct protobuf *floats = protobuf_find(p, "float_data"), *ints = protobuf_first(p, "int32_data");
    int64_t count = tensor_count(rank, dims), i = 0;
    if (count != (floats ? (int64_t)floats->span.count : (int64_t)protobuf_count(p, "int32_data"))) {
        build_fail(&m->r.b, "it has not the %lld numbers of its shape", (long long)count);
        return NULL;
    }
    struct tensor *t = tensor_new(dtype, rank, dims, m->r.b.err);
    for (; t && floats && i < count; i++) {
        float f;
        memcpy(&f, floats->span.data + (size_t)i * floats->span.step, sizeof(f));
        tensor_set_f64(t, i, (double)f);
    }
    for (; t && ints && i < count; ints = protobuf_more(ints))
        tensor_set_i64(t, i++, protobuf_as_int(ints, 0));
    return t;
}

#define MOST_READ 16 /* times the file */

static struct tensor *from_data(struct mace_reader *m, const struct protobuf *p, enum dtype dtype, int rank,
                                const int64_t *dims)
{
    int64_t offset = protobuf_int(p, "offset", 0), count = protobuf_int(p, "data_size", 0), at = 0;
    size_t size = 0;
    if (count != tensor_count(rank, dims) || !tensor_bytes(dtype, count, &size)) {
        build_fail(&m->r.b, "it has %lld elements, want %lld, as its shape says", (long long)count,
                   (long long)tensor_count(rank, dims));
        return NULL;
    }
    if (offset < 0 || m->data_offset < 0 || __builtin_add_overflow(offset, m->data_offset, &at) ||
        (uint64_t)at > m->data->size || size > m->data->size - (uint64_t)at) {
        build_fail(&m->r.b, "its %zu bytes at %lld lie beyond the end of the file with weights, which has %zu", size,
                   (long long)at, m->data->size);
        return NULL;
    }
    m->read += size;
    if (m->read > MOST_READ * (uint64_t)m->data->size) {
        build_fail(&m->r.b, "tensors have more than %d times the bytes of the file with weights", MOST_READ);
        return NULL;
    }
    return tensor_of_blob(dtype, rank, dims, m->data, (size_t)at, m->r.b.err);
}

static struct tensor *read_tensor(struct mace_reader *m, const struct protobuf *p)
{
    int64_t dims[TENSOR_MAX_RANK];
    enum dtype dtype = mace_dtype(protobuf_int(p, "data_type", MACE_FLOAT));
    int rank = 0;
    for (const struct protobuf *d = protobuf_first(p, "dims"); d && rank <= TENSOR_MAX_RANK; d = protobuf_more(d)) {
        if (rank < TENSOR_MAX_RANK)
            dims[rank] = protobuf_as_int(d, 0);
        rank++;
    }
    if (rank > TENSOR_MAX_RANK || dtype == DTYPE_NONE || tensor_count(rank, dims) < 0) {
        build_fail(&m->r.b, "its element type or shape is not read");
        return NULL;
    }
    if (protobuf_first(p, "float_data") || protobuf_first(p, "int32_data"))
        return inside(m, p, dtype, rank, dims);
    if (!m->data) {
        build_fail(&m->r.b, "the file with weights is missing: want it beside the net, with the suffix .data, or both, "
                            "NET.pb,NET.data");
        return NULL;
    }
    return from_data(m, p, dtype, rank, dims);
}

/* ---- bytes ---- */

static struct value *put_scale(struct build *b, double scale)
{
    if (!(scale > 0) || isinf(scale))
        build_fail(b, "its scale is %g, want a number above 0", scale);
    return build_number(b, DTYPE_F32, scale);
}

static struct value *put_zero(struct build *b, enum dtype dtype, int64_t zero)
{
    bool is_unsigned = dtype == DTYPE_U8;
    if (zero < (is_unsigned ? 0 : -128) || zero > (is_unsigned ? 255 : 127))
        build_fail(b, "its zero point is %lld, which is no byte", (long long)zero);
    return build_number(b, dtype, (double)zero);
}

/* Real numbers: halves widened, bytes and the integers of biases times their scale. */
static struct value *real(struct mace_reader *m, const struct protobuf *p, struct value *v)
{
    struct build *b = &m->r.b;
    double scale = protobuf_float(p, "scale", 0);
    int64_t zero = protobuf_int(p, "zero_point", 0);
    enum dtype dtype = b->failed ? DTYPE_NONE : v->constant->dtype;
    if (dtype == DTYPE_F16 || dtype == DTYPE_BF16)
        return build_cast(b, v, DTYPE_F32);
    if ((dtype == DTYPE_U8 || dtype == DTYPE_I8) && scale != 0)
        return BUILD(b, "DequantizeLinear", v, put_scale(b, scale), put_zero(b, dtype, zero));
    return dtype == DTYPE_I32 && scale != 0 ? BUILD(b, "DequantizeLinear", v, put_scale(b, scale)) : v;
}

void mace_add_tensors(struct mace_reader *m)
{
    struct build *b = &m->r.b;
    for (const struct protobuf *p = protobuf_first(m->net, "tensors"); p && !b->failed; p = protobuf_more(p)) {
        const char *name = protobuf_text(p, "name", "");
        build_layer(b, name);
        netdef_set(&m->r, name, real(m, p, build_constant(b, name, read_tensor(m, p))));
        if (b->failed)
            error_prefix(b->err, "tensor '%.200s'", name);
    }
}

void mace_round(struct netdef_op *o)
{
    const struct protobuf *q = protobuf_first(o->message, "quantize_info");
    int64_t type = netdef_int(o, "T", MACE_FLOAT);
    bool is_quantize = strcmp(o->type, "Quantize") == 0, bytes = type == MACE_UINT8 || type == MACE_INT8;
    enum dtype dtype = type == MACE_INT8 ? DTYPE_I8 : DTYPE_U8;
    if (strcmp(o->type, "Dequantize") == 0 || !(bytes || is_quantize))
        return;
    for (int k = 0; k < o->out_count && q && !o->b->failed; k++, q = protobuf_more(q)) {
        if (!o->out[k] || protobuf_float(q, "scale", 0) == 0)
            continue;
        struct value *scale = put_scale(o->b, protobuf_float(q, "scale", 0));
        struct value *zero = put_zero(o->b, dtype, protobuf_int(q, "zero_point", 0));
        o->out[k] = BUILD(o->b, "DequantizeLinear", BUILD(o->b, "QuantizeLinear", o->out[k], scale, zero), scale, zero);
    }
}
