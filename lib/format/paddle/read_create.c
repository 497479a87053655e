/* Tensors of numbers that the program states. */
#include <string.h>

#include "base/text.h"
#include "format/paddle/paddle.h"

#define MOST_ELEMENTS 1024 /* of a tensor of equal numbers that is made when the model is read */

struct value *paddle_filled(struct paddle_node *o, struct value *number, struct value *shape)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = build_known(o->b, shape, dims, TENSOR_MAX_RANK, NULL);
    const struct tensor *one = number ? number->constant : NULL;
    int64_t count = rank >= 0 && one ? tensor_count(rank, dims) : -1;
    if (count < 0 || count > MOST_ELEMENTS)
        return BUILD(o->b, "Expand", number, shape);
    struct tensor *t = tensor_new(one->dtype, rank, dims, o->b->err);
    for (int64_t i = 0; t && i < count; i++)
        tensor_set_f64(t, i, tensor_get_f64(one, 0));
    return build_constant(o->b, NULL, t);
}

/* The number is a text where a float would not hold it, or an input. */
static struct value *number_of(struct paddle_node *o, int k, enum dtype dtype)
{
    const char *text = paddle_text(o, "str_value", "");
    double value;
    if (!(k >= 0 && paddle_has(o, k)) && *text && text_to_f64(text, strlen(text), &value))
        return build_number(o->b, dtype, value);
    return paddle_scalar(o, "value", k, dtype, 0);
}

void paddle_read_full(struct paddle_node *o)
{
    enum dtype dtype = paddle_dtype_of(o, "dtype", DTYPE_F32);
    bool plain = o->r->is_pir && o->op->in_count == 0;
    struct value *shape = paddle_numbers(o, "shape", plain ? -1 : 1, plain ? -1 : 2);
    if (!shape)
        shape = build_list(o->b, 0, NULL);
    paddle_give(o, 0, paddle_filled(o, number_of(o, plain ? -1 : 0, dtype), shape));
}

static struct value *listed(struct paddle_node *o, const struct paddle_attr *a, enum dtype dtype, int rank,
                            const int64_t *dims)
{
    int64_t count = tensor_count(rank, dims);
    struct tensor *t;
    if (!a || count < 0 || a->count < count || (a->kind != PADDLE_INTS && a->kind != PADDLE_FLOATS)) {
        build_fail(o->b, "it has not as many values as its shape needs");
        return NULL;
    }
    t = tensor_new(dtype, rank, dims, o->b->err);
    for (int64_t i = 0; t && i < count; i++)
        if (a->kind == PADDLE_INTS)
            tensor_set_i64(t, i, a->ints[i]);
        else
            tensor_set_f64(t, i, a->floats[i]);
    return build_constant(o->b, NULL, t);
}

void paddle_read_full_list(struct paddle_node *o)
{
    const struct paddle_attr *a = paddle_attr(o, "value");
    int64_t count = a ? a->count : 0;
    paddle_give(o, 0, listed(o, a, paddle_dtype_of(o, "dtype", DTYPE_I64), 1, &count));
}

/* The values are in a list of their type; others are empty. */
void paddle_read_assign_value(struct paddle_node *o)
{
    static const char *const names[] = {"values",      "fp32_values", "int32_values", "int64_values",
                                        "bool_values", "fp64_values", "int8_values",  "float_values"};
    int64_t dims[TENSOR_MAX_RANK];
    int rank = paddle_list(o, "shape", dims, TENSOR_MAX_RANK);
    const struct paddle_attr *a = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !(a && a->count); i++)
        a = paddle_attr(o, names[i]);
    paddle_give(o, 0, listed(o, a, paddle_dtype_of(o, "dtype", DTYPE_F32), rank < 0 ? 0 : rank, dims));
}

/* The shape as given, with a dim of the input. */
void paddle_read_full_batch(struct paddle_node *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *x = paddle_in(o, 0), *parts[3];
    int rank = paddle_list(o, "shape", dims, TENSOR_MAX_RANK), count = 0, from_rank = paddle_rank(o, x);
    int from = paddle_axis(o, paddle_int(o, "input_dim_idx", 0), from_rank),
        to = paddle_axis(o, paddle_int(o, "output_dim_idx", 0), rank < 0 ? 0 : rank);
    if (o->b->failed)
        return;
    if (to > 0)
        parts[count++] = build_list(o->b, to, dims);
    parts[count++] = build_shape(o->b, x, from, from + 1);
    if (to + 1 < rank)
        parts[count++] = build_list(o->b, rank - to - 1, dims + to + 1);
    struct value *number = number_of(o, -1, paddle_dtype_of(o, "dtype", DTYPE_F32));
    paddle_give(o, 0, paddle_filled(o, number, paddle_concat(o, count, parts, 0)));
}

void paddle_read_full_like(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    enum dtype dtype = paddle_dtype_of(o, "dtype", paddle_type(o, x));
    paddle_give(o, 0, paddle_filled(o, number_of(o, 1, dtype), BUILD(o->b, "Shape", x)));
}

void paddle_read_range(struct paddle_node *o)
{
    enum dtype dtype = paddle_dtype_of(o, "dtype", paddle_has(o, 0) ? paddle_type(o, paddle_in(o, 0)) : DTYPE_I64);
    struct value *in[3] = {paddle_scalar(o, "start", 0, dtype, 0), paddle_scalar(o, "end", 1, dtype, 0),
                           paddle_scalar(o, "step", 2, dtype, 1)};
    paddle_give(o, 0, build_node(o->b, "Range", 3, in));
}

/* Which of so many places, at least 0, are below each number; as many as the largest where it is not said. */
void paddle_read_sequence_mask(struct paddle_node *o)
{
    struct value *x = paddle_as(o, paddle_in(o, 0), DTYPE_I64), *zero = build_number(o->b, DTYPE_I64, 0);
    struct value *count = paddle_scalar(o, "maxlen", 1, DTYPE_I64, -1);
    int64_t known;
    if (count && build_known(o->b, count, &known, 1, NULL) == 1 && known < 0)
        count = BUILD(o->b, "ReduceMax/keepdims=0", x);
    struct value *at = BUILD(o->b, "Range", zero, BUILD(o->b, "Max", count, zero), build_number(o->b, DTYPE_I64, 1));
    struct value *is = BUILD(o->b, "Less", at, build_unsqueeze(o->b, x, -1));
    paddle_give(o, 0, build_cast(o->b, is, paddle_dtype_of(o, "out_dtype", DTYPE_I64)));
}

void paddle_read_eye(struct paddle_node *o)
{
    int64_t rows = paddle_want_int(o, "num_rows", 0, 0), columns = paddle_want_int(o, "num_columns", 1, -1);
    enum dtype dtype = paddle_dtype_of(o, "dtype", DTYPE_F32);
    struct value *zeros =
        paddle_filled(o, build_number(o->b, dtype, 0), BUILD_LIST(o->b, rows, columns < 0 ? rows : columns));
    paddle_give(o, 0, BUILD(o->b, "EyeLike", zeros));
}
