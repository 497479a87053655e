/* Shapes, parts, and what a script asks of a tensor. */
#include <stdio.h>
#include <string.h>

#include "format/torch/make.h"

static const struct type *type_of(struct torch_reader *t, struct torch_value v)
{
    bool is_value = v.kind == TORCH_TENSOR || v.kind == TORCH_SIZE;
    return is_value && !t->b->failed ? build_type(t->b, v.tensor->value) : NULL;
}

/* ---- what is asked ---- */

struct torch_value torch_make_same(struct torch_reader *t, struct torch_bound *c)
{
    (void)t;
    return c->arg[0];
}

/* Another tensor of the same elements. */
struct torch_value torch_make_clone(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value v = torch_tensor(t, torch_graph_value(t, c->arg[0]));
    if (v.kind == TORCH_TENSOR && c->arg[0].kind == TORCH_TENSOR) {
        v.tensor->sizes = c->arg[0].tensor->sizes;
        v.tensor->complex = c->arg[0].tensor->complex;
        v.tensor->strided = c->arg[0].tensor->strided && strcmp(c->row->name, "contiguous") != 0;
    }
    return v;
}

/* Itself, or a copy where its elements do not lie behind one another. */
struct torch_value torch_make_contiguous(struct torch_reader *t, struct torch_bound *c)
{
    bool strided = c->arg[0].kind == TORCH_TENSOR && c->arg[0].tensor->strided;
    return strided ? torch_make_clone(t, c) : c->arg[0];
}

static struct torch_value dim_at(struct torch_reader *t, struct torch_value x, int64_t axis)
{
    const struct type *type = type_of(t, x);
    int64_t at = type && type->rank >= 0 && axis < 0 ? axis + type->rank : axis;
    if (!type || (type->rank >= 0 && (at < 0 || at >= type->rank)) || at < -TENSOR_MAX_RANK || at >= TENSOR_MAX_RANK) {
        build_fail(t->b, "the size of axis %lld of what has fewer", (long long)axis);
        return torch_none();
    }
    if (type->rank >= 0 && type->dims[at] >= 0)
        return torch_int(type->dims[at]);
    struct value *shape = BUILD(t->b, "Shape", x.tensor->value);
    return torch_size(t, BUILD(t->b, "Gather", shape, build_number(t->b, DTYPE_I64, (double)at)));
}

struct torch_value torch_make_size(struct torch_reader *t, struct torch_bound *c)
{
    const struct type *type = type_of(t, c->arg[0]);
    if (c->arg[1].kind == TORCH_INT)
        return dim_at(t, c->arg[0], c->arg[1].i);
    struct torch_value list = torch_list(t, TORCH_LIST);
    if (type && type->rank < 0) {
        struct torch_value sizes = torch_tensor(t, BUILD(t->b, "Shape", c->arg[0].tensor->value));
        if (sizes.kind == TORCH_TENSOR)
            sizes.tensor->sizes = true;
        t->ops.wants_shapes = true;
        return sizes;
    }
    for (int i = 0; !t->b->failed && type && i < type->rank; i++)
        torch_append(t, list, dim_at(t, c->arg[0], i));
    return list;
}

struct torch_value torch_make_dim(struct torch_reader *t, struct torch_bound *c)
{
    const struct type *type = type_of(t, c->arg[0]);
    if (!type || type->rank < 0)
        torch_fail_open(t, "the number of axes of an input is not known; no operator before tells it");
    return t->b->failed ? torch_none() : torch_int(type->rank);
}

struct torch_value torch_make_numel(struct torch_reader *t, struct torch_bound *c)
{
    const struct type *type = type_of(t, c->arg[0]);
    int64_t count = type && type->rank >= 0 ? tensor_count(type->rank, type->dims) : -1;
    return count >= 0 ? torch_int(count) : torch_size(t, BUILD(t->b, "Size", torch_graph_value(t, c->arg[0])));
}

struct torch_value torch_make_dtype(struct torch_reader *t, struct torch_bound *c)
{
    const struct type *type = type_of(t, c->arg[0]);
    return torch_int(torch_scalar_type(type ? type->dtype : DTYPE_F32));
}

struct torch_value torch_make_is_float(struct torch_reader *t, struct torch_bound *c)
{
    const struct type *type = type_of(t, c->arg[0]);
    return torch_bool(type && dtype_info(type->dtype)->class == DTYPE_CLASS_FLOAT);
}

struct torch_value torch_make_device(struct torch_reader *t, struct torch_bound *c)
{
    (void)t;
    return c->arg[0].kind == TORCH_STRING ? c->arg[0] : torch_string("cpu");
}

/* ---- other values ---- */

