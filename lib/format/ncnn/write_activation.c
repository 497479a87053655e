/* Operators that change each element by itself. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "format/ncnn/write.h"
#include "op/check.h"
#include "op/fused.h"

/* Layers that are an operator as it is, with its attributes as parameters 0 and 1. */
static const struct {
    const char *op, *layer;
    const char *attrs[2];
} layers[] = {
    {"Celu", "CELU", {"alpha"}},
    {"Elu", "ELU", {"alpha"}},
    {"Erf", "Erf", {NULL}},
    {"HardSigmoid", "HardSigmoid", {"alpha", "beta"}},
    {"HardSwish", "HardSwish", {NULL}},
    {"LeakyRelu", "ReLU", {"alpha"}},
    {"Mish", "Mish", {NULL}},
    {"Relu", "ReLU", {NULL}},
    {"Selu", "SELU", {"alpha", "gamma"}},
    {"Shrink", "Shrink", {"bias", "lambd"}},
    {"Sigmoid", "Sigmoid", {NULL}},
    {"Softplus", "Softplus", {NULL}},
    {"Tanh", "TanH", {NULL}},
};

void ncnn_write_activation(struct writer *w)
{
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        if (strcmp(layers[i].op, w->n->op) != 0)
            continue;
        ncnn_simple_layer(w, layers[i].layer);
        for (int k = 0; k < 2 && layers[i].attrs[k]; k++)
            ncnn_put_float(w, k, op_float(w->n, layers[i].attrs[k]));
    }
    if (node_is(w->n, "HardSwish")) {
        ncnn_put_float(w, 0, 1 / 6.0f);
        ncnn_put_float(w, 1, 0.5f);
    }
}

void ncnn_write_gelu(struct writer *w)
{
    ncnn_simple_layer(w, "GELU");
    ncnn_put_int(w, 0, strcmp(op_string(w->n, "approximate"), "tanh") == 0);
}

void ncnn_write_swish(struct writer *w)
{
    if (op_float(w->n, "alpha") != 1)
        ncnn_miss(w, "with a factor");
    ncnn_simple_layer(w, "Swish");
}

void ncnn_write_clip(struct writer *w)
{
    float low, high;
    if (!fused_activation_of(w->n, &low, &high)) {
        ncnn_miss(w, "to bounds that are no constants");
        return;
    }
    ncnn_simple_layer(w, "Clip");
    ncnn_put_float(w, 0, low);
    ncnn_put_float(w, 1, high);
}

/* One slope, or one for each element of the blob's first axis. */
void ncnn_write_prelu(struct writer *w)
{
    const struct tensor *slope = ncnn_constant_of(w, w->n->in[1]);
    struct blob_shape s = ncnn_shape(w, w->n->in[0]);
    bool by_channel = slope && slope->count == s.dims[0] && slope->rank >= s.n;
    for (int i = 0; by_channel && i < s.n; i++)
        by_channel = slope->dims[slope->rank - s.n + i] == (i ? 1 : slope->count);
    if (!slope || (slope->count != 1 && !by_channel)) {
        ncnn_miss(w, "with slopes that are not those of channels");
        return;
    }
    ncnn_simple_layer(w, "PReLU");
    ncnn_put_int(w, 0, slope->count);
    ncnn_put_record(w, slope, false);
}

static const struct {
    const char *op;
    int type;
} unaries[] = {
    {"Abs", 0},    {"Neg", 1},   {"Floor", 2}, {"Ceil", 3},   {"Sqrt", 5},  {"Exp", 7},    {"Log", 8},
    {"Sin", 9},    {"Cos", 10},  {"Tan", 11},  {"Asin", 12},  {"Acos", 13}, {"Atan", 14},  {"Reciprocal", 15},
    {"Round", 18}, {"Sign", 20}, {"Sinh", 22}, {"Asinh", 23}, {"Cosh", 24}, {"Acosh", 25}, {"Atanh", 26},
};

void ncnn_write_unary(struct writer *w)
{
    ncnn_simple_layer(w, "UnaryOp");
    for (size_t i = 0; i < sizeof(unaries) / sizeof(unaries[0]); i++)
        if (strcmp(unaries[i].op, w->n->op) == 0)
            ncnn_put_int(w, 0, unaries[i].type);
}

