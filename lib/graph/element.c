/* Elements of tensors as numbers. One description of each dtype, inlined into access by index and, of those that are
 * met often, into loops. */
#include <math.h>
#include <string.h>

#include "graph/element.h"

#define INLINE static inline __attribute__((always_inline))

/* The dtypes that have loops of their own. */
#define INTEGERS(X)                                                                                                    \
    X(DTYPE_U8) X(DTYPE_I8) X(DTYPE_U16) X(DTYPE_I16) X(DTYPE_I32) X(DTYPE_I64) X(DTYPE_BOOL) X(DTYPE_U4) X(DTYPE_I4)
#define NUMBERS(X) INTEGERS(X) X(DTYPE_F32) X(DTYPE_F16) X(DTYPE_BF16) X(DTYPE_F64)

/* ---- packed elements ---- */

INLINE unsigned field(const void *data, int64_t i, unsigned bits)
{
    uint64_t bit = (uint64_t)i * bits;

    return (unsigned)((const uint8_t *)data)[bit / 8] >> (bit & 7) & ((1u << bits) - 1);
}

INLINE void set_field(void *data, int64_t i, unsigned bits, unsigned value)
{
    uint64_t bit = (uint64_t)i * bits;
    uint8_t *byte = (uint8_t *)data + bit / 8;
    unsigned mask = ((1u << bits) - 1) << (bit & 7);

    *byte = (uint8_t)((*byte & ~mask) | (value << (bit & 7) & mask));
}

/* ---- one element of a dtype, which is a constant where speed matters ---- */

INLINE bool is_integer(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_U8: case DTYPE_I8: case DTYPE_U16: case DTYPE_I16: case DTYPE_I32: case DTYPE_I64: case DTYPE_BOOL:
    case DTYPE_U32: case DTYPE_U64: case DTYPE_U4: case DTYPE_I4: case DTYPE_U2: case DTYPE_I2:
        return true;
    default:
        return false;
    }
}

/* An integer; a u64 by its bits. */
INLINE int64_t load_integer(enum dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case DTYPE_U8: return ((const uint8_t *)data)[i];
    case DTYPE_I8: return ((const int8_t *)data)[i];
    case DTYPE_U16: return ((const uint16_t *)data)[i];
    case DTYPE_I16: return ((const int16_t *)data)[i];
    case DTYPE_I32: return ((const int32_t *)data)[i];
    case DTYPE_U32: return ((const uint32_t *)data)[i];
    case DTYPE_I64: case DTYPE_U64: return ((const int64_t *)data)[i];
    case DTYPE_BOOL: return ((const uint8_t *)data)[i] != 0;
    case DTYPE_U4: return field(data, i, 4);
    case DTYPE_I4: return (int64_t)(field(data, i, 4) ^ 8) - 8;
    case DTYPE_U2: return field(data, i, 2);
    case DTYPE_I2: return (int64_t)(field(data, i, 2) ^ 2) - 2;
    default: return 0;
    }
}

INLINE double load_f64(enum dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case DTYPE_F32: return ((const float *)data)[i];
    case DTYPE_F64: return ((const double *)data)[i];
    case DTYPE_F16: return half_f16_to_f32(((const uint16_t *)data)[i]);
    case DTYPE_BF16: return half_bf16_to_f32(((const uint16_t *)data)[i]);
    case DTYPE_U64: return (double)((const uint64_t *)data)[i];
    case DTYPE_C64: return ((const float *)data)[2 * i];
    case DTYPE_C128: return ((const double *)data)[2 * i];
    case DTYPE_F8E4M3FN: return half_f8_to_f32(((const uint8_t *)data)[i], HALF_F8E4M3FN);
    case DTYPE_F8E4M3FNUZ: return half_f8_to_f32(((const uint8_t *)data)[i], HALF_F8E4M3FNUZ);
    case DTYPE_F8E5M2: return half_f8_to_f32(((const uint8_t *)data)[i], HALF_F8E5M2);
    case DTYPE_F8E5M2FNUZ: return half_f8_to_f32(((const uint8_t *)data)[i], HALF_F8E5M2FNUZ);
    case DTYPE_F8E8M0: return half_e8m0_to_f32(((const uint8_t *)data)[i]);
    case DTYPE_F4E2M1: return half_e2m1_to_f32((uint8_t)field(data, i, 4));
    default: return (double)load_integer(dtype, data, i);
    }
}

