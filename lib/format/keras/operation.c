/* Operations on tensors within a model: of keras.ops, and of TensorFlow as Keras 2 keeps them. Their parameters are
 * keyword arguments, arguments by position, or members of the configuration. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/packed.h"
#include "format/keras/keras.h"

/* ---- functions ---- */

static struct value *input(struct keras_call *l)
{
    return keras_in(l, 0);
}

static struct value *first_tensor(struct keras_call *l)
{
    return l->in_count ? l->in[0] : NULL;
}

static bool is_float(struct keras_call *l, struct value *v)
{
    return dtype_info(build_dtype_of(l->b, v))->class == DTYPE_CLASS_FLOAT;
}

/* v as f32, unless it is of floats. */
static struct value *real(struct keras_call *l, struct value *v)
{
    return is_float(l, v) ? v : build_cast(l->b, v, DTYPE_F32);
}

static struct value *truth(struct keras_call *l, struct value *v)
{
    return build_dtype_of(l->b, v) == DTYPE_BOOL ? v : build_cast(l->b, v, DTYPE_BOOL);
}

static void read_binary(struct keras_call *l)
{
    const char *second = keras_parameter(l, "y", -1) ? "y" : keras_parameter(l, "b", -1) ? "b" : "x2";
    struct value *a = keras_operand(l, "x1", 0, first_tensor(l)), *b = keras_operand(l, second, 1, a);
    build_promote(l->b, &a, &b);
    if (strcmp(l->kind->onnx, "Div") == 0) {
        a = real(l, a);
        b = real(l, b);
    }
    keras_give(l, BUILD(l->b, l->kind->onnx, a, b));
}

/* Of two truth values, or one. */
static void read_logical(struct keras_call *l)
{
    struct value *a = truth(l, keras_operand(l, "x1", 0, first_tensor(l)));
    bool single = strcmp(l->kind->onnx, "Not") == 0;
    keras_give(l, BUILD(l->b, l->kind->onnx, a, single ? NULL : truth(l, keras_operand(l, "x2", 1, a))));
}

static void read_unary(struct keras_call *l)
{
    keras_give(l, BUILD(l->b, l->kind->onnx, input(l)));
}

/* Of floats, which integers become. */
static void read_real(struct keras_call *l)
{
    keras_give(l, BUILD(l->b, l->kind->onnx, real(l, input(l))));
}

static void read_rounded(struct keras_call *l)
{
    int64_t decimals = keras_parameter_int(l, "decimals", -1, 0);
    struct value *x = real(l, input(l)), *factor = build_number(l->b, DTYPE_F32, pow(10, (double)decimals));
    if (!decimals)
        keras_give(l, BUILD(l->b, "Round", x));
    else
        keras_give(l, BUILD(l->b, "Div", BUILD(l->b, "Round", BUILD(l->b, "Mul", x, factor)), factor));
}

static void read_function(struct keras_call *l)
{
    keras_give(l, keras_activation(l, input(l), l->kind->onnx));
}

/* keras.ops approximates unless told otherwise, tf.nn does not. */
static void read_gelu(struct keras_call *l)
{
    struct value *v = BUILD(l->b, "Gelu", input(l));
    keras_give(l, keras_parameter_flag(l, "approximate", 1) ? build_string(l->b, v, "approximate", "tanh") : v);
}

static void read_leaky(struct keras_call *l)
{
    const struct json_node *n = keras_parameter(l, "negative_slope", -1);
    n = n ? n : keras_parameter(l, "alpha", 1);
    struct value *v = BUILD(l->b, "LeakyRelu", input(l));
    keras_give(l, build_float(l->b, v, "alpha", n && n->kind == JSON_NUMBER ? (float)n->number : 0.2f));
}

static void read_along(struct keras_call *l)
{
    keras_give(l, build_int(l->b, BUILD(l->b, l->kind->onnx, input(l)), "axis", keras_parameter_int(l, "axis", 1, -1)));
}

