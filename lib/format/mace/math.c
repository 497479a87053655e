/* Functions of each element, products, reductions. */
#include <math.h>
#include <string.h>

#include "format/mace/mace.h"

/* ---- activations ---- */

static struct value *clipped(struct build *b, struct value *v, double low, double high)
{
    return BUILD(b, "Clip", v, build_number(b, DTYPE_F32, low), build_number(b, DTYPE_F32, high));
}

struct value *mace_activated(struct netdef_op *o, struct value *v)
{
    static const char *const names[][2] = {{"RELU", "Relu"},       {"TANH", "Tanh"},
                                           {"SIGMOID", "Sigmoid"}, {"LEAKYRELU", "LeakyRelu"},
                                           {"ELU", "Elu"},         {"HARDSIGMOID", "HardSigmoid"}};
    const char *name = netdef_text(o, "activation", "NOOP"), *op = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i][0]) == 0)
            op = names[i][1];
    if (strcmp(name, "NOOP") == 0)
        return v;
    if (strcmp(name, "RELUX") == 0)
        return clipped(o->b, v, 0, netdef_float(o, "max_limit", 0));
    if (!op) {
        build_fail(o->b, "the activation '%.60s' is not read", name);
        return NULL;
    }
    v = BUILD(o->b, op, v);
    if (strcmp(op, "LeakyRelu") == 0 || strcmp(op, "Elu") == 0)
        build_float(o->b, v, "alpha", netdef_float(o, "activation_coefficient", 0));
    if (strcmp(op, "HardSigmoid") == 0)
        build_float(o->b, build_float(o->b, v, "alpha", netdef_float(o, "hardsigmoid_alpha", 0)), "beta",
                    netdef_float(o, "hardsigmoid_beta", 0));
    return v;
}

/* PRelu has a slope for each channel. */
void mace_read_activation(struct netdef_op *o)
{
    if (strcmp(netdef_text(o, "activation", "NOOP"), "PRELU") != 0) {
        netdef_give(o, 0, mace_activated(o, netdef_in(o, 0)));
        return;
    }
    struct value *slope = build_reshaped(o->b, netdef_in(o, 1), 3, (int64_t[]){netdef_dim(o, 1, 0), 1, 1});
    mace_give_image(o, BUILD(o->b, "PRelu", mace_image(o, 0), slope));
}

/* ---- two operands ---- */

void mace_read_add_n(struct netdef_op *o)
{
    netdef_in(o, 0);
    netdef_give(o, 0, build_node(o->b, o->in_count == 2 ? "Add" : "Sum", o->in_count, o->in));
}

enum eltwise { SUM, SUB, PROD, DIV, MIN, MAX, NEG, ABS, SQR_DIFF, POW, EQUAL, FLOOR_DIV, CLIP, SIGN, NOT_EQUAL };

/* The second operand: an input, or a number. A list of one for each channel of the first, where channels stand second,
 * has them there. */
static struct value *other_operand(struct netdef_op *o)
{
    if (o->in_count < 2)
        return build_number(o->b, DTYPE_F32, netdef_float(o, "scalar_input", 1));
    int rank = netdef_rank(o, 0), own = netdef_rank(o, 1);
    if (rank == 4 && own == 1 && netdef_dim(o, 1, 0) > 1 && mace_of(o)->format == MACE_NCHW &&
        netdef_int(o, "has_data_format", 0))
        return build_reshaped(o->b, o->in[1], 3, (int64_t[]){netdef_dim(o, 1, 0), 1, 1});
    if (rank == 4 && (own == 2 || own == 3) && !netdef_int(o, "has_data_format", 0))
        return build_reshape(o->b, o->in[1], 4, (int64_t[]){0, 0, own == 2 ? 1 : 0, 1});
    return o->in[1];
}

static struct value *times(struct netdef_op *o, struct value *v, float by)
{
    return by == 1 ? v : BUILD(o->b, "Mul", v, build_number(o->b, DTYPE_F32, by));
}

void mace_read_eltwise(struct netdef_op *o)
{
    static const char *const names[] = {
        [SUM] = "Add", [SUB] = "Sub", [PROD] = "Mul", [DIV] = "Div",     [MIN] = "Min",   [MAX] = "Max",
        [NEG] = "Neg", [ABS] = "Abs", [POW] = "Pow",  [EQUAL] = "Equal", [SIGN] = "Sign", [NOT_EQUAL] = NULL};
    int64_t type = netdef_int(o, "type", -1);
    float coeff[2] = {1, 1};
    int count = netdef_floats(o, "coeff", coeff, 2);
    if (type < SUM || type > NOT_EQUAL) {
        netdef_keep(o);
        return;
    }
    bool unary = type == NEG || type == ABS || type == SIGN || type == CLIP;
    struct value *x = netdef_in(o, 0), *y = unary ? NULL : other_operand(o), *v;
    if (!unary && o->in_count < 2 && netdef_int(o, "scalar_input_index", 1) == 0) {
        struct value *first = y;
        y = x;
        x = first;
    }
    if (type == SUM && count == 2) {
        x = times(o, x, coeff[0]);
        y = times(o, y, coeff[1]);
    }
    if (type == CLIP) {
        v = clipped(o->b, x, coeff[0], coeff[1]);
    } else if (type == SQR_DIFF) {
        v = BUILD(o->b, "Sub", x, y);
        v = BUILD(o->b, "Mul", v, v);
    } else if (type == FLOOR_DIV) {
        v = BUILD(o->b, "Floor", BUILD(o->b, "Div", x, y));
    } else if (type == NOT_EQUAL) {
        v = BUILD(o->b, "Not", BUILD(o->b, "Equal", x, y));
    } else {
        v = BUILD(o->b, names[type], x, y);
    }
    netdef_give(o, 0, v);
}