/* The element type is told by its number, or by a tensor; a device is a string, flags are booleans. */
struct torch_value torch_make_to(struct torch_reader *t, struct torch_bound *c)
{
    const struct type *type = type_of(t, c->arg[0]);
    enum dtype dtype = DTYPE_NONE;
    for (int i = 1; i < c->count && dtype == DTYPE_NONE; i++) {
        if (c->arg[i].kind == TORCH_INT && c->arg[i].i >= 8 && c->arg[i].i <= 10)
            return torch_call_plain(t, "torch.nn_to_complex", c->arg, 1);
        if (c->arg[i].kind == TORCH_INT)
            dtype = torch_dtype(c->arg[i].i);
        else if (c->arg[i].kind == TORCH_TENSOR && type_of(t, c->arg[i]))
            dtype = type_of(t, c->arg[i])->dtype;
    }
    if (dtype == DTYPE_NONE || !type || type->dtype == dtype)
        return c->arg[0];
    return torch_tensor(t, build_cast(t->b, c->arg[0].tensor->value, dtype));
}

/* The other's elements in this one's shape and type. */
struct torch_value torch_make_copy(struct torch_reader *t, struct torch_bound *c)
{
    const struct type *type = type_of(t, c->arg[0]);
    struct value *v = torch_graph_value(t, c->arg[1]), *x = torch_graph_value(t, c->arg[0]);
    if (!type || t->b->failed)
        return torch_none();
    return torch_tensor(t, BUILD(t->b, "Expand", build_cast(t->b, v, type->dtype), BUILD(t->b, "Shape", x)));
}

/* A tensor of tensors, or of lists, of a type. */
static struct torch_value stacked(struct torch_reader *t, const struct torch_list *items, struct torch_value dtype)
{
    struct torch_value rows = torch_list(t, TORCH_LIST), row[2] = {torch_none(), dtype};
    if (++t->depth > TORCH_DEPTH)
        build_fail(t->b, "lists lie deeper in each other than %d", TORCH_DEPTH);
    for (size_t i = 0; i < items->count && !t->b->failed; i++) {
        row[0] = items->items[i];
        torch_append(t, rows, torch_call_plain(t, "torch.tensor", row, 2));
    }
    t->depth--;
    return torch_call_plain(t, "torch.stack", (struct torch_value[]){rows, torch_int(0)}, 2);
}

/* A number, or lists of numbers, as a tensor. */
struct torch_value torch_make_make_tensor(struct torch_reader *t, struct torch_bound *c)
{
    enum dtype dtype = c->arg[1].kind == TORCH_INT ? torch_dtype(c->arg[1].i) : DTYPE_NONE;
    struct torch_value data = c->arg[0];
    struct value *v = NULL;
    if (torch_is_list(data)) {
        int64_t count = (int64_t)data.list->count;
        enum dtype widest = count ? DTYPE_BOOL : DTYPE_I64;
        for (int64_t i = 0; i < count; i++) {
            if (!torch_is_number(data.list->items[i]))
                return stacked(t, data.list, c->arg[1]);
            if (data.list->items[i].kind != TORCH_BOOL && widest != DTYPE_F32)
                widest = data.list->items[i].kind == TORCH_FLOAT ? DTYPE_F32 : DTYPE_I64;
        }
        struct tensor *tensor = tensor_new(widest, 1, &count, t->b->err);
        for (int64_t i = 0; tensor && i < count; i++)
            tensor_set_f64(tensor, i, torch_number(data.list->items[i]));
        v = build_constant(t->b, NULL, tensor);
    } else {
        v = torch_graph_value(t, data);
    }
    const struct type *type = v ? build_type(t->b, v) : NULL;
    if (type && dtype != DTYPE_NONE && type->dtype != dtype)
        v = build_cast(t->b, v, dtype);
    return torch_tensor(t, v);
}

/* Filled with what only a run tells. */
static struct torch_value open_full(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value both[2] = {torch_none(), c->arg[1]};
    const struct type *type = type_of(t, c->arg[1]);
    if (type && c->arg[2].kind == TORCH_NONE && strcmp(c->row->name, "full") == 0)
        c->arg[2] = torch_int(torch_scalar_type(type->dtype));
    c->arg[1] = torch_int(0);
    both[0] = torch_make_NULL(t, c);
    return torch_call_plain(t, "torch.add", both, 2);
}

struct torch_value torch_make_full_like(struct torch_reader *t, struct torch_bound *c)
{
    if (c->arg[1].kind == TORCH_SIZE || c->arg[1].kind == TORCH_TENSOR)
        return open_full(t, c);
    if (c->arg[1].kind == TORCH_BOOL)
        c->arg[1] = torch_int(c->arg[1].i);
    return torch_make_NULL(t, c);
}

