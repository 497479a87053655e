/* Quantised modules: a tensor of 8 bits is a float one in the graph, behind QuantizeLinear and DequantizeLinear, and
 * carries its scale and zero point along, since PyTorch's operators on such tensors round their results by them. Packed
 * weights are a dict of the arguments that the convolution or product is called with. */
#include <stdio.h>
#include <string.h>

#include "format/torch/make.h"

/* ---- scales and zero points ---- */

/* As a tensor without axes, which is a constant where the number is one. */
static struct value *scalar(struct torch_reader *t, struct torch_value v, enum dtype dtype)
{
    struct value *x = torch_graph_value(t, v);
    if (!x || t->b->failed)
        return NULL;
    if (!x->constant)
        return build_reshape(t->b, build_cast(t->b, x, dtype), 0, NULL);
    if (x->constant->count != 1) {
        build_fail(t->b, "a scale or zero point of %lld elements", (long long)x->constant->count);
        return NULL;
    }
    return build_number(t->b, dtype, tensor_get_f64(x->constant, 0));
}

/* v rounded to multiples of `from`, which become those of `scale`. */
static struct torch_value round_from(struct torch_reader *t, struct torch_value v, struct value *from,
                                     struct value *scale, struct value *zero)
{
    struct value *x = torch_graph_value(t, v);
    x = BUILD(t->b, "QuantizeLinear", x, from, zero);
    struct torch_value result = torch_tensor(t, BUILD(t->b, "DequantizeLinear", x, scale, zero));
    if (result.kind == TORCH_TENSOR) {
        result.tensor->scale = scale;
        result.tensor->zero = zero;
    }
    return result;
}

static struct torch_value round_by(struct torch_reader *t, struct torch_value v, struct value *scale,
                                   struct value *zero)
{
    return round_from(t, v, scale, scale, zero);
}

static struct torch_value quantise(struct torch_reader *t, struct torch_value v, struct torch_value scale,
                                   struct torch_value zero, enum dtype dtype)
{
    struct value *by = scalar(t, scale, DTYPE_F32), *at = scalar(t, zero, dtype);
    return t->b->failed ? torch_none() : round_by(t, v, by, at);
}

struct torch_value torch_make_quantise(struct torch_reader *t, struct torch_bound *c)
{
    static const enum dtype dtypes[] = {DTYPE_I8, DTYPE_U8}; /* qint8 is 12, quint8 13 */
    int64_t number = c->arg[3].kind == TORCH_INT ? c->arg[3].i : 13;
    if (number != 12 && number != 13) {
        build_fail(t->b, "quantised to element type %lld: want qint8 or quint8", (long long)number);
        return torch_none();
    }
    return quantise(t, c->arg[0], c->arg[1], c->arg[2], dtypes[number - 12]);
}

struct torch_value torch_make_dequantise(struct torch_reader *t, struct torch_bound *c)
{
    return torch_tensor(t, torch_graph_value(t, c->arg[0]));
}

struct torch_value torch_make_is_quantised(struct torch_reader *t, struct torch_bound *c)
{
    (void)t;
    return torch_bool(c->arg[0].kind == TORCH_TENSOR && c->arg[0].tensor->scale);
}

/* ---- operators of tensors that are not quantised in name ---- */

