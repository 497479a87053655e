/* Where the elements of a view lie in what it is a view of, as a stride for each axis: what as_strided() asks for.
 * Sizes must be known. */
#include <string.h>

#include "format/torch/make.h"
#include "format/torch/view.h"

struct layout {
    struct value *storage; /* its elements lie behind one another */
    int rank;
    int64_t dims[TENSOR_MAX_RANK], strides[TENSOR_MAX_RANK], offset;
};

#define MOST_ELEMENTS (1 << 30)
#define MOST_STRIDE   (INT64_C(1) << 31)

/* False: a size is not known, or nothing that such a view is made of. */
static bool set_dims(struct torch_reader *t, struct layout *l, struct value *v)
{
    const struct type *type = v ? build_type(t->b, v) : NULL;
    int64_t count = type && type->rank >= 0 ? tensor_count(type->rank, type->dims) : 0;
    l->rank = type ? type->rank : -1;
    for (int i = 0; count > 0 && i < l->rank; i++)
        l->dims[i] = type->dims[i];
    return count > 0 && count <= MOST_ELEMENTS;
}

static bool set_whole(struct torch_reader *t, struct layout *l, struct value *v)
{
    int64_t stride = 1;
    if (!set_dims(t, l, v))
        return false;
    l->storage = v;
    l->offset = 0;
    for (int i = l->rank - 1; i >= 0; i--) {
        l->strides[i] = stride;
        stride *= l->dims[i];
    }
    return true;
}

/* The same elements by other axes: runs of axes that lie behind one another are cut anew. False: there are none such.
 */
static bool cut_anew(const struct layout *old, struct layout *new)
{
    int at = new->rank - 1;
    for (int i = old->rank - 1; i >= 0; i--) {
        int64_t stride = old->strides[i], count = old->dims[i], left;
        for (; i > 0 && (old->dims[i - 1] == 1 || count == 1 || old->strides[i - 1] == stride * count); i--) {
            stride = count == 1 ? old->strides[i - 1] : stride;
            count *= old->dims[i - 1];
        }
        for (left = count; at >= 0 && (left > 1 || new->dims[at] == 1); at--) {
            if (left % new->dims[at] != 0)
                return false;
            new->strides[at] = stride;
            stride *= new->dims[at];
            left /= new->dims[at];
        }
        if (left != 1)
            return false;
    }
    for (; at >= 0 && new->dims[at] == 1; at--)
        new->strides[at] = 1;
    return at < 0;
}

/* The elements of what reshape() or contiguous() copies unless it can share them. False: it is a copy. */
static bool shares(const struct torch_part *p, const struct layout *old, struct layout *new)
{
    int64_t stride = 1;
    bool whole = cut_anew(old, new);
    for (int i = new->rank - 1; whole && i >= 0 && strcmp(p->row->name, "contiguous") == 0; stride *= new->dims[i--])
        whole = new->dims[i] == 1 || new->strides[i] == stride;
    return whole;
}