#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

INLINE int64_t clamp(double value)
{
    if (value >= TWO_63)
        return INT64_MAX;
    return value >= -TWO_63 ? (int64_t)value : isnan(value) ? 0 : INT64_MIN;
}

INLINE void store_integer(enum dtype dtype, void *data, int64_t i, int64_t value)
{
    switch (dtype) {
    case DTYPE_U8: case DTYPE_I8: ((uint8_t *)data)[i] = (uint8_t)value; break;
    case DTYPE_U16: case DTYPE_I16: ((uint16_t *)data)[i] = (uint16_t)value; break;
    case DTYPE_I32: case DTYPE_U32: ((uint32_t *)data)[i] = (uint32_t)value; break;
    case DTYPE_I64: case DTYPE_U64: ((int64_t *)data)[i] = value; break;
    case DTYPE_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    case DTYPE_U4: case DTYPE_I4: set_field(data, i, 4, (unsigned)value & 15); break;
    case DTYPE_U2: case DTYPE_I2: set_field(data, i, 2, (unsigned)value & 3); break;
    default: break;
    }
}

/* Truncated, modulo 2^64; 0 when not finite. */
static uint64_t wrap_large(double value)
{
    if (!isfinite(value))
        return 0;
    value = fmod(value, TWO_64);
    return value < 0 ? -(uint64_t)-value : (uint64_t)value;
}

INLINE int64_t wrap(double value)
{
    return fabs(value) < TWO_63 ? (int64_t)value : (int64_t)wrap_large(value);
}

int64_t element_wrap(double value)
{
    return wrap(value);
}

/* Rounded to odd, so that rounding to fewer bits afterwards is as if done at once (Boldo and Melquiond, "When double
 * rounding is odd", 2005). */
INLINE float narrow_odd(double value)
{
    float nearest = (float)value;
    uint32_t bits;

    if ((double)nearest == value || isnan(value))
        return nearest;
    memcpy(&bits, &nearest, sizeof bits);
    if (fabs((double)nearest) > fabs(value))
        bits--;
    bits |= 1;
    memcpy(&nearest, &bits, sizeof bits);
    return nearest;
}

INLINE void store_f64(enum dtype dtype, void *data, int64_t i, double value, bool saturate, enum half_round round)
{
    switch (dtype) {
    case DTYPE_F32: ((float *)data)[i] = (float)value; break;
    case DTYPE_F64: ((double *)data)[i] = value; break;
    case DTYPE_C64: ((float *)data)[2 * i] = (float)value, ((float *)data)[2 * i + 1] = 0; break;
    case DTYPE_C128: ((double *)data)[2 * i] = value, ((double *)data)[2 * i + 1] = 0; break;
    case DTYPE_F16: ((uint16_t *)data)[i] = half_f32_to_f16(narrow_odd(value)); break;
    case DTYPE_BF16: ((uint16_t *)data)[i] = half_f32_to_bf16(narrow_odd(value)); break;
    case DTYPE_F8E4M3FN: ((uint8_t *)data)[i] = half_f32_to_f8(narrow_odd(value), HALF_F8E4M3FN, saturate); break;
    case DTYPE_F8E4M3FNUZ: ((uint8_t *)data)[i] = half_f32_to_f8(narrow_odd(value), HALF_F8E4M3FNUZ, saturate); break;
    case DTYPE_F8E5M2: ((uint8_t *)data)[i] = half_f32_to_f8(narrow_odd(value), HALF_F8E5M2, saturate); break;
    case DTYPE_F8E5M2FNUZ: ((uint8_t *)data)[i] = half_f32_to_f8(narrow_odd(value), HALF_F8E5M2FNUZ, saturate); break;
    case DTYPE_F8E8M0: ((uint8_t *)data)[i] = half_f32_to_e8m0(narrow_odd(value), round, saturate); break;
    case DTYPE_F4E2M1: set_field(data, i, 4, half_f32_to_e2m1(narrow_odd(value))); break;
    case DTYPE_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    default: store_integer(dtype, data, i, wrap(value)); break;
    }
}