static void read_reduce(struct keras_call *l)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = keras_parameter_list(l, "axis", 1, axes, TENSOR_MAX_RANK);
    bool averages = strcmp(l->kind->onnx, "ReduceMean") == 0 || strcmp(l->kind->onnx, "ReduceLogSumExp") == 0;
    struct value *x = averages ? real(l, input(l)) : input(l);
    if (build_dtype_of(l->b, x) == DTYPE_BOOL)
        x = build_cast(l->b, x, DTYPE_I32);
    if (keras_parameter(l, "initial", -1))
        build_fail(l->b, "it has a value to begin with, which is not read");
    struct value *v = BUILD(l->b, l->kind->onnx, x, count >= 0 ? build_list(l->b, count, axes) : NULL);
    keras_give(l, build_int(l->b, v, "keepdims", keras_parameter_flag(l, "keepdims", 2)));
}

static void read_norm(struct keras_call *l)
{
    const struct json_node *n = keras_parameter(l, "ord", 1);
    int64_t axes[TENSOR_MAX_RANK];
    int count = keras_parameter_list(l, "axis", 2, axes, TENSOR_MAX_RANK);
    bool is_one = n && n->kind == JSON_NUMBER && n->number == 1 && count == 1;
    if (n && !is_one && !(n->kind == JSON_NUMBER && n->number == 2 && count == 1))
        build_fail(l->b, "its order is not read, want 1 or 2 of one axis");
    struct value *list = count >= 0 ? build_list(l->b, count, axes) : NULL;
    struct value *v = BUILD(l->b, is_one ? "ReduceL1" : "ReduceL2", real(l, input(l)), list);
    keras_give(l, build_int(l->b, v, "keepdims", keras_parameter_flag(l, "keepdims", 3)));
}

static void read_extreme(struct keras_call *l)
{
    struct value *v = BUILD(l->b, l->kind->onnx, input(l));
    build_int(l->b, v, "axis", keras_parameter_int(l, "axis", 1, 0));
    keras_give(l, build_cast(l->b, build_int(l->b, v, "keepdims", keras_parameter_flag(l, "keepdims", -1)), DTYPE_I32));
}

static void read_clip(struct keras_call *l)
{
    bool is_keras = keras_parameter(l, "x_min", -1);
    struct value *low = keras_operand(l, is_keras ? "x_min" : "clip_value_min", 1, input(l));
    struct value *high = keras_operand(l, is_keras ? "x_max" : "clip_value_max", 2, input(l));
    keras_give(l, BUILD(l->b, "Clip", input(l), low, high));
}

static void read_cast(struct keras_call *l)
{
    enum dtype dtype = keras_named_type(keras_parameter(l, "dtype", 1));
    if (dtype == DTYPE_NONE)
        build_fail(l->b, "its type is not read");
    keras_give(l, build_cast(l->b, input(l), dtype));
}

static void read_where(struct keras_call *l)
{
    struct value *condition = keras_operand(l, "condition", 0, NULL), *like = l->in_count > 1 ? l->in[1] : NULL;
    const char *first = keras_parameter(l, "x", -1) ? "x" : "x1", *second = keras_parameter(l, "y", -1) ? "y" : "x2";
    struct value *a = keras_operand(l, first, 1, like), *b = keras_operand(l, second, 2, like);
    build_promote(l->b, &a, &b);
    keras_give(l, BUILD(l->b, "Where", truth(l, condition), a, b));
}

#define MOST_OPERANDS 8

static void read_einsum(struct keras_call *l)
{
    const struct json_node *n = keras_parameter(l, "subscripts", -1);
    struct value *in[MOST_OPERANDS];
    int count = 0;
    for (; keras_by_position(l, count) && !l->b->failed; count++) {
        if (count == MOST_OPERANDS) {
            build_fail(l->b, "more than %d operands", MOST_OPERANDS);
            return;
        }
        in[count] = keras_operand(l, "operands", count, first_tensor(l));
    }
    if (!count)
        build_fail(l->b, "it has no operands");
    struct value *v = l->b->failed ? NULL : build_node(l->b, "Einsum", count, in);
    keras_give(l, build_string(l->b, v, "equation", n && n->kind == JSON_STRING ? n->string : ""));
}

/* ---- formulas ---- */

static keras_layer_fn read_real_formula;

/* "0": the argument by position; "scale": that of the name. */
static struct value *term(void *op, const char *name, bool want)
{
    struct keras_call *l = op;
    int k = isdigit((unsigned char)*name) ? *name - '0' : -1;
    name = k < 0 ? name : "x";
    struct value *v = want || keras_parameter(l, name, k) ? keras_operand(l, name, k, first_tensor(l)) : NULL;
    return v && l->kind->read == read_real_formula ? real(l, v) : v;
}

