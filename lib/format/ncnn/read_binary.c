/* Layers that join blobs element by element, and ncnn's way of making their shapes alike. */
#include <string.h>

#include "format/ncnn/read.h"

/* What an operator of two operands is, or the formula: `swapped` takes the second first. */
struct binary {
    const char *op;
    bool swapped;
};

#define FMOD "$0 $1 Mod:2/fmod=1"
/* log(e^a + e^b) = max + log(1 + e^(min - max)) */
#define LOG_ADD_EXP  "$0 $1 Max:2 >m m $0 $1 Min:2 m Sub:2 Exp =1 Add:2 Log Add:2"
#define FLOOR_DIVIDE "$0 $1 Div:2 Floor"
/* By the nearest quotient, as C has it. */
#define REMAINDER "$0 $0 $1 Div:2 Round $1 Mul:2 Sub:2"

static const struct binary binaries[] = {
    {"Add", false},        {"Sub", false},       {"Mul", false},     {"Div", false},    {"Max", false},
    {"Min", false},        {"Pow", false},       {"Sub", true},      {"Div", true},     {"Pow", true},
    {BUILD_ATAN2, false},  {BUILD_ATAN2, true},  {FMOD, false},      {FMOD, true},      {LOG_ADD_EXP, false},
    {FLOOR_DIVIDE, false}, {FLOOR_DIVIDE, true}, {REMAINDER, false}, {REMAINDER, true},
};

static struct value *binary(struct reader *r, int type, struct value *x, struct value *y)
{
    struct build *b = &r->b;
    if (type < 0 || type >= (int)(sizeof(binaries) / sizeof(binaries[0]))) {
        build_fail(b, "has the unknown type %d", type);
        return NULL;
    }
    const struct binary *row = &binaries[type];
    struct value *in[2] = {row->swapped ? y : x, row->swapped ? x : y};
    return strchr(row->op, '$') ? build_formula(b, row->op, 2, in) : BUILD(b, row->op, in[0], in[1]);
}

/* A blob of fewer axes gets more on the inner side, which numpy would add on the outer; but one of a single axis that
 * is as long as the last axis of the other, and not as its first, lies along that. */
static struct value *aligned(struct reader *r, struct value *v, struct value *other, int dims)
{
    int own = ncnn_dims(r, v);
    int64_t shape[TENSOR_MAX_RANK] = {0};
    if (r->b.failed || own == dims)
        return v;
    int64_t n = ncnn_size(r, v, 0), first = ncnn_size(r, other, 0), last = ncnn_size(r, other, dims - 1);
    for (int i = 1; i <= dims; i++)
        shape[i] = i <= own ? 0 : 1;
    if (own == 1 && n != first && (n == last || first >= 0)) {
        shape[1] = 1;
        shape[dims] = -1;
    }
    return build_reshape(&r->b, v, dims + 1, shape);
}

struct value *ncnn_binary_op(struct reader *r)
{
    int type = ncnn_int(r->l, 0, 0);
    struct value *x = ncnn_in(r, 0);
    if (ncnn_int(r->l, 1, 0))
        return binary(r, type, x, build_number(&r->b, DTYPE_F32, ncnn_float(r->l, 2, 0)));
    struct value *y = ncnn_in(r, 1);
    int x_dims = ncnn_dims(r, x), y_dims = ncnn_dims(r, y), dims = x_dims > y_dims ? x_dims : y_dims;
    struct value *x_aligned = aligned(r, x, y, dims), *y_aligned = aligned(r, y, x, dims);
    return binary(r, type, x_aligned, y_aligned);
}

/* 0: product, 1: sum with coefficients, 2: maximum, of any number of blobs. */
struct value *ncnn_eltwise(struct reader *r)
{
    static const char *const ops[] = {"Mul", "Add", "Max"};
    int type = ncnn_int(r->l, 0, 0);
    size_t factors = ncnn_count(r->l, 1);
    struct value *v = NULL;
    if (type < 0 || type > 2)
        build_fail(&r->b, "has the unknown type %d", type);
    for (int i = 0; !r->b.failed && i < (r->l->in_count ? r->l->in_count : 1); i++) {
        struct value *x = ncnn_in(r, i);
        if (type == 1 && factors && ncnn_float_at(r->l, 1, (size_t)i) != 1)
            x = ncnn_by(r, "Mul", x, ncnn_float_at(r->l, 1, (size_t)i));
        v = v ? BUILD(&r->b, ops[type], v, x) : x;
    }
    return v;
}

struct value *ncnn_scale(struct reader *r)
{
    int n = ncnn_int(r->l, 0, 0);
    struct value *x = ncnn_in(r, 0);
    if (n == -233)
        return BUILD(&r->b, "Mul", x, ncnn_along(r, ncnn_in(r, 1), x));
    struct value *v = BUILD(&r->b, "Mul", x, ncnn_channels(r, "scale", n, x));
    return ncnn_int(r->l, 1, 0) ? BUILD(&r->b, "Add", v, ncnn_channels(r, "bias", n, x)) : v;
}

/* A blob of fewer than three axes is one channel here. */
struct value *ncnn_bias(struct reader *r)
{
    struct value *x = ncnn_in(r, 0), *bias = ncnn_channels(r, "bias", ncnn_int(r->l, 0, 0), x);
    return BUILD(&r->b, "Add", x, ncnn_dims(r, x) < 3 ? build_slice(&r->b, bias, 0, 0, 1) : bias);
}
