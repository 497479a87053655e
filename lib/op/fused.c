/* The fused forms of domain "nn": their types, and their exact decomposition into ONNX's operators. */
#include "op/fused.h"

#include <string.h>

#include "op/permuted.h"
#include "op/matmul.h"
#include "op/real.h"
#include "op/util.h"

/* MatMul whose B may be stored as [N, K]. */
static int infer_turned(struct op_infer *c, struct error *err)
{
    const struct type *a = infer_type(c, 0), *b = infer_type(c, 1);
    if (!op_int(c->node, "transB") || !a || !b || a->kind != TYPE_TENSOR || b->kind != TYPE_TENSOR || b->rank < 0)
        return infer_matmul(c, err);
    if (b->rank != 2)
        return infer_error(c, err, "input B has rank %d, want 2", b->rank);
    struct type turned = *b;
    turned.dims[0] = b->dims[1];
    turned.dims[1] = b->dims[0];
    return product_infer_types(c, a, &turned, infer_dtype(c, 0), err);
}

static const struct fused {
    const char *op;
    int inputs;   /* of the base operator, which has the same name */
    int addend;   /* an input added to the base's result, along its last axis; -1: none */
    int residual; /* -1: none */
    int (*infer)(struct op_infer *c, struct error *err);
} forms[] = {
    {"Conv", 3, -1, 3, infer_conv},       {"ConvTranspose", 3, -1, -1, infer_conv_transpose},
    {"MatMul", 2, 2, 3, infer_turned},    {"Add", 2, -1, -1, infer_arithmetic},
    {"Sub", 2, -1, -1, infer_arithmetic}, {"Mul", 2, -1, -1, infer_arithmetic},
    {"Div", 2, -1, -1, infer_arithmetic},
};

static const struct fused *form_of(const struct node *n)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(forms[i].op, n->op) == 0)
            return &forms[i];
    return NULL;
}

/* ---- types ---- */

static int check_activation(const struct op_infer *c, struct error *err)
{
    const char *name = op_string(c->node, "activation");
    if (name[0] && !fused_activation_find(name))
        return infer_error(c, err, "attribute activation: '%.40s' is unknown", name);
    return 0;
}

static bool may_be_equal(int64_t a, int64_t b)
{
    return a == b || a < 0 || b < 0;
}

/* The addend has the output's last dim, the residual all of them. */
static int check_added(const struct op_infer *c, const struct fused *f, struct error *err)
{
    const struct value *y = node_out(c->node, 0);
    const struct type *addend = f->addend < 0 ? NULL : infer_type(c, f->addend);
    const struct type *residual = f->residual < 0 ? NULL : infer_type(c, f->residual);
    char a[200], b[200];
    if (!y || y->type.kind != TYPE_TENSOR || y->type.rank < 1)
        return 0;
    type_text(c->graph, &y->type, a, sizeof(a));
    if (addend && addend->kind == TYPE_TENSOR && addend->rank >= 0 &&
        (addend->rank != 1 || !may_be_equal(addend->dims[0], y->type.dims[y->type.rank - 1])))
        return infer_error(c, err, "input C is %s, want the last dim of %s", type_text(c->graph, addend, b, sizeof(b)),
                           a);
    if (!residual || residual->kind != TYPE_TENSOR || residual->rank < 0)
        return 0;
    bool equal = residual->rank == y->type.rank;
    for (int i = 0; equal && i < y->type.rank; i++)
        equal = may_be_equal(residual->dims[i], y->type.dims[i]);
    return equal ? 0 : infer_error(c, err, "input R is %s, want %s", type_text(c->graph, residual, b, sizeof(b)), a);
}

int infer_fused(struct op_infer *c, struct error *err)
{
    const struct fused *f = form_of(c->node);
    if (f->infer(c, err) || check_activation(c, err))
        return -1;
    return check_added(c, f, err);
}

int infer_scale_shift(struct op_infer *c, struct error *err)
{
    const struct type *x = infer_type(c, 0);
    if (x && x->kind == TYPE_TENSOR && x->rank >= 0 && x->rank < 2)
        return infer_error(c, err, "input X has rank %d, want at least 2", x->rank);
    for (int i = 1; i < 3; i++) {
        const struct type *t = infer_type(c, i);
        bool known = t && t->kind == TYPE_TENSOR && t->rank >= 0;
        if (known &&
            (t->rank != 1 || (x->kind == TYPE_TENSOR && x->rank >= 2 && !may_be_equal(t->dims[0], x->dims[1]))))
            return infer_error(c, err, "input %s has not one element for each channel", i == 1 ? "scale" : "shift");
    }
    return check_activation(c, err) || infer_like_first(c, err) ? -1 : 0;
}

/* ---- decomposition ---- */

/* A chain of nodes being put before the fused one; the last gets its output. */
struct chain {
    struct node *fused;
    struct value *at; /* the result so far */
    int left;         /* nodes still to come */
};

/* Ends a node of the chain: its output is a new value, or at last the fused node's own. */
static int link_output(struct chain *chain, struct node *n, struct error *err)
{
    const struct type *type = &chain->fused->out[0]->type;
    if (!n)
        return -1;
    if (--chain->left == 0)
        return node_move_output(chain->fused, 0, n, err);
    chain->at = node_new_output(n, NULL, err);
    if (chain->at)
        chain->at->type = *type;
    return chain->at ? 0 : -1;
}

