/* Normalisations. */
#include <string.h>

#include "format/paddle/paddle.h"

static float epsilon(struct paddle_node *o, float otherwise)
{
    return paddle_float(o, "epsilon", otherwise);
}

/* Scale or bias of x's channels: ones or zeros where the file has none. */
static struct value *factors(struct paddle_node *o, int k, int64_t count, double value)
{
    struct value *given = paddle_optional(o, k);
    if (given)
        return given;
    if (count < 1)
        build_fail(o->b, "the number of its channels must be known");
    return paddle_filled(o, build_number(o->b, DTYPE_F32, value), BUILD_LIST(o->b, count));
}

void paddle_read_batch_norm(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int64_t count = paddle_dim(o, paddle_in(o, 1), 0);
    if (!paddle_bool(o, "is_test|use_global_stats", true) && !paddle_bool(o, "use_global_stats", false))
        build_fail(o->b, "it takes the statistics of the batch, as in training: want a program that is saved for use");
    struct value *v = BUILD(o->b, "BatchNormalization", x, factors(o, 3, count, 1), factors(o, 4, count, 0),
                            paddle_in(o, 1), paddle_in(o, 2));
    v = build_float(o->b, v, "epsilon", epsilon(o, 1e-5f));
    paddle_give(o, 0, paddle_bool(o, "fuse_with_relu", false) ? BUILD(o->b, "Relu", v) : v);
}

/* Scale and bias are flat, of the elements from axis `first` on. */
static struct value *folded(struct paddle_node *o, int k, struct value *x, int first)
{
    struct value *v = paddle_optional(o, k);
    int rank = paddle_rank(o, x);
    int64_t dims[TENSOR_MAX_RANK];
    if (!v || rank - first < 2)
        return v;
    for (int i = first; i < rank; i++) {
        dims[i - first] = paddle_dim(o, x, i);
        if (dims[i - first] < 0)
            build_fail(o->b, "the sizes that it normalises must be known");
    }
    return build_reshape(o->b, v, rank - first, dims);
}

void paddle_read_layer_norm(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int rank = paddle_rank(o, x), first = paddle_axis(o, paddle_int(o, "begin_norm_axis", 1), rank);
    struct value *scale = folded(o, 1, x, first), *bias = folded(o, 2, x, first);
    if (!scale && !o->b->failed)
        scale = paddle_number(o, x, 1);
    struct value *v = build_int(o->b, BUILD(o->b, "LayerNormalization", x, scale, bias), "axis", first);
    paddle_give(o, 0, build_float(o->b, v, "epsilon", epsilon(o, 1e-5f)));
}

void paddle_read_rms_norm(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int first = paddle_axis(o, paddle_int(o, "begin_norm_axis", -1), paddle_rank(o, x));
    x = build_add(o->b, x, paddle_optional(o, 1));
    x = build_add(o->b, x, paddle_optional(o, 2));
    struct value *v = build_int(o->b, BUILD(o->b, "RMSNormalization", x, paddle_in(o, 3)), "axis", first);
    v = build_float(o->b, v, "epsilon", epsilon(o, 1e-5f));
    paddle_give(o, 0, build_add(o->b, v, paddle_optional(o, 4)));
}

void paddle_read_instance_norm(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int64_t count = paddle_dim(o, x, 1);
    struct value *v = BUILD(o->b, "InstanceNormalization", x, factors(o, 1, count, 1), factors(o, 2, count, 0));
    paddle_give(o, 0, build_float(o->b, v, "epsilon", epsilon(o, 1e-5f)));
}

void paddle_read_group_norm(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int64_t count = paddle_dim(o, x, 1);
    struct value *v = BUILD(o->b, "GroupNormalization", x, factors(o, 1, count, 1), factors(o, 2, count, 0));
    build_int(o->b, v, "num_groups", paddle_int(o, "groups", 1));
    paddle_give(o, 0, build_float(o->b, v, "epsilon", epsilon(o, 1e-5f)));
}

/* (sum |x|^p)^(1/p); for p of 0 the number of elements that are not, and infinite ones the extremes. */
void paddle_read_p_norm(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *v = BUILD(o->b, "Abs", x);
    float p = paddle_float(o, "porder", 2);
    bool flat = paddle_bool(o, "asvector", false);
    struct value *axes = flat ? NULL : BUILD_LIST(o->b, paddle_int(o, "axis", -1));
    const char *op = p == 1       ? "ReduceL1"
                     : p == 2     ? "ReduceL2"
                     : p > 3e38f  ? "ReduceMax"
                     : p < -3e38f ? "ReduceMin"
                                  : NULL;
    if (p == 0)
        v = paddle_as(o, BUILD(o->b, "Greater", v, paddle_number(o, v, 0)), paddle_type(o, x));
    v = BUILD(o->b, op ? op : "ReduceSum", op || p == 0 ? v : paddle_with(o, "Pow", v, (double)p), axes);
    if (!paddle_bool(o, "keepdim", false))
        build_int(o->b, v, "keepdims", 0);
    paddle_give(o, 0, op || p == 0 ? v : paddle_with(o, "Pow", v, 1 / (double)p));
}

/* ONNX divides alpha by the size of the window. */
void paddle_read_lrn(struct paddle_node *o)
{
    int64_t size = paddle_int(o, "n", 5);
    struct value *v = build_int(o->b, BUILD(o->b, "LRN", paddle_in(o, 0)), "size", size);
    build_float(o->b, v, "bias", paddle_float(o, "k", 2));
    build_float(o->b, v, "alpha", paddle_float(o, "alpha", 1e-4f) * (float)size);
    paddle_give(o, 0, build_float(o->b, v, "beta", paddle_float(o, "beta", 0.75f)));
}

void paddle_read_affine_channel(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int rank = paddle_rank(o, x);
    struct value *v = BUILD(o->b, "Mul", x, paddle_along_channels(o, paddle_in(o, 1), rank));
    paddle_give(o, 0, BUILD(o->b, "Add", v, paddle_along_channels(o, paddle_in(o, 2), rank)));
}

void paddle_read_softmax(struct paddle_node *o)
{
    struct value *x = paddle_as(o, paddle_in(o, 0), paddle_dtype_of(o, "dtype", DTYPE_NONE));
    paddle_give(o, 0, build_int(o->b, BUILD(o->b, o->kind->arg, x), "axis", paddle_int(o, "axis", -1)));
}

/* One of the two kinds scales its result when it is used. */
void paddle_read_dropout(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    const char *mode = paddle_text(o, "dropout_implementation|mode", "downgrade_in_infer");
    if (strncmp(mode, "down", 4) != 0) {
        paddle_give(o, 0, x);
        return;
    }
    struct value *kept = paddle_scalar(o, "dropout_prob|p", 2, paddle_type(o, x), 0.5);
    kept = BUILD(o->b, "Sub", paddle_number(o, x, 1), kept);
    paddle_give(o, 0, BUILD(o->b, "Mul", x, kept));
}