/* What comes out has other values than went in. Of the others elements move, or are compared. */
static bool computes(const char *name)
{
    static const char *const names[] = {"mean",  "leaky_relu", "elu", "hardtanh",     "relu6",    "clamp",
                                        "prelu", "gelu",       "pad", "constant_pad", "threshold"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Operators whose result has a scale of its own: 1/256 by 1 where it lies in [0, 1], 2/256 by 128 in [-1, 1]. */
static bool has_own_scale(const char *name, double *scale, double *zero)
{
    bool signs = strcmp(name, "tanh") == 0;
    *scale = signs ? 2.0 / 256 : 1.0 / 256;
    *zero = signs ? 128 : 0;
    return signs || strcmp(name, "sigmoid") == 0 || strcmp(name, "hardsigmoid") == 0;
}

static bool is_float(struct torch_reader *t, struct torch_value v)
{
    const struct type *type = v.kind == TORCH_TENSOR && !t->b->failed ? build_type(t->b, v.tensor->value) : NULL;
    return type && type->dtype == DTYPE_F32 && !v.tensor->scale;
}

/* Interpolation and means take bytes as they are: sums are exact, and halves are often among them. */
static bool takes_bytes(const char *name, struct torch_value of)
{
    return of.kind == TORCH_TENSOR && of.tensor->scale &&
           (strncmp(name, "upsample", 8) == 0 || strstr(name, "avg_pool"));
}

/* The bytes of a tensor as whole numbers, less its zero point. */
struct torch_value torch_quantised_operand(struct torch_reader *t, const char *name, struct torch_value of)
{
    if (!takes_bytes(name, of))
        return of;
    struct value *x = torch_graph_value(t, of), *zero = of.tensor->zero;
    x = BUILD(t->b, "QuantizeLinear", x, of.tensor->scale, zero);
    return torch_tensor(t, BUILD(t->b, "DequantizeLinear", x, build_number(t->b, DTYPE_F32, 1), zero));
}

/* Whether a list of tensors becomes one, with the scale of the first. */
static bool joins(const char *name)
{
    return strcmp(name, "cat") == 0 || strcmp(name, "concat") == 0 || strcmp(name, "stack") == 0;
}

struct torch_value torch_keep_quantised(struct torch_reader *t, const char *name, struct torch_value of,
                                        struct torch_value result)
{
    double scale, zero;
    if (torch_is_list(of) && of.list->count > 0 && joins(name))
        of = of.list->items[0];
    if (of.kind != TORCH_TENSOR || !of.tensor->scale || strncmp(name, "quant", 5) == 0 ||
        strcmp(name, "dequantize") == 0)
        return result;
    if (torch_is_list(result)) {
        for (size_t i = 0; i < result.list->count; i++)
            result.list->items[i] = torch_keep_quantised(t, name, of, result.list->items[i]);
        return result;
    }
    if (!is_float(t, result))
        return result;
    if (has_own_scale(name, &scale, &zero))
        return round_by(t, result, build_number(t->b, DTYPE_F32, scale), build_number(t->b, DTYPE_U8, zero));
    if (takes_bytes(name, of))
        return round_from(t, result, build_number(t->b, DTYPE_F32, 1), of.tensor->scale, of.tensor->zero);
    if (computes(name) || joins(name))
        return round_by(t, result, of.tensor->scale, of.tensor->zero);
    result.tensor->scale = of.tensor->scale;
    result.tensor->zero = of.tensor->zero;
    return result;
}

/* ---- operators with a scale and zero point behind their arguments ---- */

/* A tensor, or each of a list, without its scale. */
static struct torch_value as_floats(struct torch_reader *t, struct torch_value v)
{
    if (v.kind == TORCH_TENSOR)
        return torch_tensor(t, torch_graph_value(t, v));
    if (!torch_is_list(v) || v.list->tail || v.list->growing)
        return v;
    struct torch_value list = torch_list(t, v.kind);
    for (size_t i = 0; i < v.list->count && !t->b->failed; i++) {
        struct torch_value item = v.list->items[i];
        torch_append(t, list, item.kind == TORCH_TENSOR ? torch_tensor(t, torch_graph_value(t, item)) : item);
    }
    return list;
}

/* The row's operator of floats, with its first arguments. Its result is not rounded by the scale of the first one. */
static struct torch_value call_row(struct torch_reader *t, struct torch_bound *c, int count)
{
    char name[64];
    snprintf(name, sizeof(name), "torch.%.50s", c->row->type);
    c->arg[0] = as_floats(t, c->arg[0]);
    return torch_call_plain(t, name, c->arg, count);
}

static bool ends_in_relu(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, "_relu") == 0;
}

/* The result of the row's operator of floats, rectified where the name says so and the operator does not do it, as
 * leaky_relu() does, and rounded by the last two arguments. */
static struct torch_value finish(struct torch_reader *t, const struct torch_bound *c, struct torch_value v)
{
    if (ends_in_relu(c->row->name) && !ends_in_relu(c->row->type))
        v = torch_tensor(t, BUILD(t->b, "Relu", torch_graph_value(t, v)));
    return quantise(t, v, c->arg[c->count - 2], c->arg[c->count - 1], DTYPE_U8);
}

struct torch_value torch_make_quantised(struct torch_reader *t, struct torch_bound *c)
{
    return finish(t, c, call_row(t, c, c->count - 2));
}

/* ---- packed weights ---- */

static void put(struct torch_reader *t, struct torch_value dict, const char *name, struct torch_value v)
{
    torch_append(t, dict, torch_string(name));
    torch_append(t, dict, v);
}

/* The row's arguments by their names. */
struct torch_value torch_make_prepack(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value dict = torch_list(t, TORCH_DICT);
    const char *names = c->row->args;
    char name[32];
    for (int i = 0; i < c->count && !t->b->failed; i++) {
        size_t n = strcspn(names, " ");
        snprintf(name, sizeof(name), "%.*s", (int)n, names);
        names += n + (names[n] == ' ');
        const char *kept = arena_strdup(&t->arena, name, t->b->err);
        build_check(t->b, kept != NULL);
        put(t, dict, kept, c->arg[i]);
    }
    return dict;
}

static struct torch_value ints(struct torch_reader *t, const struct tensor *x, int64_t *at, int64_t count)
{
    struct torch_value list = torch_list(t, TORCH_LIST);
    for (int64_t i = 0; i < count && *at < x->count; i++)
        torch_append(t, list, torch_int(tensor_get_i64(x, (*at)++)));
    return list;
}

/* (version, [numbers, weight], [bias]): axes, strides, pads, dilations, output pads of so many each, groups. */
static struct torch_value unpacked_conv(struct torch_reader *t, struct torch_value state)
{
    static const char *const names[] = {"stride", "padding", "dilation", "output_padding"};
    struct torch_value dict = torch_list(t, TORCH_DICT), *item = state.list->items;
    if (state.list->count != 3 || !torch_is_list(item[1]) || !torch_is_list(item[2]) || item[1].list->count < 2 ||
        item[2].list->count < 1 || item[1].list->items[0].kind != TORCH_TENSOR ||
        !item[1].list->items[0].tensor->value->constant) {
        build_fail(t->b, "packed weights that are not understood");
        return torch_none();
    }
    const struct tensor *numbers = item[1].list->items[0].tensor->value->constant;
    int64_t at = 1, axes = numbers->count ? tensor_get_i64(numbers, 0) : 0;
    put(t, dict, "weight", item[1].list->items[1]);
    put(t, dict, "bias", item[2].list->items[0]);
    for (int i = 0; i < 4; i++)
        put(t, dict, names[i], ints(t, numbers, &at, axes));
    put(t, dict, "groups", torch_int(at < numbers->count ? tensor_get_i64(numbers, at) : 1));
    return dict;
}

/* What "prepacked.linear_clamp_run" takes: the arguments of "…_prepack". */
static struct torch_value unpacked_clamp(struct torch_reader *t, const char *run, struct torch_value state)
{
    char name[64];
    snprintf(name, sizeof(name), "ops.%.*sprepack", (int)(strlen(run) - strlen("run")), run);
    return torch_call_plain(t, name, state.list->items, (int)state.list->count);
}

/* (version, [weight], …) */
static struct torch_value unpacked_embedding(struct torch_reader *t, struct torch_value state)
{
    struct torch_value dict = torch_list(t, TORCH_DICT), weights = state.list->items[1];
    if (!torch_is_list(weights) || weights.list->count != 1)
        build_fail(t->b, "packed weights that are not understood");
    else
        put(t, dict, "weight", weights.list->items[0]);
    return dict;
}

/* Packed weights of the row's operator as a dict, also where they are an object that stands in the archive. */
static struct torch_value unpack(struct torch_reader *t, const struct torch_row *row, struct torch_value v)
{
    struct torch_object *o = v.kind == TORCH_OBJECT ? v.object : NULL;
    if (v.kind == TORCH_DICT)
        return v;
    if (!o || !o->state || o->state->kind != PICKLE_TUPLE) {
        build_fail(t->b, "packed weights that are not understood");
        return torch_none();
    }
    struct torch_value state = torch_unpickle_part(t, o, (struct pickle *)o->state, o->path);
    if (t->b->failed)
        return torch_none();
    if (strncmp(row->name, "prepacked.", 10) == 0)
        return unpacked_clamp(t, row->name, state);
    if (state.list->count != 2)
        return state.list->count == 4 ? unpacked_embedding(t, state) : unpacked_conv(t, state);
    struct torch_value dict = torch_list(t, TORCH_DICT);
    put(t, dict, "weight", state.list->items[0]);
    put(t, dict, "bias", state.list->items[1]);
    return dict;
}

/* Within the bounds that came with packed weights, if any did. */
static struct torch_value within(struct torch_reader *t, struct torch_value v, struct torch_value packed)
{
    const struct torch_value *least = torch_find_key(t, packed, torch_string("least")),
                             *most = torch_find_key(t, packed, torch_string("most"));
    if (t->b->failed || !least || !most || (least->kind == TORCH_NONE && most->kind == TORCH_NONE))
        return v;
    return torch_call_plain(t, "torch.clamp", (struct torch_value[]){v, *least, *most}, 3);
}

/* The row's operator, called with its first argument and what is packed in the second. */
static struct torch_value call_packed(struct torch_reader *t, const struct torch_bound *c, struct torch_value input)
{
    struct torch_value values[12] = {input}, packed = unpack(t, c->row, c->arg[1]);
    const char *names[12] = {NULL};
    struct torch_args args = {.values = values, .names = names, .count = 1};
    bool transposed = strstr(c->row->type, "transpose") != NULL;
    for (size_t i = 0; !t->b->failed && i + 1 < packed.list->count && args.count < 12; i += 2) {
        const struct torch_value *key = &packed.list->items[i];
        if (key->kind != TORCH_STRING || (strcmp(key->text, "output_padding") == 0 && !transposed))
            continue;
        names[args.count] = key->text;
        values[args.count++] = packed.list->items[i + 1];
    }
    char name[64];
    snprintf(name, sizeof(name), "torch.%.50s", c->row->type);
    return t->b->failed ? torch_none() : within(t, torch_call(t, name, &args), packed);
}

struct torch_value torch_make_quantised_packed(struct torch_reader *t, struct torch_bound *c)
{
    return finish(t, c, call_packed(t, c, c->arg[0]));
}

struct torch_value torch_packed_state(struct torch_reader *t, struct torch_value v)
{
    struct torch_object *o = v.kind == TORCH_OBJECT ? v.object : NULL;
    if (o && o->state && o->state->kind == PICKLE_TUPLE && o->state->size == 5)
        return torch_unpickle_part(t, o, (struct pickle *)o->state, o->path);
    build_fail(t->b, "packed weights of a recurrent layer that are not understood");
    return torch_none();
}

/* Weights that were rounded to 16 bits. */
struct torch_value torch_make_packed_plain(struct torch_reader *t, struct torch_bound *c)
{
    return call_packed(t, c, c->arg[0]);
}

/* The packed weights come first there. */
struct torch_value torch_make_packed_embedding(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value indices = c->arg[1];
    c->arg[1] = c->arg[0];
    return call_packed(t, c, indices);
}

/* ---- products of floats that are rounded for it ---- */

/* x rounded to 128 levels (256 without reduce_range) between its least and largest element, as far as 0 at least.
 * Source: ChooseQuantizationParams() of PyTorch's quant_utils.h. */
static struct torch_value rounded(struct torch_reader *t, struct torch_value x, bool reduce_range)
{
    struct build *b = t->b;
    struct value *v = torch_graph_value(t, x), *zero = build_number(b, DTYPE_F32, 0);
    struct value *top = build_number(b, DTYPE_F32, reduce_range ? 127 : 255);
    struct value *low = BUILD(b, "Min", BUILD(b, "ReduceMin/keepdims=0", v), zero);
    struct value *high = BUILD(b, "Max", BUILD(b, "ReduceMax/keepdims=0", v), zero);
    struct value *scale = BUILD(b, "Div", BUILD(b, "Sub", high, low), top);
    scale = BUILD(b, "Where", BUILD(b, "Equal", scale, zero), build_number(b, DTYPE_F32, 0.1), scale);
    struct value *shift = BUILD(b, "Round", BUILD(b, "Div", BUILD(b, "Neg", low), scale));
    struct value *q = BUILD(b, "Add", BUILD(b, "Round", BUILD(b, "Div", v, scale)), shift);
    q = BUILD(b, "Sub", BUILD(b, "Clip", q, zero, top), shift);
    return torch_tensor(t, BUILD(b, "Mul", q, scale));
}

/* The rank of the input follows from the product before anything is made of it. */
struct torch_value torch_make_packed_linear(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value packed = unpack(t, c->row, c->arg[1]),
                       weight = packed.kind == TORCH_DICT && packed.list->count > 1 ? packed.list->items[1] : packed;
    const struct type *type =
        weight.kind == TORCH_TENSOR && !t->b->failed ? build_type(t->b, weight.tensor->value) : NULL;
    if (type && type->rank == 2 && c->arg[0].kind == TORCH_TENSOR)
        build_expect(t->b, c->arg[0].tensor->value, 2, 1, type->dims[1], DTYPE_NONE);
    if (t->b->failed)
        return torch_none();
    struct torch_value v = call_packed(t, c, rounded(t, c->arg[0], torch_truth(t, c->arg[2]) == 1));
    if (!strstr(c->row->name, "relu") || t->b->failed)
        return v;
    return torch_tensor(t, BUILD(t->b, "Relu", torch_graph_value(t, v)));
}
