/* Functions of each element, products, reductions, orders. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/mxnet/mxnet.h"

/* ---- activations ---- */

struct value *mxnet_activated(struct mxnet_op *o, struct value *x, const char *name)
{
    static const char *const formulas[][2] = {
        {"relu", "$0 Relu"},         {"sigmoid", "$0 Sigmoid"},   {"tanh", "$0 Tanh"},
        {"softrelu", "$0 Softplus"}, {"softsign", "$0 Softsign"}, {"log_sigmoid", "$0 Sigmoid Log"},
        {"mish", "$0 Mish"},         {"gelu", "$0 Gelu"},         {"selu", "$0 Selu"},
    };
    for (size_t i = 0; i < sizeof(formulas) / sizeof(*formulas); i++)
        if (strcmp(name, formulas[i][0]) == 0)
            return build_formula(o->b, formulas[i][1], 1, &x);
    build_fail(o->b, "its act_type '%.40s' is not read", name);
    return NULL;
}

void mxnet_read_activation(struct mxnet_op *o)
{
    mxnet_give(o, 0, mxnet_activated(o, mxnet_in(o, 0), mxnet_text(o, "act_type", o->arg)));
}

/* rrelu has the mean slope when nothing is trained. */
void mxnet_read_leaky(struct mxnet_op *o)
{
    const char *type = mxnet_text(o, "act_type", "leaky");
    struct value *x = mxnet_in(o, 0);
    float slope = mxnet_float(o, "slope", 0.25f);
    if (strcmp(type, "prelu") == 0) {
        struct value *gamma = mxnet_in(o, 1);
        build_expect(o->b, x, 4, 1, build_dim_of(o->b, gamma, 0) > 1 ? build_dim_of(o->b, gamma, 0) : 0, DTYPE_NONE);
        mxnet_give(o, 0, BUILD(o->b, "PRelu", x, build_by_channel(o->b, gamma, build_rank_of(o->b, x))));
    } else if (strcmp(type, "leaky") == 0 || strcmp(type, "elu") == 0 || strcmp(type, "rrelu") == 0) {
        if (*type == 'r')
            slope = (mxnet_float(o, "lower_bound", 0.125f) + mxnet_float(o, "upper_bound", 0.334f)) / 2;
        mxnet_give(o, 0, build_float(o->b, BUILD(o->b, *type == 'e' ? "Elu" : "LeakyRelu", x), "alpha", slope));
    } else {
        mxnet_give(o, 0, mxnet_activated(o, x, type));
    }
}

void mxnet_read_softmax(struct mxnet_op *o)
{
    struct value *x = mxnet_in(o, 0);
    float temperature = mxnet_float(o, "temperature", 1);
    if (mxnet_bool(o, "use_length", false))
        build_fail(o->b, "use_length is not read");
    if (strcmp(o->arg, "Softmin") == 0)
        temperature = -temperature;
    if (temperature != 1)
        x = BUILD(o->b, "Div", x, mxnet_number(o, x, temperature));
    struct value *v = BUILD(o->b, strcmp(o->arg, "LogSoftmax") == 0 ? "LogSoftmax" : "Softmax", x);
    mxnet_give(o, 0, build_int(o->b, v, "axis", mxnet_int(o, "axis", -1)));
}

/* Over the second axis, or the last: MXNet's documentation says all axes as one, its kernels do otherwise. */
void mxnet_read_softmax_output(struct mxnet_op *o)
{
    bool second = mxnet_bool(o, "multi_output", false) || mxnet_is(o, "mode", "channel");
    struct value *x = mxnet_in(o, 0);
    mxnet_give(o, 0, build_int(o->b, BUILD(o->b, "Softmax", x), "axis", second ? 1 : -1));
}

void mxnet_read_cast(struct mxnet_op *o)
{
    mxnet_give(o, 0, build_cast(o->b, mxnet_in(o, 0), mxnet_dtype(o, "dtype", DTYPE_F32)));
}

/* ---- products ---- */

/* x with all axes but the first as one, unless it says otherwise, times W [out, in]. */
void mxnet_read_fc(struct mxnet_op *o)
{
    struct value *x = mxnet_in(o, 0), *w = mxnet_in(o, 1);
    struct value *bias = mxnet_bool(o, "no_bias", false) ? NULL : mxnet_in(o, 2);
    build_expect(o->b, x, 2, 1, build_dim_of(o->b, w, 1), DTYPE_NONE);
    int rank = build_rank_of(o->b, x);
    if (rank > 2 && !mxnet_bool(o, "flatten", true)) {
        struct value *v = BUILD(o->b, "MatMul", x, build_permuted(o->b, w, 2, (int64_t[]){1, 0}));
        mxnet_give(o, 0, build_add(o->b, v, bias));
        return;
    }
    if (rank != 2)
        x = BUILD(o->b, "Flatten/axis=1", x);
    mxnet_give(o, 0, BUILD(o->b, "Gemm/transB=1", x, w, bias));
}