/* Without a type it is that of the number. */
struct torch_value torch_make_full(struct torch_reader *t, struct torch_bound *c)
{
    bool open = c->arg[1].kind == TORCH_SIZE || c->arg[1].kind == TORCH_TENSOR;
    if (!open && c->arg[2].kind == TORCH_NONE && c->arg[1].kind != TORCH_FLOAT)
        c->arg[2] = torch_int(c->arg[1].kind == TORCH_BOOL ? 11 : 4);
    return torch_make_full_like(t, c);
}

/* arange(end), arange(start, end), arange(start, end, step). */
struct torch_value torch_make_arange(struct torch_reader *t, struct torch_bound *c)
{
    bool floats = false;
    if (c->arg[1].kind == TORCH_NONE) {
        c->arg[1] = c->arg[0];
        c->arg[0] = torch_int(0);
    }
    for (int i = 0; i < 3; i++)
        floats = floats || c->arg[i].kind == TORCH_FLOAT;
    if (c->arg[3].kind == TORCH_NONE)
        c->arg[3] = torch_int(floats ? 6 : 4);
    return torch_make_NULL(t, c);
}

struct torch_value torch_make_reversed(struct torch_reader *t, struct torch_bound *c)
{
    return torch_tensor(t, BUILD(t->b, "Transpose", torch_graph_value(t, c->arg[0])));
}

/* ---- parts ---- */

/* Pads that depend on sizes: from the last axis on, before and behind. */
static struct torch_value open_pad(struct torch_reader *t, struct torch_bound *c)
{
    const struct torch_list *pads = c->arg[1].list;
    struct torch_value all = torch_list(t, TORCH_LIST), by = c->arg[c->count - 1]; /* the number that fills them */
    bool constant = strcmp(c->row->name, "constant_pad_nd") == 0 || c->arg[2].kind == TORCH_NONE ||
                    (c->arg[2].kind == TORCH_STRING && strcmp(c->arg[2].text, "constant") == 0);
    int64_t axes[TENSOR_MAX_RANK];
    size_t count = pads->count / 2;
    if (pads->count % 2 || count < 1 || pads->count > TENSOR_MAX_RANK || !constant) {
        build_fail(t->b, "pads that depend on sizes, which are not understood");
        return all;
    }
    for (size_t i = 0; i < 2 * count; i++)
        torch_append(t, all, pads->items[i < count ? 2 * i : 2 * (i - count) + 1]);
    for (size_t i = 0; i < count; i++)
        axes[i] = -1 - (int64_t)i;
    struct value *x = torch_graph_value(t, c->arg[0]), *list = torch_graph_list(t, all);
    struct value *fill = by.kind == TORCH_NONE ? NULL : BUILD(t->b, "CastLike", torch_graph_value(t, by), x);
    return torch_tensor(t, BUILD(t->b, "Pad", x, list, fill ? build_reshape(t->b, fill, 0, NULL) : NULL,
                                 build_list(t->b, (int)count, axes)));
}

struct torch_value torch_make_pad(struct torch_reader *t, struct torch_bound *c)
{
    bool open = false;
    for (size_t i = 0; torch_is_list(c->arg[1]) && i < c->arg[1].list->count; i++)
        open = open || !torch_is_number(c->arg[1].list->items[i]);
    return open ? open_pad(t, c) : torch_make_NULL(t, c);
}

/* An end that means "to the last" is left out. */
struct torch_value torch_make_slice(struct torch_reader *t, struct torch_bound *c)
{
    if (c->arg[3].kind == TORCH_INT && c->arg[3].i > INT32_MAX - 1)
        c->arg[3] = torch_none();
    bool one = c->arg[4].kind == TORCH_NONE || (c->arg[4].kind == TORCH_INT && c->arg[4].i == 1);
    bool whole = c->arg[3].kind == TORCH_NONE && one &&
                 (c->arg[2].kind == TORCH_NONE || (c->arg[2].kind == TORCH_INT && !c->arg[2].i));
    return whole ? torch_tensor(t, torch_graph_value(t, c->arg[0])) : torch_make_NULL(t, c);
}

/* How many parts: what the script does with the list needs to know it. */
static int64_t count_pieces(struct torch_reader *t, struct torch_bound *c, int64_t size)
{
    struct torch_value by = c->arg[1];
    if (strcmp(c->row->name, "unbind") == 0)
        return size;
    if (torch_is_list(by))
        return (int64_t)by.list->count + (strcmp(c->row->name, "tensor_split") == 0);
    if (by.kind != TORCH_INT || by.i < 1 || size < 1)
        return -1;
    if (strcmp(c->row->name, "tensor_split") == 0)
        return by.i;
    int64_t each = strstr(c->row->name, "chunk") ? (size + by.i - 1) / by.i : by.i;
    (void)t;
    return (size + each - 1) / each;
}