/* The mean of (x - y)² over the places, y being one for each channel. */
void mace_read_sqr_diff_mean(struct netdef_op *o)
{
    struct value *x = BUILD(o->b, "Sub", mace_image(o, 0), mace_image(o, 1));
    mace_give_image(o, BUILD(o->b, "ReduceMean", BUILD(o->b, "Mul", x, x), BUILD_LIST(o->b, 2, 3)));
}

void mace_read_matmul(struct netdef_op *o)
{
    struct value *v =
        BUILD(o->b, "MatMul", netdef_transposed(o, 0, "transpose_a"), netdef_transposed(o, 1, "transpose_b"));
    netdef_give(o, 0, build_add(o->b, v, o->in_count > 2 ? o->in[2] : NULL));
}

/* ---- along axes ---- */

/* The channels of an image, whose axis is 1 or 3, else the last axis. */
void mace_read_softmax(struct netdef_op *o)
{
    int rank = netdef_rank(o, 0);
    bool channels = rank == 4 && netdef_int(o, "has_data_format", 0) && mace_of(o)->format == MACE_NCHW &&
                    netdef_int(o, "axis", 1) % 2 != 0;
    struct value *v = BUILD(o->b, netdef_int(o, "use_log", 0) ? "LogSoftmax" : "Softmax", netdef_in(o, 0));
    netdef_give(o, 0, build_int(o->b, v, "axis", channels ? 1 : rank - 1));
}

void mace_read_reduce(struct netdef_op *o)
{
    static const char *const names[] = {"ReduceMean", "ReduceMin", "ReduceMax", "ReduceProd", "ReduceSum"};
    int64_t axes[TENSOR_MAX_RANK], type = netdef_int(o, "reduce_type", 0);
    int rank = netdef_rank(o, 0), count = netdef_ints(o, "axis", axes, TENSOR_MAX_RANK);
    if (type < 0 || type > 4 || count > rank)
        build_fail(o->b, "reduce_type is %lld, over %d axes, want 0 to 4, and at most %d", (long long)type, count,
                   rank);
    for (int i = 0; i < count && !o->b->failed; i++)
        axes[i] = mace_axis(o, axes[i], rank);
    struct value *over = count > 0 && !o->b->failed ? build_list(o->b, count, axes) : NULL;
    struct value *v = o->b->failed ? NULL : BUILD(o->b, names[type], netdef_in(o, 0), over);
    netdef_give(o, 0, build_int(o->b, v, "keepdims", netdef_int(o, "keepdims", 0) != 0));
}

/* The first place of the largest; several, or the largest themselves, are kept as they are. */
void mace_read_arg_max(struct netdef_op *o)
{
    bool caffe = netdef_int(o, "framework_type", 0) == 1 && !netdef_has(o, "axis");
    if (caffe || netdef_int(o, "top_k", 1) != 1 || netdef_int(o, "out_val", 0)) {
        netdef_keep(o);
        return;
    }
    struct value *v = BUILD(o->b, netdef_int(o, "argmin", 0) ? "ArgMin" : "ArgMax", netdef_in(o, 0));
    build_int(o->b, v, "axis", build_axis(o->b, netdef_int(o, "axis", 0), netdef_rank(o, 0)));
    netdef_give(o, 0, build_int(o->b, v, "keepdims", netdef_int(o, "keepdims", 1) != 0));
}

void mace_read_cum_sum(struct netdef_op *o)
{
    int axis = mace_axis(o, netdef_int(o, "axis", 0), netdef_rank(o, 0));
    struct value *v = BUILD(o->b, "CumSum", netdef_in(o, 0), build_number(o->b, DTYPE_I64, axis));
    build_int(o->b, v, "exclusive", netdef_int(o, "exclusive", 0) != 0);
    netdef_give(o, 0, build_int(o->b, v, "reverse", netdef_int(o, "reverse", 0) != 0));
}

void mace_read_cast(struct netdef_op *o)
{
    enum dtype to = mace_dtype(netdef_int(o, "T", MACE_FLOAT));
    netdef_give(o, 0, build_cast(o->b, netdef_in(o, 0), to == DTYPE_I32 ? to : DTYPE_F32));
}

void mace_read_select(struct netdef_op *o)
{
    if (o->in_count != 3) {
        netdef_keep(o);
        return;
    }
    struct value *condition = build_cast(o->b, netdef_in(o, 0), DTYPE_BOOL);
    netdef_give(o, 0, BUILD(o->b, "Where", condition, netdef_in(o, 1), netdef_in(o, 2)));
}
