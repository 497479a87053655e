/* Elementwise operators of two operands, products, reductions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/paddle/paddle.h"

static bool is_float(enum dtype dtype)
{
    return dtype_info(dtype)->class == DTYPE_CLASS_FLOAT;
}

/* ---- two operands ---- */

/* y's axes stand from `axis` of x on: those of x behind them are 1 in y. */
static struct value *aligned(struct paddle_node *o, struct value *x, struct value *y)
{
    int64_t axis = paddle_int(o, "axis", -1), axes[TENSOR_MAX_RANK];
    if (axis < 0 || o->b->failed)
        return y;
    int rank = paddle_rank(o, x), own = paddle_rank(o, y), count = 0;
    if (axis > rank) {
        build_fail(o->b, "axis %lld of %d", (long long)axis, rank);
        return y;
    }
    while (axis + own > rank && own > 0 &&
           paddle_dim(o, y, own - 1) == 1) { /* sizes of 1 at the end count for nothing */
        y = BUILD(o->b, "Squeeze", y, BUILD_LIST(o->b, --own));
        build_infer(o->b);
    }
    for (int64_t i = axis + own; i < rank; i++)
        axes[count++] = i - axis;
    return count && own ? BUILD(o->b, "Unsqueeze", y, build_list(o->b, count, axes)) : y;
}

/* Both of one type: floats win over integers, and of two of a kind the wider. */
static void same_type(struct paddle_node *o, struct value **x, struct value **y)
{
    enum dtype a = paddle_type(o, *x), b = paddle_type(o, *y);
    if (a == b || a == DTYPE_NONE || b == DTYPE_NONE || o->b->failed)
        return;
    bool first = is_float(a) != is_float(b) ? is_float(a) : dtype_info(a)->bits >= dtype_info(b)->bits;
    if (first)
        *y = build_cast(o->b, *y, a);
    else
        *x = build_cast(o->b, *x, b);
}

static void operands(struct paddle_node *o, struct value **x, struct value **y)
{
    *x = paddle_in(o, 0);
    *y = paddle_in(o, 1);
    if (o->b->failed)
        return;
    if (paddle_int(o, "axis", -1) >= 0 && paddle_rank(o, *x) < paddle_rank(o, *y))
        *x = aligned(o, *y, *x);
    else
        *y = aligned(o, *x, *y);
    same_type(o, x, y);
}

void paddle_read_binary(struct paddle_node *o)
{
    struct value *x, *y;
    operands(o, &x, &y);
    paddle_give(o, 0, paddle_activate(o, BUILD(o->b, o->kind->arg, x, y), paddle_text(o, "fuse_activation", "")));
}

void paddle_read_not_equal(struct paddle_node *o)
{
    struct value *x, *y;
    operands(o, &x, &y);
    paddle_give(o, 0, BUILD(o->b, "Not", BUILD(o->b, "Equal", x, y)));
}

static struct value *floored(struct paddle_node *o, struct value *x, struct value *y)
{
    return BUILD(o->b, "Floor", BUILD(o->b, "Div", x, y));
}

/* The remainder has the sign of the divisor. */
void paddle_read_floor_mod(struct paddle_node *o)
{
    struct value *x, *y;
    operands(o, &x, &y);
    if (is_float(paddle_type(o, x)))
        paddle_give(o, 0, BUILD(o->b, "Sub", x, BUILD(o->b, "Mul", floored(o, x, y), y)));
    else
        paddle_give(o, 0, BUILD(o->b, "Mod", x, y));
}

void paddle_read_floor_div(struct paddle_node *o)
{
    struct value *x, *y;
    operands(o, &x, &y);
    if (is_float(paddle_type(o, x)))
        paddle_give(o, 0, floored(o, x, y));
    else
        paddle_give(o, 0, BUILD(o->b, "Div", BUILD(o->b, "Sub", x, BUILD(o->b, "Mod", x, y)), y));
}

/* On bools they are the logical ones. */
void paddle_read_bitwise(struct paddle_node *o)
{
    char op[40] = "Bitwise";
    struct value *x = paddle_in(o, 0), *y = strcmp(o->kind->arg, "Not") == 0 ? NULL : paddle_in(o, 1);
    strcat(op, o->kind->arg);
    paddle_give(o, 0, BUILD(o->b, paddle_type(o, x) == DTYPE_BOOL ? o->kind->arg : op, x, y));
}

void paddle_read_add_n(struct paddle_node *o)
{
    struct value **all;
    int count = paddle_all(o, 0, &all);
    if (count == 0)
        build_fail(o->b, "a sum of nothing");
    paddle_give(o, 0, o->b->failed || count == 1 ? o->b->failed ? NULL : all[0] : build_node(o->b, "Sum", count, all));
}

/* In a program "sum" adds tensors, in PIR the elements of one. */
void paddle_read_sum(struct paddle_node *o)
{
    (o->r->is_pir ? paddle_read_reduce : paddle_read_add_n)(o);
}

/* A number that an integer of 32 bits holds. */
static bool is_whole(float f)
{
    return fabsf(f) < 0x1p31f && f == truncf(f);
}

