/* Tensors: their elements lie in the file as spans, which are used where they lie when they can be. */
#include <string.h>

#include "base/bytes.h"
#include "format/onnx/onnx.h"

enum { FLOAT_DATA = 4, INT32_DATA = 5, INT64_DATA = 7, RAW_DATA = 9, DOUBLE_DATA = 10, UINT64_DATA = 11 };

/* Which typed field holds elements of a dtype. */
static unsigned data_field(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F32:
    case DTYPE_C64:
        return FLOAT_DATA;
    case DTYPE_F64:
    case DTYPE_C128:
        return DOUBLE_DATA;
    case DTYPE_I64:
        return INT64_DATA;
    case DTYPE_U32:
    case DTYPE_U64:
        return UINT64_DATA;
    default:
        return INT32_DATA;
    }
}

static struct bytes span_bytes(const struct onnx_reader *r, const struct onnx_tensor *p, size_t i)
{
    return bytes_of((const uint8_t *)r->source->blob->data + p->spans[i].offset, p->spans[i].size);
}

/* Bytes in the spans of a field, and the last of these spans. */
static size_t field_size(const struct onnx_tensor *p, unsigned field, size_t *spans, size_t *last)
{
    size_t size = 0;
    *spans = *last = 0;
    for (size_t i = 0; i < p->n_spans; i++) {
        if (p->spans[i].field != field)
            continue;
        size += p->spans[i].size;
        *last = i;
        ++*spans;
    }
    return size;
}

/* ---- elements written as varints ---- */

/* Stores varints as `width` low bytes each. */
static int decode(struct bytes b, size_t width, uint8_t **at, const uint8_t *end, struct error *err)
{
    while (bytes_left(&b) > 0) {
        uint64_t value = bytes_varint(&b);
        if (b.bad)
            return error_set(err, "its data is damaged");
        if ((size_t)(end - *at) < width)
            return error_set(err, "it has more elements than its dims say");
        memcpy(*at, &value, width);
        *at += width;
    }
    return 0;
}

static struct tensor *read_varints(const struct onnx_reader *r, const struct onnx_tensor *p, struct tensor *t,
                                   struct error *err)
{
    size_t width = dtype_info(t->dtype)->bits < 8 ? 1 : dtype_info(t->dtype)->bits / 8;
    uint8_t *at = t->data;
    const uint8_t *end = at + t->size;
    int result = 0;
    for (size_t i = 0; result == 0 && i < p->n_spans; i++)
        if (p->spans[i].field == data_field(t->dtype))
            result = decode(span_bytes(r, p, i), width, &at, end, err);
    if (result == 0 && at != end)
        result = error_set(err, "it has fewer elements than its dims say");
    if (result == 0)
        return t;
    tensor_unref(t);
    return NULL;
}

/* ---- elements as they are in memory ---- */

static struct tensor *join(const struct onnx_reader *r, const struct onnx_tensor *p, unsigned field, struct tensor *t)
{
    uint8_t *at = t->data;
    for (size_t i = 0; i < p->n_spans; i++) {
        if (p->spans[i].field != field)
            continue;
        struct bytes b = span_bytes(r, p, i);
        memcpy(at, b.at, bytes_left(&b));
        at += bytes_left(&b);
    }
    return t;
}

static struct tensor *read_plain(const struct onnx_reader *r, const struct onnx_tensor *p, unsigned field,
                                 enum dtype dtype, int rank, const int64_t *dims, size_t want, struct error *err)
{
    size_t spans, last, size = field_size(p, field, &spans, &last);
    if (field == RAW_DATA && spans > 0) { /* not repeated: the last one counts */
        size = p->spans[last].size;
        spans = 1;
    }
    if (size != want) {
        error_set(err, "it has %zu bytes of data, its dims want %zu", size, want);
        return NULL;
    }
    if (spans == 1)
        return tensor_of_blob(dtype, rank, dims, r->source->blob, p->spans[last].offset, err);
    struct tensor *t = tensor_new(dtype, rank, dims, err);
    return t ? join(r, p, field, t) : NULL;
}

static struct tensor *read_typed(const struct onnx_reader *r, const struct onnx_tensor *p, enum dtype dtype, int rank,
                                 const int64_t *dims, size_t want, struct error *err)
{
    unsigned field = data_field(dtype);
    size_t spans, last, size = field_size(p, field, &spans, &last);
    if (field == FLOAT_DATA || field == DOUBLE_DATA)
        return read_plain(r, p, field, dtype, rank, dims, want, err);
    size_t width = dtype_info(dtype)->bits < 8 ? 1 : dtype_info(dtype)->bits / 8;
    if (size < want / width) { /* a varint takes a byte at least: nothing is allocated for what is not there */
        error_set(err, "it has data for at most %zu elements of %zu", size, want / width);
        return NULL;
    }
    struct tensor *t = tensor_new(dtype, rank, dims, err);
    return t ? read_varints(r, p, t, err) : NULL;
}

static struct tensor *read_strings(const struct onnx_tensor *p, int rank, const int64_t *dims, struct error *err)
{
    if ((uint64_t)tensor_count(rank, dims) != p->n_string_data) {
        error_set(err, "it has %zu strings, its dims want %lld", p->n_string_data, (long long)tensor_count(rank, dims));
        return NULL;
    }
    return tensor_of_strings(rank, dims, p->string_data, err);
}

/* ---- the whole ---- */

