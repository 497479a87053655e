/* Matrix products in one form: nn.MatMul, with its bias, over the last axis of a value of any rank. */
#include <string.h>

#include "pass/util.h"

static bool is_product(const struct node *n)
{
    return strcmp(n->op, "MatMul") == 0 && n->in_count >= 2 && n->in[0] && n->in[1] && node_out(n, 0);
}

/* Weights as a matrix: a constant, or one that stays in fewer bits. */
static bool is_matrix(const struct value *v)
{
    const struct node *n = v->producer;
    bool kept = n && strcmp(n->domain, "nn") == 0 && strcmp(n->op, "Dequantize") == 0;
    return (kept || pass_constant(v)) && v->type.rank == 2;
}

/* ---- Gemm ---- */

static struct value *times_alpha(struct graph *g, const struct tensor *b, double alpha, struct error *err)
{
    struct tensor *t = tensor_new(b->dtype, b->rank, b->dims, err);
    if (t)
        pass_times(t, b, 0, b->count, &alpha, 0);
    return pass_add_constant(g, t, err);
}

/* The bias as [N]; *done = 0 when it is something else. */
static struct tensor *plain_bias(const struct tensor *c, int64_t n, double beta, int *done, struct error *err)
{
    if (!(c->count == 1 || (c->count == n && c->dims[c->rank - 1] == n)) || c->rank > 2) {
        *done = 0;
        return NULL;
    }
    if (c->rank == 1 && c->count == n && beta == 1)
        return tensor_ref((struct tensor *)(uintptr_t)c);
    struct tensor *t = tensor_new(c->dtype, 1, &n, err);
    for (int64_t i = 0; t && i < n; i++)
        tensor_set_f64(t, i, tensor_get_f64(c, c->count == 1 ? 0 : i) * beta);
    return t;
}

static int rewrite_gemm(struct node *n, struct error *err)
{
    const struct tensor *b = pass_constant(n->in[1]), *c = pass_constant(node_in(n, 2));
    bool turned = op_int(n, "transB") != 0;
    double alpha = (double)op_float(n, "alpha");
    int done = 1;
    if (!is_matrix(n->in[1]) || !pass_is_float(n->out[0]) || op_int(n, "transA") || (node_in(n, 2) && !c) ||
        (alpha != 1 && !b))
        return 0;
    struct value *in[3] = {n->in[0], NULL, NULL};
    if (c) {
        struct tensor *bias = plain_bias(c, n->in[1]->type.dims[!turned], (double)op_float(n, "beta"), &done, err);
        if (!done)
            return 0;
        in[2] = bias && bias == c ? n->in[2] : pass_add_constant(n->graph, tensor_ref(bias), err);
        tensor_unref(bias);
        if (!in[2])
            return -1;
    }
    in[1] = alpha == 1 ? n->in[1] : times_alpha(n->graph, b, alpha, err);
    bool plain = !turned && !c;
    struct node *product = in[1] ? pass_node(n, plain ? "" : "nn", "MatMul", plain ? 2 : 3, in, err) : NULL;
    if (!product || (turned && node_set_int(product, "transB", 1, err) < 0))
        return -1;
    return pass_replace(n, product, err);
}

/* ---- MatMul, then Add ---- */

/* The constant as one number for each column; 0 when it is something else. */
static int take_bias(struct node *n, struct node *product, struct value *c, struct error *err)
{
    const struct type *y = pass_type(product->out[0]);
    const struct tensor *t = c->constant;
    int done = 1;
    int64_t columns = y && y->rank > 1 ? y->dims[y->rank - 1] : -1;
    if (columns < 1 || product->in[1]->type.rank < 2 || t->rank > y->rank || t->count < 1)
        return 0;
    for (int i = 0; i + 1 < t->rank; i++)
        if (t->dims[i] != 1)
            return 0;
    struct tensor *flat = t->count == 1 ? tensor_ref(c->constant) : tensor_reshaped(t, 1, &t->count, err);
    struct tensor *bias = flat ? plain_bias(flat, columns, 1, &done, err) : NULL;
    tensor_unref(flat);
    if (!done || !flat)
        return flat ? 0 : -1;
    struct value *in[3] = {product->in[0], product->in[1], pass_add_constant(n->graph, bias, err)};
    struct node *fused = in[2] ? pass_node(n, "nn", "MatMul", 3, in, err) : NULL;
    return fused && node_set_name(fused, product->name, err) == 0 ? pass_replace(n, fused, err) : -1;
}

static int rewrite_add(struct node *n, struct error *err)
{
    if (n->in_count != 2 || !pass_is_float(n->out[0]))
        return 0;
    for (int i = 0; i < 2; i++) {
        struct node *product = pass_sole_producer(n->in[i], "", "MatMul");
        if (product && is_product(product) && pass_constant(n->in[1 - i]))
            return take_bias(n, product, n->in[1 - i], err);
    }
    return 0;
}

