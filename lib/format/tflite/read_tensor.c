#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"

const enum dtype tflite_dtypes[] = {
    DTYPE_F32, DTYPE_F16, DTYPE_I32,  DTYPE_U8,   DTYPE_I64, DTYPE_STRING,   DTYPE_BOOL,   DTYPE_I16,
    DTYPE_C64, DTYPE_I8,  DTYPE_F64,  DTYPE_C128, DTYPE_U64, DTYPE_NONE,     DTYPE_NONE,   DTYPE_U32,
    DTYPE_U16, DTYPE_I4,  DTYPE_BF16, DTYPE_I2,   DTYPE_U4,  DTYPE_F8E4M3FN, DTYPE_F8E5M2,
};
const size_t tflite_dtype_count = sizeof tflite_dtypes / sizeof *tflite_dtypes;

struct tflite_tensor *tflite_tensor(struct tflite_graph *g, int64_t i)
{
    if (g->b->failed)
        return NULL;
    if (i >= 0 && (uint64_t)i < g->tensor_count)
        return &g->tensors[i];
    build_fail(g->b, "tensor %lld of a subgraph of %zu", (long long)i, g->tensor_count);
    return NULL;
}

int tflite_tensor_type(struct tflite_graph *g, const struct tflite_tensor *t, struct type *type)
{
    struct flatbuf_vector dims = flatbuf_vector(t->table, TENSOR_SHAPE, 4);
    struct flatbuf_vector open = flatbuf_vector(t->table, TENSOR_SIGNATURE, 4);
    uint64_t dtype = flatbuf_uint(t->table, TENSOR_TYPE, 1, TYPE_F32);
    *type = (struct type){.kind = TYPE_TENSOR, .rank = (int)dims.count};
    if (dtype >= tflite_dtype_count || dims.count > TENSOR_MAX_RANK) {
        build_fail(g->b, "a tensor of type %d with %u axes: want at most %d", (int)dtype, dims.count, TENSOR_MAX_RANK);
        return -1;
    }
    type->dtype = tflite_dtypes[dtype];
    for (size_t i = 0; i < dims.count; i++) {
        int64_t dim = flatbuf_vector_int(dims, i);
        bool is_open = dim < 0 || (open.count == dims.count && flatbuf_vector_int(open, i) < 0);
        type->dims[i] = is_open ? DIM_UNKNOWN : dim;
    }
    return 0;
}

/* What one without a name is called: its number. */
static size_t number_name(const struct tflite_graph *g, const struct tflite_tensor *t, char text[32])
{
    return (size_t)snprintf(text, 32, TFLITE_UNNAMED "%zu", (size_t)(t - g->tensors));
}

bool tflite_has_name(const struct tflite_graph *g, const struct tflite_tensor *t)
{
    struct flatbuf_vector name = flatbuf_string(t->table, TENSOR_NAME);
    char number[32];
    size_t size = number_name(g, t, number);
    return name.count && (name.count != size || memcmp(name.data, number, size) != 0);
}

const char *tflite_tensor_name(struct tflite_graph *g, const struct tflite_tensor *t)
{
    struct flatbuf_vector name = flatbuf_string(t->table, TENSOR_NAME);
    char number[32];
    if (name.count && !memchr(name.data, 0, name.count)) {
        const char *copy = arena_strndup(&g->file->root->arena, (const char *)name.data, name.count, g->file->err);
        build_check(g->b, copy != NULL);
        return copy;
    }
    number_name(g, t, number);
    const char *copy = arena_strdup(&g->file->root->arena, number, g->file->err);
    build_check(g->b, copy != NULL);
    return copy;
}

/* ---- constants ---- */

size_t tflite_buffer(struct tflite_file *f, uint64_t index, const uint8_t **data)
{
    if (index >= f->buffers.count)
        flatbuf_fail(&f->buf, 0, "the number of a buffer that is not there");
    struct flatbuf_table table = flatbuf_vector_table(&f->buf, f->buffers, (size_t)index);
    struct flatbuf_vector bytes = flatbuf_vector(table, BUFFER_DATA, 1);
    uint64_t offset = flatbuf_uint(table, BUFFER_OFFSET, 8, 0), size = flatbuf_uint(table, BUFFER_SIZE, 8, 0);
    *data = bytes.data;
    if (bytes.count || offset <= 1 || size == 0)
        return bytes.count;
    if (offset > f->buf.size || size > f->buf.size - offset) {
        flatbuf_fail(&f->buf, table.at, "a buffer that lies beyond the file");
        return 0;
    }
    *data = f->buf.data + offset;
    return (size_t)size;
}

/* Strings are an i32 count, count + 1 offsets from the buffer's start, and their bytes. */
static struct tensor *read_strings(struct tflite_file *f, const struct type *type, const uint8_t *data, size_t size)
{
    struct bytes b = bytes_of(data, size);
    int64_t count = tensor_count(type->rank, type->dims);
    size_t bytes;
    if (bytes_u32(&b) != (uint64_t)count || !mem_mul((size_t)count + 1, 4, &bytes) || bytes > bytes_left(&b)) {
        error_set(f->err, "a tensor of strings whose buffer does not hold as many");
        return NULL;
    }
    struct str *strings = mem_calloc((size_t)count, sizeof *strings, f->err);
    uint32_t from = bytes_u32(&b);
    bool good = strings != NULL;
    for (int64_t i = 0; good && i < count; i++) {
        uint32_t to = bytes_u32(&b);
        good = from <= to && to <= size;
        strings[i] = (struct str){(const char *)data + from, to - from};
        from = to;
    }
    if (strings && !good)
        error_set(f->err, "a string that lies beyond its buffer");
    struct tensor *t = good ? tensor_of_strings(type->rank, type->dims, strings, f->err) : NULL;
    free(strings);
    return t;
}

