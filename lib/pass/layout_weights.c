/* A transposition before a Reshape to rows goes into the constant weights that the rows are multiplied by. */
#include "pass/layout.h"

/* The label of a Reshape's operand, whose axes from `first` on are one in its result: elements of weights' rows. */
struct rows {
    const struct perm *label;
    const struct type *x;
    int first;
};

static bool rows_of(const struct node *reshape, const struct perm *label, struct rows *r)
{
    const struct type *x = pass_type(reshape->in[0]), *y = pass_type(reshape->out[0]);
    int64_t product = 1;
    *r = (struct rows){label, x, x->rank};
    if (y->rank < 1 || y->dims[y->rank - 1] < 2)
        return false;
    while (r->first > 0 && product < y->dims[y->rank - 1])
        if (x->dims[--r->first] < 1 || __builtin_mul_overflow(product, x->dims[r->first], &product))
            return false;
    for (int i = 0; i < r->first; i++)
        if (label->at[i] != i)
            return false;
    return product == y->dims[y->rank - 1] && x->rank - r->first < TENSOR_MAX_RANK;
}

/* ---- weights ---- */

static bool is_turned(const struct node *product)
{
    return node_is(product, "Gemm") && op_int(product, "transB");
}

static bool is_single(const struct value *v)
{
    const struct type *t = pass_type(v);
    return t && tensor_count(t->rank, t->dims) == 1;
}

/* What brings weights that are stored in fewer bits back, each column in one way: Cast, or DequantizeLinear with one
 * scale, or with one for each column. NULL for another node. */
static struct node *restorer(const struct node *product)
{
    struct node *n = product->in[1]->producer;
    if (!n || !n->def || !pass_constant(node_in(n, 0)))
        return NULL;
    if (node_is(n, "Cast"))
        return n;
    if (!node_is(n, "DequantizeLinear") || !node_in(n, 1) || op_int(n, "block_size"))
        return NULL;
    int64_t axis = op_int(n, "axis");
    axis += axis < 0 ? 2 : 0;
    return is_single(n->in[1]) || axis == (is_turned(product) ? 0 : 1) ? n : NULL;
}

/* Reordering weights takes as long as reading and packing them together, and a Transpose of the elements that they meet
 * costs next to nothing: from this on they follow where time to load does not count. */
#define LARGE ((size_t)32 << 20)

/* Whether operand 0 of the node is rows of elements that meet constant weights. */
static bool is_product(const struct node *n, int index)
{
    if (index != 0 || !n->def || (!node_is(n, "MatMul") && !node_is(n, "Gemm")) || !node_in(n, 1) ||
        (node_is(n, "Gemm") && op_int(n, "transA")))
        return false;
    const struct node *from = restorer(n);
    const struct tensor *w = pass_constant(from ? from->in[0] : n->in[1]);
    return w && w->rank == 2 && !(n->graph->root->large_stay && w->size >= LARGE);
}

static struct value *reshape(struct node *before, struct value *v, int rank, const int64_t *dims, struct error *err)
{
    struct value *in[2] = {v, pass_add_ints(before->graph, rank, dims, err)};
    return in[1] ? pass_output(pass_node(before, "", "Reshape", 2, in, err), err) : NULL;
}

/* Weights with their rows in the order of v'. They keep their name, where nobody else uses those they are made of. */
static struct value *permute_rows(struct node *product, struct value *w, const struct rows *r, struct error *err)
{
    const int64_t *dims = w->constant->dims;
    int front = is_turned(product), count = r->x->rank - r->first;
    int64_t split[TENSOR_MAX_RANK + 1];
    struct perm back = perm_inverse(r->label), order = {.rank = count + 1};
    split[front ? 0 : count] = dims[front ? 0 : 1];
    order.at[front ? 0 : count] = front ? 0 : count;
    for (int i = 0; i < count; i++) {
        split[front + i] = r->x->dims[r->first + i];
        order.at[front + i] = front + back.at[r->first + i] - r->first;
    }
    struct value *v = reshape(product, w, count + 1, split, err);
    v = v ? perm_transpose(product, v, &order, err) : NULL;
    v = v ? reshape(product, v, 2, dims, err) : NULL;
    bool moves = w->use_count == 2 && w->graph == product->graph && !w->is_input && !w->is_output;
    return v && (!moves || graph_hand_over_name(w, v, err) == 0) ? v : NULL;
}

static int permute(struct node *product, const struct rows *r, struct error *err)
{
    struct node *from = restorer(product);
    struct value *w = permute_rows(product, from ? from->in[0] : product->in[1], r, err);
    if (w && from) {
        struct value *in[3] = {w, node_in(from, 1), node_in(from, 2)};
        struct node *n = pass_node(product, "", from->op, 3, in, err);
        w = n && node_take_attrs(n, from, err) == 0 ? pass_output(n, err) : NULL;
    }
    return w ? node_set_input(product, 1, w, err) : -1;
}

/* ---- the way there ---- */

#define MAX_WAY 16

/* Does the same to every element. */
static bool is_uniform(const struct node *n, int index)
{
    bool scales = index == 0 && (node_is(n, "QuantizeLinear") || node_is(n, "DequantizeLinear"));
    if ((!scales && !op_trait(n, "axes=each")) || n->out_count != 1 || !n->out[0])
        return false;
    for (int i = 0; i < n->in_count; i++)
        if (i != index && n->in[i] && !is_single(n->in[i]))
            return false;
    return true;
}

/* Looks whether all that v's elements meet are such weights (1 or 0), or permutes them. */
static int reach(struct value *v, const struct rows *r, bool change, int way, struct error *err)
{
    int status = v->use_count > 0 && !v->is_output && way < MAX_WAY;
    for (size_t i = 0; i < v->use_count && status > 0; i++) {
        struct node *n = v->uses[i].node;
        int index = v->uses[i].index;
        if (n->graph != v->graph)
            status = 0;
        else if (is_product(n, index))
            status = change && permute(n, r, err) ? -1 : 1;
        else
            status = is_uniform(n, index) ? reach(n->out[0], r, change, way + 1, err) : 0;
    }
    return status;
}

bool layout_weights_follow(const struct node *n, const struct perm *in)
{
    struct rows r;
    return rows_of(n, in, &r) && reach(n->out[0], &r, false, 0, NULL) > 0;
}

int layout_permute_weights(struct node *n, const struct perm *in, struct error *err)
{
    struct rows r;
    return rows_of(n, in, &r) && reach(n->out[0], &r, true, 0, err) > 0 ? 0 : -1;
}
