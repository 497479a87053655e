/* Operands of an operator: what it takes, what it gives, constants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/mnn/handlers.h"

/* ---- inputs ---- */

bool mnn_has_in(const struct mnn_op *o, size_t i)
{
    return i < o->in.count && flatbuf_vector_int(o->in, i) >= 0;
}

static struct mnn_value *slot_in(const struct mnn_op *o, size_t i)
{
    return mnn_has_in(o, i) ? &o->scope->values[flatbuf_vector_int(o->in, i)] : NULL;
}

struct value *mnn_in_any(struct mnn_op *o, size_t i)
{
    struct mnn_value *slot = slot_in(o, i);
    if (o->b->failed)
        return NULL;
    if (!slot && i < o->in.count)
        return NULL;
    if (slot)
        slot->used = true;
    if (!slot || !slot->value)
        build_fail(o->b, slot ? "input %zu is tensor %lld, which nothing before makes" : "input %zu is missing", i,
                   slot ? (long long)flatbuf_vector_int(o->in, i) : 0);
    return o->b->failed ? NULL : slot->value;
}

enum dtype mnn_dtype(struct mnn_op *o, struct value *v)
{
    const struct type *type = v && !o->b->failed ? build_type(o->b, v) : NULL;
    return type && type->kind == TYPE_TENSOR ? type->dtype : DTYPE_NONE;
}

bool mnn_is_int(struct mnn_op *o, struct value *v)
{
    enum dtype dtype = mnn_dtype(o, v);
    return dtype == DTYPE_I64 || dtype == DTYPE_I32 || dtype == DTYPE_BOOL;
}

struct value *mnn_in(struct mnn_op *o, size_t i)
{
    struct value *v = mnn_in_any(o, i);
    return v && mnn_dtype(o, v) == DTYPE_BOOL ? build_cast(o->b, v, DTYPE_I64) : v;
}

struct value *mnn_in_bool(struct mnn_op *o, size_t i)
{
    struct value *v = mnn_in_any(o, i);
    return !v || mnn_dtype(o, v) == DTYPE_BOOL ? v : build_cast(o->b, v, DTYPE_BOOL);
}

struct value *mnn_in_float(struct mnn_op *o, size_t i)
{
    struct value *v = mnn_in_any(o, i);
    return !v || mnn_dtype(o, v) == DTYPE_F32 ? v : build_cast(o->b, v, DTYPE_F32);
}

int mnn_in_ints(struct mnn_op *o, size_t i, int64_t *values, int max)
{
    struct mnn_value *slot = slot_in(o, i);
    struct value *v = slot ? slot->value : NULL;
    const struct type *type = v && !o->b->failed ? build_type(o->b, v) : NULL;
    int count = 0;
    if (!type)
        return -1;
    if (v->constant && v->constant->dtype == DTYPE_I64 && v->constant->count <= max) {
        tensor_load_i64(v->constant, 0, v->constant->count, values);
        return (int)v->constant->count;
    }
    for (; count < v->known_count && v->known[count].kind == KNOWN_NUMBER && count < max; count++)
        values[count] = v->known[count].value;
    return v->known_count > 0 && count == v->known_count ? count : -1;
}

int mnn_value_rank(struct mnn_op *o, struct value *v)
{
    const struct type *type = v && !o->b->failed ? build_type(o->b, v) : NULL;
    return type ? type->rank : -1;
}

int mnn_in_rank(struct mnn_op *o, size_t i)
{
    struct value *v = mnn_in_any(o, i);
    const struct type *type = v ? build_type(o->b, v) : NULL;
    if (!o->b->failed && (!type || type->kind != TYPE_TENSOR || type->rank < 0))
        build_fail(o->b, "the rank of input %zu must be known", i);
    return o->b->failed ? -1 : type->rank;
}

enum mnn_layout mnn_layout_in(const struct mnn_op *o, size_t i)
{
    const struct mnn_value *slot = slot_in(o, i);
    return slot ? slot->layout : MNN_NCHW;
}

/* ---- outputs ---- */

/* A tensor that the file describes as quantised is rounded to 8-bit integers and back. */
static struct value *rounded(struct mnn_op *o, const struct mnn_value *slot, struct value *v)
{
    if (slot->scale == 0 || mnn_dtype(o, v) != DTYPE_F32 || v->constant)
        return v;
    struct value *scale = build_number(o->b, DTYPE_F32, slot->scale), *zero = build_number(o->b, DTYPE_I8, slot->zero);
    return BUILD(o->b, "DequantizeLinear", BUILD(o->b, "QuantizeLinear", v, scale, zero), scale, zero);
}