/* The stored numbers of a sparse tensor, which has as many as its buffer holds. */
static struct tensor *read_sparse(struct tflite_file *f, struct flatbuf_table sparsity, const struct type *type,
                                  size_t offset, size_t size)
{
    int64_t count = (int64_t)(size * 8 / dtype_info(type->dtype)->bits);
    struct tensor *values = tensor_of_blob(type->dtype, 1, &count, f->blob, offset, f->err);
    struct tensor *t = values ? tflite_densify(f, sparsity, values, type->rank, type->dims) : NULL;
    tensor_unref(values);
    return t;
}

static struct tensor *read_dense(struct tflite_file *f, const struct type *type, size_t offset, size_t size)
{
    int64_t count = tensor_count(type->rank, type->dims);
    size_t want;
    if (count < 0 || !tensor_bytes(type->dtype, count, &want) || want != size) {
        error_set(f->err, "a tensor of %lld elements of %s in %zu bytes", (long long)count,
                  dtype_info(type->dtype)->name, size);
        return NULL;
    }
    return size ? tensor_of_blob(type->dtype, type->rank, type->dims, f->blob, offset, f->err)
                : tensor_new(type->dtype, type->rank, type->dims, f->err);
}

/* NULL without a failure when there are no data, unless none are needed. */
static struct tensor *read_constant(struct tflite_graph *g, struct tflite_tensor *t)
{
    struct tflite_file *f = g->file;
    struct flatbuf_vector shape = flatbuf_vector(t->table, TENSOR_SHAPE, 4);
    struct flatbuf_table sparsity = flatbuf_table(t->table, TENSOR_SPARSITY);
    const uint8_t *data;
    struct type type;
    size_t size = tflite_buffer(f, flatbuf_uint(t->table, TENSOR_BUFFER, 4, 0), &data);
    if (flatbuf_uint(t->table, TENSOR_EXTERNAL, 4, 0))
        build_fail(g->b, "weights in a file of their own, which are not read");
    if (tflite_tensor_type(g, t, &type) < 0 || g->b->failed)
        return NULL;
    for (int i = 0; i < type.rank; i++)
        type.dims[i] = flatbuf_vector_int(shape, (size_t)i);
    if (size == 0 && tensor_count(type.rank, type.dims) != 0)
        return NULL;
    size_t offset = size ? (size_t)(data - f->buf.data) : 0;
    struct tensor *constant = type.dtype == DTYPE_STRING ? read_strings(f, &type, data, size)
                              : sparsity.file && size    ? read_sparse(f, sparsity, &type, offset, size)
                                                         : read_dense(f, &type, offset, size);
    build_check(g->b, constant != NULL);
    return constant;
}

const struct tensor *tflite_tensor_data(struct tflite_graph *g, struct tflite_tensor *t)
{
    if (!t || t->raw)
        return t ? t->constant : NULL;
    if (!t->is_read)
        t->constant = read_constant(g, t);
    t->is_read = true;
    return t->constant;
}

/* ---- values ---- */

/* What DEQUANTIZE and DENSIFY make of constants, once somebody asks for it: those who take weights do not. */
static struct value *decoded(struct tflite_graph *g, struct tflite_tensor *t)
{
    struct value *v = tflite_tensor_real(g, &g->tensors[t->decoded]);
    const struct type *have = tflite_type(g->b, v);
    struct type want;
    if (!v || !have || tflite_tensor_type(g, t, &want) < 0)
        return NULL;
    return t->real = have->dtype == want.dtype ? v : build_cast(g->b, v, want.dtype);
}

struct value *tflite_tensor_raw(struct tflite_graph *g, struct tflite_tensor *t)
{
    if (!t || t->raw)
        return t ? t->raw : NULL;
    if (t->decoded >= 0)
        return t->raw = decoded(g, t);
    const struct tensor *constant = tflite_tensor_data(g, t);
    const char *name = tflite_tensor_name(g, t);
    if (constant && name)
        t->raw = build_constant(g->b, tflite_has_name(g, t) ? name : NULL, tensor_ref(t->constant));
    else if (flatbuf_int(t->table, TENSOR_VARIABLE, 1, 0) && !g->b->failed)
        t->raw = tflite_read_state(g, t);
    else if (!g->b->failed)
        build_fail(g->b, "tensor '%s' is used before an operator has made it", name);
    return t->raw;
}

struct value *tflite_tensor_real(struct tflite_graph *g, struct tflite_tensor *t)
{
    if (!t || t->real)
        return t ? t->real : NULL;
    struct value *raw = tflite_tensor_raw(g, t);
    t->real = raw ? tflite_dequantise(g, t, raw, NULL) : NULL;
    return t->real;
}
