/* Operators of classical machine learning (domain ai.onnx.ml) that are ONNX's, or several of these, and the older two
 * of trees. Facts: the domain's operator pages, and for scores of two classes from one column what onnxruntime does. */
#include <string.h>

#include "format/onnx/raise_ml.h"

const struct attr *onnx_ml_list(const struct node *n, const char *name, enum attr_kind kind)
{
    const struct attr *a = node_attr(n, name);
    return a && a->kind == kind && a->n ? a : NULL;
}

struct value *onnx_ml_floats(struct build *b, const char *name, int rank, const int64_t *dims)
{
    const struct attr *a = onnx_ml_list(b->node, name, ATTR_FLOATS);
    if (!a || (int64_t)a->n != tensor_count(rank, dims)) {
        build_fail(b, "attribute %s: %zu floats, want %lld", name, a ? a->n : 0, (long long)tensor_count(rank, dims));
        return NULL;
    }
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, b->err);
    if (t)
        memcpy(t->data, a->floats, t->size);
    return build_constant(b, NULL, t);
}

struct value *onnx_ml_transform(struct build *b, struct value *v)
{
    const struct node *n = b->node;
    if (!node_attr(n, "post_transform") || onnx_edit_attr_is(n, "post_transform", "NONE"))
        return v;
    if (onnx_edit_attr_is(n, "post_transform", "LOGISTIC"))
        return BUILD(b, "Sigmoid", v);
    if (onnx_edit_attr_is(n, "post_transform", "SOFTMAX"))
        return BUILD(b, "Softmax/axis=-1", v);
    build_fail(b, "attribute post_transform: want NONE, LOGISTIC or SOFTMAX");
    return NULL;
}

struct value *onnx_ml_labels(struct build *b, int64_t *count)
{
    static const char *const names[] = {"classlabels_strings", "classlabels_int64s", "classlabels_ints"};
    for (int i = 0; i < 3; i++) {
        const struct attr *a = onnx_ml_list(b->node, names[i], i ? ATTR_INTS : ATTR_STRINGS);
        if (!a)
            continue;
        *count = (int64_t)a->n;
        return build_constant(
            b, NULL, i ? tensor_ints(*count, a->ints, b->err) : tensor_of_strings(1, count, a->strings, b->err));
    }
    build_fail(b, "it names no classes");
    return NULL;
}

/* X [N, features] times the coefficients [rows, features], and the intercepts. */
static struct value *linear(struct build *b, int64_t rows)
{
    const struct attr *all = onnx_ml_list(b->node, "coefficients", ATTR_FLOATS);
    int64_t dims[2] = {rows, all && rows > 0 ? (int64_t)all->n / rows : 0};
    struct value *x = build_cast(b, node_in(b->node, 0), DTYPE_F32),
                 *weight = onnx_ml_floats(b, "coefficients", 2, dims);
    bool biased = onnx_ml_list(b->node, "intercepts", ATTR_FLOATS) != NULL;
    struct value *bias = biased ? onnx_ml_floats(b, "intercepts", 1, dims) : NULL;
    return BUILD(b, "Gemm/transB=1", x, weight, bias);
}

int onnx_raise_linear_regressor(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                                struct error *err)
{
    struct build b = {.node = *n, .err = err};
    (void)c;
    (void)row;
    struct value *y = onnx_ml_transform(&b, linear(&b, onnx_edit_get_int(*n, "targets", 1)));
    return onnx_raise_replaced(n, &b, 1, &y);
}

int onnx_raise_linear_classifier(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                                 struct error *err)
{
    struct build b = {.node = *n, .err = err};
    int64_t count = 0;
    struct value *labels = onnx_ml_labels(&b, &count), *y = linear(&b, count);
    struct value *best = BUILD(&b, "ArgMax/axis=1/keepdims=0", y);
    (void)c;
    (void)row;
    return onnx_raise_replaced(n, &b, 2,
                               (struct value *[]){BUILD(&b, "Gather", labels, best), onnx_ml_transform(&b, y)});
}

