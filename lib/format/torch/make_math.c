/* Arithmetic, reductions and sorting: what their calls say otherwise than pnnx. */
#include <string.h>

#include "format/torch/make.h"

static struct value *function(struct torch_reader *t, const char *name, struct value *x, struct value *y)
{
    struct value *in[2] = {x, y};
    return torch_function(t, name, 2, in);
}

/* x ± alpha * y; numbers take the tensor's type where it is wider. */
struct torch_value torch_make_add(struct torch_reader *t, struct torch_bound *c)
{
    struct value *a = torch_graph_value(t, c->arg[0]), *b = torch_graph_value(t, c->arg[1]);
    if (torch_is_number(c->arg[2]) && torch_number(c->arg[2]) != 1)
        b = function(t, "mul", b, torch_graph_value(t, c->arg[2]));
    return torch_tensor(t, function(t, c->row->name, a, b));
}

static bool is_whole(struct torch_reader *t, struct value *v)
{
    const struct type *type = v ? build_type(t->b, v) : NULL;
    return type && dtype_info(type->dtype)->class == DTYPE_CLASS_INT;
}

struct torch_value torch_make_divide(struct torch_reader *t, struct torch_bound *c)
{
    struct value *x = torch_graph_value(t, c->arg[0]), *y = torch_graph_value(t, c->arg[1]);
    const char *mode = c->arg[2].kind == TORCH_STRING ? c->arg[2].text : "";
    if (strcmp(mode, "floor") == 0)
        return torch_tensor(t, function(t, "floor_divide", x, y));
    bool cuts = strcmp(mode, "trunc") == 0;
    if (cuts && is_whole(t, x) && is_whole(t, y)) /* as ONNX divides whole numbers */
        return torch_tensor(t, BUILD(t->b, "Div", x, build_cast(t->b, y, x->type.dtype)));
    struct value *v = function(t, "div", x, y);
    if (!cuts)
        return torch_tensor(t, v);
    return torch_tensor(t, torch_function(t, "trunc", 1, &v));
}

/* Bounds may be tensors. */
struct torch_value torch_make_clamp(struct torch_reader *t, struct torch_bound *c)
{
    bool is_max = strcmp(c->row->name, "clamp_max") == 0;
    struct torch_value low = is_max ? torch_none() : c->arg[1], high = is_max ? c->arg[1] : torch_none();
    if (c->count > 2)
        high = c->arg[2];
    if (low.kind != TORCH_TENSOR && high.kind != TORCH_TENSOR && low.kind != TORCH_SIZE && high.kind != TORCH_SIZE)
        return torch_make_NULL(t, c);
    struct value *v = torch_graph_value(t, c->arg[0]);
    if (low.kind != TORCH_NONE)
        v = function(t, "max", v, torch_graph_value(t, low));
    if (high.kind != TORCH_NONE)
        v = function(t, "min", v, torch_graph_value(t, high));
    return torch_tensor(t, v);
}

struct torch_value torch_make_where(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value arg[3];
    if (c->arg[1].kind == TORCH_NONE)
        return torch_call_plain(t, "torch.nn_nonzero_parts", c->arg, 1);
    for (int i = 0; i < 3; i++)
        arg[i] = c->arg[i].kind == TORCH_TENSOR ? c->arg[i] : torch_tensor(t, torch_graph_value(t, c->arg[i]));
    return torch_emit_one(t, c->row->type, c->row->args, arg, 3);
}

/* ---- reductions ---- */

/* max(x), max(x, other), max(x, dim, keepdim). */
struct torch_value torch_make_extreme(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value out[2], both = torch_list(t, TORCH_TUPLE);
    const struct type *type = c->arg[0].kind == TORCH_TENSOR ? build_type(t->b, c->arg[0].tensor->value) : NULL;
    /* A number that was a tensor without axes is no axis. */
    if (c->arg[1].kind == TORCH_INT && c->arg[2].kind == TORCH_NONE && type && type->rank >= 0 &&
        c->arg[1].i >= type->rank)
        c->arg[1] = torch_tensor(t, torch_graph_value(t, c->arg[1]));
    if (c->arg[1].kind == TORCH_SIZE)
        c->arg[1].kind = TORCH_TENSOR;
    if (c->arg[1].kind == TORCH_TENSOR)
        return torch_emit_one(t, c->row->type, "input other", c->arg, 2);
    if (c->arg[1].kind == TORCH_NONE)
        return torch_emit_one(t, c->row->type, "input", c->arg, 1);
    torch_emit(t, c->row->type, c->row->args, c->arg, c->count, out, 2);
    torch_append(t, both, out[0]);
    torch_append(t, both, out[1]);
    return both;
}

static struct torch_value two(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value out[2], both = torch_list(t, TORCH_TUPLE);
    torch_emit(t, c->row->type, c->row->args, c->arg, c->count, out, 2);
    torch_append(t, both, out[0]);
    torch_append(t, both, out[1]);
    return both;
}

/* How many may be what only a run tells. */
struct torch_value torch_make_topk(struct torch_reader *t, struct torch_bound *c)
{
    if (c->arg[1].kind != TORCH_SIZE && c->arg[1].kind != TORCH_TENSOR)
        return two(t, c);
    if (c->arg[2].kind == TORCH_NONE)
        c->arg[2] = torch_int(-1);
    if (c->arg[3].kind == TORCH_NONE)
        c->arg[3] = torch_bool(true);
    return torch_call_plain(t, "torch.nn_open_topk", c->arg, 4);
}

/* var(x, unbiased), var(x, dim, unbiased, keepdim), var(x, dim, correction=1, keepdim=True). */
struct torch_value torch_make_variance(struct torch_reader *t, struct torch_bound *c)
{
    if (c->arg[1].kind == TORCH_BOOL) {
        c->arg[2] = c->arg[1];
        c->arg[1] = torch_none();
    }
    return torch_make_NULL(t, c);
}

/* By taking the largest, all of them. */
struct torch_value torch_make_sort(struct torch_reader *t, struct torch_bound *c)
{
    struct value *x = torch_graph_value(t, c->arg[0]);
    const struct type *type = x ? build_type(t->b, x) : NULL;
    int64_t axis = c->arg[1].kind == TORCH_INT ? c->arg[1].i : -1;
    if (!type || type->rank < 1 || axis < -type->rank || axis >= type->rank) {
        build_fail(t->b, "a sort of a tensor whose axes are not known");
        return torch_none();
    }
    int at = (int)(axis < 0 ? axis + type->rank : axis);
    struct value *v = BUILD(t->b, "TopK", x, build_shape(t->b, x, at, at + 1));
    build_int(t->b, build_int(t->b, v, "axis", axis), "largest", torch_truth(t, c->arg[2]) == 1);
    struct torch_value places = torch_tensor(t, build_output(t->b, v, 1)), both = torch_list(t, TORCH_TUPLE);
    if (strcmp(c->row->name, "argsort") == 0)
        return places;
    torch_append(t, both, torch_tensor(t, v));
    torch_append(t, both, places);
    return both;
}
