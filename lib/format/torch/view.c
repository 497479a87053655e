/* Views: tensors that share their elements with another, their base. A value of the graph never changes, so a view is
 * made anew of its base when that has another value since; and what is written to a view goes back to its base. */
#include <string.h>

#include "format/torch/view.h"

static const struct {
    const char *name;
    enum torch_how how;
} views[] = {
    {"select", HOW_SLICE},          {"slice", HOW_SLICE},
    {"narrow", HOW_SLICE},          {"unbind", HOW_PIECES},
    {"split", HOW_PIECES},          {"split_with_sizes", HOW_PIECES},
    {"chunk", HOW_PIECES},          {"tensor_split", HOW_PIECES},
    {"view", HOW_RESHAPED},         {"view_as", HOW_RESHAPED},
    {"squeeze", HOW_RESHAPED},      {"unsqueeze", HOW_RESHAPED},
    {"unflatten", HOW_RESHAPED},    {"_reshape_alias", HOW_RESHAPED},
    {"reshape", HOW_COPIED},        {"reshape_as", HOW_COPIED},
    {"flatten", HOW_COPIED},        {"contiguous", HOW_COPIED},
    {"transpose", HOW_PERMUTED},    {"swapaxes", HOW_PERMUTED},
    {"t", HOW_PERMUTED},            {"permute", HOW_PERMUTED},
    {"numpy_T", HOW_PERMUTED},      {"expand", HOW_EXPANDED},
    {"expand_as", HOW_EXPANDED},    {"broadcast_to", HOW_EXPANDED},
    {"as_strided", HOW_TAKEN},      {"nn_view_taken", HOW_TAKEN},
    {"nn_view_index", HOW_INDEXED},
};

static bool is_open(struct torch_value v)
{
    return v.kind == TORCH_SIZE || v.kind == TORCH_TENSOR;
}

/* ---- which part it is ---- */

static int64_t known_place(struct torch_value v, int64_t size, int64_t otherwise)
{
    int64_t at = v.kind == TORCH_INT ? v.i : otherwise;
    at = at < 0 ? at + size : at;
    return at > size ? size : at < 0 ? 0 : at;
}

/* Whether start and end are known well enough to write there. A place that only a run tells is not counted from behind.
 */
static bool place(struct torch_part *p, const struct type *type)
{
    if (!type || type->rank < 1)
        return false;
    p->axis += p->axis < 0 ? type->rank : 0;
    if (p->axis < 0 || p->axis >= type->rank)
        return false;
    int64_t size = type->dims[p->axis];
    if (p->start.kind == TORCH_NONE)
        p->start = torch_int(0);
    if (size >= 0 && !is_open(p->start))
        p->start = torch_int(known_place(p->start, size, 0));
    if (p->axis_gone)
        p->end = p->start;
    else if (size >= 0 && !is_open(p->end))
        p->end = torch_int(known_place(p->end, size, INT64_MAX));
    else if (p->end.kind == TORCH_NONE)
        p->end = torch_int(INT64_MAX);
    bool numbers = p->start.kind == TORCH_INT && p->end.kind == TORCH_INT;
    return !(p->start.kind == TORCH_INT && p->start.i < 0) && !(p->end.kind == TORCH_INT && p->end.i < 0) &&
           !(numbers && p->start.i > p->end.i) && (p->step == 1 || (size >= 0 && numbers && p->step > 1));
}

/* The place that the arguments of select, slice and narrow name. */
static bool place_of_arguments(struct torch_reader *t, struct torch_part *p, const struct type *type)
{
    const struct torch_value *arg = p->arg;
    bool select = strcmp(p->row->name, "select") == 0, narrow = strcmp(p->row->name, "narrow") == 0;
    p->axis = arg[1].kind == TORCH_INT ? (int)arg[1].i : 0;
    p->start = arg[2];
    p->axis_gone = select;
    int64_t end = 0;
    if (narrow && (arg[2].kind != TORCH_INT || arg[3].kind != TORCH_INT || arg[2].i < 0 ||
                   __builtin_add_overflow(arg[2].i, arg[3].i, &end)))
        return false;
    if (narrow)
        p->end = torch_int(end);
    else if (!select)
        p->end = arg[3].kind == TORCH_INT && arg[3].i > INT32_MAX - 1 ? torch_none() : arg[3];
    if (!select && !narrow && arg[4].kind != TORCH_NONE)
        p->step = arg[4].kind == TORCH_INT ? arg[4].i : 0;
    return !t->b->failed && place(p, type);
}

