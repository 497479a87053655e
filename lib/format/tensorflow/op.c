/* What the functions of operators see of them. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

/* ---- attributes ---- */

enum dtype tensorflow_dtype(int64_t number)
{
    static const enum dtype dtypes[] = {DTYPE_NONE, DTYPE_F32,    DTYPE_F64,  DTYPE_I32,  DTYPE_U8,   DTYPE_I16,
                                        DTYPE_I8,   DTYPE_STRING, DTYPE_C64,  DTYPE_I64,  DTYPE_BOOL, DTYPE_NONE,
                                        DTYPE_NONE, DTYPE_NONE,   DTYPE_BF16, DTYPE_NONE, DTYPE_NONE, DTYPE_U16,
                                        DTYPE_C128, DTYPE_F16,    DTYPE_NONE, DTYPE_NONE, DTYPE_U32,  DTYPE_U64};
    if (number > 100)
        number -= 100; /* a reference to one */
    return number > 0 && number < (int64_t)(sizeof(dtypes) / sizeof(*dtypes)) ? dtypes[number] : DTYPE_NONE;
}

static const struct protobuf *attr(const struct tensorflow_op *o, const char *name)
{
    return tensorflow_attr(o->node->message, name);
}

int64_t tensorflow_int(const struct tensorflow_op *o, const char *name, int64_t otherwise)
{
    return protobuf_int(attr(o, name), "i", otherwise);
}

float tensorflow_float(const struct tensorflow_op *o, const char *name, float otherwise)
{
    return (float)protobuf_float(attr(o, name), "f", (double)otherwise);
}

bool tensorflow_bool(const struct tensorflow_op *o, const char *name, bool otherwise)
{
    return protobuf_int(attr(o, name), "b", otherwise) != 0;
}

const char *tensorflow_span(struct tensorflow_reader *r, const struct protobuf *p, const char *otherwise)
{
    if (!p || p->kind != PROTOBUF_SPAN8)
        return otherwise;
    const char *text =
        arena_strndup(&r->arena, p->span.count ? (const char *)p->span.data : "", p->span.count, r->b.err);
    build_check(&r->b, text != NULL);
    return text ? text : otherwise;
}

const char *tensorflow_text(const struct tensorflow_op *o, const char *name, const char *otherwise)
{
    return tensorflow_span(o->scope->r, protobuf_find(attr(o, name), "s"), otherwise);
}

enum dtype tensorflow_type(const struct tensorflow_op *o, const char *name, enum dtype otherwise)
{
    int64_t number = protobuf_int(attr(o, name), "type", 0);
    return number ? tensorflow_dtype(number) : otherwise;
}

int tensorflow_list(const struct tensorflow_op *o, const char *name, int64_t *values, int max)
{
    const struct protobuf *list = protobuf_message(attr(o, name), "list");
    int count = 0;
    for (const struct protobuf *p = protobuf_first(list, "i"); p && count < max; p = protobuf_more(p))
        values[count++] = protobuf_as_int(p, 0);
    return list ? count : -1;
}

/* ---- constants ---- */

static int read_shape(const struct protobuf *shape, int64_t *dims)
{
    int rank = 0;
    for (const struct protobuf *d = protobuf_first(shape, "dim"); d; d = protobuf_more(d)) {
        if (rank == TENSOR_MAX_RANK)
            return -1;
        dims[rank++] = protobuf_int(d, "size", 0);
    }
    return rank;
}

/* Numbers as fields: one list, which its last element, or pair of a complex number, goes on for. */
static void fill(struct tensor *t, const struct protobuf *m, bool is_pair)
{
    static const char *const ints[] = {"int_val", "int64_val", "bool_val", "half_val", "uint32_val", "uint64_val"};
    const struct protobuf *floats = protobuf_find(m, is_pair ? "scomplex_val" : "float_val"),
                          *doubles = protobuf_find(m, is_pair ? "dcomplex_val" : "double_val");
    const struct protobuf *span = floats ? floats : doubles, *p = NULL;
    uint64_t given = span ? span->span.count : 0;
    double value = 0;
    int64_t number = 0;
    for (size_t i = 0; i < sizeof(ints) / sizeof(*ints) && !p; i++)
        p = protobuf_first(m, ints[i]);
    bool bits = t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16;
    for (int64_t i = 0; i < t->count; i++) {
        uint64_t at = (uint64_t)i < given ? (uint64_t)i : given - 1 - (is_pair && given > 1 && i % 2 == 0);
        if (given && (is_pair || at == (uint64_t)i)) {
            float f;
            if (floats)
                memcpy(&f, span->span.data + (size_t)at * span->span.step, sizeof(f));
            else
                memcpy(&value, span->span.data + (size_t)at * span->span.step, sizeof(value));
            value = floats ? (double)f : value;
        } else if (p) {
            number = protobuf_as_int(p, 0);
            p = protobuf_more(p);
        }
        if (bits)
            memcpy((char *)t->data + 2 * i, &(uint16_t){(uint16_t)number}, 2);
        else if (span)
            tensor_set_f64(t, i, value);
        else
            tensor_set_i64(t, i, number);
    }
}

