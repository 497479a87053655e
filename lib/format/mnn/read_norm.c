/* Scales, slopes, normalisations. */
#include "format/mnn/handlers.h"
#include "op/build_filled.h"

/* f32 [n] as [n, 1, …], to go with axis 1 of an image of this rank. */
static struct value *as_channels(struct mnn_op *o, struct value *v, int rank)
{
    int64_t dims[TENSOR_MAX_RANK];
    int count = rank > 2 ? rank - 1 : 1;
    for (int i = 0; i < count; i++)
        dims[i] = i ? 1 : -1;
    return v && count > 1 ? build_reshape(o->b, v, count, dims) : v;
}

/* A vector as a constant [n, 1, …]; the second file's where this one has none. NULL when there is none. */
static struct value *channel_constant(struct mnn_op *o, const char *field, size_t part, const char *name, int rank)
{
    int64_t dims[TENSOR_MAX_RANK], count = (int64_t)mnn_vector(&o->param, field).count;
    int64_t outside = mnn_external_bytes(&o->param, part) / 4;
    bool inside = count > 0 || outside == 0;
    int n = rank > 2 ? rank - 1 : 1;
    for (int i = 0; i < n; i++)
        dims[i] = i ? 1 : inside ? count : outside;
    if (dims[0] == 0)
        return NULL;
    return mnn_constant(o, name,
                        inside ? mnn_tensor(o, mnn_vector(&o->param, field), DTYPE_F32, n, dims)
                               : mnn_external(o, &o->param, part, DTYPE_F32, n, dims));
}

static int image_rank(struct mnn_op *o)
{
    int rank = mnn_in_rank(o, 0);
    return rank < 2 ? 2 : rank;
}

void mnn_read_scale(struct mnn_op *o)
{
    int rank = image_rank(o);
    struct value *scale = channel_constant(o, "scaleData", 1, "scale", rank), *y = mnn_in_image(o);
    struct value *bias = channel_constant(o, "biasData", 2, "bias", rank);
    y = scale ? BUILD(o->b, "Mul", y, scale) : y;
    y = bias ? BUILD(o->b, "Add", y, bias) : y;
    mnn_give_image(o, 0, scale || bias ? y : BUILD(o->b, "Identity", y));
}

void mnn_read_prelu(struct mnn_op *o)
{
    struct flatbuf_vector slope = mnn_vector(&o->param, "slope");
    struct value *x = mnn_in_image(o);
    int rank = image_rank(o);
    struct value *y = slope.count == 1
                          ? build_float(o->b, BUILD(o->b, "LeakyRelu", x), "alpha", flatbuf_vector_float(slope, 0))
                          : BUILD(o->b, "PRelu", x, channel_constant(o, "slope", 9, "slope", rank));
    mnn_give_image(o, 0, y);
}

void mnn_read_batch_norm(struct mnn_op *o)
{
    struct value *in[5] = {mnn_in_image(o), mnn_floats(o, &o->param, "slopeData", "scale"),
                           mnn_floats(o, &o->param, "biasData", "bias"), mnn_floats(o, &o->param, "meanData", "mean"),
                           mnn_floats(o, &o->param, "varData", "variance")};
    for (int i = 1; i < 5; i++)
        if (!in[i])
            build_fail(o->b, "parameter %d is missing", i);
    struct value *y = build_node(o->b, "BatchNormalization", 5, in);
    mnn_give_image(o, 0, build_float(o->b, y, "epsilon", mnn_float(&o->param, "epsilon")));
}

/* Mean and variance come as inputs, or are the image's own. */
void mnn_read_instance_norm(struct mnn_op *o)
{
    struct value *x = mnn_in_image(o), *scale = mnn_floats(o, &o->param, "slopeData", "scale");
    struct value *bias = mnn_floats(o, &o->param, "biasData", "bias");
    float epsilon = mnn_float(&o->param, "epsilon");
    int rank = image_rank(o);
    if (!scale || !bias)
        build_fail(o->b, "it has no scale or bias");
    if (!mnn_has_in(o, 1)) {
        struct value *y = BUILD(o->b, "InstanceNormalization", x, scale, bias);
        mnn_give_image(o, 0, build_float(o->b, y, "epsilon", epsilon));
        return;
    }
    struct value *centred = BUILD(o->b, "Sub", x, mnn_in(o, 1));
    struct value *variance = BUILD(o->b, "Add", mnn_in(o, 2), build_number(o->b, DTYPE_F32, epsilon));
    struct value *y = BUILD(o->b, "Div", centred, BUILD(o->b, "Sqrt", variance));
    y = BUILD(o->b, "Mul", y, as_channels(o, scale, rank));
    mnn_give_image(o, 0, BUILD(o->b, "Add", y, as_channels(o, bias, rank)));
}

/* ---- over the last axes ---- */

/* gamma or beta as the normalised axes have it: of their dims, where these are several. */
static struct value *shaped(struct mnn_op *o, struct value *v, const struct type *type, int first)
{
    if (!v || type->rank - first == 1)
        return v;
    return build_reshape(o->b, v, type->rank - first, type->dims + first);
}

