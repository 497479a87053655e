/* Elementwise operators, reductions, products. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "format/mnn/handlers.h"

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof(*(array))))

static struct value *number_like(struct mnn_op *o, struct value *v, double number)
{
    enum dtype dtype = mnn_dtype(o, v);
    return build_number(o->b, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, number);
}

/* ---- one operand ---- */

void mnn_read_same(struct mnn_op *o)
{
    mnn_give(o, 0, BUILD(o->b, o->kind->onnx, mnn_in(o, 0)));
}

void mnn_read_identity(struct mnn_op *o)
{
    for (size_t i = 0; i < o->out.count && i < o->in.count; i++)
        mnn_give_as(o, i, mnn_in_any(o, i), mnn_layout_in(o, i));
}

void mnn_read_formula(struct mnn_op *o)
{
    struct value *in[3] = {NULL};
    for (size_t i = 0; i < 3 && i < o->in.count; i++)
        in[i] = mnn_in_any(o, i);
    mnn_give(o, 0, build_formula(o->b, o->kind->onnx, 3, in));
}

/* What no ONNX operator says alone. */
static struct value *square(struct mnn_op *o, struct value *x)
{
    return BUILD(o->b, "Mul", x, x);
}

static struct value *reciprocal_root(struct mnn_op *o, struct value *x)
{
    return BUILD(o->b, "Reciprocal", BUILD(o->b, "Sqrt", x));
}

static struct value *log_one_more(struct mnn_op *o, struct value *x)
{
    return BUILD(o->b, "Log", BUILD(o->b, "Add", x, number_like(o, x, 1)));
}

static struct value *exp_one_less(struct mnn_op *o, struct value *x)
{
    return BUILD(o->b, "Sub", BUILD(o->b, "Exp", x), number_like(o, x, 1));
}

static struct value *erf_complement(struct mnn_op *o, struct value *x)
{
    return BUILD(o->b, "Sub", number_like(o, x, 1), BUILD(o->b, "Erf", x));
}

static struct value *gelu_tanh(struct mnn_op *o, struct value *x)
{
    return BUILD(o->b, "Gelu/approximate=tanh", x);
}

/* Halves go away from 0. */
static struct value *round_away(struct mnn_op *o, struct value *x)
{
    return build_formula(o->b, "$0 Sign $0 Abs =0.5 Add:2 Floor Mul:2", 1, &x);
}

/* By UnaryOpOperation. */
static const struct {
    const char *onnx;
    struct value *(*compose)(struct mnn_op *o, struct value *x);
} unaries[] = {
    {"Abs", NULL},        {"Neg", NULL},           {"Floor", NULL},    {"Ceil", NULL},       {NULL, square},
    {"Sqrt", NULL},       {NULL, reciprocal_root}, {"Exp", NULL},      {"Log", NULL},        {"Sin", NULL},
    {"Cos", NULL},        {"Tan", NULL},           {"Asin", NULL},     {"Acos", NULL},       {"Atan", NULL},
    {"Reciprocal", NULL}, {NULL, log_one_more},    {"Softplus", NULL}, {"Acosh", NULL},      {"Sinh", NULL},
    {"Asinh", NULL},      {"Atanh", NULL},         {"Sign", NULL},     {NULL, round_away},   {"Cosh", NULL},
    {"Erf", NULL},        {NULL, erf_complement},  {NULL, NULL},       {NULL, exp_one_less}, {"Sigmoid", NULL},
    {"Tanh", NULL},       {"HardSwish", NULL},     {NULL, gelu_tanh},  {"Gelu", NULL},       {"Swish", NULL}};

void mnn_read_unary(struct mnn_op *o)
{
    int64_t op = mnn_int(&o->param, "opType");
    if (op < 0 || op >= COUNT(unaries) || (!unaries[op].onnx && !unaries[op].compose)) {
        mnn_read_opaque(o);
        return;
    }
    struct value *x = mnn_in(o, 0);
    mnn_give(o, 0, unaries[op].onnx ? BUILD(o->b, unaries[op].onnx, x) : unaries[op].compose(o, x));
}

void mnn_read_relu(struct mnn_op *o)
{
    float slope = mnn_float(&o->param, "slope");
    struct value *x = mnn_in(o, 0);
    mnn_give(o, 0,
             slope == 0 ? BUILD(o->b, "Relu", x) : build_float(o->b, BUILD(o->b, "LeakyRelu", x), "alpha", slope));
}