/* Not more elements than the file has bytes, by much: a header's word alone makes none. */
static bool is_small(const struct tensorflow_reader *r, int64_t count)
{
    return count >= 0 && (uint64_t)count <= r->blob->size + (1 << 20);
}

static struct tensor *strings(struct tensorflow_reader *r, const struct protobuf *m, int rank, const int64_t *dims)
{
    int64_t count = tensor_count(rank, dims), i = 0;
    struct str *list =
        is_small(r, count) ? arena_alloc(&r->arena, ((size_t)count + 1) * sizeof(*list), r->b.err) : NULL;
    build_check(&r->b, list != NULL);
    for (const struct protobuf *p = protobuf_first(m, "string_val"); p && list && i < count; p = protobuf_more(p), i++)
        list[i] = (struct str){(const char *)p->span.data, p->span.count};
    return list ? tensor_of_strings(rank, dims, list, r->b.err) : NULL;
}

struct tensor *tensorflow_tensor(struct tensorflow_reader *r, const struct protobuf *m)
{
    int64_t dims[TENSOR_MAX_RANK];
    enum dtype dtype = tensorflow_dtype(protobuf_int(m, "dtype", 0));
    int rank = read_shape(protobuf_message(m, "tensor_shape"), dims);
    bool is_pair = dtype_info(dtype)->class == DTYPE_CLASS_COMPLEX; /* along an axis of its own */
    if (is_pair) {
        dtype = dtype == DTYPE_C64 ? DTYPE_F32 : DTYPE_F64;
        rank = rank < TENSOR_MAX_RANK ? rank + (rank >= 0) : -1;
        dims[rank > 0 ? rank - 1 : 0] = 2;
    }
    int64_t count = rank < 0 ? -1 : tensor_count(rank, dims);
    const struct protobuf *content = protobuf_find(m, "tensor_content");
    size_t size;
    if (r->b.failed || dtype == DTYPE_NONE || count < 0) {
        build_fail(&r->b, "a constant of an element type or shape that is not read");
        return NULL;
    }
    if (dtype == DTYPE_STRING)
        return strings(r, m, rank, dims);
    if (content && content->kind == PROTOBUF_SPAN8 && content->span.count) {
        if (!tensor_bytes(dtype, count, &size) || size != content->span.count) {
            build_fail(&r->b, "a constant has %zu bytes, which its shape does not need", content->span.count);
            return NULL;
        }
        return tensor_of_blob(dtype, rank, dims, r->blob, (size_t)(content->span.data - (const uint8_t *)r->blob->data),
                              r->b.err);
    }
    struct tensor *t = is_small(r, count) ? tensor_new(dtype, rank, dims, r->b.err) : NULL;
    if (!is_small(r, count))
        build_fail(&r->b, "a constant of %lld equal elements", (long long)count);
    if (t)
        fill(t, m, is_pair);
    return t;
}

struct tensor *tensorflow_constant(struct tensorflow_reader *r, const struct protobuf *node)
{
    const struct protobuf *value = protobuf_message(tensorflow_attr(node, "value"), "tensor");
    const char *name = protobuf_text(node, "name", "");
    const struct tensor *known = r->constants ? lookup_find(r->constants, name) : NULL;
    enum dtype dtype = tensorflow_dtype(protobuf_int(value, "dtype", 0));
    if (known) /* which may be of fewer bits there */
        return known->dtype == DTYPE_STRING || dtype_info(dtype)->class == DTYPE_CLASS_COMPLEX
                   ? tensor_ref((struct tensor *)known)
                   : tensor_cast(known, dtype == DTYPE_NONE ? known->dtype : dtype, true, r->b.err);
    if (r->constants)
        build_fail(&r->b, "the weights have no '%.200s'", name);
    if (!value)
        build_fail(&r->b, "it has no value");
    return value ? tensorflow_tensor(r, value) : NULL;
}

/* ---- inputs ---- */

struct value *tensorflow_in(struct tensorflow_op *o, int k)
{
    if (k >= o->in_count || !o->in[k])
        build_fail(o->b, "input %d is missing", k);
    return o->b->failed ? NULL : o->in[k];
}

