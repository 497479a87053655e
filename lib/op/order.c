/* The order of elements of every dtype. */
#include "op/order.h"

#include <math.h>
#include <string.h>

static int compare_real(double x, double y)
{
    if (isnan(x) || isnan(y))
        return (isnan(x) != 0) - (isnan(y) != 0);
    return (x > y) - (x < y);
}

#define COMPARE(name, type, by) \
    static int compare_##name(const struct tensor *t, int64_t a, int64_t b) \
    { \
        type x = ((const type *)t->data)[a], y = ((const type *)t->data)[b]; \
        return by(x, y); \
    }
#define SIGN(x, y) ((x > y) - (x < y))
COMPARE(f32, float, compare_real)
COMPARE(f64, double, compare_real)
COMPARE(u64, uint64_t, SIGN)
COMPARE(i64, int64_t, SIGN)
COMPARE(u8, uint8_t, SIGN)

/* Exact for everything that has no comparison of its own. */
static int compare_any(const struct tensor *t, int64_t a, int64_t b)
{
    return compare_real(tensor_get_f64(t, a), tensor_get_f64(t, b));
}

static int compare_c64(const struct tensor *t, int64_t a, int64_t b)
{
    const float *x = (const float *)t->data + 2 * a, *y = (const float *)t->data + 2 * b;
    int sign = compare_real(x[0], y[0]);
    return sign ? sign : compare_real(x[1], y[1]);
}

static int compare_c128(const struct tensor *t, int64_t a, int64_t b)
{
    const double *x = (const double *)t->data + 2 * a, *y = (const double *)t->data + 2 * b;
    int sign = compare_real(x[0], y[0]);
    return sign ? sign : compare_real(x[1], y[1]);
}

static int compare_string(const struct tensor *t, int64_t a, int64_t b)
{
    const struct str *x = (const struct str *)t->data + a, *y = (const struct str *)t->data + b;
    size_t n = x->size < y->size ? x->size : y->size;
    int sign = n ? memcmp(x->data, y->data, n) : 0;
    return sign ? sign : SIGN(x->size, y->size);
}

void order_init(struct order *order, const struct tensor *t)
{
    static int (*const compare[DTYPE_COUNT])(const struct tensor *, int64_t, int64_t) = {
        [DTYPE_F32] = compare_f32,       [DTYPE_F64] = compare_f64, [DTYPE_U64] = compare_u64,
        [DTYPE_I64] = compare_i64,       [DTYPE_U8] = compare_u8,   [DTYPE_BOOL] = compare_u8,
        [DTYPE_STRING] = compare_string, [DTYPE_C64] = compare_c64, [DTYPE_C128] = compare_c128,
    };
    order->t = t;
    order->compare = compare[t->dtype] ? compare[t->dtype] : compare_any;
}
