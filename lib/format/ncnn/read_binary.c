/* Layers that join blobs element by element, and ncnn's way of making their shapes alike. */
#include "format/ncnn/read.h"

/* What an operator of two operands is: `swapped` takes the second first. */
struct binary {
    const char *op;
    bool swapped;
};

enum { ATAN2 = 10, RATAN2 = 11, FMOD = 12, RFMOD = 13, LOGADDEXP = 14, FLOORDIV = 15, RFLOORDIV = 16 };

static const struct binary binaries[] = {
    {"Add", false}, {"Sub", false}, {"Mul", false}, {"Div", false}, {"Max", false}, {"Min", false},
    {"Pow", false}, {"Sub", true},  {"Div", true},  {"Pow", true},  {NULL, false},  {NULL, true},
    {"Mod", false}, {"Mod", true},  {NULL, false},  {"Div", false}, {"Div", true},
};

/* log(e^a + e^b) = max + log(1 + e^(min - max)). */
static struct value *log_add_exp(struct reader *r, struct value *x, struct value *y)
{
    struct build *b = &r->b;
    struct value *max = BUILD(b, "Max", x, y), *min = BUILD(b, "Min", x, y);
    struct value *exp = BUILD(b, "Exp", BUILD(b, "Sub", min, max));
    return BUILD(b, "Add", max, BUILD(b, "Log", ncnn_by(r, "Add", exp, 1)));
}

static struct value *binary(struct reader *r, int type, struct value *x, struct value *y)
{
    struct build *b = &r->b;
    if (type < 0 || type >= (int)(sizeof(binaries) / sizeof(binaries[0]))) {
        build_fail(b, "has the unknown type %d", type);
        return NULL;
    }
    if (binaries[type].swapped) {
        struct value *t = x;
        x = y;
        y = t;
    }
    if (type == ATAN2 || type == RATAN2)
        return build_formula(b, BUILD_ATAN2, 2, (struct value *[]){x, y});
    if (type == LOGADDEXP)
        return log_add_exp(r, x, y);
    struct value *v = BUILD(b, binaries[type].op, x, y);
    if (type == FMOD || type == RFMOD)
        build_int(b, v, "fmod", 1);
    return type == FLOORDIV || type == RFLOORDIV ? BUILD(b, "Floor", v) : v;
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

struct value *ncnn_bias(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    return BUILD(&r->b, "Add", x, ncnn_channels(r, "bias", ncnn_int(r->l, 0, 0), x));
}
