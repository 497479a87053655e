#include <string.h>

#include "graph/tensor.h"

static const struct dtype_info table[DTYPE_COUNT] = {
    [DTYPE_NONE] = {"none", 0, DTYPE_CLASS_NONE},
    [DTYPE_F32] = {"f32", 32, DTYPE_CLASS_FLOAT},
    [DTYPE_U8] = {"u8", 8, DTYPE_CLASS_UINT},
    [DTYPE_I8] = {"i8", 8, DTYPE_CLASS_INT},
    [DTYPE_U16] = {"u16", 16, DTYPE_CLASS_UINT},
    [DTYPE_I16] = {"i16", 16, DTYPE_CLASS_INT},
    [DTYPE_I32] = {"i32", 32, DTYPE_CLASS_INT},
    [DTYPE_I64] = {"i64", 64, DTYPE_CLASS_INT},
    [DTYPE_STRING] = {"str", 8 * sizeof(struct str), DTYPE_CLASS_STRING},
    [DTYPE_BOOL] = {"bool", 8, DTYPE_CLASS_BOOL},
    [DTYPE_F16] = {"f16", 16, DTYPE_CLASS_FLOAT},
    [DTYPE_F64] = {"f64", 64, DTYPE_CLASS_FLOAT},
    [DTYPE_U32] = {"u32", 32, DTYPE_CLASS_UINT},
    [DTYPE_U64] = {"u64", 64, DTYPE_CLASS_UINT},
    [DTYPE_C64] = {"c64", 64, DTYPE_CLASS_COMPLEX},
    [DTYPE_C128] = {"c128", 128, DTYPE_CLASS_COMPLEX},
    [DTYPE_BF16] = {"bf16", 16, DTYPE_CLASS_FLOAT},
    [DTYPE_F8E4M3FN] = {"f8e4m3fn", 8, DTYPE_CLASS_FLOAT},
    [DTYPE_F8E4M3FNUZ] = {"f8e4m3fnuz", 8, DTYPE_CLASS_FLOAT},
    [DTYPE_F8E5M2] = {"f8e5m2", 8, DTYPE_CLASS_FLOAT},
    [DTYPE_F8E5M2FNUZ] = {"f8e5m2fnuz", 8, DTYPE_CLASS_FLOAT},
    [DTYPE_U4] = {"u4", 4, DTYPE_CLASS_UINT},
    [DTYPE_I4] = {"i4", 4, DTYPE_CLASS_INT},
    [DTYPE_F4E2M1] = {"f4e2m1", 4, DTYPE_CLASS_FLOAT},
    [DTYPE_F8E8M0] = {"f8e8m0", 8, DTYPE_CLASS_FLOAT},
    [DTYPE_U2] = {"u2", 2, DTYPE_CLASS_UINT},
    [DTYPE_I2] = {"i2", 2, DTYPE_CLASS_INT},
};

const struct dtype_info *dtype_info(enum dtype dtype)
{
    return &table[(unsigned)dtype < DTYPE_COUNT ? dtype : DTYPE_NONE];
}

enum dtype dtype_from_name(const char *name, size_t n)
{
    for (int i = DTYPE_NONE + 1; i < DTYPE_COUNT; i++)
        if (strlen(table[i].name) == n && memcmp(table[i].name, name, n) == 0)
            return (enum dtype)i;
    return DTYPE_NONE;
}

bool tensor_bytes(enum dtype dtype, int64_t count, size_t *size)
{
    size_t bits = dtype_info(dtype)->bits, n = (size_t)count;

    if (bits == 0 || count < 0)
        return false;
    if (bits < 8) {
        size_t per_byte = 8 / bits;

        *size = n / per_byte + (n % per_byte != 0);
        return true;
    }
    return mem_mul(n, bits / 8, size);
}

int64_t tensor_count(int rank, const int64_t *dims)
{
    int64_t product = 1;
    bool empty = false;

    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return -1;
        if (dims[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, dims[i], &product))
            return -1;
    }
    return empty ? 0 : product;
}
