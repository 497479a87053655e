/* Normalisations. */
#include <math.h>
#include <string.h>

#include "format/keras/keras.h"

static struct value *filled(struct keras_call *l, int64_t count, float number)
{
    if (count < 0)
        build_fail(l->b, "the number of its channels must be known");
    bool fine = !l->b->failed && keras_count_work(l->r, (size_t)count);
    struct tensor *t = fine ? tensor_new(DTYPE_F32, 1, &count, l->b->err) : NULL;
    for (int64_t i = 0; t && i < count; i++)
        ((float *)t->data)[i] = number;
    return build_constant(l->b, NULL, t);
}

/* The axis of channels to the second place, or back. */
static struct value *swap_axis(struct keras_call *l, struct value *v, int rank, int axis, bool back)
{
    int64_t perm[TENSOR_MAX_RANK];
    if (axis == rank - 1 && rank > 2)
        return (back ? build_channels_last : build_channels_first)(l->b, v, rank);
    for (int i = 0; i < rank; i++)
        perm[i] = i == 1 ? axis : i == axis ? 1 : i;
    return axis == 1 || rank < 2 ? v : build_transpose(l->b, v, rank, perm);
}

/* The only axis of "axis": -1 or [3]. */
static int one_axis(struct keras_call *l, int rank)
{
    int64_t axis[1] = {-1};
    int count = keras_list(l, "axis", axis, 1);
    if (count == 0)
        build_fail(l->b, "it has no axis");
    return keras_axis(l, axis[0], rank);
}

void keras_read_batch_norm(struct keras_call *l)
{
    struct value *x = keras_in(l, 0);
    int rank = keras_rank(l, x), axis = one_axis(l, rank), at = 0;
    int64_t channels = keras_dim(l, x, axis);
    bool scale = keras_bool(l, "scale", true), center = keras_bool(l, "center", true);
    struct value *gamma = scale ? keras_weight(l, "gamma", at++) : NULL;
    struct value *beta = center ? keras_weight(l, "beta", at++) : NULL;
    struct value *mean = keras_weight(l, "moving_mean", at);
    struct value *variance = keras_weight(l, "moving_variance", at + 1);
    gamma = scale ? gamma : filled(l, channels, 1);
    beta = center ? beta : filled(l, channels, 0);
    struct value *in[] = {swap_axis(l, x, rank, axis, false), gamma, beta, mean, variance};
    struct value *v =
        build_float(l->b, build_node(l->b, "BatchNormalization", 5, in), "epsilon", keras_float(l, "epsilon", 1e-3f));
    keras_give(l, swap_axis(l, v, rank, axis, true));
}

/* The first of the axes that are normalised: the last ones in a row. */
static int last_axes(struct keras_call *l, int rank)
{
    int64_t axes[TENSOR_MAX_RANK] = {-1};
    int count = keras_list(l, "axis", axes, TENSOR_MAX_RANK), first = rank;
    count = count < 0 ? 1 : count;
    for (int i = 0; i < count && !l->b->failed; i++) {
        int axis = keras_axis(l, axes[i], rank);
        first = axis < first ? axis : first;
    }
    if (!l->b->failed && (first != rank - count || count == 0))
        build_fail(l->b, "its axes are not the last ones");
    return first;
}

void keras_read_layer_norm(struct keras_call *l)
{
    struct value *x = keras_in(l, 0);
    int rank = keras_rank(l, x), axis = last_axes(l, rank), at = 0;
    bool scale = keras_bool(l, "scale", true), center = keras_bool(l, "center", true);
    if (keras_bool(l, "rms_scaling", false) || (!scale && axis != rank - 1))
        build_fail(l->b, "rms_scaling, or several axes without scale, are not read");
    struct value *gamma = scale ? keras_weight(l, "gamma", at++) : filled(l, keras_dim(l, x, axis), 1);
    struct value *v = BUILD(l->b, "LayerNormalization", x, gamma, center ? keras_weight(l, "beta", at) : NULL);
    build_int(l->b, v, "axis", axis == rank - 1 ? -1 : axis);
    keras_give(l, build_float(l->b, v, "epsilon", keras_float(l, "epsilon", 1e-3f)));
}

void keras_read_rms_norm(struct keras_call *l)
{
    struct value *x = keras_in(l, 0);
    int axis = last_axes(l, keras_rank(l, x));
    struct value *v = BUILD(l->b, "RMSNormalization", x, keras_weight(l, "scale", 0));
    build_int(l->b, v, "axis", axis);
    keras_give(l, build_float(l->b, v, "epsilon", keras_float(l, "epsilon", 1e-6f)));
}

void keras_read_group_norm(struct keras_call *l)
{
    struct value *x = keras_in(l, 0);
    int rank = keras_rank(l, x), axis = one_axis(l, rank), at = 0;
    int64_t groups = keras_int(l, "groups", 32), channels = keras_dim(l, x, axis);
    bool scale = keras_bool(l, "scale", true), center = keras_bool(l, "center", true);
    struct value *gamma = scale ? keras_weight(l, "gamma", at++) : filled(l, channels, 1);
    struct value *beta = center ? keras_weight(l, "beta", at) : filled(l, channels, 0);
    struct value *v = BUILD(l->b, "GroupNormalization", swap_axis(l, x, rank, axis, false), gamma, beta);
    build_int(l->b, v, "num_groups", groups == -1 ? channels : groups);
    build_float(l->b, v, "epsilon", keras_float(l, "epsilon", 1e-3f));
    keras_give(l, swap_axis(l, v, rank, axis, true));
}