/* NULL for the largest floats, which are no bounds, and no integers either. */
static struct value *bound(struct mnn_op *o, struct value *x, const char *field)
{
    enum dtype dtype = mnn_dtype(o, x);
    float number = mnn_float(&o->param, field);
    bool is_whole = dtype != DTYPE_NONE && dtype_info(dtype)->class != DTYPE_CLASS_FLOAT;
    return is_whole && fabsf(number) >= FLT_MAX ? NULL : number_like(o, x, number);
}

void mnn_read_clip(struct mnn_op *o)
{
    struct value *x = mnn_in(o, 0), *low = bound(o, x, "minValue");
    mnn_give(o, 0, BUILD(o->b, "Clip", x, low, bound(o, x, "maxValue")));
}

void mnn_read_elu(struct mnn_op *o)
{
    mnn_give(o, 0, build_float(o->b, BUILD(o->b, "Elu", mnn_in(o, 0)), "alpha", mnn_float(&o->param, "alpha")));
}

void mnn_read_selu(struct mnn_op *o)
{
    struct value *y = build_float(o->b, BUILD(o->b, "Selu", mnn_in(o, 0)), "alpha", mnn_float(&o->param, "alpha"));
    mnn_give(o, 0, build_float(o->b, y, "gamma", mnn_float(&o->param, "scale")));
}

void mnn_read_threshold(struct mnn_op *o)
{
    struct value *x = mnn_in(o, 0);
    struct value *more = BUILD(o->b, "Greater", x, number_like(o, x, mnn_float(&o->param, "alpha")));
    mnn_give(o, 0, build_cast(o->b, more, DTYPE_F32));
}

void mnn_read_cast(struct mnn_op *o)
{
    enum dtype to =
        mnn_int(&o->param, "dstT") == MNN_BOOL ? DTYPE_BOOL : mnn_graph_type((int)mnn_int(&o->param, "dstT"));
    struct value *x = mnn_in_any(o, 0);
    if (to == DTYPE_NONE)
        build_fail(o->b, "a cast to data type %lld", (long long)mnn_int(&o->param, "dstT"));
    if (mnn_dtype(o, x) == to)
        mnn_read_identity(o);
    else
        mnn_give(o, 0, build_cast(o->b, x, to));
}

/* ---- two operands ---- */

static struct value *floor_div(struct mnn_op *o, struct value *x, struct value *y)
{
    if (!mnn_is_int(o, x))
        return BUILD(o->b, "Floor", BUILD(o->b, "Div", x, y));
    return BUILD(o->b, "Div", BUILD(o->b, "Sub", x, BUILD(o->b, "Mod", x, y)), y);
}

static struct value *floor_mod(struct mnn_op *o, struct value *x, struct value *y)
{
    if (mnn_is_int(o, x)) /* MNN rounds their quotient towards zero */
        return BUILD(o->b, "Mod/fmod=1", x, y);
    return BUILD(o->b, "Sub", x, BUILD(o->b, "Mul", floor_div(o, x, y), y));
}

static struct value *modulo(struct mnn_op *o, struct value *x, struct value *y)
{
    return build_int(o->b, BUILD(o->b, "Mod", x, y), "fmod", !mnn_is_int(o, x));
}

static struct value *squared_difference(struct mnn_op *o, struct value *x, struct value *y)
{
    return square(o, BUILD(o->b, "Sub", x, y));
}

static struct value *not_equal(struct mnn_op *o, struct value *x, struct value *y)
{
    return BUILD(o->b, "Not", BUILD(o->b, "Equal", x, y));
}

#define POWER_OF_2 "#_=2 $1 Pow:2 "

/* By BinaryOpOperation. */
static const struct binary {
    const char *onnx; /* an operator, or a formula */
    struct value *(*compose)(struct mnn_op *o, struct value *x, struct value *y);
    bool logical;
} binaries[] = {
    {"Add", NULL, false},
    {"Sub", NULL, false},
    {"Mul", NULL, false},
    {"Div", NULL, false},
    {"Max", NULL, false},
    {"Min", NULL, false},
    {"Pow", NULL, false},
    {"Div", NULL, false},
    {"Min", NULL, false},
    {"Max", NULL, false},
    {"Greater", NULL, false},
    {"GreaterOrEqual", NULL, false},
    {"Less", NULL, false},
    {NULL, floor_div, false},
    {NULL, squared_difference, false},
    {"Equal", NULL, false},
    {"LessOrEqual", NULL, false},
    {NULL, floor_mod, false},
    {NULL, NULL, false},
    {NULL, modulo, false},
    {BUILD_ATAN2_BY("$0 =0 Less:2", "$1 =0 Less:2"), NULL, false}, /* its zeros have no signs */
    {"Or", NULL, true},
    {NULL, not_equal, false},
    {"BitwiseAnd", NULL, false},
    {"BitwiseOr", NULL, false},
    {"BitwiseXor", NULL, false},
    {"Xor", NULL, true},
    {"$0 " POWER_OF_2 "Mul:2", NULL, false},
    {POWER_OF_2 ">p $0 $0 p Mod:2 Sub:2 p Div:2", NULL, false},
    {"$0 $1 Swish Mul:2", NULL, false},
};

