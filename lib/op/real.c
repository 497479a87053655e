/* Number tensors as doubles. */
#include "op/real.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"

#define READ_AS(type, convert)                                                                                         \
    {                                                                                                                  \
        const type *from = (const type *)t->data + first;                                                              \
        for (int64_t i = 0; i < count; i++)                                                                            \
            to[i] = convert(from[i]);                                                                                  \
        return;                                                                                                        \
    }

void real_read(const struct tensor *t, int64_t first, int64_t count, double *to)
{
    switch (t->dtype) {
    case DTYPE_F32: READ_AS(float, )
    case DTYPE_F64: READ_AS(double, )
    case DTYPE_F16: READ_AS(uint16_t, half_f16_to_f32)
    case DTYPE_BF16: READ_AS(uint16_t, half_bf16_to_f32)
    case DTYPE_U8: READ_AS(uint8_t, )
    case DTYPE_I8: READ_AS(int8_t, )
    case DTYPE_I32: READ_AS(int32_t, )
    default: break;
    }
    for (int64_t i = 0; i < count; i++)
        to[i] = tensor_get_f64(t, first + i);
}

void real_write(struct tensor *t, int64_t first, int64_t count, const double *from)
{
    if (t->dtype == DTYPE_F32) {
        float *to = (float *)t->data + first;
        for (int64_t i = 0; i < count; i++)
            to[i] = (float)from[i];
    } else if (t->dtype == DTYPE_F64) {
        memcpy((double *)t->data + first, from, (size_t)count * sizeof(double));
    } else {
        for (int64_t i = 0; i < count; i++)
            tensor_set_f64(t, first + i, from[i]);
    }
}

double *real_new(int64_t a, int64_t b, struct error *err)
{
    size_t n;
    if (a < 0 || b < 0 || !mem_mul((size_t)a, (size_t)b, &n) || n > TENSOR_MAX_BYTES) {
        error_set(err, "%lld x %lld numbers are too many", (long long)a, (long long)b);
        return NULL;
    }
    return mem_calloc(n, sizeof(double), err);
}

double *real_load(const struct tensor *t, struct error *err)
{
    double *all = real_new(t->count, 1, err);
    if (all)
        real_read(t, 0, t->count, all);
    return all;
}

double *real_load_or(const struct tensor *t, int64_t count, double fill, struct error *err)
{
    if (t)
        return real_load(t, err);
    double *all = real_new(count, 1, err);
    if (all)
        for (int64_t i = 0; i < count; i++)
            all[i] = fill;
    return all;
}

bool real_int_range(enum dtype dtype, double *low, double *high)
{
    const struct dtype_info *info = dtype_info(dtype);
    if (info->class == DTYPE_CLASS_INT) {
        *low = -ldexp(1, (int)info->bits - 1);
        *high = ldexp(1, (int)info->bits - 1) - 1;
    } else if (info->class == DTYPE_CLASS_UINT) {
        *low = 0;
        *high = ldexp(1, (int)info->bits) - 1;
    } else {
        return false;
    }
    return true;
}

double real_saturate(enum dtype dtype, double value)
{
    double low, high;
    if (!real_int_range(dtype, &low, &high))
        return value;
    value = nearbyint(value);
    return value >= high ? high : value > low ? value : low;
}

int real_give(struct op_eval *c, int o, enum dtype dtype, int rank, const int64_t *dims, const double *from,
              struct error *err)
{
    struct tensor *t = eval_out(c, o, dtype, rank, dims, err);
    if (!t)
        return -1;
    real_write(t, 0, t->count, from);
    return 0;
}

int64_t real_product(const int64_t *dims, int from, int to)
{
    int64_t product = 1;
    for (int i = from; i < to; i++)
        if (__builtin_mul_overflow(product, dims[i], &product))
            return INT64_MAX;
    return product;
}

int real_eval_fail(const struct op_eval *c, struct error *err)
{
    struct error inner = err ? *err : (struct error){0};
    return eval_error(c, err, "%s", inner.text);
}

int real_infer_fail(const struct op_infer *c, struct error *err)
{
    struct error inner = err ? *err : (struct error){0};
    return infer_error(c, err, "%s", inner.text);
}

int real_want_rank(const struct op_eval *c, int i, const char *what, int rank, struct error *err)
{
    const struct tensor *t = eval_in(c, i);
    if (t && t->rank != rank)
        return eval_error(c, err, "input %s has rank %d, want %d", what, t->rank, rank);
    return 0;
}

int real_want_dims(const struct op_eval *c, int i, const char *what, int rank, const int64_t *dims, struct error *err)
{
    const struct tensor *t = eval_in(c, i);
    if (!t)
        return 0;
    if (t->rank != rank)
        return eval_error(c, err, "input %s has rank %d, want %d", what, t->rank, rank);
    for (int d = 0; d < rank; d++)
        if (t->dims[d] != dims[d])
            return eval_error(c, err, "input %s: dim %d is %lld, want %lld", what, d, (long long)t->dims[d],
                              (long long)dims[d]);
    return 0;
}

const struct type *real_type(const struct op_infer *c, int i)
{
    static const struct type unknown = {.kind = TYPE_UNKNOWN, .rank = -1};
    const struct type *type = infer_type(c, i);
    return type && type->kind == TYPE_TENSOR ? type : &unknown;
}

int real_infer_want_dims(const struct op_infer *c, int i, const char *what, int rank, const int64_t *dims,
                         struct error *err)
{
    const struct type *t = real_type(c, i);
    if (t->rank >= 0 && t->rank != rank)
        return infer_error(c, err, "input %s has rank %d, want %d", what, t->rank, rank);
    for (int d = 0; d < t->rank; d++)
        if (t->dims[d] >= 0 && dims[d] >= 0 && t->dims[d] != dims[d])
            return infer_error(c, err, "input %s: dim %d is %lld, want %lld", what, d, (long long)t->dims[d],
                               (long long)dims[d]);
    return 0;
}

struct type real_type_of(const struct tensor *t)
{
    struct type type = {.kind = TYPE_TENSOR, .dtype = t->dtype, .rank = t->rank};
    memcpy(type.dims, t->dims, sizeof type.dims);
    return type;
}

int real_infer_same(struct op_infer *c, int o, int i, struct error *err)
{
    const struct type *type = real_type(c, i);
    return infer_set(c, o, type->dtype, type->rank, type->rank < 0 ? NULL : type->dims, err);
}

int infer_like_first(struct op_infer *c, struct error *err)
{
    return real_infer_same(c, 0, 0, err);
}