/* Of an axis that is named so; -1: there is none. */
static int axis_of(struct torch_value v, int rank)
{
    int64_t axis = v.kind != TORCH_INT ? -1 : v.i < 0 ? v.i + rank : v.i;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

static bool permute(const struct torch_part *p, const struct layout *old, struct layout *new)
{
    const char *name = p->row->name;
    const struct torch_list *order = strcmp(name, "permute") == 0 && torch_is_list(p->arg[1]) ? p->arg[1].list : NULL;
    bool plain = strcmp(name, "t") == 0, reversed = strcmp(name, "numpy_T") == 0;
    int a = axis_of(plain || reversed || order ? torch_int(0) : p->arg[1], old->rank);
    int b = axis_of(plain || reversed || order ? torch_int(1) : p->arg[2], old->rank);
    if (order ? order->count != (size_t)old->rank : !reversed && (a < 0 || b < 0))
        return false;
    for (int i = 0; i < old->rank; i++) {
        int from = reversed ? old->rank - 1 - i : i == a ? b : i == b ? a : i;
        if (order && (from = axis_of(order->items[i], old->rank)) < 0)
            return false;
        new->strides[i] = old->strides[from];
    }
    return true;
}

static bool take_part(const struct torch_part *p, const struct layout *old, struct layout *new)
{
    if (p->start.kind != TORCH_INT || p->axis < 0 || p->axis >= old->rank || p->step > MOST_ELEMENTS ||
        p->step * old->strides[p->axis] > MOST_STRIDE)
        return false;
    new->offset = old->offset + p->start.i * old->strides[p->axis];
    for (int i = 0, k = 0; i < old->rank; i++)
        if (i != p->axis)
            new->strides[k++] = old->strides[i];
        else if (!p->axis_gone)
            new->strides[k++] = old->strides[i] * p->step;
    return true;
}

static void expand(const struct layout *old, struct layout *new)
{
    for (int i = 0; i < new->rank; i++) {
        int from = i - (new->rank - old->rank);
        new->strides[i] = from < 0 || old->dims[from] != new->dims[i] ? 0 : old->strides[from];
    }
}

static bool is_place(int64_t i)
{
    return i >= 0 && i < MOST_ELEMENTS;
}

/* Adds how far apart the elements lie that indices of an axis take, one axis of the result for each of the indices'.
 * diagonal() and unfold() space them evenly. False: they are not constant. */
static bool take_spaced(struct torch_value v, int64_t stride, int at, struct layout *new)
{
    const struct tensor *index = v.kind == TORCH_TENSOR ? v.tensor->value->constant : NULL;
    if (!index || index->count < 1 || index->rank < 1 || at + index->rank > new->rank)
        return false;
    int64_t first = tensor_get_i64(index, 0), apart = 1;
    new->offset += is_place(first) ? first * stride : 0;
    bool known = is_place(first);
    for (int k = index->rank - 1; k >= 0 && known; apart *= index->dims[k--]) {
        int64_t next = index->dims[k] > 1 ? tensor_get_i64(index, apart) : first;
        known = is_place(next);
        new->strides[at + k] += known ? (next - first) * stride : 0;
    }
    return known;
}

/* diagonal()'s indices are of one axis, which stands at the first that they are of, or before all. */
static bool take_indexed(const struct torch_part *p, const struct layout *old, struct layout *new)
{
    const struct torch_list *list = torch_is_list(p->arg[1]) ? p->arg[1].list : NULL;
    int first = -1, last = -1, k = 0;
    for (int i = 0; list && list->count == (size_t)old->rank && i < old->rank; i++)
        if (list->items[i].kind != TORCH_NONE) {
            first = first < 0 ? i : first;
            last = i;
        }
    int at = last - first == 1 ? first : 0;
    if (first < 0 || new->rank != old->rank - 1)
        return false;
    new->strides[at] = 0;
    for (int i = 0; i < old->rank; i++) {
        k += k == at;
        if (list->items[i].kind == TORCH_NONE)
            new->strides[k++] = old->strides[i];
        else if (!take_spaced(list->items[i], old->strides[i], at, new))
            return false;
    }
    return true;
}

/* unfold()'s windows stand where their axis was, as two. */
static bool take_windows(const struct torch_part *p, const struct layout *old, struct layout *new)
{
    int axis = axis_of(p->arg[1], old->rank);
    if (axis < 0 || new->rank != old->rank + 1)
        return false;
    for (int i = 0; i < new->rank; i++)
        new->strides[i] = i < axis ? old->strides[i] : i > axis + 1 ? old->strides[i - 1] : 0;
    return take_spaced(p->arg[2], old->strides[axis], axis, new);
}

static bool take_strided(const struct torch_part *p, struct layout *new)
{
    const struct torch_list *strides = torch_is_list(p->arg[2]) ? p->arg[2].list : NULL;
    bool known = strides && strides->count == (size_t)new->rank;
    for (int i = 0; known && i < new->rank; i++) {
        known = strides->items[i].kind == TORCH_INT && is_place(strides->items[i].i);
        new->strides[i] = strides->items[i].i;
    }
    if (p->arg[3].kind != TORCH_NONE)
        new->offset = p->arg[3].i;
    return known && (p->arg[3].kind == TORCH_NONE || (p->arg[3].kind == TORCH_INT && is_place(new->offset)));
}

static bool find(struct torch_reader *t, const struct torch_tensor *x, struct layout *l, int depth)
{
    const struct torch_tensor *base = x->base ? x->base : x->copied;
    struct layout old;
    if (!base || depth == TORCH_VIEW_DEPTH)
        return !base && !x->strided && !x->lost && set_whole(t, l, x->value);
    if ((x->lost && x->part->how != HOW_TAKEN) || !find(t, base, &old, depth + 1) || !set_dims(t, l, x->value))
        return false;
    l->storage = old.storage;
    l->offset = old.offset;
    if (x->part->how <= HOW_PIECES)
        return take_part(x->part, &old, l);
    if (x->part->how == HOW_INDEXED)
        return take_indexed(x->part, &old, l);
    if (x->part->how == HOW_TAKEN)
        return strcmp(x->part->row->name, "as_strided") == 0 ? take_strided(x->part, l)
                                                             : take_windows(x->part, &old, l);
    if (x->part->how == HOW_PERMUTED)
        return permute(x->part, &old, l);
    if (x->part->how == HOW_EXPANDED)
        expand(&old, l);
    else if (!shares(x->part, &old, l))
        return x->part->how == HOW_COPIED && set_whole(t, l, x->value);
    return true;
}

int torch_shares_elements(struct torch_reader *t, const struct torch_part *p, const struct torch_tensor *x,
                          struct value *copy)
{
    struct layout l, cut;
    return find(t, x, &l, 0) && set_dims(t, &cut, copy) ? shares(p, &l, &cut) : -1;
}

/* Elements of what a tensor lies in, by distances. */
struct torch_value torch_make_as_strided(struct torch_reader *t, struct torch_bound *c)
{
    struct torch_tensor *x = c->arg[0].kind == TORCH_TENSOR ? c->arg[0].tensor : NULL;
    struct layout l;
    if (x)
        torch_current(t, x);
    if (!x || t->b->failed || !find(t, x, &l, 0))
        torch_fail_open(t, "as_strided() of a tensor of which it is not known how its elements lie");
    if (t->b->failed)
        return torch_none();
    c->arg[0] = torch_tensor(t, l.storage);
    if (c->arg[3].kind == TORCH_NONE)
        c->arg[3] = torch_int(l.offset);
    return torch_call_plain(t, "torch.nn_as_strided", c->arg, c->count);
}