struct torch_value torch_make_pieces(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value out[128], list = torch_list(t, TORCH_LIST), axis = c->arg[c->count - 1];
    const struct type *type = type_of(t, c->arg[0]);
    int64_t at = axis.kind == TORCH_INT ? axis.i : 0, size = -1;
    if (type && type->rank >= 0 && at < 0)
        at += type->rank;
    if (type && at >= 0 && at < type->rank)
        size = type->dims[at];
    for (size_t i = 0; torch_is_list(c->arg[1]) && i < c->arg[1].list->count; i++)
        if (c->arg[1].list->items[i].kind == TORCH_SIZE)
            return torch_call_plain(t, "torch.nn_open_split", c->arg, c->arg[2].kind == TORCH_NONE ? 2 : 3);
    int64_t count = count_pieces(t, c, size);
    if (count < 0 && strstr(c->row->name, "chunk") && c->arg[1].kind == TORCH_INT)
        count = c->arg[1].i;
    if (size < 0 && count < 0 && strcmp(c->row->name, "unbind") == 0)
        count = t->parts;
    if (count < 1 || count > 128) {
        build_fail(t->b, "a tensor is cut into parts whose number is not known, or more than 128");
        return list;
    }
    bool sections = strcmp(c->row->name, "tensor_split") == 0 && c->arg[1].kind == TORCH_INT;
    const char *names = sections ? "input sections dim" : c->row->args;
    torch_emit(t, c->row->type, names, c->arg, c->count, out, (int)count);
    for (int64_t i = 0; i < count; i++)
        torch_append(t, list, out[i]);
    return list;
}

/* A tensor of one axis and no elements, which is joined with any other. */
static bool is_nothing(struct torch_reader *t, struct torch_value v)
{
    const struct type *type = type_of(t, v);
    return type && type->rank == 1 && type->dims[0] == 0;
}

/* A list that is joined may hold one tensor, or numbers that become one. */
struct torch_value torch_make_join(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_value list = torch_list(t, TORCH_LIST);
    if (torch_is_list(c->arg[0]) && c->arg[0].list->tail) {
        bool stack = strcmp(c->row->name, "stack") == 0;
        struct torch_value values[2] = {torch_tensor(t, torch_stacked(t, c->arg[0].list)),
                                        c->arg[1].kind == TORCH_INT ? c->arg[1] : torch_int(0)};
        return torch_call_plain(t, stack ? "torch.nn_open_stack" : "torch.nn_open_cat", values, 2);
    }
    for (size_t i = 0; torch_is_list(c->arg[0]) && i < c->arg[0].list->count && !t->b->failed; i++) {
        struct torch_value item = c->arg[0].list->items[i];
        if (!is_nothing(t, item) || c->arg[0].list->count == 1)
            torch_append(t, list, item.kind == TORCH_TENSOR ? item : torch_tensor(t, torch_graph_value(t, item)));
    }
    if (list.kind != TORCH_NONE && list.list->count == 0)
        list = c->arg[0];
    c->arg[0] = list;
    return torch_make_NULL(t, c);
}

/* One tensor of indices, or one mask, of an axis; or any others. */
struct torch_value torch_make_index(struct torch_reader *t, struct torch_bound *c)
{
    const struct torch_list *list = torch_is_list(c->arg[1]) ? c->arg[1].list : NULL;
    struct torch_value index = torch_none();
    int count = 0, axis = 0;
    for (size_t i = 0; list && i < list->count && i < TENSOR_MAX_RANK; i++)
        if (list->items[i].kind != TORCH_NONE && count++ == 0) {
            index = list->items[i];
            axis = (int)i;
        }
    const struct type *type = type_of(t, index);
    if (!type || count > 1 || type->dtype == DTYPE_U8)
        return torch_call_plain(t, "torch.nn_index", c->arg, 2);
    if (type->dtype == DTYPE_BOOL)
        return torch_call_plain(t, "torch.nn_index_mask", (struct torch_value[]){c->arg[0], index, torch_int(axis)}, 3);
    struct value *x = torch_graph_value(t, c->arg[0]);
    return torch_tensor(t, build_int(t->b, BUILD(t->b, "Gather", x, torch_graph_value(t, index)), "axis", axis));
}

struct torch_value torch_make_triangle(struct torch_reader *t, struct torch_bound *c)
{
    struct value *k = torch_graph_value(t, c->arg[1]);
    if (k && !k->constant) /* what only a run tells */
        k = build_reshape(t->b, build_cast(t->b, k, DTYPE_I64), 0, NULL);
    struct value *v = BUILD(t->b, "Trilu", torch_graph_value(t, c->arg[0]), k);
    return torch_tensor(t, build_int(t->b, v, "upper", strcmp(c->row->name, "triu") == 0));
}