void mnn_read_binary(struct mnn_op *o)
{
    int64_t op = mnn_int(&o->param, "opType");
    if (op < 0 || op >= COUNT(binaries) || (!binaries[op].onnx && !binaries[op].compose)) {
        mnn_read_opaque(o);
        return;
    }
    const struct binary *row = &binaries[op];
    struct value *x = row->logical ? mnn_in_bool(o, 0) : mnn_in(o, 0);
    struct value *y = row->logical ? mnn_in_bool(o, 1) : mnn_in(o, 1);
    bool second = mnn_value_rank(o, x) < mnn_value_rank(o, y);
    struct value *z = !row->onnx               ? row->compose(o, x, y)
                      : strchr(row->onnx, '$') ? build_formula(o->b, row->onnx, 2, (struct value *[]){x, y})
                                               : BUILD(o->b, row->onnx, x, y);
    if (mnn_int(&o->param, "activationType") == 1)
        z = BUILD(o->b, "Relu", z);
    mnn_give_as(o, 0, z, mnn_layout_in(o, second));
}

/* ---- any number of operands ---- */

/* x * coeff[i]; coeff absent: x. */
static struct value *weighted(struct mnn_op *o, struct value *x, struct flatbuf_vector coeff, size_t i)
{
    float factor = i < coeff.count ? flatbuf_vector_float(coeff, i) : 1;
    return factor == 1 ? x : BUILD(o->b, "Mul", x, build_number(o->b, DTYPE_F32, factor));
}

void mnn_read_eltwise(struct mnn_op *o)
{
    static const char *const names[] = {"Mul", "Add", "Max", "Sub"};
    int64_t op = mnn_int(&o->param, "type");
    struct flatbuf_vector coeff = mnn_vector(&o->param, "coeff");
    if (op < 0 || op >= COUNT(names)) {
        build_fail(o->b, "elementwise operation %lld", (long long)op);
        return;
    }
    if (op != 1 || coeff.count < 2)
        coeff.count = 0;
    struct value *sum = weighted(o, mnn_in(o, 0), coeff, 0);
    for (size_t i = 1; i < o->in.count && !o->b->failed; i++)
        sum = BUILD(o->b, names[op], sum, weighted(o, mnn_in(o, i), coeff, i));
    mnn_give(o, 0, sum);
}

void mnn_read_select(struct mnn_op *o)
{
    struct value *y = BUILD(o->b, "Where", mnn_in_bool(o, 0), mnn_in(o, 1), mnn_in(o, 2));
    mnn_give_as(o, 0, y, mnn_layout_in(o, 1));
}

/* ---- reductions ---- */

void mnn_read_reduction(struct mnn_op *o)
{
    static const char *const names[] = {"ReduceSum", "ReduceL1",   "ReduceSumSquare", "ReduceMean", "ReduceMax",
                                        "ReduceMin", "ReduceProd", "ReduceMax",       "ReduceMin"};
    int64_t op = mnn_int(&o->param, "operation"), dims[TENSOR_MAX_RANK];
    int count = mnn_ints(o, &o->param, "dim", dims, TENSOR_MAX_RANK);
    if (op < 0 || op >= COUNT(names)) {
        build_fail(o->b, "reduction %lld", (long long)op);
        return;
    }
    struct value *axes = count > 0          ? build_list(o->b, count, dims)
                         : mnn_has_in(o, 1) ? mnn_int_vector(o, mnn_in(o, 1))
                                            : NULL;
    struct value *y = BUILD(o->b, names[op], mnn_in(o, 0), axes);
    mnn_give(o, 0, build_int(o->b, y, "keepdims", mnn_int(&o->param, "keepDims")));
}