static struct value *any_term(void *op, int k)
{
    struct keras_call *l = op;
    return l->kind->read == read_real_formula ? real(l, l->in[k]) : l->in[k];
}

static const char *text(void *op, const char *name)
{
    const struct json_node *n = keras_parameter(op, name, -1);
    return n && n->kind == JSON_STRING ? n->string : NULL;
}

static int numbers(void *op, const char *name, double *values, int max)
{
    struct keras_call *l = op;
    int64_t ints[KERAS_OUTPUTS];
    const struct json_node *n = keras_parameter(l, name, -1);
    if (n && n->kind != JSON_ARRAY) {
        values[0] = n->kind == JSON_NUMBER ? n->number : n->kind == JSON_TRUE;
        return 1;
    }
    int count = n ? keras_parameter_list(l, name, -1, ints, max < KERAS_OUTPUTS ? max : KERAS_OUTPUTS) : -1;
    for (int i = 0; i < count; i++)
        values[i] = (double)ints[i];
    return count;
}

static void give_formula(struct keras_call *l, const char *formula)
{
    const struct build_terms t = {.op = l,
                                  .in = term,
                                  .at = any_term,
                                  .count = l->in_count,
                                  .numbers = numbers,
                                  .text = text,
                                  .call = torch_formula_call,
                                  .kept = &l->r->formulas};
    /* The layer of a TFOpLambda has a type too, which is not that of its result. */
    enum dtype dtype = keras_named_type(keras_member(l, "function") ? NULL : keras_parameter(l, "dtype", -1));
    l->out_count = build_formulas(l->b, formula, &t, l->out, KERAS_OUTPUTS);
    if (dtype != DTYPE_NONE && l->out_count == 1 && build_dtype_of(l->b, l->out[0]) != dtype)
        l->out[0] = build_cast(l->b, l->out[0], dtype);
}

static void read_formula(struct keras_call *l)
{
    give_formula(l, l->kind->onnx);
}

/* Its operands are floats, which integers become. */
static void read_real_formula(struct keras_call *l)
{
    give_formula(l, l->kind->onnx);
}

/* Without an axis all elements would count as one row, those of other batches too. */
static void read_by_axis(struct keras_call *l)
{
    if (!keras_parameter(l, "axis", -1))
        build_fail(l->b, "want an axis");
    read_formula(l);
}

/* Quotients are rounded down, remainders have the sign of the divisor: of whole numbers as ONNX's Mod, not its Div. */
static void read_floor_divide(struct keras_call *l)
{
    give_formula(l, is_float(l, first_tensor(l)) ? "$0 $1 Div:2 Floor" : "$0 $0 $1 Mod:2 Sub:2 $1 Div:2");
}

static void read_mod(struct keras_call *l)
{
    give_formula(l, is_float(l, first_tensor(l)) ? "$0 $0 $1 Div:2 Floor $1 Mul:2 Sub:2" : "$0 $1 Mod:2");
}

static void read_flipped(struct keras_call *l)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = keras_parameter_list(l, "axis", 1, axes, TENSOR_MAX_RANK);
    struct value *v = input(l);
    if (count < 1)
        build_fail(l->b, "want axes to flip");
    for (int i = 0; i < count; i++)
        v = keras_reversed(l, v, axes[i]);
    keras_give(l, v);
}