void ncnn_write_identity(struct writer *w)
{
    ncnn_alias(w, w->n->out[0], w->n->in[0]);
}

/* No layer changes numbers: a blob serves for both where it holds them alike. */
void ncnn_write_cast(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->out[0];
    bool is_whole = ncnn_holds_integers(y);
    if (ncnn_holds_integers(x) != is_whole || (!is_whole && !op_dtype_in("float", y->type.dtype)))
        ncnn_miss(w, "between floats and integers");
    ncnn_write_identity(w);
}

/* ---- two operands ---- */

static const struct {
    const char *op;
    int type, swapped; /* with the operands' places changed */
} binaries[] = {{"Add", 0, 0}, {"Sub", 1, 7}, {"Mul", 2, 2},
                {"Div", 3, 8}, {"Max", 4, 4}, {"Min", 5, 5}, {"Pow", 6, 9}};

static void put_scalar(struct writer *w, const char *in, const char *out, int type, float number)
{
    if (type == 6 && (number == 2 || number == -1)) { /* the square or reciprocal: a power wants a positive base */
        ncnn_layer_of(w, "UnaryOp", 1, &in, 1, &out);
        ncnn_put_int(w, 0, number == 2 ? 4 : 15);
        return;
    }
    ncnn_layer_of(w, "BinaryOp", 1, &in, 1, &out);
    ncnn_put_int(w, 0, type);
    ncnn_put_int(w, 1, 1);
    ncnn_put_float(w, 2, number);
}

/* The operand that only keeps the shape of the result: one number. */
static bool is_number(struct writer *w, const struct value *v, float *number)
{
    const struct tensor *t = ncnn_constant_of(w, v);
    if (!t || t->count != 1 || t->rank > w->n->out[0]->type.rank)
        return false;
    *number = (float)tensor_get_f64(t, 0);
    return true;
}

static void put_pair(struct writer *w, const char *x, const char *y, int type)
{
    const char *in[2] = {x, y}, *result = ncnn_result(w, w->n->out[0]);
    ncnn_layer_of(w, "BinaryOp", 2, in, 1, &result);
    ncnn_put_int(w, 0, type);
}

void ncnn_write_binary(struct writer *w)
{
    const struct value *x = w->n->in[0], *y = w->n->in[1], *out = w->n->out[0];
    int row = 0;
    float number;
    while (strcmp(binaries[row].op, w->n->op) != 0)
        row++;
    if (is_number(w, y, &number)) {
        const char *in = ncnn_blob_aligned(w, x, out);
        put_scalar(w, in, ncnn_result(w, out), binaries[row].type, number);
    } else if (is_number(w, x, &number)) {
        const char *in = ncnn_blob_aligned(w, y, out);
        put_scalar(w, in, ncnn_result(w, out), binaries[row].swapped, number);
    } else {
        put_pair(w, ncnn_blob_aligned(w, x, out), ncnn_blob_aligned(w, y, out), binaries[row].type);
    }
}

void ncnn_write_greater(struct writer *w)
{
    float number = 0;
    if (!is_number(w, w->n->in[1], &number))
        ncnn_miss(w, "than other than a number");
    ncnn_simple_layer(w, "Threshold");
    ncnn_put_float(w, 0, number);
}

/* Scores of detectors, of which those are 0 that are not above a threshold. Where that says 0, the threshold is what is
 * multiplied: 0 times an infinite score were no number. */
void ncnn_write_where(struct writer *w)
{
    const struct value *condition = w->n->in[0], *x = w->n->in[1], *out = w->n->out[0];
    const struct node *greater = condition->producer;
    float least = INFINITY, number;
    if (greater && node_is(greater, "Greater") && greater->in[0] == x)
        is_number(w, greater->in[1], &least);
    if (!isfinite(least) || !is_number(w, w->n->in[2], &number) || number != 0)
        ncnn_miss(w, "of other things than what is greater than a number, or 0");
    const char *above = ncnn_blob_aligned(w, condition, out), *at_least = ncnn_fresh(w, out->name);
    put_scalar(w, ncnn_blob_aligned(w, x, out), at_least, 4, least);
    put_pair(w, above, at_least, 2);
}
