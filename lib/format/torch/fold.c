/* Small results of constants are computed at once: sizes of pictures and grids, factors, anchors, of which a script
 * makes decisions. */
#include <string.h>

#include "format/torch/torch.h"
#include "op/op.h"

#define MOST_ELEMENTS 4096
#define MOST_OPERANDS 16
#define MOST_DEPTH    4 /* nodes that an operator becomes, behind one another */

static bool is_small(const struct type *type)
{
    int64_t count = type->kind == TYPE_TENSOR && type->rank >= 0 ? tensor_count(type->rank, type->dims) : -1;
    return count >= 0 && count <= MOST_ELEMENTS;
}

/* Quantised weights stay so, and what is drawn at random is drawn in each run. */
static bool may_fold(const struct node *n)
{
    if (!n->def || n->out_count != 1 || n->in_count > MOST_OPERANDS || strcmp(n->op, "DequantizeLinear") == 0 ||
        strcmp(n->op, "QuantizeLinear") == 0 || op_trait(n, "random"))
        return false;
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (a->kind == ATTR_GRAPH)
            return false;
    return is_small(&n->out[0]->type);
}

static struct value *fold(struct torch_reader *t, struct value *v, int depth);

/* Operands become constants too: an operator of PyTorch's may be several nodes. */
static bool fold_operands(struct torch_reader *t, struct node *n, int depth)
{
    for (int i = 0; i < n->in_count; i++) {
        struct value *v = n->in[i] ? fold(t, n->in[i], depth) : NULL;
        if (v && (!v->constant || v->is_input || !is_small(&v->type)))
            return false;
        if (v != n->in[i])
            build_check(t->b, node_set_input(n, i, v, t->b->err) == 0);
    }
    return true;
}

/* NULL: it stays to be computed. */
static struct tensor *compute(const struct node *n)
{
    struct item *in[MOST_OPERANDS] = {NULL}, *out[1] = {NULL};
    struct tensor *t = NULL;
    struct error ignored;
    bool made = true;
    for (int i = 0; made && i < n->in_count; i++)
        if (n->in[i])
            made = (in[i] = item_of_tensor(tensor_ref(n->in[i]->constant), &ignored)) != NULL;
    if (made && op_compute(n, in, out, 1, &ignored) == 0 && out[0]->kind == ITEM_TENSOR)
        t = tensor_ref(out[0]->tensor);
    for (int i = 0; i < n->in_count; i++)
        item_unref(in[i]);
    item_unref(out[0]);
    return t;
}

static struct value *fold(struct torch_reader *t, struct value *v, int depth)
{
    struct tensor *known = NULL;
    if (v->constant || !v->producer || depth == MOST_DEPTH || !build_type(t->b, v))
        return v;
    if (value_is_known(v))
        known = value_known(v, t->b->err);
    else if (may_fold(v->producer) && fold_operands(t, v->producer, depth + 1))
        known = compute(v->producer);
    return known ? build_constant(t->b, NULL, known) : v;
}

struct value *torch_fold(struct torch_reader *t, struct value *v)
{
    return v ? fold(t, v, 0) : NULL;
}