static void read_rolled(struct keras_call *l)
{
    int64_t shifts[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int count = keras_parameter_list(l, "shift", 1, shifts, TENSOR_MAX_RANK);
    if (count < 1 || keras_parameter_list(l, "axis", 2, axes, TENSOR_MAX_RANK) != count)
        build_fail(l->b, "want a shift for each axis");
    for (int i = 0; i < count && !l->b->failed; i++)
        axes[i] = keras_axis(l, axes[i], keras_rank(l, input(l)));
    keras_give(l, build_roll(l->b, input(l), l->b->failed ? 0 : count, shifts, axes));
}

/* ---- shapes ---- */

static bool bound(struct keras_call *l, const struct json_node *slice, const char *name, int64_t *value)
{
    const struct json *j = &l->r->json;
    const struct json_node *config = json_member(j, slice, "config"),
                           *n = json_member(j, config ? config : slice, name);
    bool given = n && n->kind != JSON_NULL;
    if (given)
        *value = keras_number(l, n, name);
    return given;
}

/* One of x[1:5:2, ..., None, 3]. */
static void add_entry(struct keras_call *l, struct build_slice_entries *s, const struct json_node *n)
{
    int i = s->count++;
    const char *class = keras_class_of(&l->r->json, n);
    s->step[i] = 1;
    if (n->kind == JSON_NULL) {
        s->new_axis |= 1u << i;
    } else if (n->kind == JSON_NUMBER) {
        s->begin[i] = keras_number(l, n, "index");
        s->shrink |= 1u << i;
    } else if (strcmp(class, "__ellipsis__") == 0) {
        s->ellipsis |= 1u << i;
    } else {
        s->no_begin |= bound(l, n, "start", &s->begin[i]) ? 0 : 1u << i;
        s->no_end |= bound(l, n, "stop", &s->end[i]) ? 0 : 1u << i;
        bound(l, n, "step", &s->step[i]);
    }
}

static void read_item(struct keras_call *l)
{
    struct build_slice_entries s = {0};
    const struct json *j = &l->r->json;
    const struct json_node *slices = keras_parameter(l, "slice_spec", 1);
    if (!slices)
        slices = keras_parameter(l, "key", -1);
    if (slices && slices->kind != JSON_ARRAY)
        add_entry(l, &s, slices);
    for (const struct json_node *n = slices && slices->kind == JSON_ARRAY ? json_first(j, slices) : NULL; n;
         n = json_next(j, n)) {
        if (s.count == TENSOR_MAX_RANK) {
            build_fail(l->b, "an index of more than %d parts", TENSOR_MAX_RANK);
            return;
        }
        add_entry(l, &s, n);
    }
    if (!s.count)
        build_fail(l->b, "it has no index");
    keras_give(l, l->b->failed ? NULL : build_slice_all(l->b, input(l), keras_rank(l, input(l)), &s));
}

static void read_reshaped(struct keras_call *l)
{
    int64_t dims[TENSOR_MAX_RANK];
    const char *name = keras_parameter(l, "newshape", -1) ? "newshape" : "shape";
    int count = keras_parameter_list(l, name, 1, dims, TENSOR_MAX_RANK);
    if (count < 0)
        build_fail(l->b, "it has no shape");
    keras_give(l, build_reshape(l->b, input(l), count, dims));
}

static void read_transposed(struct keras_call *l)
{
    int64_t perm[TENSOR_MAX_RANK];
    const char *name = keras_parameter(l, "axes", -1) ? "axes" : "perm";
    int count = keras_parameter_list(l, name, 1, perm, TENSOR_MAX_RANK);
    keras_give(l, count > 0 ? build_transpose(l->b, input(l), count, perm) : BUILD(l->b, "Transpose", input(l)));
}

/* Axes from[n] go to the places to[n]; the others keep their order. */
static void move_axes(struct keras_call *l, int n, const int64_t *from, const int64_t *to)
{
    int rank = keras_rank(l, input(l)), next = 0;
    int64_t perm[TENSOR_MAX_RANK];
    unsigned moved = 0, taken = 0;
    for (int i = 0; i < n && !l->b->failed; i++) {
        int place = keras_axis(l, to[i], rank);
        perm[place] = keras_axis(l, from[i], rank);
        moved |= 1u << perm[place];
        taken |= 1u << place;
    }
    if (n < 1 || __builtin_popcount(moved) != n || __builtin_popcount(taken) != n)
        build_fail(l->b, "want each axis once");
    for (int i = 0; i < rank && !l->b->failed; i++) {
        while (moved & 1u << next)
            next++;
        if (!(taken & 1u << i))
            perm[i] = next++;
    }
    keras_give(l, l->b->failed ? NULL : build_transpose(l->b, input(l), rank, perm));
}

static void read_moved(struct keras_call *l)
{
    int64_t from[TENSOR_MAX_RANK], to[TENSOR_MAX_RANK];
    int n = keras_parameter_list(l, "source", -1, from, TENSOR_MAX_RANK);
    move_axes(l, keras_parameter_list(l, "destination", -1, to, TENSOR_MAX_RANK) == n ? n : 0, from, to);
}

static void read_swapped(struct keras_call *l)
{
    int64_t axes[] = {keras_parameter_int(l, "axis1", -1, 0), keras_parameter_int(l, "axis2", -1, 0)};
    move_axes(l, axes[0] == axes[1] ? 1 : 2, axes, (int64_t[]){axes[1], axes[0]});
}

static void read_joined(struct keras_call *l)
{
    bool stack = strcmp(l->kind->onnx, "Stack") == 0;
    int64_t axis = keras_parameter_int(l, "axis", -1, 0);
    for (int i = 0; i < l->in_count && stack; i++)
        l->in[i] = build_unsqueeze(l->b, l->in[i], axis);
    build_promote_all(l->b, l->in_count, l->in);
    struct value *v = l->b->failed ? NULL : build_node(l->b, "Concat", l->in_count, l->in);
    keras_give(l, build_int(l->b, v, "axis", axis));
}

static void read_expanded(struct keras_call *l)
{
    int64_t axes[TENSOR_MAX_RANK] = {0};
    int count = keras_parameter_list(l, "axis", 1, axes, TENSOR_MAX_RANK);
    keras_give(l, BUILD(l->b, "Unsqueeze", input(l), build_list(l->b, count > 0 ? count : 1, axes)));
}

static void read_squeezed(struct keras_call *l)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = keras_parameter_list(l, "axis", 1, axes, TENSOR_MAX_RANK);
    keras_give(l, BUILD(l->b, "Squeeze", input(l), count >= 0 ? build_list(l->b, count, axes) : NULL));
}

