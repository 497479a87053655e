/* Windows over one axis of space as those over two, the first of size 1. */
#include <string.h>

#include "format/lower.h"
#include "op/op.h"

/* Lists of a window with `value` for the new axis before each of theirs. */
static struct value *with_axis(struct build *b, struct value *v, const char *name, int64_t value)
{
    int count;
    const int64_t *list = op_has(b->node, name) ? op_ints(b->node, name, &count) : NULL;
    int64_t wider[4];
    if (!list)
        return v;
    if (strcmp(name, "pads") == 0) {
        wider[0] = wider[2] = value;
        wider[1] = list[0];
        wider[3] = list[1];
        return build_ints(b, v, name, 4, wider);
    }
    wider[0] = value;
    wider[1] = list[0];
    return build_ints(b, v, name, 2, wider);
}

/* The filter [out, in, k] as [out, in, 1, k]; constants stay constants, also stored ones. */
static struct value *wider_filter(struct build *b, struct value *v)
{
    struct node *d = v->producer && node_is(v->producer, "DequantizeLinear") ? v->producer : NULL;
    struct value *from = d ? d->in[0] : v;
    if (!from->constant || from->is_input || from->type.rank != 3)
        return build_unsqueeze(b, v, 2);
    int64_t dims[] = {from->type.dims[0], from->type.dims[1], 1, from->type.dims[2]};
    struct value *to = build_constant(b, from->name, tensor_reshaped(from->constant, 4, dims, b->err));
    if (!d)
        return to;
    to = BUILD(b, "DequantizeLinear", to, node_in(d, 1), node_in(d, 2));
    int64_t axis = op_int(d, "axis");
    return build_int(b, to, "axis", axis < 0 ? axis + 3 : axis);
}

/* x with the new axis: what a window before it gave had it already. */
static struct value *wider_input(struct build *b, struct value *x)
{
    const struct node *p = x->producer;
    bool has_it = p && node_is(p, "Squeeze") && p->in[0]->type.rank == 4 && node_in(p, 1) && p->in[1]->constant &&
                  p->in[1]->constant->count == 1 && tensor_get_i64(p->in[1]->constant, 0) == 2;
    return has_it ? p->in[0] : build_unsqueeze(b, x, 2);
}

int format_lower_signal(struct node *n, struct error *err)
{
    static const char *const lists[] = {"kernel_shape", "strides",        "dilations",
                                        "pads",         "output_padding", "output_shape"};
    struct build b = {.node = n, .err = err};
    bool has_filter = n->in_count > 1;
    if (n->out_count > 1)
        return 0;
    struct value *in[] = {wider_input(&b, n->in[0]), has_filter ? wider_filter(&b, n->in[1]) : NULL, node_in(n, 2)};
    struct value *y = build_attrs(&b, build_node(&b, n->op, has_filter ? 3 : 1, in));
    for (int i = 0; i < 6; i++)
        y = with_axis(&b, y, lists[i], i == 3 || i == 4 ? 0 : 1);
    return format_lowered(&b, BUILD(&b, "Squeeze", y, BUILD_LIST(&b, 2)));
}
