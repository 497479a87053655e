/* Tensors: constants in the file, values of nodes; bytes with scales. */
#include <math.h>
#include <string.h>

#include "format/tengine/tengine.h"

/* Words of struct Tensor. */
enum { TENSOR_BUFFER = 1, TENSOR_DIMS = 2, TENSOR_KIND = 6, TENSOR_TYPE = 7 };

static enum dtype dtype_of(struct tengine_reader *r, const struct tengine_tensor *t)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_I8, DTYPE_U8, DTYPE_I32, DTYPE_I16};
    uint32_t number = tengine_word(&t->words, TENSOR_TYPE);
    if (number < sizeof(dtypes) / sizeof(*dtypes))
        return dtypes[number];
    build_fail(&r->b, "tensor '%.200s' has the element type %u, want 0 to 5", t->name, number);
    return DTYPE_NONE;
}

/* The dims; open NULL: all must be known, else what others are. */
static int read_dims(struct tengine_reader *r, const struct tengine_tensor *t, int64_t *dims, const int64_t *open)
{
    struct tengine_words v = tengine_vector(&r->file, tengine_word(&t->words, TENSOR_DIMS));
    if (v.count > TENSOR_MAX_RANK) {
        build_fail(&r->b, "tensor '%.200s' has %u axes, want at most %d", t->name, v.count, TENSOR_MAX_RANK);
        return 0;
    }
    for (uint32_t i = 0; i < v.count; i++) {
        dims[i] = (int32_t)tengine_word(&v, i);
        if (dims[i] < (open ? 1 : 0)) {
            if (!open)
                build_fail(&r->b, "tensor '%.200s' has a dim of %lld", t->name, (long long)dims[i]);
            else
                dims[i] = *open;
        }
    }
    return (int)v.count;
}

/* ---- scales ---- */

static struct value *put_scale(struct tengine_reader *r, const struct tengine_tensor *t)
{
    int64_t count = t->quant.count;
    struct tensor *scale = tensor_new(DTYPE_F32, count > 1, &count, r->b.err);
    for (uint32_t i = 0; scale && i < count; i++) {
        struct tengine_words q = tengine_struct(&r->file, tengine_word(&t->quant, i), 3);
        float s = tengine_word_float(&q, 1);
        if (!(s >= 0) || isinf(s))
            build_fail(&r->b, "tensor '%.200s' has a scale of %g", t->name, (double)s);
        ((float *)scale->data)[i] = s;
    }
    return build_constant(&r->b, NULL, scale);
}

static struct value *put_zero(struct tengine_reader *r, const struct tengine_tensor *t, enum dtype dtype)
{
    int64_t count = t->quant.count;
    struct tensor *zero = tensor_new(dtype, count > 1, &count, r->b.err);
    for (uint32_t i = 0; zero && i < count; i++) {
        struct tengine_words q = tengine_struct(&r->file, tengine_word(&t->quant, i), 3);
        tensor_set_i64(zero, i, (int32_t)tengine_word(&q, 0));
    }
    return build_constant(&r->b, NULL, zero);
}

static bool is_bytes(enum dtype dtype)
{
    return dtype == DTYPE_I8 || dtype == DTYPE_U8;
}

/* Real numbers of raw ones: one scale, or one for each index of the first axis. */
static struct value *dequantised(struct tengine_reader *r, const struct tengine_tensor *t, struct value *raw,
                                 enum dtype dtype)
{
    if (dtype == DTYPE_F16)
        return build_cast(&r->b, raw, DTYPE_F32);
    if (t->quant.count == 0 || !(is_bytes(dtype) || dtype == DTYPE_I32) || r->b.failed)
        return raw;
    if (t->quant.count > 1 && (raw->type.rank < 1 || raw->type.dims[0] != (int64_t)t->quant.count)) {
        build_fail(&r->b, "tensor '%.200s' has %u scales, which its first axis has not", t->name, t->quant.count);
        return NULL;
    }
    struct value *scale = put_scale(r, t);
    struct value *v = BUILD(&r->b, "DequantizeLinear", raw, scale, dtype == DTYPE_I32 ? NULL : put_zero(r, t, dtype));
    return t->quant.count > 1 ? build_int(&r->b, v, "axis", 0) : v;
}

/* ---- constants ---- */

/* A file for timing has no data: zeros, of which none are made yet. */
static struct value *zeros(struct tengine_reader *r, enum dtype dtype, int rank, const int64_t *dims)
{
    return BUILD(&r->b, "Expand", build_number(&r->b, dtype, 0), build_list(&r->b, rank, dims));
}

