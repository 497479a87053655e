/* One form for taking part of a value: Split, and Gather of one index, as Slices. */
#include "pair/canonical.h"

#include "op/op.h"
#include "pass/util.h"

static struct value *add_slice(struct node *n, int64_t axis, int64_t from, int64_t to, struct error *err)
{
    struct value *in[4] = {n->in[0], pass_add_ints(n->graph, 1, &from, err), pass_add_ints(n->graph, 1, &to, err),
                           pass_add_ints(n->graph, 1, &axis, err)};
    if (!in[1] || !in[2] || !in[3])
        return NULL;
    return pass_output(pass_node(n, "", "Slice", 4, in, err), err);
}

/* The axis as a number from 0 on; -1 when it, or the value's size there, is not known. */
static int axis_of(const struct node *n)
{
    const struct type *x = pass_type(node_in(n, 0));
    int64_t axis = op_int(n, "axis");
    axis += x && axis < 0 ? x->rank : 0;
    return x && axis >= 0 && axis < x->rank && x->dims[axis] >= 0 ? (int)axis : -1;
}

static int slice_split(struct node *n, struct error *err)
{
    int axis = axis_of(n), count = n->out_count;
    int64_t from = 0;
    for (int o = 0; o < count; o++)
        if (axis < 0 || !pass_type(n->out[o]) || n->out[o]->type.dims[axis] < 0)
            return 0;
    for (int o = 0; o < count; o++) {
        int64_t to = from + n->out[o]->type.dims[axis];
        struct value *part = add_slice(n, axis, from, to, err);
        if (!part || pass_bypass(n, o, part, err) < 0)
            return -1;
        from = to;
    }
    return 1;
}

static int slice_gather(struct node *n, struct error *err)
{
    int axis = axis_of(n);
    const struct tensor *t = pass_constant(node_in(n, 1));
    if (axis < 0 || !t || t->rank != 0)
        return 0;
    int64_t dim = n->in[0]->type.dims[axis], index = tensor_get_i64(t, 0);
    index += index < 0 ? dim : 0;
    if (index < 0 || index >= dim)
        return 0;
    struct value *in[2] = {add_slice(n, axis, index, index + 1, err), NULL};
    in[1] = in[0] ? pass_add_ints(n->graph, 1, (int64_t[]){axis}, err) : NULL;
    struct value *part = in[1] ? pass_output(pass_node(n, "", "Squeeze", 2, in, err), err) : NULL;
    return part ? pass_bypass(n, 0, part, err) : -1;
}

static int slice(struct node *n, struct error *err)
{
    if (node_is(n, "Split") && n->out_count > 0)
        return slice_split(n, err);
    return node_is(n, "Gather") && node_out(n, 0) ? slice_gather(n, err) : 0;
}

int canonical_slices(struct graph *g, struct error *err)
{
    return pass_each(g, slice, err);
}
