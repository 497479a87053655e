/* Parts of tensors by their places: slices, gathers, scatters. */
#include "format/paddle/paddle.h"

/* ---- slices ---- */

/* The list along which axes there is no index any more; x keeps one at least where the file says so. */
static struct value *decreased(struct paddle_node *o, struct value *v)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = paddle_list(o, "decrease_axis|decrease_axes", axes, TENSOR_MAX_RANK);
    return count > 0 ? BUILD(o->b, "Squeeze", v, build_list(o->b, count, axes)) : v;
}

void paddle_read_slice(struct paddle_node *o)
{
    struct value *axes = paddle_numbers(o, "axes", -1, -1);
    struct value *v =
        BUILD(o->b, "Slice", paddle_in(o, 0), paddle_numbers(o, "starts", 1, 3), paddle_numbers(o, "ends", 2, 4), axes);
    paddle_give(o, 0, decreased(o, v));
}

/* With a step back the end -1 is the place before the first. */
static struct value *strided_ends(struct paddle_node *o)
{
    int64_t ends[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int count = paddle_ints(o, "ends", 2, 5, ends, TENSOR_MAX_RANK, NULL);
    if (count < 0 || paddle_ints(o, "strides", 3, 6, steps, TENSOR_MAX_RANK, NULL) != count)
        return paddle_numbers(o, "ends", 2, 5);
    for (int i = 0; i < count; i++)
        ends[i] = ends[i] == -1 && steps[i] < 0 ? INT64_MIN : ends[i];
    return build_list(o->b, count, ends);
}

void paddle_read_strided_slice(struct paddle_node *o)
{
    struct value *v = BUILD(o->b, "Slice", paddle_in(o, 0), paddle_numbers(o, "starts", 1, 4), strided_ends(o),
                            paddle_numbers(o, "axes", -1, -1), paddle_numbers(o, "strides", 3, 6));
    paddle_give(o, 0, decreased(o, v));
}

/* ---- writing into a slice ---- */

struct target {
    int count;
    int64_t axes[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    struct value *starts, *ends; /* i64 [count] */
    struct value *value;
};

static struct value *bound(struct paddle_node *o, struct value *list, int i)
{
    return build_slice(o->b, list, 0, i, i + 1);
}

/* x with the slice on axes i and those behind it replaced: what stands before and behind on axis i stays. */
static struct value *written(struct paddle_node *o, const struct target *t, struct value *x, int i)
{
    if (i == t->count)
        return BUILD(o->b, "Expand", t->value, BUILD(o->b, "Shape", x));
    struct value *axis = BUILD_LIST(o->b, t->axes[i]), *from = bound(o, t->starts, i), *to = bound(o, t->ends, i);
    struct value *before = BUILD(o->b, "Slice", x, BUILD_LIST(o->b, 0), from, axis);
    struct value *inside = BUILD(o->b, "Slice", x, from, to, axis);
    struct value *behind = BUILD(o->b, "Slice", x, to, BUILD_LIST(o->b, INT64_MAX), axis);
    return paddle_concat(o, 3, (struct value *[]){before, written(o, t, inside, i + 1), behind}, t->axes[i]);
}

/* What is written, with the axes that an index took away put back. */
static struct value *set_value_of(struct paddle_node *o, struct value *x, int k)
{
    static const char *const names[] = {"values", "fp32_values", "int64_values", "int32_values", "bool_values"};
    int64_t axes[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    struct value *v = paddle_optional(o, k);
    int count = paddle_list(o, "decrease_axes", axes, TENSOR_MAX_RANK),
        rank = paddle_list(o, "shape", dims, TENSOR_MAX_RANK);
    if (v && count > 0 && paddle_rank(o, v) > 0 && paddle_rank(o, v) + count <= paddle_rank(o, x))
        v = BUILD(o->b, "Unsqueeze", v, build_list(o->b, count, axes));
    if (v)
        return paddle_as(o, v, paddle_type(o, x));
    float numbers[1024];
    int given = -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && given <= 0; i++)
        given = paddle_floats(o, names[i], numbers, 1024);
    if (given <= 0)
        build_fail(o->b, "no value is given");
    v = build_f32s(o->b, given < 0 ? 0 : given, numbers);
    if (rank > 0 && tensor_count(rank, dims) == given)
        v = build_reshape(o->b, v, rank, dims);
    return paddle_as(o, v, paddle_type(o, x));
}

void paddle_read_set_value(struct paddle_node *o)
{
    struct target t;
    int64_t steps[TENSOR_MAX_RANK];
    int first = o->kind->arg ? 2 : 1;
    bool with = o->kind->arg || !o->r->is_pir;
    struct value *x = paddle_in(o, 0);
    t.count = paddle_list(o, "axes", t.axes, TENSOR_MAX_RANK);
    t.starts = paddle_numbers(o, "starts", first, -1);
    t.ends = paddle_numbers(o, "ends", first + 1, -1);
    int count = paddle_ints(o, "steps", first + 2, -1, steps, TENSOR_MAX_RANK, NULL);
    for (int i = 0; i < t.count && i < count; i++)
        if (steps[i] != 1)
            build_fail(o->b, "it writes with a step of %lld, which is not read", (long long)steps[i]);
    if (paddle_list(o, "none_axes", steps, TENSOR_MAX_RANK) > 0)
        build_fail(o->b, "it writes into a slice with a new axis, which is not read");
    if (t.count < 0 || !t.starts || !t.ends)
        build_fail(o->b, "it does not say where it writes");
    t.value = o->b->failed ? NULL : set_value_of(o, x, !with ? -1 : o->kind->arg ? 1 : 4);
    paddle_give(o, 0, o->b->failed ? NULL : written(o, &t, x, 0));
}

/* ---- gathers ---- */

/* Places in a list, or a column. */
void paddle_read_gather(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *at = paddle_in(o, 1);
    int64_t axis = o->kind->arg ? paddle_int(o, "dim|axis", 0) : paddle_want_int(o, "axis", 2, 0);
    const struct type *type = at ? build_type(o->b, at) : NULL;
    if (type && type->rank == 2)
        at = build_reshape(o->b, at, 1, (int64_t[]){-1});
    paddle_give(o, 0, build_int(o->b, BUILD(o->b, "Gather", x, at), "axis", axis));
}

/* Rows of a table; one of them may stand for nothing, and is 0. */
void paddle_read_embedding(struct paddle_node *o)
{
    struct value *at = paddle_in(o, 0), *w = paddle_in(o, 1);
    int64_t none = paddle_int(o, "padding_idx", -1), rows = paddle_dim(o, w, 0);
    if (o->kind->arg && paddle_dim(o, at, paddle_rank(o, at) - 1) == 1)
        at = BUILD(o->b, "Squeeze", at, BUILD_LIST(o->b, -1));
    struct value *v = BUILD(o->b, "Gather", w, at);
    if (none < 0 || (rows >= 0 && none >= rows)) {
        paddle_give(o, 0, v);
        return;
    }
    struct value *is_none = BUILD(o->b, "Equal", build_unsqueeze(o->b, at, -1), paddle_number(o, at, (double)none));
    paddle_give(o, 0, BUILD(o->b, "Where", is_none, paddle_number(o, w, 0), v));
}

void paddle_read_one_hot(struct paddle_node *o)
{
    struct value *at = paddle_in(o, 0);
    struct value *depth = paddle_scalar(o, "depth|num_classes", 1, DTYPE_I64, 1);
    enum dtype dtype = paddle_dtype_of(o, "dtype", DTYPE_F32);
    struct tensor *t = tensor_new(dtype, 1, (int64_t[]){2}, o->b->err);
    if (t)
        tensor_set_f64(t, 1, 1);
    paddle_give(o, 0, BUILD(o->b, "OneHot", paddle_as(o, at, DTYPE_I64), depth, build_constant(o->b, NULL, t)));
}

/* ---- scatters ---- */

/* All of the shape that they have together. */
static void give_together(struct paddle_node *o, int count, struct value **all)
{
    struct value *shape = NULL;
    for (int i = 0; i < count; i++) {
        struct value *ones = BUILD(o->b, "Expand", build_number(o->b, DTYPE_I64, 0), BUILD(o->b, "Shape", all[i]));
        shape = shape ? BUILD(o->b, "Add", shape, ones) : ones;
    }
    shape = count ? BUILD(o->b, "Shape", shape) : NULL;
    for (int i = 0; i < count; i++)
        all[i] = BUILD(o->b, "Expand", all[i], shape);
}

void paddle_read_broadcast_tensors(struct paddle_node *o)
{
    struct value **all;
    int count = paddle_all(o, 0, &all);
    give_together(o, count, all);
    paddle_give_all(o, 0, count, all);
}

/* Rows of x at `ids` are those of the updates; without `overwrite` these are summed up from 0. */
void paddle_read_scatter(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *at = paddle_as(o, paddle_in(o, 1), DTYPE_I64), *updates = paddle_in(o, 2);
    if (paddle_rank(o, at) < 2)
        at = build_reshape(o->b, at, 2, (int64_t[]){-1, 1});
    if (paddle_bool(o, "overwrite", true)) {
        paddle_give(o, 0, BUILD(o->b, "ScatterND", x, at, updates));
        return;
    }
    struct value *zeros = BUILD(o->b, "ScatterND", x, at, BUILD(o->b, "Sub", updates, updates));
    struct value *v = BUILD(o->b, "ScatterND", zeros, at, updates);
    paddle_give(o, 0, build_string(o->b, v, "reduction", "add"));
}

void paddle_read_put_elements(struct paddle_node *o)
{
    static const char *const words[][2] = {
        {"add", "add"}, {"mul", "mul"}, {"multiply", "mul"}, {"amax", "max"}, {"amin", "min"}};
    struct value *at = paddle_in(o, 1);
    struct value *v = BUILD(o->b, "ScatterElements", paddle_in(o, 0), at, paddle_in(o, 2));
    build_int(o->b, v, "axis", paddle_int(o, "Axis|axis", 0));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (paddle_is(o, "Reduce|reduce", words[i][0]))
            build_string(o->b, v, "reduction", words[i][1]);
    if (paddle_is(o, "Reduce|reduce", "mean"))
        build_fail(o->b, "it takes means, which is not read");
    if (!paddle_bool(o, "Include_self|include_self", true) && !paddle_is(o, "Reduce|reduce", "assign"))
        build_fail(o->b, "it leaves out what was there, which is not read");
    paddle_give(o, 0, v);
}

/* x with values at places that a list of indices, or one mask, tells for its first axes. */
void paddle_read_index_put(struct paddle_node *o)
{
    struct value **all, *x = paddle_in(o, 0), *at, *shape[2];
    int count = paddle_all(o, 1, &all);
    if (count == 1 && paddle_type(o, all[0]) == DTYPE_BOOL) {
        count = paddle_rank(o, all[0]);
        at = build_formula(o->b, "$0 NonZero Transpose/perm=1,0", 1, all);
    } else {
        for (int i = 0; i < count; i++)
            if (paddle_type(o, all[i]) == DTYPE_BOOL)
                build_fail(o->b, "a mask among other indices, which is not read: want one mask, or whole numbers");
        give_together(o, count, all);
        for (int i = 0; i < count; i++)
            all[i] = build_unsqueeze(o->b, paddle_as(o, all[i], DTYPE_I64), -1);
        at = count ? paddle_concat(o, count, all, -1) : NULL;
    }
    shape[0] = build_int(o->b, build_int(o->b, BUILD(o->b, "Shape", at), "start", 0), "end", -1);
    shape[1] = build_int(o->b, BUILD(o->b, "Shape", x), "start", count);
    struct value *values = BUILD(o->b, "Expand", paddle_as(o, paddle_in(o, 2), paddle_type(o, x)),
                                 paddle_concat(o, 2, shape, 0));
    struct value *v = BUILD(o->b, "ScatterND", x, at, values);
    paddle_give(o, 0, paddle_bool(o, "accumulate", false) ? build_string(o->b, v, "reduction", "add") : v);
}
