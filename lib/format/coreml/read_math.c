/* Functions of each element, products, reductions. */
#include <string.h>

#include "format/coreml/coreml.h"

/* Halves are computed in f32. */
void coreml_read_cast(struct coreml_op *o)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } names[] = {{"fp16", DTYPE_F32},  {"fp32", DTYPE_F32},    {"int32", DTYPE_I32},   {"bool", DTYPE_BOOL},
                 {"int8", DTYPE_I8},   {"uint8", DTYPE_U8},    {"int16", DTYPE_I16},   {"uint16", DTYPE_U16},
                 {"int64", DTYPE_I64}, {"float32", DTYPE_F32}, {"float16", DTYPE_F32}, {"uint32", DTYPE_U32}};
    const char *name = coreml_word(o, *o->type == 'c' && o->type[2] == 'n' ? "output_dtype" : "dtype", "fp32");
    struct value *x = coreml_in(o, strcmp(o->type, "cast") == 0 ? "x" : "source_val");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i].name, name) == 0) {
            bool same = x && build_dtype_of(o->b, x) == names[i].dtype;
            coreml_give(o, 0, same ? x : build_cast(o->b, x, names[i].dtype));
            return;
        }
    build_fail(o->b, "it converts to '%.40s', which is not read", name);
}

void coreml_read_gelu(struct coreml_op *o)
{
    const char *mode = coreml_word(o, "mode", "EXACT");
    int64_t number = o->fields ? coreml_param(o, "mode", 0) : 0;
    if (strcmp(mode, "TANH_APPROXIMATION") == 0 || number == 1)
        coreml_give(o, 0, coreml_formula(o, "$x Gelu/approximate=tanh"));
    else if (strcmp(mode, "SIGMOID_APPROXIMATION") == 0 || number == 2)
        coreml_give(o, 0, coreml_formula(o, "$x >a a a =1.702 Mul:2 Sigmoid Mul:2"));
    else
        coreml_give(o, 0, coreml_formula(o, "$x Gelu"));
}

/* floor(x / y), and what it leaves, which has y's sign. */
void coreml_read_whole(struct coreml_op *o)
{
    bool is_mod = *o->arg == '%', is_float = build_dtype_of(o->b, coreml_in(o, "x")) == DTYPE_F32;
    const char *formula = is_float ? is_mod ? "$x >a $y >b a a b Div:2 Floor b Mul:2 Sub:2" : "$x $y Div:2 Floor"
                          : is_mod ? "$x $y Mod:2"
                                   : "$x >a $y >b a a b Mod:2 Sub:2 b Div:2";
    coreml_give(o, 0, coreml_formula(o, formula));
}

/* Parameters of each channel. */
void coreml_read_prelu(struct coreml_op *o)
{
    struct value *in[3] = {coreml_in(o, "x")};
    int rank = build_rank_of(o->b, in[0]);
    in[1] = build_by_channel(o->b, coreml_in(o, "alpha"), rank);
    in[2] = strcmp(o->type, "prelu") ? build_by_channel(o->b, coreml_in(o, "beta"), rank) : NULL;
    coreml_give(o, 0, build_formula(o->b, o->arg, 3, in));
}

/* x W^T + b, W [out, in]. */
static struct value *product(struct coreml_op *o, struct value *x, struct value *w, struct value *bias)
{
    if (build_rank_of(o->b, x) == 2)
        return BUILD(o->b, "Gemm/transB=1", x, w, bias);
    return build_add(o->b, BUILD(o->b, "MatMul", x, build_permuted(o->b, w, 2, (int64_t[]){1, 0})), bias);
}

void coreml_read_linear(struct coreml_op *o)
{
    coreml_give(o, 0, product(o, coreml_in(o, "x"), coreml_in(o, "weight"), coreml_optional(o, "bias")));
}

static struct value *transposed(struct coreml_op *o, const char *operand, const char *flag)
{
    struct value *v = coreml_in(o, operand);
    return coreml_param(o, flag, 0) ? build_swapped(o->b, v) : v;
}

void coreml_read_matmul(struct coreml_op *o)
{
    struct value *x = transposed(o, "x", "transpose_x"), *y = transposed(o, "y", "transpose_y");
    coreml_give(o, 0, BUILD(o->b, "MatMul", x, y));
}

/* The second operand is the weights, [rows, columns], where there is no other. */
void coreml_read_batched_matmul(struct coreml_op *o)
{
    int64_t dims[] = {coreml_param(o, "columns", 0), coreml_param(o, "rows", 0)}; /* as they lie */
    struct value *y = coreml_optional(o, "y");
    if (y) {
        coreml_read_matmul(o);
        return;
    }
    struct value *v =
        product(o, transposed(o, "x", "transpose_x"), coreml_weights(o, "weight", 2, dims), coreml_bias(o, dims[0]));
    coreml_give(o, 0, v);
}

/* Layers contract the last axis, or the last three, whichever has as many elements. */
void coreml_read_inner_product(struct coreml_op *o)
{
    int64_t dims[] = {coreml_param(o, "channels", 0), coreml_param(o, "in_channels", 0)};
    struct value *x = coreml_in(o, "x"), *bias = coreml_bias(o, dims[0]);
    int rank = build_rank_of(o->b, x);
    bool flat = rank == 4 && build_dim_of(o->b, x, 3) != dims[1];
    if (flat)
        x = BUILD(o->b, "Flatten/axis=1", x);
    struct value *v = product(o, x, coreml_weights(o, "weight", 2, dims), bias);
    coreml_give(o, 0, flat ? build_reshape(o->b, v, 4, (int64_t[]){0, -1, 1, 1}) : v);
}

/* ---- reductions ---- */

void coreml_read_reduce(struct coreml_op *o)
{
    bool all = coreml_param(o, "all", 0) != 0;
    struct value *x = coreml_in(o, "x"), *axes = all ? NULL : coreml_formula(o, "@axes");
    struct value *v = BUILD(o->b, o->arg, x, axes);
    coreml_give(o, 0, build_int(o->b, v, "keepdims", !all && coreml_param(o, "keep_dims", 0) != 0));
}

/* Indices; a layer says whether the axis goes. */
void coreml_read_arg_extreme(struct coreml_op *o)
{
    struct value *v = build_int(o->b, BUILD(o->b, o->arg, coreml_in(o, "x")), "axis", coreml_param(o, "axis", -1));
    build_int(o->b, v, "keepdims", coreml_param(o, "keep_dims", !coreml_param(o, "removes", 1)) != 0);
    coreml_give(o, 0, build_cast(o->b, v, DTYPE_I32));
}

/* The k largest, or smallest, and where they stand; or the order of all. */
void coreml_read_topk(struct coreml_op *o)
{
    bool all = *o->arg != '\0';
    struct value *x = coreml_in(o, "x"), *k = all ? NULL : coreml_formula(o, "@k=1");
    int rank = build_rank_of(o->b, x), axis = build_axis(o->b, coreml_param(o, "axis", -1), rank);
    bool up = all ? !coreml_param(o, "descending", !coreml_param(o, "ascending", 1)) : coreml_param(o, "ascending", 0);
    struct value *v = BUILD(o->b, "TopK", x, all ? build_shape(o->b, x, axis, axis + 1) : k);
    build_int(o->b, build_int(o->b, v, "axis", axis), "largest", !up);
    struct value *at = build_cast(o->b, build_output(o->b, v, 1), DTYPE_I32);
    coreml_give(o, 0, all ? at : v);
    coreml_give(o, 1, at);
}