static struct node *binary_node(struct chain *chain, const char *op, struct value *other, struct error *err)
{
    struct node *n = graph_add_node(chain->fused->graph, "", op, chain->fused, err);
    if (!n || node_add_input(n, chain->at, err) || node_add_input(n, other, err))
        return NULL;
    n->def = op_find("", op);
    return n;
}

static int add_step(struct chain *chain, const char *op, struct value *other, struct error *err)
{
    return other ? link_output(chain, binary_node(chain, op, other, err), err) : 0;
}

static int activation_step(struct chain *chain, struct error *err)
{
    const struct node *n = chain->fused;
    const char *name = op_string(n, "activation");
    const struct fused_activation *a = fused_activation_find(name);
    if (!name[0])
        return 0;
    if (!a)
        return error_set(err, "attribute activation: '%.40s' is unknown", name);
    return link_output(chain,
                       fused_activation_node(a, op_float(n, "activation_alpha"), op_float(n, "activation_beta"),
                                             chain->at, chain->fused, err),
                       err);
}

/* [N, K] as [K, N]. */
static struct value *turned(struct node *n, struct value *v, struct error *err)
{
    static const int64_t perm[] = {1, 0};
    if (v->constant && !v->is_input) {
        struct tensor *t = op_permuted(v->constant, perm, err);
        return t ? graph_add_constant(n->graph, NULL, t, err) : NULL;
    }
    struct node *transpose = graph_add_node(n->graph, "", "Transpose", n, err);
    if (!transpose || node_add_input(transpose, v, err) || node_set_ints(transpose, "perm", perm, 2, err))
        return NULL;
    transpose->def = op_find("", "Transpose");
    return node_new_output(transpose, NULL, err);
}

static struct node *base_node(struct node *n, const struct fused *f, struct error *err)
{
    static const char *const own[] = {"activation", "activation_alpha", "activation_beta", "residual_last", "transB"};
    struct value *b = op_int(n, "transB") ? turned(n, n->in[1], err) : node_in(n, 1);
    struct node *base = b ? graph_add_node(n->graph, "", f->op, n, err) : NULL;
    if (!base || node_take_attrs(base, n, err) || node_set_name(base, n->name, err))
        return NULL;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        node_remove_attr(base, own[i]);
    base->def = op_find("", f->op);
    for (int i = 0; i < f->inputs && i < n->in_count; i++)
        if (node_add_input(base, i == 1 ? b : n->in[i], err))
            return NULL;
    return base;
}

int expand_fused(struct node *n, struct error *err)
{
    const struct fused *f = form_of(n);
    if (!node_out(n, 0))
        return 0;
    struct value *addend = f->addend < 0 ? NULL : node_in(n, f->addend);
    struct value *residual = f->residual < 0 ? NULL : node_in(n, f->residual);
    bool activation = op_string(n, "activation")[0] != '\0', late = residual && op_int(n, "residual_last") != 0;
    struct chain chain = {n, NULL, 1 + (addend != NULL) + activation + (residual != NULL)};
    if (link_output(&chain, base_node(n, f, err), err) || add_step(&chain, "Add", addend, err))
        return -1;
    if (!late && add_step(&chain, "Add", residual, err))
        return -1;
    if (activation_step(&chain, err))
        return -1;
    return late ? add_step(&chain, "Add", residual, err) : 0;
}

/* [C] as [C, 1, …] that broadcasts along axis 1 of a tensor of that rank. */
static struct value *along_channels(struct node *n, struct value *v, int rank, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK] = {-1};
    for (int i = 1; i < rank - 1; i++)
        dims[i] = 1;
    if (rank == 2)
        return v;
    if (v->constant && !v->is_input) {
        dims[0] = v->constant->count;
        struct tensor *t = tensor_reshaped(v->constant, rank - 1, dims, err);
        return t ? graph_add_constant(n->graph, NULL, t, err) : NULL;
    }
    struct tensor *shape = tensor_ints(rank - 1, dims, err);
    struct value *shape_value = shape ? graph_add_constant(n->graph, NULL, shape, err) : NULL;
    struct node *reshape = shape_value ? graph_add_node(n->graph, "", "Reshape", n, err) : NULL;
    if (!reshape || node_add_input(reshape, v, err) || node_add_input(reshape, shape_value, err))
        return NULL;
    reshape->def = op_find("", "Reshape");
    return node_new_output(reshape, NULL, err);
}

int expand_scale_shift(struct node *n, struct error *err)
{
    const struct type *x = &n->in[0]->type;
    if (!node_out(n, 0))
        return 0;
    if (x->kind != TYPE_TENSOR || x->rank < 2)
        return error_set(err, "nn.ScaleShift: the rank of X must be known, and at least 2");
    struct chain chain = {n, n->in[0], 2 + (op_string(n, "activation")[0] != '\0')};
    struct value *scale = along_channels(n, n->in[1], x->rank, err);
    struct value *shift = scale ? along_channels(n, n->in[2], x->rank, err) : NULL;
    if (!shift || add_step(&chain, "Mul", scale, err) || add_step(&chain, "Add", shift, err))
        return -1;
    return activation_step(&chain, err);
}
