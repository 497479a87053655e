/* Small results of constants are computed at once: sizes of pictures and grids, factors, anchors, of which a script
 * makes decisions. */
#include <string.h>

#include "format/torch/torch.h"
#include "op/op.h"

#define MOST_ELEMENTS 4096
#define MOST_OPERANDS 16

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
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && (!n->in[i]->constant || n->in[i]->is_input || !is_small(&n->in[i]->type)))
            return false;
    return is_small(&n->out[0]->type);
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

struct value *torch_fold(struct torch_reader *t, struct value *v)
{
    if (!v || v->constant || !v->producer || !build_type(t->b, v))
        return v;
    struct tensor *known = value_is_known(v)       ? value_known(v, t->b->err)
                           : may_fold(v->producer) ? compute(v->producer)
                                                   : NULL;
    return known ? build_constant(t->b, NULL, known) : v;
}