static struct value *transposed(struct mxnet_op *o, int k, const char *name)
{
    struct value *v = mxnet_in(o, k);
    return mxnet_bool(o, name, false) ? build_swapped(o->b, v) : v;
}

void mxnet_read_matmul(struct mxnet_op *o)
{
    struct value *v = BUILD(o->b, "MatMul", transposed(o, 0, "transpose_a"), transposed(o, 1, "transpose_b"));
    float alpha = mxnet_float(o, "alpha", 1);
    mxnet_give(o, 0, alpha == 1 ? v : BUILD(o->b, "Mul", v, mxnet_number(o, v, alpha)));
}

/* ---- reductions ---- */

/* The axes that it says, or, with exclude, all others; none: all. NULL without a failure: all. */
static struct value *axes_of(struct mxnet_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], others[TENSOR_MAX_RANK];
    int count = mxnet_ints(o, "axis", axes, TENSOR_MAX_RANK), rank, n = 0;
    uint32_t said = 0;
    if (count == 0 || o->b->failed)
        return NULL;
    if (!mxnet_bool(o, "exclude", false))
        return build_list(o->b, count, axes);
    rank = build_rank_of(o->b, mxnet_in(o, 0));
    for (int i = 0; i < count; i++)
        said |= 1u << build_axis(o->b, axes[i], rank);
    for (int i = 0; i < rank; i++)
        if (!(said >> i & 1))
            others[n++] = i;
    return n ? build_list(o->b, n, others) : NULL;
}

void mxnet_read_reduce(struct mxnet_op *o)
{
    const char *op = o->arg;
    int64_t ord = mxnet_int(o, "ord", 2);
    if (strcmp(op, "norm") == 0)
        op = ord == 1 ? "ReduceL1" : "ReduceL2";
    if (ord != 1 && ord != 2)
        build_fail(o->b, "its ord is %lld, want 1 or 2", (long long)ord);
    struct value *v = BUILD(o->b, op, mxnet_in(o, 0), axes_of(o));
    build_int(o->b, v, "keepdims", mxnet_bool(o, "keepdims", false));
    mxnet_give(o, 0,
               mxnet_text(o, "axis", NULL) || mxnet_bool(o, "keepdims", false)
                   ? v
                   : build_reshape(o->b, v, 1, (int64_t[]){1}));
}

/* Indices are of float32. */
void mxnet_read_arg_extreme(struct mxnet_op *o)
{
    bool of_channel = strcmp(o->node->op, "argmax_channel") == 0, flat = !of_channel && !mxnet_text(o, "axis", NULL);
    struct value *x = mxnet_in(o, 0);
    if (flat)
        x = build_reshape(o->b, x, 1, (int64_t[]){-1});
    struct value *v = build_int(o->b, BUILD(o->b, o->arg, x), "axis", of_channel ? 1 : mxnet_int(o, "axis", 0));
    build_int(o->b, v, "keepdims", flat || mxnet_bool(o, "keepdims", false));
    mxnet_give(o, 0, build_cast(o->b, v, DTYPE_F32));
}

/* sort, argsort and topk: all, or the first k, and which of values and indices. */
void mxnet_read_order(struct mxnet_op *o)
{
    bool all = strcmp(o->arg, "topk") != 0, ascends = mxnet_bool(o, "is_ascend", all);
    const char *gives = mxnet_text(o, "ret_typ", "indices");
    struct value *x = mxnet_in(o, 0), *k;
    int rank = build_rank_of(o->b, x), axis = build_axis(o->b, mxnet_int(o, "axis", -1), rank);
    if (all)
        gives = strcmp(o->arg, "sort") == 0 ? "value" : "indices";
    k = all || mxnet_int(o, "k", 1) < 1 ? build_shape(o->b, x, axis, axis + 1) : BUILD_LIST(o->b, mxnet_int(o, "k", 1));
    struct value *v = build_int(o->b, BUILD(o->b, "TopK", x, k), "axis", axis);
    build_int(o->b, v, "largest", !ascends);
    struct value *index = build_output(o->b, v, 1);
    bool both = strcmp(gives, "both") == 0;
    if (!both && strcmp(gives, "indices") != 0 && strcmp(gives, "value") != 0)
        build_fail(o->b, "its ret_typ is '%.20s', want value, indices or both", gives);
    if (*gives != 'v')
        index = build_cast(o->b, index, mxnet_dtype(o, "dtype", DTYPE_F32));
    mxnet_give(o, 0, *gives == 'i' ? index : v);
    mxnet_give(o, 1, both ? index : NULL);
}