/* x / max(|x|, 1e-6). */
void keras_read_unit_norm(struct keras_call *l)
{
    int64_t axes[TENSOR_MAX_RANK] = {-1};
    int count = keras_list(l, "axis", axes, TENSOR_MAX_RANK);
    struct value *x = keras_in(l, 0);
    struct value *norm = BUILD(l->b, "ReduceL2", x, build_list(l->b, count < 0 ? 1 : count, axes));
    keras_give(l, BUILD(l->b, "Div", x, BUILD(l->b, "Max", norm, build_number(l->b, DTYPE_F32, 1e-6))));
}

/* ---- what comes before a network ---- */

/* The numbers of a configuration, in lists within each other, or one alone: f32 [count], or a scalar. */
static struct tensor *numbers(struct keras_call *l, const char *name)
{
    const struct json *j = &l->r->json;
    const struct json_node *n = keras_member(l, name);
    int64_t count = 0;
    if (n && n->kind == JSON_NUMBER)
        return tensor_scalar_f32((float)n->number, l->b->err);
    while (n && n->kind == JSON_ARRAY && json_first(j, n) && json_first(j, n)->kind == JSON_ARRAY)
        n = json_first(j, n);
    for (const struct json_node *e = json_first(j, n); e; e = json_next(j, e))
        count++;
    struct tensor *t = count ? tensor_new(DTYPE_F32, 1, &count, l->b->err) : NULL;
    count = 0;
    for (const struct json_node *e = json_first(j, n); e && t; e = json_next(j, e)) {
        if (e->kind != JSON_NUMBER)
            build_fail(l->b, "its %s holds what is no number", name);
        ((float *)t->data)[count++] = (float)e->number;
    }
    return t;
}

static struct tensor *statistic(struct keras_call *l, const char *name, int index)
{
    return keras_member(l, name) ? numbers(l, name) : keras_tensor(l, NULL, name, index);
}

/* One number for each element of the axis, with as many axes behind as the input has. */
static struct value *along(struct keras_call *l, struct tensor *t, int behind)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < behind; i++)
        dims[1 + i] = 1;
    dims[0] = t ? t->count : 0;
    struct tensor *shaped = t && behind ? tensor_reshaped(t, 1 + behind, dims, l->b->err) : tensor_ref(t);
    tensor_unref(t);
    if (!shaped && !l->b->failed)
        build_fail(l->b, "it has neither numbers nor weights: it was not adapted to data");
    return build_constant(l->b, NULL, shaped);
}

/* max(sqrt(variance), 1e-7), a new tensor, which takes over the reference. */
static struct tensor *deviation(struct keras_call *l, struct tensor *variance)
{
    struct tensor *t = variance ? tensor_new(DTYPE_F32, variance->rank, variance->dims, l->b->err) : NULL;
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, fmax(sqrt(tensor_get_f64(variance, i)), 1e-7));
    tensor_unref(variance);
    return t;
}

static struct value *real(struct keras_call *l)
{
    struct value *x = keras_in(l, 0);
    const struct type *type = x ? build_type(l->b, x) : NULL;
    return type && type->dtype != DTYPE_F32 ? build_cast(l->b, x, DTYPE_F32) : x;
}

/* (x - mean) / deviation, or the way back. */
void keras_read_normalization(struct keras_call *l)
{
    struct value *x = real(l);
    int rank = keras_rank(l, x);
    bool has_axis = keras_member(l, "axis") && keras_list(l, "axis", (int64_t[1]){0}, 1) != 0;
    int axis = has_axis ? one_axis(l, rank) : rank - 1;
    struct tensor *mean = statistic(l, "mean", 0), *spread = deviation(l, statistic(l, "variance", 1));
    struct value *m = along(l, mean, mean && mean->count > 1 ? rank - 1 - axis : 0);
    struct value *d = along(l, spread, spread && spread->count > 1 ? rank - 1 - axis : 0);
    if (keras_bool(l, "invert", false))
        keras_give(l, BUILD(l->b, "Add", BUILD(l->b, "Mul", x, d), m));
    else
        keras_give(l, BUILD(l->b, "Div", BUILD(l->b, "Sub", x, m), d));
    keras_note_prepared(l);
}

void keras_read_rescaling(struct keras_call *l)
{
    struct value *v = real(l);
    struct tensor *offset = keras_member(l, "offset") ? numbers(l, "offset") : NULL;
    v = BUILD(l->b, "Mul", v, along(l, numbers(l, "scale"), 0));
    bool none = offset && offset->count == 1 && tensor_get_f64(offset, 0) == 0;
    if (none)
        tensor_unref(offset);
    keras_give(l, offset && !none ? BUILD(l->b, "Add", v, along(l, offset, 0)) : v);
    keras_note_prepared(l);
}

/* Of keras.applications: a factor for each channel. */
void keras_read_layer_scale(struct keras_call *l)
{
    keras_give(l, BUILD(l->b, "Mul", keras_in(l, 0), keras_weight(l, "gamma", 0)));
}