/* In NC4HW4 the axis stays and the index is a float, as Caffe has it. */
void mnn_read_arg(struct mnn_op *o)
{
    int64_t axis = mnn_int(&o->param, "axis");
    bool old = mnn_layout_in(o, 0) == MNN_NC4HW4;
    if (old && (axis == 0 || axis == 10000 || mnn_int(&o->param, "outMaxVal") || mnn_int(&o->param, "topK") > 1)) {
        mnn_read_opaque(o);
        return;
    }
    struct value *y = build_int(o->b, BUILD(o->b, o->kind->onnx, mnn_in(o, 0)), "axis", axis);
    build_int(o->b, y, "keepdims", old);
    mnn_give(o, 0, old ? build_cast(o->b, y, DTYPE_F32) : y);
}

void mnn_read_moments(struct mnn_op *o)
{
    int64_t dims[TENSOR_MAX_RANK], keep = mnn_int(&o->param, "keepDims");
    int count = mnn_ints(o, &o->param, "dim", dims, TENSOR_MAX_RANK);
    struct value *x = mnn_in(o, 0), *axes = count > 0 ? build_list(o->b, count, dims) : NULL;
    struct value *mean = BUILD(o->b, "ReduceMean", x, axes);
    struct value *squares = square(o, BUILD(o->b, "Sub", x, mean));
    struct value *variance = build_int(o->b, BUILD(o->b, "ReduceMean", squares, axes), "keepdims", keep);
    mnn_give(o, 1, variance);
    mnn_give(o, 0, keep ? mean : BUILD(o->b, "ReduceMean/keepdims=0", x, axes));
}

void mnn_read_softmax(struct mnn_op *o)
{
    mnn_give(o, 0, build_int(o->b, BUILD(o->b, "Softmax", mnn_in(o, 0)), "axis", mnn_int(&o->param, "axis")));
}

void mnn_read_cumsum(struct mnn_op *o)
{
    struct value *y = BUILD(o->b, "CumSum", mnn_in(o, 0), mnn_int_scalar(o, mnn_in(o, 1)));
    build_int(o->b, y, "exclusive", mnn_int(&o->param, "exclusive"));
    mnn_give(o, 0, build_int(o->b, y, "reverse", mnn_int(&o->param, "reverse")));
}

void mnn_read_topk(struct mnn_op *o)
{
    int64_t axis = -1;
    if (mnn_has_in(o, 2) && mnn_in_ints(o, 2, &axis, 1) != 1)
        build_fail(o->b, "its axis must be known");
    struct value *y = BUILD(o->b, "TopK", mnn_in(o, 0), mnn_int_vector(o, mnn_in(o, 1)));
    build_int(o->b, y, "axis", axis);
    build_int(o->b, y, "largest", mnn_int(&o->param, "largest"));
    struct value *index = build_output(o->b, y, 1);
    mnn_give(o, 0, y);
    mnn_give_as(o, 1, index, mnn_layout_in(o, 0));
}

/* ---- products ---- */

/* v with its last two axes exchanged. */
static struct value *exchanged(struct mnn_op *o, struct value *v)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = mnn_value_rank(o, v);
    if (!o->b->failed && rank < 2)
        build_fail(o->b, "an operand that is transposed has rank %d", rank);
    if (o->b->failed)
        return NULL;
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return build_transpose(o->b, v, rank, perm);
}

void mnn_read_matmul(struct mnn_op *o)
{
    bool batch = strcmp(o->kind->name, "BatchMatMul") == 0;
    struct value *a = mnn_in(o, 0), *b = mnn_in(o, 1);
    if (mnn_int(&o->param, batch ? "adjX" : "transposeA"))
        a = exchanged(o, a);
    if (mnn_int(&o->param, batch ? "adjY" : "transposeB"))
        b = exchanged(o, b);
    struct value *y = BUILD(o->b, "MatMul", a, b);
    mnn_give(o, 0, mnn_has_in(o, 2) ? BUILD(o->b, "Add", y, mnn_in(o, 2)) : y);
}

/* Of the two forms that MNN's has, the one that mnnconvert makes of ONNX's. */
void mnn_read_stft(struct mnn_op *o)
{
    if (mnn_has_in(o, 2) && mnn_int(&o->param, "n_fft") == 0)
        mnn_give(o, 0, BUILD(o->b, "STFT", mnn_in(o, 0), mnn_int_scalar(o, mnn_in(o, 1)), mnn_in(o, 2)));
    else
        mnn_read_opaque(o);
}
