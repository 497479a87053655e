#include "pass/util.h"

#include <string.h>

#include "op/util.h"

/* ---- looking ---- */

const struct tensor *pass_constant(const struct value *v)
{
    return v && !v->is_input ? v->constant : NULL;
}

/* Longer ones are weights, not scalars written out. */
#define SPLAT_MAX 65536

bool pass_scalar(const struct value *v, double *number)
{
    const struct tensor *t = pass_constant(v);
    enum dtype_class class = t ? dtype_info(t->dtype)->class : DTYPE_CLASS_NONE;
    if (!t || t->count < 1 || t->count > SPLAT_MAX || class == DTYPE_CLASS_STRING || class == DTYPE_CLASS_COMPLEX)
        return false;
    *number = tensor_get_f64(t, 0);
    for (int64_t i = 1; i < t->count; i++)
        if (tensor_get_f64(t, i) != *number)
            return false;
    return true;
}

int pass_ints(const struct value *v, int64_t *values, int max)
{
    const struct tensor *t = pass_constant(v);
    if (t && (t->rank > 1 || t->count > max || !op_is_int(t->dtype)))
        return -1;
    if (t) {
        tensor_load_i64(t, 0, t->count, values);
        return (int)t->count;
    }
    if (!v || !v->known || v->known_count > max)
        return -1;
    for (int i = 0; i < v->known_count; i++) {
        if (v->known[i].kind != KNOWN_NUMBER)
            return -1;
        values[i] = v->known[i].value;
    }
    return v->known_count;
}

const struct type *pass_type(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR && v->type.rank >= 0 ? &v->type : NULL;
}

bool pass_is_static(const struct value *v)
{
    const struct type *t = pass_type(v);
    return t && tensor_count(t->rank, t->dims) >= 0;
}

bool pass_is_float(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR && op_is_float(v->type.dtype);
}

bool pass_same_dims(const struct value *a, const struct value *b)
{
    const struct type *s = pass_type(a), *t = pass_type(b);
    if (!s || !t || s->rank != t->rank)
        return false;
    for (int i = 0; i < s->rank; i++)
        if (s->dims[i] != t->dims[i] || s->dims[i] == DIM_UNKNOWN)
            return false;
    return true;
}

bool pass_is_single(const struct value *v)
{
    return v->use_count == 1 && !v->is_output && v->uses[0].node->graph == v->graph;
}

bool pass_perm(const struct node *n, int64_t *perm)
{
    const struct type *x = pass_type(node_in(n, 0));
    int count, seen = 0;
    const int64_t *given = op_ints(n, "perm", &count);
    if (!x || (given && count != x->rank))
        return false;
    for (int i = 0; i < x->rank; i++) {
        perm[i] = given ? given[i] : x->rank - 1 - i;
        if (perm[i] < 0 || perm[i] >= x->rank)
            return false;
        seen |= 1 << perm[i];
    }
    return seen == (1 << x->rank) - 1;
}

struct node *pass_sole_producer(const struct value *v, const char *domain, const char *op)
{
    struct node *n = v ? v->producer : NULL;
    if (!n || v->producer_index != 0 || !pass_is_single(v) || strcmp(n->op, op) != 0 || strcmp(n->domain, domain) != 0)
        return NULL;
    for (int o = 1; o < n->out_count; o++)
        if (n->out[o] && value_is_used(n->out[o]))
            return NULL;
    return n->def ? n : NULL;
}

/* ---- making ---- */

struct node *pass_node(struct node *before, const char *domain, const char *op, int count, struct value *const *in,
                       struct error *err)
{
    struct node *n = graph_add_node(before->graph, domain, op, before, err);
    while (count > 0 && !in[count - 1])
        count--;
    for (int i = 0; n && i < count; i++)
        if (node_add_input(n, in[i], err))
            return NULL;
    if (n)
        n->def = op_find(domain, op);
    return n;
}

/* What does not fit is left for the inference of the whole graph to say: it may be in a branch that is never taken. */
static void infer(struct node *n)
{
    struct error ignored;
    op_infer_node(n, &ignored);
}

struct value *pass_output(struct node *n, struct error *err)
{
    struct value *v = n ? node_new_output(n, NULL, err) : NULL;
    if (v)
        infer(n);
    return v;
}

struct value *pass_add_constant(struct graph *g, struct tensor *t, struct error *err)
{
    return t ? graph_add_constant(g, NULL, t, err) : NULL;
}

struct value *pass_add_ints(struct graph *g, int64_t n, const int64_t *values, struct error *err)
{
    return pass_add_constant(g, tensor_ints(n, values, err), err);
}

struct value *pass_add_scalar(struct graph *g, enum dtype dtype, double number, struct error *err)
{
    struct tensor *t = tensor_new(dtype, 0, NULL, err);
    if (t)
        tensor_set_f64(t, 0, number);
    return pass_add_constant(g, t, err);
}

/* ---- replacing ---- */

/* Drops an input; puts its producer on the stack, which is linked by scratch, if that was its last use. A node dies
 * once, so none is put there twice. */
static void drop_input(struct node *n, int i, struct node **stack)
{
    struct node *producer = n->in[i] ? n->in[i]->producer : NULL;
    node_truncate_inputs(n, i);
    if (producer && node_is_dead(producer)) {
        producer->scratch = *stack;
        *stack = producer;
    }
}

static void remove_stack(struct node *stack)
{
    while (stack) {
        struct node *n = stack;
        stack = n->scratch;
        for (int i = n->in_count; i-- > 0;)
            drop_input(n, i, &stack);
        graph_remove_node(n);
    }
}

void pass_remove(struct node *n)
{
    n->scratch = NULL;
    remove_stack(n);
}

int pass_replace(struct node *old, struct node *new, struct error *err)
{
    if (!new || (!*new->name && node_set_name(new, old->name, err)) || node_move_output(old, 0, new, err))
        return -1;
    infer(new);
    pass_remove(old);
    return 1;
}

static bool can_bypass(const struct value *from, const struct value *to)
{
    if (from == to)
        return false;
    return !from->is_output || (from->graph == to->graph && to->producer && !to->is_output);
}

int pass_bypass(struct node *n, int o, struct value *to, struct error *err)
{
    if (!can_bypass(n->out[o], to))
        return 0;
    if (graph_replace_value(n->out[o], to, err))
        return -1;
    if (node_is_dead(n))
        pass_remove(n);
    return 1;
}

int pass_set_input(struct node *n, int index, struct value *v, struct error *err)
{
    struct value *old = node_in(n, index);
    if (node_set_input(n, index, v, err))
        return -1;
    if (old && old->producer && node_is_dead(old->producer))
        pass_remove(old->producer);
    return 1;
}

/* ---- walking ---- */

int pass_each(struct graph *g, int (*rewrite)(struct node *n, struct error *err), struct error *err)
{
    int changes = 0;
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        int changed = n->def ? rewrite(n, err) : 0;
        if (changed < 0)
            return -1;
        changes += changed;
    }
    return changes;
}

bool pass_has_subgraph(const struct node *n)
{
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (a->kind == ATTR_GRAPH)
            return true;
    return false;
}

bool pass_is_deterministic(const struct node *n)
{
    return n->def && !op_trait(n, "random") && !pass_has_subgraph(n);
}