/* As many tensors as the axis is long. */
static void read_unstacked(struct keras_call *l)
{
    int axis = keras_axis(l, keras_parameter_int(l, "axis", -1, 0), keras_rank(l, input(l)));
    int64_t count = keras_dim(l, input(l), axis);
    if (count < 1 || count > KERAS_OUTPUTS)
        build_fail(l->b, "want an axis of 1 to %d", KERAS_OUTPUTS);
    for (int64_t i = 0; i < count && !l->b->failed; i++) {
        struct value *v = BUILD(l->b, "Gather", input(l), build_number(l->b, DTYPE_I64, (double)i));
        keras_give(l, build_int(l->b, v, "axis", axis));
    }
}

/* Of two rows of coordinates. */
static void read_meshgrid(struct keras_call *l)
{
    bool by_columns = strcmp(keras_text(l, "indexing", "xy"), "xy") == 0;
    if (keras_by_position(l, 2) || keras_rank(l, first_tensor(l)) != 1)
        build_fail(l->b, "want two tensors of one axis");
    give_formula(l, by_columns ? "$1 Shape $0 Shape Concat:2/axis=0 >s $0 s Expand:2 $1 [1] Unsqueeze:2 s Expand:2"
                               : "$0 Shape $1 Shape Concat:2/axis=0 >s $0 [1] Unsqueeze:2 s Expand:2 $1 s Expand:2");
}

/* Of more axes the second one's last but one is summed over, and not each matrix multiplied with one. */
static void read_dot(struct keras_call *l)
{
    struct value *a = keras_operand(l, "x1", 0, first_tensor(l)), *b = keras_operand(l, "x2", 1, a);
    if (!l->b->failed && (keras_rank(l, b) > 2 || !keras_rank(l, a) || !keras_rank(l, b)))
        keras_read_tensordot(l);
    else
        keras_give(l, BUILD(l->b, "MatMul", a, b));
}

static void read_padded(struct keras_call *l)
{
    const struct json *j = &l->r->json;
    const struct json_node *n = keras_parameter(l, keras_parameter(l, "pad_width", -1) ? "pad_width" : "paddings", 1),
                           *mode = keras_parameter(l, "mode", 2);
    int64_t pads[2 * TENSOR_MAX_RANK] = {0}, pair[2];
    int rank = keras_rank(l, input(l)), i = 0;
    for (const struct json_node *e = n ? json_first(j, n) : NULL; e && !l->b->failed; e = json_next(j, e), i++) {
        if (i == rank || keras_list_of(l, e, "pads", pair, 2) != 2) {
            build_fail(l->b, "its pads are not two for each axis");
            return;
        }
        pads[i] = pair[0];
        pads[rank + i] = pair[1];
    }
    const char *word = mode && mode->kind == JSON_STRING ? mode->string : "constant";
    bool reflects = strcasecmp(word, "reflect") == 0;
    if (!reflects && strcasecmp(word, "constant") != 0)
        build_fail(l->b, "its mode is not read, want constant or reflect");
    struct value *fill = NULL;
    if (keras_parameter(l, "constant_values", 3))
        fill = keras_operand(l, "constant_values", 3, input(l));
    struct value *v = BUILD(l->b, "Pad", input(l), build_list(l->b, 2 * rank, pads), fill);
    keras_give(l, reflects ? build_string(l->b, v, "mode", "reflect") : v);
}