void mnn_give_as(struct mnn_op *o, size_t i, struct value *v, enum mnn_layout layout)
{
    if (o->b->failed || i >= o->out.count)
        return;
    size_t index = (size_t)flatbuf_vector_int(o->out, i);
    struct mnn_value *slot = &o->scope->values[index];
    struct node *before = o->before;
    v = o->kind->read == mnn_read_convert ? v : rounded(o, slot, v);
    if (o->b->failed)
        return;
    /* What is only passed on keeps the name that it has. */
    struct node *last = o->b->graph->last;
    const char *name = last != before && v->producer == last ? mnn_tensor_name(o->scope, index) : NULL;
    if (name)
        build_name(o->b, v, name);
    slot->value = v;
    slot->layout = layout;
}

void mnn_give(struct mnn_op *o, size_t i, struct value *v)
{
    mnn_give_as(o, i, v, mnn_layout_in(o, 0));
}

/* ---- layout ---- */

static struct value *move_axis(struct build *b, struct value *v, bool to_front)
{
    const struct type *type = v ? build_type(b, v) : NULL;
    if (!b->failed && type->rank < 0)
        build_fail(b, "the rank of a tensor whose layout changes must be known");
    if (b->failed || type->rank < 3)
        return b->failed ? NULL : v;
    return to_front ? build_channels_first(b, v, type->rank) : build_channels_last(b, v, type->rank);
}

struct value *mnn_channels_first(struct build *b, struct value *v)
{
    return move_axis(b, v, true);
}

struct value *mnn_channels_last(struct build *b, struct value *v)
{
    return move_axis(b, v, false);
}

struct value *mnn_in_image(struct mnn_op *o)
{
    struct value *v = mnn_in(o, 0);
    return mnn_layout_in(o, 0) == MNN_NHWC ? mnn_channels_first(o->b, v) : v;
}

void mnn_give_image(struct mnn_op *o, size_t i, struct value *v)
{
    mnn_give(o, i, mnn_layout_in(o, 0) == MNN_NHWC ? mnn_channels_last(o->b, v) : v);
}

/* ---- constants ---- */

int mnn_ints(struct mnn_op *o, const struct mnn_table *t, const char *field, int64_t *values, int max)
{
    struct flatbuf_vector v = mnn_vector(t, field);
    if (v.count > (size_t)max)
        build_fail(o->b, "%s has %u elements, want at most %d", field, v.count, max);
    for (size_t i = 0; !o->b->failed && i < v.count; i++)
        values[i] = flatbuf_vector_int(v, i);
    return o->b->failed ? -1 : (int)v.count;
}

struct tensor *mnn_tensor(struct mnn_op *o, struct flatbuf_vector v, enum dtype dtype, int rank, const int64_t *dims)
{
    struct mnn_reader *r = o->scope->reader;
    int64_t count = tensor_count(rank, dims);
    size_t size = 0;
    if (o->b->failed)
        return NULL;
    if (count < 0 || !tensor_bytes(dtype, count, &size) || size != (size_t)v.count * v.width) {
        build_fail(o->b, "a constant of %lld elements has %zu bytes", (long long)count, (size_t)v.count * v.width);
        return NULL;
    }
    if (size == 0)
        return tensor_new(dtype, rank, dims, o->b->err);
    return tensor_of_blob(dtype, rank, dims, r->source->blob, (size_t)(v.data - (const uint8_t *)r->source->blob->data),
                          o->b->err);
}

struct value *mnn_constant(struct mnn_op *o, const char *what, struct tensor *t)
{
    char name[300];
    if (o->b->failed) {
        tensor_unref(t);
        return NULL;
    }
    snprintf(name, sizeof(name), "%.200s/%s", o->name, what);
    return build_constant(o->b, name, t);
}

struct value *mnn_floats(struct mnn_op *o, const struct mnn_table *t, const char *field, const char *name)
{
    struct flatbuf_vector v = mnn_vector(t, field);
    int64_t count = (int64_t)v.count;
    return v.count ? mnn_constant(o, name, mnn_tensor(o, v, DTYPE_F32, 1, &count)) : NULL;
}

int64_t mnn_external_bytes(const struct mnn_table *t, size_t part)
{
    int64_t size = flatbuf_vector_int(mnn_vector(t, "external"), part);
    return size > 0 ? size : 0;
}