int onnx_raise_normalizer(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    static const char *const norms[][2] = {
        {"MAX", "$0 Cast/to=1 >x x [-1] ReduceMax:2 >s x s s =0 Equal:2 Cast/to=1 Add:2 Div:2"},
        {"L1", "$0 Cast/to=1 >x x Abs [-1] ReduceSum:2 >s x s s =0 Equal:2 Cast/to=1 Add:2 Div:2"},
        {"L2", "$0 Cast/to=1 >x x [-1] ReduceL2:2 >s x s s =0 Equal:2 Cast/to=1 Add:2 Div:2"}};
    struct build b = {.node = *n, .err = err};
    struct value *x = node_in(*n, 0), *y = NULL;
    onnx_raise_dtype(c, *n, 0);
    (void)row;
    for (int i = 0; i < 3 && !y; i++)
        if (onnx_edit_attr_is(*n, "norm", norms[i][0]) || (i == 0 && !node_attr(*n, "norm")))
            y = build_formula(&b, norms[i][1], 1, &x);
    if (!y)
        build_fail(&b, "attribute norm: want MAX, L1 or L2");
    return onnx_raise_replaced(n, &b, 1, &y);
}

/* (x - offset) * scale, with one number for all features or one for each. */
int onnx_raise_scaler(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    static const char *const steps[][2] = {{"offset", "Sub"}, {"scale", "Mul"}};
    struct build b = {.node = *n, .err = err};
    struct value *y = BUILD(&b, "Cast/to=1", node_in(*n, 0));
    (void)c;
    (void)row;
    for (int i = 0; i < 2; i++) {
        const struct attr *a = onnx_ml_list(*n, steps[i][0], ATTR_FLOATS);
        if (a)
            y = BUILD(&b, steps[i][1], y, onnx_ml_floats(&b, steps[i][0], 1, (int64_t[]){(int64_t)a->n}));
    }
    return onnx_raise_replaced(n, &b, 1, &y);
}

int onnx_raise_feature_vectorizer(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                                  struct error *err)
{
    struct build b = {.node = *n, .err = err};
    struct value *parts[64];
    int count = (*n)->in_count;
    (void)c;
    (void)row;
    if (count < 1 || count > 64)
        return onnx_edit_error(*n, err, "%d inputs, want 1 to 64", count);
    for (int i = 0; i < count; i++)
        parts[i] = build_cast(&b, node_in(*n, i), DTYPE_F32);
    struct value *y = build_int(&b, build_node(&b, "Concat", count, parts), "axis", 1);
    return onnx_raise_replaced(n, &b, 1, &y);
}

/* A list of maps from class to score: the scores themselves, whose columns are the classes. */
int onnx_raise_zip_map(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    struct build b = {.node = *n, .err = err};
    (void)c;
    (void)row;
    if ((*n)->out_count == 1 && (*n)->out[0])
        (*n)->out[0]->type = (struct type){.kind = TYPE_UNKNOWN, .rank = -1};
    struct value *y = BUILD(&b, "Identity", node_in(*n, 0));
    return onnx_raise_replaced(n, &b, 1, &y);
}

int onnx_raise_imputer(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    struct build b = {.node = *n, .err = err};
    float replaced = onnx_edit_get_float(*n, "replaced_value_float", 0);
    const struct attr *to = onnx_ml_list(*n, "imputed_value_floats", ATTR_FLOATS);
    struct value *in[3] = {node_in(*n, 0), NULL, build_number(&b, DTYPE_F32, (double)replaced)};
    (void)c;
    (void)row;
    in[1] = onnx_ml_floats(&b, "imputed_value_floats", 1, (int64_t[]){to ? (int64_t)to->n : 1});
    bool nan = replaced != replaced;
    struct value *y = build_formula(&b, nan ? "$0 IsNaN $1 $0 Where:3" : "$0 $2 Equal:2 $1 $0 Where:3", 3, in);
    return onnx_raise_replaced(n, &b, 1, &y);
}

int onnx_raise_one_hot_encoder(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                               struct error *err)
{
    struct build b = {.node = *n, .err = err};
    const struct attr *texts = onnx_ml_list(*n, "cats_strings", ATTR_STRINGS),
                      *whole = onnx_ml_list(*n, "cats_int64s", ATTR_INTS);
    int64_t count = texts ? (int64_t)texts->n : 0;
    struct value *in[2] = {node_in(*n, 0), NULL};
    (void)c;
    (void)row;
    if (!texts && !whole)
        return onnx_edit_error(*n, err, "it names no categories");
    in[0] = texts ? in[0] : build_cast(&b, in[0], DTYPE_I64);
    in[1] = build_constant(&b, NULL,
                           texts ? tensor_of_strings(1, &count, texts->strings, err)
                                 : tensor_ints((int64_t)whole->n, whole->ints, err));
    struct value *y = build_formula(&b, "$0 [-1] Unsqueeze:2 $1 Equal:2 Cast/to=1", 2, in);
    return onnx_raise_replaced(n, &b, 1, &y);
}