/* How many axes at the end are normalised; 0, with a message, when they are not the last. */
static int count_axes(struct mnn_op *o, int rank)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = mnn_ints(o, &o->param, "axis", axes, TENSOR_MAX_RANK);
    bool last = count > 0;
    for (int i = 0; i < count; i++)
        last = last && (axes[i] == rank - count + i || axes[i] == i - count);
    if (!o->b->failed && (count < 0 || count > rank || (count > 0 && !last)))
        build_fail(o->b, "it normalises over other axes than the last");
    return o->b->failed ? 0 : count == 0 ? 1 : count;
}

/* [N, C, …] with its channels in groups: one row a group, normalised without scale, and back. */
static void read_grouped(struct mnn_op *o, int64_t group)
{
    struct value *x = mnn_in(o, 0), *shape = BUILD(o->b, "Shape", x);
    struct value *rows = build_reshape(o->b, x, 3, (int64_t[]){0, group, -1});
    const struct type *type = rows ? build_type(o->b, rows) : NULL;
    if (type && (type->rank != 3 || type->dims[2] < 0))
        build_fail(o->b, "the size of its groups must be known");
    if (o->b->failed)
        return;
    struct value *y =
        BUILD(o->b, "LayerNormalization/axis=-1", rows, build_filled(o->b, type->rank - 2, type->dims + 2, 1));
    build_float(o->b, y, "epsilon", mnn_float(&o->param, "epsilon"));
    mnn_give(o, 0, BUILD(o->b, "Reshape", y, shape));
}

void mnn_read_layer_norm(struct mnn_op *o)
{
    int64_t group = mnn_int(&o->param, "group");
    struct value *x = mnn_in(o, 0);
    const struct type *type = x ? build_type(o->b, x) : NULL;
    if (type && group > 1) {
        read_grouped(o, group);
        return;
    }
    int rank = mnn_in_rank(o, 0), count = count_axes(o, rank);
    struct value *gamma = channel_constant(o, "gamma", 1, "scale", 1),
                 *beta = channel_constant(o, "beta", 2, "bias", 1);
    bool known = true, rms = mnn_int(&o->param, "useRMSNorm") != 0;
    for (int i = rank - count; i < rank && !o->b->failed; i++)
        known = known && type->dims[i] >= 0;
    if (!o->b->failed && !known && (!gamma || count > 1))
        build_fail(o->b, "the dims that it normalises over must be known");
    if (o->b->failed)
        return;
    gamma = gamma ? shaped(o, gamma, type, rank - count)
                  : build_filled(o->b, type->rank - (rank - count), type->dims + rank - count, 1);
    beta = rms ? NULL : shaped(o, beta, type, rank - count);
    struct value *y = BUILD(o->b, rms ? "RMSNormalization" : "LayerNormalization", x, gamma, beta);
    build_int(o->b, y, "axis", -count);
    mnn_give(o, 0, build_float(o->b, y, "epsilon", mnn_float(&o->param, "epsilon")));
}

void mnn_read_group_norm(struct mnn_op *o)
{
    struct value *gamma = channel_constant(o, "gamma", 1, "scale", 1),
                 *beta = channel_constant(o, "beta", 2, "bias", 1);
    struct value *x = mnn_in_image(o);
    if (o->in.count > 1)
        x = BUILD(o->b, "Add", x, mnn_in(o, 1));
    if (!gamma || !beta)
        build_fail(o->b, "it has no scale or bias");
    struct value *y = BUILD(o->b, "GroupNormalization", x, gamma, beta);
    build_int(o->b, y, "num_groups", mnn_int(&o->param, "group"));
    build_float(o->b, y, "epsilon", mnn_float(&o->param, "epsilon"));
    mnn_give_image(o, 0, mnn_int(&o->param, "bSwish") ? BUILD(o->b, "Swish", y) : y);
}

/* ---- over channels ---- */

void mnn_read_lrn(struct mnn_op *o)
{
    if (mnn_int(&o->param, "regionType") != 0) {
        mnn_read_opaque(o);
        return;
    }
    struct value *y = build_int(o->b, BUILD(o->b, "LRN", mnn_in_image(o)), "size", mnn_int(&o->param, "localSize"));
    build_float(o->b, y, "alpha", mnn_float(&o->param, "alpha"));
    build_float(o->b, y, "beta", mnn_float(&o->param, "beta"));
    mnn_give_image(o, 0, build_float(o->b, y, "bias", mnn_float(&o->param, "bias")));
}

/* x / sqrt(sum of squares + eps) * scale, the sum over channels, or over all of an image. */
void mnn_read_normalize(struct mnn_op *o)
{
    int count = mnn_int(&o->param, "acrossSpatial") ? 3 : 1;
    struct value *x = mnn_in_image(o), *scale = channel_constant(o, "scale", 9, "scale", 4);
    struct value *sum = BUILD(o->b, "ReduceSumSquare", x, build_list(o->b, count, (int64_t[]){1, 2, 3}));
    struct value *more = BUILD(o->b, "Add", sum, build_number(o->b, DTYPE_F32, mnn_float(&o->param, "eps")));
    struct value *y = BUILD(o->b, "Div", x, BUILD(o->b, "Sqrt", more));
    mnn_give_image(o, 0, scale ? BUILD(o->b, "Mul", y, scale) : y);
}