static int check_head(const struct onnx_tensor *p, size_t *size, struct error *err)
{
    if (p->data_type < 1 || p->data_type >= DTYPE_COUNT)
        return error_set(err, "its element type is %lld, want 1 to %d", (long long)p->data_type, DTYPE_COUNT - 1);
    if (p->n_dims > TENSOR_MAX_RANK)
        return error_set(err, "its rank is %zu, want at most %d", p->n_dims, TENSOR_MAX_RANK);
    for (size_t i = 0; i < p->n_dims; i++)
        if (p->dims[i] < 0)
            return error_set(err, "its dim %zu is %lld", i, (long long)p->dims[i]);
    int64_t count = tensor_count((int)p->n_dims, p->dims);
    if (count < 0 || !tensor_bytes((enum dtype)p->data_type, count, size))
        return error_set(err, "its dims are too large");
    return 0;
}

static struct tensor *read_tensor(struct onnx_reader *r, const struct onnx_tensor *p, struct error *err)
{
    enum dtype dtype = (enum dtype)p->data_type;
    int rank = (int)p->n_dims;
    size_t want, spans, last;
    if (check_head(p, &want, err) != 0)
        return NULL;
    if (p->data_location == 1)
        return onnx_read_external(r, p, dtype, rank, p->dims, err);
    if (dtype == DTYPE_STRING)
        return read_strings(p, rank, p->dims, err);
    size_t raw = field_size(p, RAW_DATA, &spans, &last);
    size_t typed = field_size(p, data_field(dtype), &spans, &last);
    if (raw > 0 && typed > 0) {
        error_set(err, "it has its data twice, raw and typed");
        return NULL;
    }
    if (typed > 0)
        return read_typed(r, p, dtype, rank, p->dims, want, err);
    return read_plain(r, p, RAW_DATA, dtype, rank, p->dims, want, err);
}

struct tensor *onnx_read_tensor(struct onnx_reader *r, const struct onnx_tensor *p, struct error *err)
{
    struct tensor *t = read_tensor(r, p, err);
    if (!t && p->name && *p->name)
        error_prefix(err, "tensor '%.200s'", p->name);
    else if (!t)
        error_prefix(err, "a tensor");
    return t;
}

/* ---- sparse tensors ---- */

/* Where value `i` goes; -1 when that is outside. indices: [count] of positions, or [count, rank] of coordinates. */
static int64_t position(const struct tensor *indices, int64_t i, int rank, const int64_t *dims)
{
    if (indices->rank == 1)
        return tensor_get_i64(indices, i);
    int64_t at = 0;
    for (int k = 0; k < rank; k++) {
        int64_t x = tensor_get_i64(indices, i * rank + k);
        if (x < 0 || x >= dims[k])
            return -1;
        at = at * dims[k] + x;
    }
    return at;
}

static int scatter(struct tensor *to, const struct tensor *values, const struct tensor *indices, struct error *err)
{
    size_t width = dtype_info(to->dtype)->bits / 8;
    if (values->rank != 1 || indices->dtype != DTYPE_I64 || indices->rank < 1 || indices->rank > 2 ||
        indices->dims[0] != values->count || (indices->rank == 2 && indices->dims[1] != to->rank))
        return error_set(err, "a sparse tensor wants values [n] and i64 indices [n] or [n, rank]");
    for (int64_t i = 0; i < values->count; i++) {
        int64_t at = position(indices, i, to->rank, to->dims);
        if (at < 0 || at >= to->count)
            return error_set(err, "a sparse tensor has an index outside of its dims");
        memcpy((uint8_t *)to->data + (size_t)at * width, (const uint8_t *)values->data + (size_t)i * width, width);
    }
    return 0;
}

static struct tensor *make_dense(struct onnx_reader *r, const struct onnx_sparse_tensor *p, const struct tensor *values,
                                 const struct tensor *indices, struct error *err)
{
    size_t size;
    int64_t count = p->n_dims <= TENSOR_MAX_RANK ? tensor_count((int)p->n_dims, p->dims) : -1;
    if (values->dtype == DTYPE_STRING || dtype_info(values->dtype)->bits < 8 || count < 0 ||
        !tensor_bytes(values->dtype, count, &size) || size > ONNX_MAX_DENSE - r->dense) {
        error_set(err, "a sparse tensor cannot be made dense: strings, 4-bit elements, or beyond %zu MiB",
                  ONNX_MAX_DENSE >> 20);
        return NULL;
    }
    r->dense += size;
    struct tensor *t = tensor_new(values->dtype, (int)p->n_dims, p->dims, err);
    if (t && scatter(t, values, indices, err) != 0) {
        tensor_unref(t);
        t = NULL;
    }
    return t;
}

struct tensor *onnx_read_sparse(struct onnx_reader *r, const struct onnx_sparse_tensor *p, struct error *err)
{
    if (!p->values || !p->indices) {
        error_set(err, "a sparse tensor without values or indices");
        return NULL;
    }
    struct tensor *values = onnx_read_tensor(r, p->values, err);
    struct tensor *indices = values ? onnx_read_tensor(r, p->indices, err) : NULL;
    struct tensor *dense = indices ? make_dense(r, p, values, indices, err) : NULL;
    tensor_unref(values);
    tensor_unref(indices);
    if (!dense && p->values->name)
        error_prefix(err, "tensor '%.200s'", p->values->name);
    return dense;
}