/* A number of 64 bits as a double rounded to odd when its 53 do not suffice: for rounding to fewer afterwards. */
INLINE double odd_u64(uint64_t value)
{
    return value >> 53 ? (double)(value >> 11 | ((value & 2047) != 0)) * 2048.0 : (double)value;
}

INLINE double odd_integer(int64_t bits, bool is_unsigned)
{
    return is_unsigned || bits >= 0 ? odd_u64((uint64_t)bits) : -odd_u64(-(uint64_t)bits);
}

/* ---- access by index, and of runs ---- */

double tensor_get_f64(const struct tensor *t, int64_t i)
{
    return load_f64(t->dtype, t->data, i);
}

int64_t tensor_get_i64(const struct tensor *t, int64_t i)
{
    int64_t bits = load_integer(t->dtype, t->data, i);

    if (!is_integer(t->dtype))
        return clamp(tensor_get_f64(t, i));
    return t->dtype == DTYPE_U64 && bits < 0 ? INT64_MAX : bits;
}

static void set_f64(struct tensor *t, int64_t i, double value, bool saturate, enum half_round round)
{
    store_f64(t->dtype, t->data, i, value, saturate, round);
}

void tensor_set_f64(struct tensor *t, int64_t i, double value)
{
    set_f64(t, i, value, true, HALF_UP);
}

void tensor_set_i64(struct tensor *t, int64_t i, int64_t value)
{
    bool is_double = t->dtype == DTYPE_F64 || t->dtype == DTYPE_C128;

    if (is_integer(t->dtype))
        store_integer(t->dtype, t->data, i, value);
    else
        tensor_set_f64(t, i, is_double ? (double)value : odd_integer(value, false));
}

/* The body of a function: `one` for each j < n, with the dtype D a constant in it; `any` for the dtypes not in LIST. */
#define EACH(LIST, one, any)                                                                                           \
    switch (t->dtype) {                                                                                                \
        LIST(one)                                                                                                      \
    default:                                                                                                           \
        for (int64_t j = 0; j < n; j++)                                                                                \
            any;                                                                                                       \
    }
#define EACH_CASE(D, expression)                                                                                       \
    case D:                                                                                                            \
        for (int64_t j = 0; j < n; j++)                                                                                \
            expression;                                                                                                \
        break;

void tensor_load_f64(const struct tensor *t, int64_t first, int64_t n, double *values)
{
#define X(D) EACH_CASE(D, values[j] = load_f64(D, t->data, first + j))
    EACH(NUMBERS, X, values[j] = tensor_get_f64(t, first + j))
#undef X
}

void tensor_load_i64(const struct tensor *t, int64_t first, int64_t n, int64_t *values)
{
#define X(D) EACH_CASE(D, values[j] = load_integer(D, t->data, first + j))
    EACH(INTEGERS, X, values[j] = tensor_get_i64(t, first + j))
#undef X
}

void tensor_store_i64(struct tensor *t, int64_t first, int64_t n, const int64_t *values)
{
#define X(D) EACH_CASE(D, store_integer(D, t->data, first + j, values[j]))
    EACH(INTEGERS, X, tensor_set_i64(t, first + j, values[j]))
#undef X
}

void element_store(struct tensor *t, int64_t first, int64_t n, const double *values, bool saturate,
                   enum half_round round)
{
#define X(D) EACH_CASE(D, store_f64(D, t->data, first + j, values[j], saturate, round))
    EACH(NUMBERS, X, set_f64(t, first + j, values[j], saturate, round))
#undef X
}

void tensor_store_f64(struct tensor *t, int64_t first, int64_t n, const double *values)
{
    element_store(t, first, n, values, true, HALF_UP);
}

void element_load_odd(const struct tensor *t, int64_t first, int64_t n, double *values)
{
    const int64_t *bits = (const int64_t *)t->data + first;

    if (t->dtype != DTYPE_I64 && t->dtype != DTYPE_U64) {
        tensor_load_f64(t, first, n, values);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        values[j] = odd_integer(bits[j], t->dtype == DTYPE_U64);
}