/* s * x + b, or s * (x + b). */
void paddle_read_scale(struct paddle_node *o)
{
    struct value *v = paddle_in(o, 0);
    enum dtype dtype = paddle_type(o, v), of = is_float(dtype) ? dtype : DTYPE_F32;
    float bias = paddle_float(o, "bias", 0), by = paddle_float(o, "scale", 1);
    bool after = paddle_bool(o, "bias_after_scale", true), exact = is_whole(by) && is_whole(bias);
    if (exact && !is_float(dtype))
        of = dtype;
    v = paddle_as(o, v, of);
    if (!after && bias != 0)
        v = paddle_with(o, "Add", v, (double)bias);
    if (paddle_has(o, 1) || by != 1)
        v = BUILD(o->b, "Mul", v, paddle_scalar(o, "scale", 1, of, 1));
    if (after && bias != 0)
        v = paddle_with(o, "Add", v, (double)bias);
    paddle_give(o, 0, paddle_as(o, v, dtype));
}

void paddle_read_clip(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    enum dtype dtype = paddle_type(o, x);
    struct value *low = paddle_scalar(o, "min", 1, dtype, 0), *high = paddle_scalar(o, "max", 2, dtype, 0);
    paddle_give(o, 0, BUILD(o->b, "Clip", x, low, high));
}

void paddle_read_pow(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    paddle_give(o, 0, BUILD(o->b, "Pow", x, paddle_scalar(o, "factor|y", 1, paddle_type(o, x), 1)));
}

/* ---- products ---- */

static struct value *turned(struct paddle_node *o, struct value *v, bool turn)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = turn ? paddle_rank(o, v) : 0;
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return rank > 1 ? build_transpose(o->b, v, rank, perm) : v;
}

void paddle_read_matmul(struct paddle_node *o)
{
    struct value *x = turned(o, paddle_in(o, 0), paddle_bool(o, "transpose_x|trans_x|transpose_X", false)),
                 *y = turned(o, paddle_in(o, 1), paddle_bool(o, "transpose_y|trans_y|transpose_Y", false));
    struct value *v = BUILD(o->b, "MatMul", x, y);
    float alpha = paddle_float(o, "alpha", 1);
    paddle_give(o, 0, alpha == 1 ? v : paddle_with(o, "Mul", v, (double)alpha));
}

/* x as a matrix of its first `columns` axes by the others. */
static struct value *as_matrix(struct paddle_node *o, struct value *x, int64_t columns)
{
    int rank = paddle_rank(o, x);
    if (columns < 1 || columns > rank)
        build_fail(o->b, "%lld of %d axes are rows", (long long)columns, rank);
    return rank == 2 && columns == 1 ? x : build_int(o->b, BUILD(o->b, "Flatten", x), "axis", columns);
}

/* The product of two such matrices, with the axes that these had. */
static struct value *flat_product(struct paddle_node *o, struct value *x, struct value *y, int64_t xc, int64_t yc)
{
    int y_rank = paddle_rank(o, y);
    struct value *v = BUILD(o->b, "MatMul", as_matrix(o, x, xc), as_matrix(o, y, yc));
    if ((xc == 1 && yc == y_rank - 1) || o->b->failed)
        return v;
    struct value *parts[] = {build_shape(o->b, x, 0, xc), build_shape(o->b, y, yc, y_rank)};
    return BUILD(o->b, "Reshape", v, paddle_concat(o, 2, parts, 0));
}

void paddle_read_mul(struct paddle_node *o)
{
    paddle_give(o, 0,
                flat_product(o, paddle_in(o, 0), paddle_in(o, 1), paddle_int(o, "x_num_col_dims", 1),
                             paddle_int(o, "y_num_col_dims", 1)));
}

void paddle_read_fc(struct paddle_node *o)
{
    struct value *v = flat_product(o, paddle_in(o, 0), paddle_in(o, 1), paddle_int(o, "in_num_col_dims", 1), 1);
    v = build_add(o->b, v, paddle_optional(o, 2));
    paddle_give(o, 0, paddle_activate(o, v, paddle_text(o, "activation_type", "")));
}

void paddle_read_einsum(struct paddle_node *o)
{
    struct value **all;
    int count = paddle_all(o, 0, &all);
    struct value *v = o->b->failed ? NULL : build_node(o->b, "Einsum", count, all);
    paddle_give(o, 0, build_string(o->b, v, "equation", paddle_text(o, "equation", "")));
}

/* Queries, keys and values stand as [N, steps, heads, size]. */
void paddle_read_attention(struct paddle_node *o)
{
    static const int64_t heads_first[] = {0, 2, 1, 3};
    struct value *in[3];
    for (int i = 0; i < 3; i++)
        in[i] = build_transpose(o->b, paddle_in(o, i), 4, heads_first);
    struct value *v = BUILD(o->b, "Attention", in[0], in[1], in[2], paddle_optional(o, 4));
    if (paddle_bool(o, "causal", false))
        build_int(o->b, v, "is_causal", 1);
    paddle_give(o, 0, build_transpose(o->b, v, 4, heads_first));
}

/* ---- reductions ---- */