struct tensor *mnn_external(struct mnn_op *o, const struct mnn_table *t, size_t part, enum dtype dtype, int rank,
                            const int64_t *dims)
{
    struct mnn_reader *r = o->scope->reader;
    int64_t offset = flatbuf_vector_int(mnn_vector(t, "external"), 0);
    bool fits = offset >= 0;
    for (size_t i = 1; i < part; i++)
        fits = fits && !__builtin_add_overflow(offset, mnn_external_bytes(t, i), &offset);
    if (o->b->failed)
        return NULL;
    if (!r->weights)
        r->weights = source_twin(r->source, "+.weight", o->b->err);
    if (r->weights && fits)
        return tensor_of_blob(dtype, rank, dims, r->weights, (size_t)offset, o->b->err);
    if (fits)
        build_check(o->b, false);
    else
        build_fail(o->b, "the place of its data in the second file is malformed");
    return NULL;
}

/* ---- Blob ---- */

static const struct blob_type {
    enum mnn_type type;
    enum dtype dtype;
    const char *field;
} blob_types[] = {
    {MNN_FLOAT, DTYPE_F32, "float32s"}, {MNN_INT32, DTYPE_I32, "int32s"}, {MNN_INT8, DTYPE_I8, "int8s"},
    {MNN_UINT8, DTYPE_U8, "uint8s"},    {MNN_BOOL, DTYPE_I32, "int32s"},  {MNN_HALF, DTYPE_F16, "uint8s"},
    {MNN_INT64, DTYPE_I64, "int64s"},
};

static const struct blob_type *find_type(int64_t type)
{
    for (size_t i = 0; i < sizeof(blob_types) / sizeof(*blob_types); i++)
        if (blob_types[i].type == type)
            return &blob_types[i];
    return NULL;
}

enum dtype mnn_graph_type(int type)
{
    const struct blob_type *t = find_type(type);
    if (t && (t->dtype == DTYPE_I32 || t->dtype == DTYPE_F16))
        return t->dtype == DTYPE_I32 ? DTYPE_I64 : DTYPE_F32;
    return t ? t->dtype : DTYPE_NONE;
}

/* What the graph holds instead: i64 for i32, f32 for f16. Takes over t. */
static struct tensor *as_in_graph(struct tensor *t, int64_t type, struct error *err)
{
    enum dtype want = mnn_graph_type((int)type);
    if (!t || t->dtype == want)
        return t;
    struct tensor *cast = tensor_cast(t, want, false, err);
    tensor_unref(t);
    return cast;
}

struct tensor *mnn_blob(struct mnn_op *o, const struct mnn_table *blob)
{
    int64_t dims[TENSOR_MAX_RANK], type = mnn_int(blob, "dataType");
    const struct blob_type *t = find_type(type);
    int rank = mnn_ints(o, blob, "dims", dims, TENSOR_MAX_RANK);
    if (!t)
        build_fail(o->b, "a constant of data type %lld is not read", (long long)type);
    if (o->b->failed)
        return NULL;
    struct flatbuf_vector data = mnn_vector(blob, t->field);
    struct tensor *tensor = data.count == 0 && mnn_external_bytes(blob, 1)
                                ? mnn_external(o, blob, 1, t->dtype, rank, dims)
                                : mnn_tensor(o, data, t->dtype, rank, dims);
    return as_in_graph(tensor, type, o->b->err);
}

/* ---- shared pieces ---- */

struct value *mnn_clip(struct mnn_op *o, struct value *v, double low, double high)
{
    return BUILD(o->b, "Clip", v, build_number(o->b, DTYPE_F32, low), build_number(o->b, DTYPE_F32, high));
}

struct value *mnn_activate(struct mnn_op *o, const struct mnn_table *common, struct value *v)
{
    if (mnn_int(common, "relu6"))
        return mnn_clip(o, v, 0, 6);
    return mnn_int(common, "relu") ? BUILD(o->b, "Relu", v) : v;
}

/* v as it is where it has the rank already. */
static struct value *of_rank(struct mnn_op *o, struct value *v, int rank)
{
    const struct type *type = v ? build_type(o->b, v) : NULL;
    return !type || type->rank == rank ? v : build_reshape(o->b, v, rank, (int64_t[]){-1});
}

struct value *mnn_int_vector(struct mnn_op *o, struct value *v)
{
    return of_rank(o, v, 1);
}

struct value *mnn_int_scalar(struct mnn_op *o, struct value *v)
{
    return of_rank(o, v, 0);
}
