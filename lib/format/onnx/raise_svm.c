/* Support vector machines (domain ai.onnx.ml). Facts: the operators' pages, and for what a classifier's scores are, and
 * which class wins, what onnxruntime does. */
#include <string.h>

#include "format/onnx/raise_ml.h"

#define MOST_CLASSES 256

/* Kernels of X [N, features], $0, with vectors [n, features], $1; $2 to $4 are gamma, coef0 and the degree. */
static const char *const kernels[][2] = {
    {"LINEAR", "$0 $1 Transpose/perm=1,0 MatMul:2"},
    {"POLY", "$0 $1 Transpose/perm=1,0 MatMul:2 $2 Mul:2 $3 Add:2 $4 Pow:2"},
    {"RBF", "$0 [1] Unsqueeze:2 $1 Sub:2 [2] ReduceSumSquare:2/keepdims=0 $2 Mul:2 Neg Exp"},
    {"SIGMOID", "$0 $1 Transpose/perm=1,0 MatMul:2 $2 Mul:2 $3 Add:2 Tanh"}};

/* [N, count] */
static struct value *kernel_of(struct build *b, int64_t count)
{
    const struct node *n = b->node;
    const struct attr *given = onnx_ml_list(n, "kernel_params", ATTR_FLOATS);
    const struct attr *all = onnx_ml_list(n, "support_vectors", ATTR_FLOATS);
    int64_t dims[2] = {count, all && count > 0 ? (int64_t)all->n / count : 0};
    const char *kernel = NULL;
    struct value *in[5] = {build_cast(b, node_in(n, 0), DTYPE_F32)};
    for (int i = 0; i < 4 && count > 0; i++)
        if (onnx_edit_attr_is(n, "kernel_type", kernels[i][0]) || (i == 0 && !node_attr(n, "kernel_type")))
            kernel = kernels[i][1];
    for (int i = 0; i < 3; i++)
        in[2 + i] = build_number(b, DTYPE_F32, given && given->n == 3 ? (double)given->floats[i] : 0);
    if (!kernel)
        build_fail(b, "want support vectors and a kernel of LINEAR, POLY, RBF or SIGMOID");
    in[1] = onnx_ml_floats(b, "support_vectors", 2, dims);
    return build_formula(b, b->failed ? "$0" : kernel, 5, in);
}

int onnx_raise_svm_regressor(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                             struct error *err)
{
    struct build b = {.node = *n, .err = err};
    int64_t count = onnx_edit_get_int(*n, "n_supports", 0);
    (void)c;
    (void)row;
    struct value *y =
        BUILD(&b, "MatMul", kernel_of(&b, count), onnx_ml_floats(&b, "coefficients", 2, (int64_t[]){count, 1}));
    y = BUILD(&b, "Add", y, onnx_ml_floats(&b, "rho", 1, (int64_t[]){1}));
    if (onnx_edit_get_int(*n, "one_class", 0) != 0)
        y = build_formula(&b, "$0 =0 Greater:2 =1 =-1 Where:3", 1, &y);
    y = onnx_ml_transform(&b, y);
    return onnx_raise_replaced(n, &b, 1, &y);
}

/* Each two classes i < j are told apart by the vectors of both, of which those of j have their coefficients for it in
 * row i, those of i in row j - 1. A sum above 0 is a vote for i, any other one for j; each against is taken off too,
 * which changes nothing as all classes stand in as many pairs. */
struct pairs {
    int64_t classes, vectors, pairs;
    const int64_t *of_class; /* [classes]: vectors, which stand class by class */
    const float *from;       /* [classes - 1][vectors] */
    float *weights, *votes;  /* [vectors][pairs], [pairs][classes] */
};

static void fill_class(const struct pairs *p, int64_t pair, int64_t class, int64_t row, float vote)
{
    int64_t first = 0;
    for (int64_t i = 0; i < class; i++)
        first += p->of_class[i];
    for (int64_t v = first; v < first + p->of_class[class]; v++)
        p->weights[v * p->pairs + pair] = p->from[row * p->vectors + v];
    p->votes[pair * p->classes + class] = vote;
}

static void fill_pairs(const struct pairs *p)
{
    int64_t pair = 0;
    for (int64_t i = 0; i < p->classes; i++)
        for (int64_t j = i + 1; j < p->classes; j++, pair++) {
            fill_class(p, pair, i, j - 1, 1);
            fill_class(p, pair, j, i, -1);
        }
}

static void count_pairs(struct pairs *p, struct build *b)
{
    const struct attr *of_class = onnx_ml_list(b->node, "vectors_per_class", ATTR_INTS);
    const struct attr *from = onnx_ml_list(b->node, "coefficients", ATTR_FLOATS);
    bool fits = from && (int64_t)of_class->n == p->classes && p->classes > 1 && p->classes <= MOST_CLASSES;
    for (size_t i = 0; fits && i < of_class->n; i++) {
        fits = of_class->ints[i] >= 0 && of_class->ints[i] <= (int64_t)from->n;
        p->vectors += fits ? of_class->ints[i] : 0;
    }
    if (!fits || p->vectors * (p->classes - 1) != (int64_t)from->n) {
        build_fail(b, "want 2 to %d classes, and vectors_per_class and coefficients that fit", MOST_CLASSES);
        return;
    }
    p->of_class = of_class->ints, p->from = from->floats, p->pairs = p->classes * (p->classes - 1) / 2;
}

/* Scores: a column a pair; of two classes also one of the other sign, before it. */
int onnx_raise_svm_classifier(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                              struct error *err)
{
    struct build b = {.node = *n, .err = err};
    struct pairs p = {0};
    (void)c;
    (void)row;
    /* Probabilities come from a search that stops before its end; without vectors it is another operator. */
    if (onnx_ml_list(*n, "prob_a", ATTR_FLOATS) || !onnx_ml_list(*n, "vectors_per_class", ATTR_INTS))
        return 0;
    struct value *labels = onnx_ml_labels(&b, &p.classes);
    count_pairs(&p, &b);
    struct tensor *weights = tensor_new(DTYPE_F32, 2, (int64_t[]){p.vectors, p.pairs}, err),
                  *votes = tensor_new(DTYPE_F32, 2, (int64_t[]){p.pairs, p.classes}, err);
    build_check(&b, weights && votes);
    if (!b.failed) {
        p.weights = weights->data, p.votes = votes->data;
        fill_pairs(&p);
    }
    struct value *in[2] = {NULL, build_constant(&b, NULL, votes)}, *weight = build_constant(&b, NULL, weights);
    in[0] = BUILD(&b, "MatMul", kernel_of(&b, p.vectors), weight);
    in[0] = BUILD(&b, "Add", in[0], onnx_ml_floats(&b, "rho", 1, &p.pairs));
    struct value *best =
        build_formula(&b, "$0 =0 Greater:2 =1 =-1 Where:3 $1 MatMul:2 ArgMax/axis=1/keepdims=0", 2, in);
    best = BUILD(&b, "Gather", labels, best);
    if (p.pairs == 1)
        in[0] = build_formula(&b, "$0 Neg $0 Concat:2/axis=1", 1, in);
    return onnx_raise_replaced(n, &b, 2, (struct value *[]){best, onnx_ml_transform(&b, in[0])});
}