static struct value *reduced(struct paddle_node *o, struct value *x)
{
    bool whole = paddle_bool(o, "reduce_all|asvector", false);
    struct value *axes = whole ? NULL : paddle_numbers(o, "dim|axis", 1, -1);
    int64_t known[TENSOR_MAX_RANK];
    if (axes && build_known(o->b, axes, known, TENSOR_MAX_RANK, NULL) == 0)
        axes = NULL;
    struct value *v = BUILD(o->b, o->kind->arg, x, axes);
    return paddle_bool(o, "keep_dim|keepdim", false) ? v : build_int(o->b, v, "keepdims", 0);
}

void paddle_read_reduce(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    enum dtype to = paddle_dtype_of(o, "out_dtype|dtype", DTYPE_NONE);
    if (paddle_type(o, x) == DTYPE_BOOL)
        to = to == DTYPE_NONE ? DTYPE_I64 : to;
    paddle_give(o, 0, reduced(o, paddle_as(o, x, to)));
}

void paddle_read_reduce_logical(struct paddle_node *o)
{
    paddle_give(o, 0, build_cast(o->b, reduced(o, build_cast(o->b, paddle_in(o, 0), DTYPE_U8)), DTYPE_BOOL));
}

void paddle_read_arg_extreme(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    bool flat = paddle_bool(o, "flatten", false);
    int64_t axis = flat ? 0 : paddle_want_int(o, "axis", 1, -1);
    enum dtype to = paddle_dtype_of(o, "dtype", DTYPE_I64);
    if (flat)
        x = build_reshape(o->b, x, 1, (int64_t[]){-1});
    struct value *v = build_int(o->b, BUILD(o->b, o->kind->arg, x), "axis", axis);
    if (!paddle_bool(o, "keepdims", false))
        build_int(o->b, v, "keepdims", 0);
    paddle_give(o, 0, paddle_as(o, v, to));
}

static void give_best(struct paddle_node *o, struct value *k, bool largest)
{
    struct value *v = BUILD(o->b, "TopK", paddle_in(o, 0), k);
    build_int(o->b, v, "axis", paddle_int(o, "axis", -1));
    if (!largest)
        build_int(o->b, v, "largest", 0);
    struct value *places = build_output(o->b, v, 1);
    paddle_give(o, 0, v);
    paddle_give(o, 1, places);
}

void paddle_read_top_k(struct paddle_node *o)
{
    give_best(o, paddle_numbers(o, "k", 1, -1), paddle_bool(o, "largest", true));
}

void paddle_read_argsort(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int axis = paddle_axis(o, paddle_int(o, "axis", -1), paddle_rank(o, x));
    give_best(o, build_shape(o->b, x, axis, axis + 1), paddle_bool(o, "descending", false));
}

void paddle_read_cum_sum(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    if (paddle_bool(o, "flatten", false))
        x = build_reshape(o->b, x, 1, (int64_t[]){-1});
    struct value *v =
        BUILD(o->b, "CumSum", x, build_number(o->b, DTYPE_I64, (double)paddle_want_int(o, "axis", 1, -1)));
    build_int(o->b, v, "exclusive", paddle_bool(o, "exclusive", false));
    paddle_give(o, 0, build_int(o->b, v, "reverse", paddle_bool(o, "reverse", false)));
}

/* How many of the sorted numbers are before each value: less than it, or, from the right, no more than it. */
void paddle_read_search_sorted(struct paddle_node *o)
{
    struct value *sorted = build_unsqueeze(o->b, paddle_in(o, 0), -2), *x = build_unsqueeze(o->b, paddle_in(o, 1), -1);
    struct value *is = BUILD(o->b, paddle_bool(o, "right", false) ? "LessOrEqual" : "Less", sorted, x);
    enum dtype to = paddle_bool(o, "out_int32", false) ? DTYPE_I32 : DTYPE_I64;
    paddle_give(o, 0, BUILD(o->b, "ReduceSum/keepdims=0", build_cast(o->b, is, to), BUILD_LIST(o->b, -1)));
}

/* Along the first axis of size 3 where none is named, which 9 says. */
void paddle_read_cross(struct paddle_node *o)
{
    struct value *pair[] = {paddle_in(o, 0), paddle_in(o, 1)};
    const int64_t named = paddle_int(o, "dim|axis", 9);
    const int rank = paddle_rank(o, pair[0]);
    int axis = named == 9 ? 0 : paddle_axis(o, named, rank);
    while (named == 9 && axis < rank && paddle_dim(o, pair[0], axis) != 3)
        axis++;
    if (axis >= rank)
        build_fail(o->b, "none of %d axes is known to be of size 3", rank);
    char text[200];
    snprintf(text, sizeof(text),
             "$0 [1,2,0] Gather:2/axis=%d $1 [2,0,1] Gather:2/axis=%d Mul:2 "
             "$0 [2,0,1] Gather:2/axis=%d $1 [1,2,0] Gather:2/axis=%d Mul:2 Sub:2",
             axis, axis, axis, axis);
    paddle_give(o, 0, build_formula(o->b, text, 2, pair));
}