static const struct type *type_of(struct tensorflow_op *o, int k)
{
    struct value *v = tensorflow_in(o, k);
    const struct type *type = v ? build_type(o->b, v) : NULL;
    return type && type->kind == TYPE_TENSOR ? type : NULL;
}

int tensorflow_ints(struct tensorflow_op *o, int k, int64_t *values, int max)
{
    return build_known(o->b, tensorflow_in(o, k), values, max, NULL);
}

int tensorflow_open_ints(struct tensorflow_op *o, int k, int64_t *values, int max)
{
    return build_known(o->b, tensorflow_in(o, k), values, max, &(int64_t){-1});
}

int tensorflow_want_ints(struct tensorflow_op *o, int k, int64_t *values, int max)
{
    int count = tensorflow_ints(o, k, values, max);
    if (count < 0)
        build_fail(o->b, "input %d must be a constant of at most %d integers", k, max);
    return o->b->failed ? 0 : count;
}

struct value *tensorflow_i64(struct tensorflow_op *o, int k)
{
    struct value *v = tensorflow_in(o, k);
    const struct tensor *t = v && !v->is_input ? v->constant : NULL;
    if (t && t->dtype != DTYPE_STRING)
        return build_constant(o->b, NULL, tensor_cast(t, DTYPE_I64, true, o->b->err));
    return tensorflow_dtype_of(o, k) == DTYPE_I64 ? v : build_cast(o->b, v, DTYPE_I64);
}

struct value *tensorflow_i64_list(struct tensorflow_op *o, int k)
{
    int64_t values[TENSOR_MAX_RANK];
    int count = tensorflow_ints(o, k, values, TENSOR_MAX_RANK);
    if (count >= 0)
        return build_list(o->b, count, values);
    struct value *v = tensorflow_i64(o, k);
    const struct type *type = type_of(o, k);
    return type && type->rank == 1 ? v : BUILD(o->b, "Reshape", v, BUILD_LIST(o->b, -1));
}

int tensorflow_rank(struct tensorflow_op *o, int k)
{
    const struct type *type = type_of(o, k);
    if (type && type->rank >= 0)
        return type->rank;
    build_fail(o->b, "the rank of input %d must be known", k);
    return 0;
}

int64_t tensorflow_dim(struct tensorflow_op *o, int k, int axis)
{
    const struct type *type = type_of(o, k);
    return type && axis >= 0 && axis < type->rank && type->dims[axis] >= 0 ? type->dims[axis] : -1;
}

enum dtype tensorflow_dtype_of(struct tensorflow_op *o, int k)
{
    const struct type *type = type_of(o, k);
    return type ? type->dtype : DTYPE_NONE;
}

int tensorflow_axis(struct tensorflow_op *o, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(o->b, "axis %lld of %d", (long long)axis, rank);
    return 0;
}

void tensorflow_give(struct tensorflow_op *o, int k, struct value *v)
{
    if (!o->b->failed && k < TENSORFLOW_OUTPUTS)
        o->node->out[k] = v;
}

/* ---- layouts ---- */

bool tensorflow_is_nchw(const struct tensorflow_op *o)
{
    return strncmp(tensorflow_text(o, "data_format", "NHWC"), "NC", 2) == 0;
}

void tensorflow_expect(struct tensorflow_op *o, int k, int rank, int64_t channels)
{
    build_expect(o->b, tensorflow_in(o, k), rank, tensorflow_is_nchw(o) ? 1 : rank - 1, channels, DTYPE_NONE);
}

struct value *tensorflow_to_nchw(struct tensorflow_op *o, int k)
{
    int rank = tensorflow_rank(o, k);
    if (rank < 3 || rank > 5)
        build_fail(o->b, "an input of %d axes, want 3 to 5", rank);
    if (tensorflow_is_nchw(o) || o->b->failed)
        return tensorflow_in(o, k);
    return build_channels_first(o->b, tensorflow_in(o, k), rank);
}

struct value *tensorflow_from_nchw(struct tensorflow_op *o, struct value *v, int rank)
{
    return tensorflow_is_nchw(o) ? v : build_channels_last(o->b, v, rank);
}

struct value *tensorflow_permuted(struct tensorflow_op *o, int k, int rank, const int64_t *perm)
{
    if (tensorflow_rank(o, k) != rank)
        build_fail(o->b, "a filter of %d axes, want %d", tensorflow_rank(o, k), rank);
    return build_permuted(o->b, tensorflow_in(o, k), rank, perm);
}