static struct value *constant(struct tengine_reader *r, const struct tengine_tensor *t, enum dtype dtype)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = read_dims(r, t, dims, NULL);
    uint32_t place = tengine_word(&r->buffers, tengine_word(&t->words, TENSOR_BUFFER));
    struct tengine_words buffer = tengine_struct(&r->file, place, 2);
    uint32_t has = tengine_word(&buffer, 0), at = tengine_word(&buffer, 1);
    size_t size = 0;
    if (r->file.bad || r->b.failed || !tensor_bytes(dtype, tensor_count(rank, dims), &size))
        return NULL;
    if (at == 0)
        return zeros(r, dtype, rank, dims);
    if (size > has || at > r->file.blob->size || size > r->file.blob->size - at) {
        build_fail(&r->b, "tensor '%.200s' wants %zu bytes at %u, of a buffer of %u in a file of %zu", t->name, size,
                   at, has, r->file.blob->size);
        return NULL;
    }
    tengine_count(&r->file, size);
    if (r->file.bad)
        return NULL;
    struct value *v = build_constant(&r->b, t->name, tensor_of_blob(dtype, rank, dims, r->file.blob, at, r->b.err));
    return r->from_nhwc && rank == 4 && v ? build_permuted(&r->b, v, 4, (int64_t[]){0, 3, 1, 2}) : v;
}

struct value *tengine_tensor_value(struct tengine_reader *r, uint32_t index)
{
    struct tengine_tensor *t = index < r->tensor_count ? &r->tensors[index] : NULL;
    if (!t)
        build_fail(&r->b, "it takes tensor %u of %u", index, r->tensor_count);
    if (r->b.failed || t->value)
        return r->b.failed ? NULL : t->value;
    if (tengine_word(&t->words, TENSOR_KIND) == TENGINE_CONST) {
        enum dtype dtype = dtype_of(r, t);
        struct value *raw = r->b.failed ? NULL : constant(r, t, dtype);
        if (!raw)
            build_fail(&r->b, "tensor '%.200s' lies beyond the end of the file, or beyond all memory", t->name);
        t->value = build_type(&r->b, raw) ? dequantised(r, t, raw, dtype) : NULL;
    } else {
        build_fail(&r->b, "its input '%.200s' is made by no node before it", t->name);
    }
    if (r->file.bad)
        build_fail(&r->b, "what belongs to tensor '%.200s' lies beyond the end of the file", t->name);
    return r->b.failed ? NULL : t->value;
}

/* ---- values ---- */

void tengine_set_tensor(struct tengine_reader *r, uint32_t index, struct value *v)
{
    struct tengine_tensor *t = index < r->tensor_count ? &r->tensors[index] : NULL;
    if (!t)
        build_fail(&r->b, "it gives tensor %u of %u", index, r->tensor_count);
    if (r->b.failed || !v)
        return;
    enum dtype dtype = dtype_of(r, t);
    if (is_bytes(dtype) && t->quant.count == 1 && !r->b.failed) {
        struct value *scale = put_scale(r, t), *zero = put_zero(r, t, dtype);
        t->raw = BUILD(&r->b, "QuantizeLinear", v, scale, zero);
        v = BUILD(&r->b, "DequantizeLinear", t->raw, scale, zero);
    } else if (!r->b.failed && v->producer && !v->is_input) {
        build_name(&r->b, v, t->name);
    }
    t->value = v;
}

void tengine_add_input(struct tengine_reader *r, uint32_t index)
{
    static const int from_nhwc[] = {0, 3, 1, 2};
    int64_t stated[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    struct tengine_tensor *t = index < r->tensor_count ? &r->tensors[index] : NULL;
    if (!t || t->value) {
        build_fail(&r->b, "input tensor %u of %u, or twice the same", index, r->tensor_count);
        return;
    }
    enum dtype dtype = dtype_of(r, t);
    int rank = read_dims(r, t, stated, &(int64_t){DIM_UNKNOWN});
    bool moves = r->from_nhwc && rank == 4;
    for (int i = 0; i < rank; i++)
        dims[i] = stated[moves ? from_nhwc[i] : i];
    bool bytes = is_bytes(dtype) && t->quant.count == 1;
    if (dtype == DTYPE_F16 || (is_bytes(dtype) && !bytes))
        dtype = DTYPE_F32;
    t->raw = r->b.failed ? NULL : build_input(&r->b, t->name, dtype, rank ? rank : -1, dims);
    t->value = t->raw && bytes ? dequantised(r, t, t->raw, dtype) : t->raw;
}

void tengine_add_output(struct tengine_reader *r, uint32_t index)
{
    struct value *v = tengine_tensor_value(r, index);
    if (!v)
        return;
    struct tengine_tensor *t = &r->tensors[index];
    build_graph_output(&r->b, t->raw && !t->raw->is_input ? t->raw : v, t->raw && t->raw->is_input ? NULL : t->name);
}