/* Piece n of the results, behind `at` elements of the axis. */
static bool place_of_piece(struct torch_reader *t, struct torch_part *p, const struct type *type, int64_t *at,
                           struct torch_value piece)
{
    const struct type *own = piece.kind == TORCH_TENSOR ? build_type(t->b, piece.tensor->value) : NULL;
    p->axis = p->arg[p->count - 1].kind == TORCH_INT ? (int)p->arg[p->count - 1].i : 0;
    p->axis_gone = strcmp(p->row->name, "unbind") == 0;
    int axis = p->axis < 0 && type ? p->axis + type->rank : p->axis;
    int64_t size = p->axis_gone ? 1 : own && axis >= 0 && axis < own->rank ? own->dims[axis] : -1;
    if (size < 0 || *at < 0) {
        *at = -1;
        return false;
    }
    p->start = torch_int(*at);
    p->end = torch_int(*at += size);
    return place(p, type);
}

/* ---- a view is made ---- */

/* Whether the elements of a part do not lie behind one another. */
static bool is_strided(const struct torch_tensor *base, const struct torch_part *p, const struct type *type)
{
    bool strided = base->strided || p->how >= HOW_PERMUTED || p->step != 1;
    for (int i = 0; p->how <= HOW_PIECES && type && i < p->axis && i < type->rank; i++)
        strided = strided || type->dims[i] != 1;
    return strided;
}

/* An argument as it is now: the script may change a list later. */
static struct torch_value kept(struct torch_reader *t, struct torch_value v)
{
    if (!torch_is_list(v) || v.list->tail || v.list->growing || v.list->count > TENSOR_MAX_RANK)
        return v;
    struct torch_value copy = torch_list(t, v.kind);
    for (size_t i = 0; i < v.list->count && !t->b->failed; i++)
        torch_append(t, copy, v.list->items[i]);
    return copy;
}

static struct torch_part *part_of(struct torch_reader *t, const struct torch_bound *c, enum torch_how how, int piece)
{
    struct torch_part *p = arena_alloc(&t->arena, sizeof(*p) + (size_t)c->count * sizeof(*c->arg), t->b->err);
    build_check(t->b, p != NULL);
    if (!p)
        return NULL;
    *p = (struct torch_part){.row = c->row, .how = how, .piece = piece, .step = 1, .count = c->count};
    for (int i = 0; i < c->count; i++)
        p->arg[i] = kept(t, c->arg[i]);
    return p;
}

static void keep_track(struct torch_reader *t, const struct torch_bound *c, enum torch_how how, struct torch_value v,
                       int piece, int64_t *at)
{
    struct torch_tensor *base = c->arg[0].tensor;
    struct torch_part *p = v.kind == TORCH_TENSOR && v.tensor != base ? part_of(t, c, how, piece) : NULL;
    const struct type *type = p ? build_type(t->b, base->value) : NULL;
    if (!p || t->b->failed)
        return;
    if (how == HOW_SLICE)
        v.tensor->lost = !place_of_arguments(t, p, type);
    else if (how == HOW_PIECES)
        v.tensor->lost = !place_of_piece(t, p, type, at, v);
    v.tensor->strided = is_strided(base, p, type);
    v.tensor->depth = base->depth + 1;
    v.tensor->lost = v.tensor->lost || how == HOW_TAKEN || v.tensor->depth > TORCH_VIEW_DEPTH;
    if (v.tensor->depth > TORCH_VIEW_DEPTH)
        return;
    v.tensor->base = base;
    v.tensor->seen = base->value;
    v.tensor->part = p;
}

/* What a view's elements lie in. */
static struct torch_tensor *root_of(struct torch_tensor *x)
{
    while (x->base)
        x = x->base;
    return x;
}

/* Whether reshape() or contiguous() copied the elements of a tensor that do not lie behind one another. Where that
 * depends on sizes that are not known it counts as a copy, until one of both is written to and the other used. */
static bool is_copy(struct torch_reader *t, const struct torch_bound *c, struct torch_tensor *v)
{
    struct torch_tensor *x = c->arg[0].tensor;
    struct torch_part *p = v == x ? NULL : part_of(t, c, HOW_COPIED, 0);
    int shared = p ? torch_shares_elements(t, p, x, v->value) : 0;
    if (!p || shared > 0)
        return !p;
    v->part = p;
    v->copied = x;
    v->unsure = shared < 0;
    v->seen = root_of(x)->value;
    v->depth = x->depth + 1;
    if (v->unsure && v->depth > TORCH_VIEW_DEPTH)
        torch_fail_open(t, "copies of views of sizes that are not known, too many within each other");
    return true;
}