static void read_tiled(struct keras_call *l)
{
    int64_t counts[TENSOR_MAX_RANK];
    const char *name = keras_parameter(l, "repeats", -1) ? "repeats" : "multiples";
    int count = keras_parameter_list(l, name, 1, counts, TENSOR_MAX_RANK);
    int rank = keras_rank(l, input(l));
    if (count < 0 || count > rank)
        build_fail(l->b, "it has no repeats, or more than axes");
    for (; count < rank && !l->b->failed; count++) {
        memmove(counts + 1, counts, (size_t)count * sizeof *counts);
        counts[0] = 1;
    }
    keras_give(l, BUILD(l->b, "Tile", input(l), build_list(l->b, count, counts)));
}

static void read_resized(struct keras_call *l)
{
    int64_t size[2];
    static const char *const others[] = {"preserve_aspect_ratio", "crop_to_aspect_ratio", "pad_to_aspect_ratio"};
    const char *name = keras_parameter(l, "interpolation", -1) ? "interpolation" : "method";
    const struct json_node *mode = keras_parameter(l, name, 2);
    bool other = false;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        other |= keras_parameter_flag(l, others[i], -1);
    if (keras_parameter_list(l, "size", 1, size, 2) != 2 || other)
        build_fail(l->b, "want a size of two numbers, and all of the picture");
    const char *text = mode && mode->kind == JSON_STRING ? mode->string : "bilinear";
    keras_give(l, keras_resize(l, text, keras_parameter_flag(l, "antialias", -1), size));
}

#define read_split         keras_read_split
#define read_stft          keras_read_stft
#define read_patches       keras_read_patches
#define read_pool          keras_read_pool
#define read_adaptive_pool keras_read_adaptive_pool
#define read_tensordot     keras_read_tensordot
#define read_select        keras_read_select
#define read_diagonal      keras_read_diagonal

/* ---- the table ---- */

static keras_layer_fn *const rest[] = {
#define OP(name, function, onnx) read_##function,
#include "format/keras/operation.def"
#undef OP
};

#include "format/keras/operation.inc"
PACKED_TABLE(operations, struct keras_kind, 2, rest);

const struct keras_kind *keras_find_operation(const char *name)
{
    return packed_find(&operations, name);
}

/* TensorFlow's function, or else the class of keras.ops that is called like it: Mean for "math.reduce_mean". A formula
 * does not see parameters by position, as functions may have them. */
static const struct keras_kind *find_function(const char *name)
{
    const struct keras_kind *kind = keras_find_operation(name);
    const char *at = strrchr(name, '.');
    char class[64];
    size_t n = 0;
    at = at ? at + 1 : name;
    at += strncmp(at, "reduce_", 7) == 0 ? 7 : 0;
    for (bool begins = true; *at && n + 1 < sizeof(class); begins = *at++ == '_')
        if (*at != '_')
            class[n++] = (char)(begins ? toupper((unsigned char)*at) : *at);
    class[n] = '\0';
    if (!kind && (kind = keras_find_operation(class)) && kind->onnx && strpbrk(kind->onnx, "@#"))
        kind = NULL;
    return kind;
}

/* One that TFOpLambda names. */
void keras_read_operation(struct keras_call *l)
{
    const char *name = keras_text(l, "function", "__operators__.getitem");
    name += strncmp(name, "tf.", 3) == 0 ? 3 : 0;
    l->kind = find_function(name);
    if (l->kind)
        l->kind->read(l);
    else
        build_fail(l->b, "the operation \"%.100s\" is not read", name);
}
