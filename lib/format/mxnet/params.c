/* The file of weights: arrays of one of four forms, then their names. Source: src/ndarray/ndarray.cc of MXNet. */
#include <string.h>

#include "base/bytes.h"
#include "format/mxnet/mxnet.h"

#define MAGIC    0x112u
#define SMALLEST 4 /* bytes of an array */

enum { ARRAY_V1 = 0xF993FAC8, ARRAY_V2, ARRAY_V3 };

bool mxnet_is_params(const struct blob *blob)
{
    struct bytes in = bytes_of(blob->data, blob->size);
    return bytes_u64(&in) == MAGIC && bytes_u64(&in) == 0 && !in.bad;
}

enum dtype mxnet_dtype_of(int64_t number)
{
    static const enum dtype dtypes[] = {DTYPE_F32,  DTYPE_F64, DTYPE_F16, DTYPE_U8,  DTYPE_I32, DTYPE_I8,  DTYPE_I64,
                                        DTYPE_BOOL, DTYPE_I16, DTYPE_U16, DTYPE_U32, DTYPE_U64, DTYPE_BF16};
    return number >= 0 && number < (int64_t)(sizeof(dtypes) / sizeof(*dtypes)) ? dtypes[number] : DTYPE_NONE;
}

/* The dims, of 32 bits in the oldest form, where their number stands for a mark; -1: too many. */
static int read_dims(struct bytes *in, uint32_t mark, int64_t *dims)
{
    bool is_old = mark != ARRAY_V1 && mark != ARRAY_V2 && mark != ARRAY_V3;
    uint32_t rank = is_old ? mark : bytes_u32(in);
    if (rank > TENSOR_MAX_RANK)
        return -1;
    for (uint32_t i = 0; i < rank; i++)
        dims[i] = is_old ? bytes_u32(in) : (int64_t)bytes_u64(in);
    return (int)rank;
}

/* One array: *t stays NULL for one that holds nothing. */
static int read_array(struct bytes *in, struct blob *blob, struct tensor **t, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    uint32_t mark = bytes_u32(in), storage = 0;
    size_t size;
    if (mark == ARRAY_V2 || mark == ARRAY_V3)
        storage = bytes_u32(in);
    if (storage != 0)
        return error_set(err, "it is sparse (storage type %d), want dense arrays", (int)storage);
    int rank = read_dims(in, mark, dims);
    if (rank < 0)
        return error_set(err, "it has more than %d axes", TENSOR_MAX_RANK);
    if (rank == 0 && mark != ARRAY_V3)
        return 0;
    bytes_take(in, 8); /* the device it was on */
    uint32_t type = bytes_u32(in);
    enum dtype dtype = mxnet_dtype_of(type);
    if (in->bad)
        return error_set(err, "the file ends within it");
    if (dtype == DTYPE_NONE)
        return error_set(err, "its element type is %u, want 0 to 12", type);
    *t = tensor_of_blob(dtype, rank, dims, blob, (size_t)(in->at - (const uint8_t *)blob->data), err);
    return *t && tensor_bytes(dtype, (*t)->count, &size) && bytes_take(in, size) ? 0 : -1;
}

static int read_arrays(struct bytes *in, struct blob *blob, struct tensor **all, uint64_t count, struct error *err)
{
    for (uint64_t i = 0; i < count; i++)
        if (read_array(in, blob, &all[i], err) != 0)
            return error_prefix(err, "array %llu of %llu", (unsigned long long)i, (unsigned long long)count);
    return 0;
}

/* Names go with the arrays in their order: "arg:conv0_weight", "aux:bn_moving_mean". */
static int read_names(struct mxnet_reader *r, struct bytes *in, struct tensor **all, uint64_t count, struct error *err)
{
    if (bytes_u64(in) != count)
        return error_set(err, "it has not as many names as arrays, which are %llu", (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t size = bytes_u64(in);
        const char *at = (const char *)bytes_take(in, size), *colon = at ? memchr(at, ':', size) : NULL;
        if (!at)
            return error_set(err, "the file ends within name %llu", (unsigned long long)i);
        const char *from = colon ? colon + 1 : at;
        char *name = arena_strndup(&r->arena, from, (size_t)(at + size - from), err);
        if (!name)
            return -1;
        if (!all[i] || lookup_find(&r->weights, name))
            continue;
        if (lookup_add(&r->weights, name, all[i], err) != 0)
            return -1;
        all[i] = NULL;
    }
    return 0;
}

int mxnet_read_params(struct mxnet_reader *r, struct blob *blob, struct error *err)
{
    struct bytes in = bytes_of(blob->data, blob->size);
    if (bytes_u64(&in) != MAGIC)
        return error_set(err, "no parameters of MXNet: they begin with 0x112");
    bytes_u64(&in);
    uint64_t count = bytes_u64(&in);
    if (in.bad || count > bytes_left(&in) / SMALLEST)
        return error_set(err, "%llu arrays in a file of %zu bytes", (unsigned long long)count, blob->size);
    struct tensor **all = arena_alloc(&r->arena, ((size_t)count + 1) * sizeof(struct tensor *), err);
    if (!all)
        return -1;
    int result = read_arrays(&in, blob, all, count, err) == 0 && read_names(r, &in, all, count, err) == 0 ? 0 : -1;
    for (uint64_t i = 0; i < count; i++)
        tensor_unref(all[i]);
    return result;
}