struct torch_value torch_view_made(struct torch_reader *t, const struct torch_bound *c, struct torch_value v)
{
    size_t i = 0;
    int64_t at = 0;
    while (i < sizeof(views) / sizeof(*views) && strcmp(views[i].name, c->row->name) != 0)
        i++;
    if (i == sizeof(views) / sizeof(*views) || t->b->failed || c->arg[0].kind != TORCH_TENSOR)
        return v;
    if (v.kind == TORCH_TENSOR && views[i].how == HOW_COPIED && c->arg[0].tensor->strided && is_copy(t, c, v.tensor))
        return v;
    if (torch_is_list(v))
        for (size_t k = 0; k < v.list->count && !t->b->failed; k++)
            keep_track(t, c, views[i].how, v.list->items[k], (int)k, &at);
    else
        keep_track(t, c, views[i].how, v, 0, &at);
    return v;
}

/* ---- its base was changed ---- */

/* Its arguments may be views that are made anew in turn. */
static void make_anew(struct torch_reader *t, struct torch_tensor *view)
{
    const struct torch_part *p = view->part;
    struct torch_bound c = {.row = p->row, .count = p->count};
    memcpy(c.arg, p->arg, (size_t)p->count * sizeof(*p->arg));
    torch_count_item(t);
    if (++t->anew > TORCH_VIEW_DEPTH)
        build_fail(t->b, "views whose places depend on views, more than %d deep", TORCH_VIEW_DEPTH);
    struct torch_value v = t->b->failed ? torch_none() : p->row->make(t, &c);
    t->anew--;
    if (!t->b->failed && torch_is_list(v))
        v = (size_t)p->piece < v.list->count ? v.list->items[p->piece] : torch_none();
    if (!t->b->failed && v.kind != TORCH_TENSOR)
        build_fail(t->b, "a view of a tensor that was changed cannot be made anew");
    if (t->b->failed)
        return;
    torch_touch_tensor(t, view);
    view->value = v.tensor->value;
    view->seen = view->base->value;
}

/* Whether a tensor may be out of date: it, or what may be a view of it, was written to by way of the other. */
static bool is_doubtful(struct torch_tensor *x)
{
    bool doubtful = (x = root_of(x))->doubtful;
    for (struct torch_tensor *from; x->unsure && !doubtful; x = from) {
        from = root_of(x->copied);
        doubtful = from->value != x->seen;
    }
    return doubtful;
}

struct value *torch_current(struct torch_reader *t, struct torch_tensor *tensor)
{
    struct torch_tensor *chain[TORCH_VIEW_DEPTH + 1];
    int count = 0;
    if (!t->settled && is_doubtful(tensor))
        torch_fail_open(t, "a tensor is written in place, and whether another shares its elements depends on sizes");
    for (struct torch_tensor *at = tensor; at->base && count <= TORCH_VIEW_DEPTH && !t->settled; at = at->base)
        chain[count++] = at;
    while (count-- > 0 && !t->b->failed)
        if (chain[count]->seen != chain[count]->base->value)
            make_anew(t, chain[count]);
    return t->b->failed ? NULL : tensor->value;
}

/* ---- it is written to ---- */

static struct value *one_of(struct torch_reader *t, struct torch_value v)
{
    return build_reshape(t->b, build_cast(t->b, torch_graph_value(t, v), DTYPE_I64), 1, (int64_t[]){1});
}

/* x with every `step`th element of an axis replaced: both are joined, and each element i taken from where it is. */
static struct value *interleaved(struct torch_reader *t, struct value *x, struct value *new, const struct torch_part *p,
                                 int64_t size)
{
    const double numbers[] = {(double)size, (double)p->start.i, (double)p->end.i, (double)p->step, 0, 1};
    struct value *in[6];
    for (int i = 0; i < 6; i++)
        in[i] = build_number(t->b, DTYPE_I64, numbers[i]);
    struct value *from = build_formula(t->b,
                                       "$4 $0 $5 Range:3 >i i $1 Sub:2 >q i $1 GreaterOrEqual:2 i $2 Less:2 And:2 "
                                       "q $3 Mod:2 $4 Equal:2 And:2 q $3 Div:2 $0 Add:2 i Where:3",
                                       6, in);
    struct value *all = build_int(t->b, BUILD(t->b, "Concat", x, new), "axis", p->axis);
    return build_int(t->b, BUILD(t->b, "Gather", all, from), "axis", p->axis);
}

