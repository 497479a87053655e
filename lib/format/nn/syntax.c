#include "format/nn/syntax.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

const struct nn_float *nn_float_of(enum dtype dtype)
{
    static const struct nn_float f16 = {2, 0x7e00, 0x7c00, 0x8000}, bf16 = {2, 0x7fc0, 0x7f80, 0x8000},
                                 f32 = {4, 0x7fc00000, 0x7f800000, 0x80000000},
                                 f64 = {8, 0x7ff8000000000000, 0x7ff0000000000000, 0x8000000000000000};

    switch (dtype) {
    case DTYPE_F16:
        return &f16;
    case DTYPE_BF16:
        return &bf16;
    case DTYPE_F32:
        return &f32;
    case DTYPE_F64:
        return &f64;
    default:
        return NULL;
    }
}

/* Little-endian, as the machine is. */
uint64_t nn_float_bits(const struct nn_float *f, const void *data, int64_t i)
{
    uint64_t bits = 0;

    memcpy(&bits, (const char *)data + i * f->bytes, f->bytes);
    return bits;
}

void nn_float_set_bits(const struct nn_float *f, void *data, int64_t i, uint64_t bits)
{
    memcpy((char *)data + i * f->bytes, &bits, f->bytes);
}

bool nn_is_nan(const struct nn_float *f, uint64_t bits)
{
    return (bits & ~f->sign) > f->infinity && (bits & ~f->sign) < f->sign;
}

bool nn_decimal_bits(const char *text, size_t n, enum dtype dtype, uint64_t *bits)
{
    struct tensor one = {.dtype = dtype, .count = 1, .data = bits};
    double value;
    float narrow;

    if (dtype == DTYPE_F64 ? !text_to_f64(text, n, &value) : !text_to_f32(text, n, &narrow))
        return false;
    if (dtype != DTYPE_F64)
        value = (double)narrow;
    if (isnan(value))
        return false;
    *bits = 0;
    tensor_set_f64(&one, 0, value);
    return true;
}

bool nn_has_text(enum dtype dtype)
{
    switch (dtype_info(dtype)->class) {
    case DTYPE_CLASS_INT:
    case DTYPE_CLASS_UINT:
    case DTYPE_CLASS_BOOL:
    case DTYPE_CLASS_STRING:
        return true;
    default:
        return nn_float_of(dtype) != NULL;
    }
}