/* ---- products of reshaped values: at the rank where fewer reshapes are needed ---- */

/* Whether both have the same last axis, and so are rows of the same length. */
static bool keeps_rows(const struct value *x, const struct value *y)
{
    const struct type *s = pass_type(x), *t = pass_type(y);
    return s && t && pass_is_static(x) && pass_is_static(y) && s->rank > 1 && t->rank > 1 &&
           s->dims[s->rank - 1] == t->dims[t->rank - 1] && tensor_count(t->rank, t->dims) > 0;
}

static struct value *reshape(struct node *before, struct value *x, int rank, const int64_t *dims, struct error *err)
{
    struct value *in[2] = {x, x ? pass_add_ints(before->graph, rank, dims, err) : NULL};
    return in[1] ? pass_output(pass_node(before, "", "Reshape", 2, in, err), err) : NULL;
}

/* The product again, put before n, of rows that lie otherwise: x instead of its A, for a result of y's dims. */
static struct node *product_of(struct node *product, struct value *x, const struct type *y, struct node *n,
                               struct error *err)
{
    struct value *in[4] = {x, product->in[1], node_in(product, 2), node_in(product, 3)};
    if (in[3] && !(in[3] = reshape(n, in[3], y->rank, y->dims, err)))
        return NULL;
    struct node *again = pass_node(n, product->domain, "MatMul", 4, in, err);
    return again && node_take_attrs(again, product, err) == 0 && node_set_name(again, product->name, err) == 0 ? again
                                                                                                               : NULL;
}

static bool has_plain_matrix(const struct node *product)
{
    return is_matrix(product->in[1]) && pass_is_static(product->out[0]);
}

/* Whether rewrite_add() comes first: behind a Reshape it would not find the product. */
static bool awaits_bias(const struct node *n)
{
    const struct node *next = pass_is_single(n->out[0]) ? n->out[0]->uses[0].node : NULL;
    return next && !n->domain[0] && node_is(next, "Add") &&
           (pass_constant(node_in(next, 0)) || pass_constant(node_in(next, 1)));
}

static struct node *reshape_before(const struct value *v)
{
    struct node *n = v->producer;
    return n && n->def && node_is(n, "Reshape") && node_in(n, 0) ? n : NULL;
}

/* MatMul(Reshape(x)) → Reshape(MatMul(x)), the Reshape being of whole rows. */
static int reshape_later(struct node *n, struct error *err)
{
    struct node *before = reshape_before(n->in[0]);
    if (!before || awaits_bias(n) || !has_plain_matrix(n) || !keeps_rows(before->in[0], n->in[0]))
        return 0;
    const struct type *y = &n->out[0]->type;
    struct type type = before->in[0]->type;
    type.dims[type.rank - 1] = n->in[1]->type.dims[!op_int(n, "transB")];
    struct node *product = product_of(n, before->in[0], &type, n, err);
    struct value *in[2] = {product ? pass_output(product, err) : NULL, NULL};
    in[1] = in[0] ? pass_add_ints(n->graph, y->rank, y->dims, err) : NULL;
    if (!in[1] || node_set_name(n, "", err))
        return -1;
    return pass_replace(n, pass_node(n, "", "Reshape", 2, in, err), err);
}

/* Reshape(MatMul(Reshape(x))) → MatMul(Reshape(x)), where the first is not of whole rows and so cannot go. */
static int reshape_earlier(struct node *n, struct error *err)
{
    struct node *product = n->in[0]->producer;
    int64_t dims[TENSOR_MAX_RANK];
    if (!product || !product->def || !is_product(product) || !pass_is_single(n->in[0]) || !has_plain_matrix(product) ||
        !reshape_before(product->in[0]) || !keeps_rows(n->out[0], product->out[0]) ||
        keeps_rows(product->in[0]->producer->in[0], product->in[0]))
        return 0;
    int rank = n->out[0]->type.rank;
    memcpy(dims, n->out[0]->type.dims, sizeof(dims));
    dims[rank - 1] = product->in[1]->type.dims[op_int(product, "transB") != 0];
    struct value *x = reshape(n, product->in[0], rank, dims, err);
    return x ? pass_replace(n, product_of(product, x, &n->out[0]->type, n, err), err) : -1;
}

static int rewrite(struct node *n, struct error *err)
{
    if (!node_in(n, 0) || !node_in(n, 1) || !node_out(n, 0))
        return 0;
    if (node_is(n, "Reshape"))
        return reshape_earlier(n, err);
    if (node_is(n, "Gemm"))
        return rewrite_gemm(n, err);
    if (node_is(n, "Add"))
        return rewrite_add(n, err);
    return is_product(n) ? reshape_later(n, err) : 0;
}

int pass_matmul_add(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