/* x with its elements from `start` to `end` of an axis replaced. */
static struct value *replaced(struct torch_reader *t, struct value *x, struct value *new, const struct torch_part *p)
{
    const struct type *type = build_type(t->b, x);
    struct torch_value from = p->start, to = p->end;
    int64_t size = type && type->rank > p->axis ? type->dims[p->axis] : -1;
    if (p->axis_gone) {
        new = build_unsqueeze(t->b, new, p->axis);
        to = torch_call_plain(t, "torch.add", (struct torch_value[]){from, torch_int(1)}, 2);
    }
    if (p->step != 1)
        return interleaved(t, x, new, p, size);
    struct value *parts[3], *axis = BUILD_LIST(t->b, p->axis);
    int n = 0;
    if (from.kind != TORCH_INT || from.i > 0)
        parts[n++] = BUILD(t->b, "Slice", x, BUILD_LIST(t->b, 0), one_of(t, from), axis);
    parts[n++] = new;
    if (to.kind != TORCH_INT || (to.i != size && to.i != INT64_MAX))
        parts[n++] = BUILD(t->b, "Slice", x, one_of(t, to), BUILD_LIST(t->b, INT64_MAX), axis);
    return n == 1 ? new : build_int(t->b, build_node(t->b, "Concat", n, parts), "axis", p->axis);
}

/* The order of axes that undoes one. */
static struct torch_value inverse(struct torch_reader *t, struct torch_value order)
{
    struct torch_value back = torch_list(t, TORCH_LIST);
    int64_t count = torch_is_list(order) ? (int64_t)order.list->count : 0;
    for (int64_t i = 0; i < count && !t->b->failed; i++)
        torch_append(t, back, torch_int(0));
    for (int64_t i = 0; i < count && !t->b->failed; i++) {
        struct torch_value item = order.list->items[i];
        int64_t at = item.kind != TORCH_INT ? -1 : item.i < 0 ? item.i + count : item.i;
        if (at >= 0 && at < count)
            back.list->items[at].i = i;
        else
            build_fail(t->b, "an order of axes that is not known");
    }
    return back;
}

/* Axes back in the base's order. */
static struct value *permuted_back(struct torch_reader *t, struct value *new, const struct torch_part *p)
{
    struct torch_bound c = {.row = p->row, .count = p->count};
    memcpy(c.arg, p->arg, (size_t)p->count * sizeof(*p->arg));
    c.arg[0] = torch_tensor(t, new);
    if (strcmp(p->row->name, "permute") == 0)
        c.arg[1] = inverse(t, p->arg[1]);
    struct torch_value v = t->b->failed ? torch_none() : p->row->make(t, &c);
    return torch_graph_value(t, v);
}

/* x with the elements at its indices replaced. */
static struct value *indexed_back(struct torch_reader *t, struct value *x, struct value *new,
                                  const struct torch_part *p)
{
    struct torch_value args[] = {torch_tensor(t, x), p->arg[1], torch_tensor(t, new)};
    struct torch_value v = t->b->failed ? torch_none() : torch_call_plain(t, "torch.index_put", args, 3);
    return torch_graph_value(t, v);
}

void torch_write_back(struct torch_reader *t, struct torch_tensor *view)
{
    for (; view->base && !t->b->failed && !view->lost; view = view->base) {
        struct torch_tensor *base = view->base;
        const struct torch_part *p = view->part;
        struct value *old = torch_current(t, base);
        torch_count_item(t); /* parts of parts may be many */
        torch_touch_tensor(t, base);
        if (p->how <= HOW_PIECES)
            base->value = replaced(t, old, view->value, p);
        else if (p->how == HOW_PERMUTED)
            base->value = permuted_back(t, view->value, p);
        else if (p->how == HOW_INDEXED)
            base->value = indexed_back(t, old, view->value, p);
        else if (p->how == HOW_EXPANDED)
            build_fail(t->b, "an expanded tensor is written in place");
        else
            base->value = BUILD(t->b, "Reshape", view->value, BUILD(t->b, "Shape", old));
        torch_touch_tensor(t, view);
        view->seen = base->value;
    }
    for (struct torch_tensor *x = view; x->unsure; x = root_of(x->copied))
        root_of(x->copied)->doubtful = true;
    if (view->lost)
        torch_fail_open(t, "a part of a tensor is written in place, and which one is not known or depends on a size");
}
