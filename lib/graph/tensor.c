#include "graph/tensor.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

/* Fills in count and size; says what is wrong with them. */
static int measure(struct tensor *t, struct error *err)
{
    if (dtype_info(t->dtype)->bits == 0)
        return error_set(err, "element type %d is unknown", (int)t->dtype);
    t->count = tensor_count(t->rank, t->dims);
    if (t->count < 0 || !tensor_bytes(t->dtype, t->count, &t->size) || t->size > TENSOR_MAX_BYTES)
        return error_set(err, "a tensor's dims are negative or make it larger than 2^40 bytes");
    return 0;
}

static uint64_t last_id;

/* Everything but the data. */
static struct tensor *shell(enum dtype dtype, int rank, const int64_t *dims, struct error *err)
{
    struct tensor *t;

    if (rank < 0 || rank > TENSOR_MAX_RANK) {
        error_set(err, "a tensor of rank %d; at most %d is possible", rank, TENSOR_MAX_RANK);
        return NULL;
    }
    t = mem_calloc(1, sizeof *t, err);
    if (!t)
        return NULL;
    t->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    t->refs = 1;
    t->dtype = dtype;
    t->rank = rank;
    for (int i = 0; i < rank; i++)
        t->dims[i] = dims[i];
    if (measure(t, err) == 0)
        return t;
    free(t);
    return NULL;
}

static struct tensor *with_blob(struct tensor *t, struct blob *blob)
{
    if (!blob) {
        free(t);
        return NULL;
    }
    t->blob = blob;
    t->data = blob->data;
    return t;
}

struct tensor *tensor_new(enum dtype dtype, int rank, const int64_t *dims, struct error *err)
{
    struct tensor *t = shell(dtype, rank, dims, err);

    return t ? with_blob(t, blob_new(t->size, err)) : NULL;
}

void tensor_populate(struct tensor *t)
{
    pages_prefer_huge(t->data, t->size);
    pages_populate(t->data, t->size);
}

/* What an access to a mapped file brings into the process's memory: less than that takes less as a copy. Pages are not
 * dropped for less either: it takes a system call. */
#define FILE_LEAST ((size_t)64 << 10)

/* What the data's address must be a multiple of. */
static size_t alignment(enum dtype dtype)
{
    size_t size = dtype_info(dtype)->bits / 8;

    return dtype_info(dtype)->class == DTYPE_CLASS_COMPLEX ? size / 2 : size ? size : 1;
}

static struct tensor *copied(struct tensor *t, const struct blob *blob, const void *data, struct error *err)
{
    t = with_blob(t, blob_new(t->size, err));
    if (!t)
        return NULL;
    tensor_populate(t);
    memcpy(t->data, data, t->size);
    if (t->size >= FILE_LEAST)
        blob_drop_pages(blob, data, t->size);
    return t;
}

struct tensor *tensor_of_blob(enum dtype dtype, int rank, const int64_t *dims, struct blob *blob, size_t offset,
                              struct error *err)
{
    struct tensor *t = shell(dtype, rank, dims, err);
    char *data;

    if (!t)
        return NULL;
    if (dtype == DTYPE_STRING || offset > blob->size || t->size > blob->size - offset) {
        if (dtype == DTYPE_STRING)
            error_set(err, "strings cannot be taken from raw bytes");
        else
            error_set(err, "a tensor of %zu bytes at offset %zu, where the data has %zu", t->size, offset, blob->size);
        free(t);
        return NULL;
    }
    if (t->size == 0)
        return with_blob(t, blob_new(0, err));
    data = (char *)blob->data + offset;
    if ((uintptr_t)data % alignment(dtype) != 0 || (blob_whole(blob)->is_file && t->size < FILE_LEAST))
        return copied(t, blob, data, err);
    with_blob(t, blob_ref(blob));
    t->data = data;
    return t;
}

/* One blob holds the elements and, behind them, their bytes. */
static struct blob *string_blob(const struct str *strings, size_t n, struct error *err)
{
    size_t size = n * sizeof *strings;
    struct blob *blob;
    struct str *to;
    char *bytes;

    for (size_t i = 0; i < n; i++)
        if (!mem_add(size, strings[i].size, &size) || size > TENSOR_MAX_BYTES) {
            error_set(err, "%zu strings take more than 2^40 bytes", n);
            return NULL;
        }
    blob = blob_new(size, err);
    if (!blob)
        return NULL;
    to = blob->data;
    bytes = (char *)(to + n);
    for (size_t i = 0; i < n; i++) {
        if (strings[i].size)
            memcpy(bytes, strings[i].data, strings[i].size);
        to[i] = (struct str){bytes, strings[i].size};
        bytes += strings[i].size;
    }
    return blob;
}

struct tensor *tensor_of_strings(int rank, const int64_t *dims, const struct str *strings, struct error *err)
{
    struct tensor *t = shell(DTYPE_STRING, rank, dims, err);

    return t ? with_blob(t, string_blob(strings, (size_t)t->count, err)) : NULL;
}

struct tensor *tensor_reshaped(const struct tensor *t, int rank, const int64_t *dims, struct error *err)
{
    struct tensor *r = shell(t->dtype, rank, dims, err);

    if (!r)
        return NULL;
    if (r->count != t->count) {
        error_set(err, "%lld elements cannot take a shape of %lld", (long long)t->count, (long long)r->count);
        free(r);
        return NULL;
    }
    r->blob = blob_ref(t->blob);
    r->data = t->data;
    return r;
}

struct tensor *tensor_scalar_i64(int64_t value, struct error *err)
{
    struct tensor *t = tensor_new(DTYPE_I64, 0, NULL, err);

    if (t)
        *(int64_t *)t->data = value;
    return t;
}

struct tensor *tensor_scalar_f32(float value, struct error *err)
{
    struct tensor *t = tensor_new(DTYPE_F32, 0, NULL, err);

    if (t)
        *(float *)t->data = value;
    return t;
}

struct tensor *tensor_ints(int64_t n, const int64_t *values, struct error *err)
{
    struct tensor *t = tensor_new(DTYPE_I64, 1, &n, err);

    if (t && n)
        memcpy(t->data, values, t->size);
    return t;
}

struct tensor *tensor_ref(struct tensor *t)
{
    if (t)
        __atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
    return t;
}

void tensor_unref(struct tensor *t)
{
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    blob_unref(t->blob);
    free(t);
}

static bool strings_equal(const struct str *a, const struct str *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (a[i].size != b[i].size || (a[i].size && memcmp(a[i].data, b[i].data, a[i].size) != 0))
            return false;
    return true;
}

/* The last byte may have bits that belong to no element. */
static bool packed_equal(const struct tensor *a, const struct tensor *b)
{
    unsigned used = (unsigned)(((uint64_t)a->count * dtype_info(a->dtype)->bits) & 7);
    size_t whole = a->size - (used != 0);
    const uint8_t *x = a->data, *y = b->data;

    return memcmp(x, y, whole) == 0 && (!used || ((x[whole] ^ y[whole]) & ((1u << used) - 1)) == 0);
}

bool tensor_equal(const struct tensor *a, const struct tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    if (a->data == b->data || a->count == 0)
        return true;
    return a->dtype == DTYPE_STRING ? strings_equal(a->data, b->data, a->count) : packed_equal(a, b);
}
