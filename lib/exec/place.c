/* Where lowered values go: new memory, their Concat's, the caller's, or memory of an input that nobody needs any more.
 */
#include <string.h>

#include "exec/copy.h"
#include "exec/lower.h"
#include "exec/plan.h"

static bool wants_border(const int (*border)[2], int rank)
{
    for (int i = 0; i < rank - 2 && i < VIEW_SPATIAL; i++)
        if (border[i][0] || border[i][1])
            return true;
    return false;
}

/* Pixels that are half or whole pages apart lie in two sets or one of the first-level cache, which a product over a
 * dozen of them overfills: up to 25 % of its time. */
#define HALF_PAGE 2048
#define GAP       64 /* bytes */

static bool is_multiple(const struct view *v, int axis, size_t bytes)
{
    return (size_t)v->dims[axis] % (bytes / view_element(v)) == 0;
}

static bool gains_gap(const struct view *v, enum order order)
{
    return order == ORDER_CHANNELS && v->rank > 2 && is_multiple(v, 1, HALF_PAGE);
}

/* The same of rows of whole pages that products alone read: others might want them dense. */
static bool rows_gain_gap(const struct value *value, const struct view *v, enum order order)
{
    if (order != ORDER_ROWS || v->rank < 2 || value->is_output || plan_place(value)->is_dense ||
        !is_multiple(v, v->rank - 1, 2 * HALF_PAGE))
        return false;
    for (size_t i = 0; i < value->use_count; i++)
        if (value->uses[i].index != 0 || !exec_lower_takes_product(value->uses[i].node))
            return false;
    return true;
}

/* Lays a view out in a buffer of its own; dtype, rank and dims are set. */
static int place_new(struct plan *p, struct view *v, enum order order, const int (*border)[2], bool gap,
                     struct error *err)
{
    struct view outer = *v;
    bool bordered = border && order == ORDER_CHANNELS && v->rank - 2 <= VIEW_SPATIAL && wants_border(border, v->rank);
    for (int i = 2; bordered && i < v->rank; i++) {
        outer.dims[i] += border[i - 2][0] + border[i - 2][1];
        v->border[i - 2][0] = border[i - 2][0];
        v->border[i - 2][1] = border[i - 2][1];
    }
    if (gap)
        outer.dims[order == ORDER_CHANNELS ? 1 : v->rank - 1] += GAP / (int64_t)view_element(v);
    int64_t count = tensor_count(outer.rank, outer.dims);
    size_t bytes;
    if (count < 0 || !mem_mul((size_t)count, view_element(v), &bytes) || bytes > TENSOR_MAX_BYTES)
        return error_set(err, "a result is too large");
    struct buffer *b = plan_alloc(p, sizeof *b, err);
    if (!b)
        return -1;
    *b = (struct buffer){.size = bytes, .first = -1, .next = p->buffers};
    p->buffers = b;
    view_dense(&outer, order);
    memcpy(v->stride, outer.stride, sizeof v->stride);
    v->buffer = b;
    v->offset = 0;
    for (int i = 2; bordered && i < v->rank; i++)
        v->offset += border[i - 2][0] * v->stride[i];
    return bordered ? copy_fill_border(p, v, err) : 0;
}

static void view_of_value(struct view *v, const struct value *value)
{
    memset(v, 0, sizeof *v);
    v->dtype = value->type.dtype;
    v->rank = value->type.rank;
    memcpy(v->dims, value->type.dims, sizeof v->dims);
}

static void assign_place(const struct value *value, const struct view *view)
{
    struct place *place = plan_place(value);
    place->view = *view;
    place->placed = true;
    if (!view->buffer->external)
        view->buffer->uses_left += (int)value->use_count + value->is_output;
}

static int place_value(struct plan *p, const struct value *value, enum order order, struct view *view,
                       struct error *err);

/* Whether the axis that would be innermost if the value had memory of its own is so inside `whole` too: kernels write
 * runs along it. */
static bool is_run_inside(const struct value *value, enum order order, const struct view *whole)
{
    struct view own;
    view_of_value(&own, value);
    view_dense(&own, order);
    for (int i = 0; i < own.rank; i++)
        if (own.dims[i] > 1 && own.stride[i] == 1 && whole->stride[i] != 1)
            return false;
    return true;
}

/* The part of its Concat that belongs to the value, when that lies (or can be laid) in this order. */
static int place_in_concat(struct plan *p, const struct value *value, enum order order, struct view *view,
                           struct error *err)
{
    struct place *place = plan_place(value), *parent = plan_place(place->concat_parent);
    struct view whole;
    if (!parent->placed && place_value(p, place->concat_parent, order, &whole, err) < 0)
        return -1;
    whole = parent->view;
    if (whole.dtype != value->type.dtype || !is_run_inside(value, order, &whole))
        return 1;
    *view = whole;
    memcpy(view->dims, value->type.dims, sizeof view->dims);
    view->offset += place->concat_offset * whole.stride[place->concat_axis];
    if (place->concat_axis != 1)
        memset(view->border, 0, sizeof view->border);
    return 0;
}

/* The caller's memory, for a graph output whose layout it is. */
static bool place_at_output(struct plan *p, const struct value *value, enum order order, struct view *view)
{
    const struct view *output = &p->outputs[plan_place(value)->output];
    if (!view_is_dense(output, order))
        return false;
    *view = *output;
    return true;
}

static int place_value(struct plan *p, const struct value *value, enum order order, struct view *view,
                       struct error *err)
{
    struct place *place = plan_place(value);
    int status = 1;
    if (place->concat_parent)
        status = place_in_concat(p, value, order, view, err);
    else if (value->is_output && place_at_output(p, value, order, view))
        status = 0;
    if (status > 0) {
        view_of_value(view, value);
        view->fill = place->fill;
        bool gap = gains_gap(view, order) || rows_gain_gap(value, view, order);
        status = place_new(p, view, order, (const int(*)[2])place->border, gap, err);
    }
    if (status == 0)
        assign_place(value, view);
    return status;
}

int plan_out(struct plan *p, struct node *n, int o, enum order order, struct view *view, struct error *err)
{
    const struct value *value = node_out(n, o);
    if (value)
        return place_value(p, value, order, view, err);
    return error_set(err, "output %d is not wanted", o);
}

int plan_out_dense(struct plan *p, struct node *n, int o, struct view *view, struct error *err)
{
    if (node_out(n, o)) {
        plan_place(n->out[o])->concat_parent = NULL;
        plan_place(n->out[o])->is_dense = true;
    }
    return plan_out(p, n, o, ORDER_ROWS, view, err);
}

bool plan_may_overwrite(const struct node *n, int o, int i)
{
    const struct value *out = node_out(n, o), *in = node_in(n, i);
    if (!out || !in)
        return false;
    const struct place *from = plan_place(in), *to = plan_place(out);
    if (!from->placed || from->view.buffer->external || from->view.buffer->uses_left != 1 || in->constant)
        return false;
    if (to->concat_parent || out->is_output || in->type.dtype != out->type.dtype || in->type.rank != out->type.rank)
        return false;
    if (memcmp(in->type.dims, out->type.dims, sizeof(int64_t) * (size_t)in->type.rank) != 0)
        return false;
    for (int k = 0; k < VIEW_SPATIAL; k++)
        for (int j = 0; j < 2; j++)
            if (from->view.border[k][j] < to->border[k][j] || (to->border[k][j] > 0 && from->view.fill != to->fill))
                return false;
    for (int k = 0; k < from->view.rank; k++)
        if (from->view.stride[k] == 0 && from->view.dims[k] > 1)
            return false;
    return true;
}

int plan_out_over(struct plan *p, struct node *n, int o, int i, enum order order, struct view *view, struct error *err)
{
    const struct view *in = plan_in(n, i);
    if (!plan_may_overwrite(n, o, i) || view_order(in) != order || !is_run_inside(n->out[o], order, in))
        return plan_out(p, n, o, order, view, err);
    *view = *in;
    return plan_alias(p, n, o, view, err);
}

int plan_alias(struct plan *p, struct node *n, int o, const struct view *view, struct error *err)
{
    (void)p;
    if (!node_out(n, o))
        return error_set(err, "output %d is not wanted", o);
    assign_place(node_out(n, o), view);
    return 0;
}

int plan_scratch(struct plan *p, size_t bytes, struct view *view, struct error *err)
{
    memset(view, 0, sizeof *view);
    view->dtype = DTYPE_U8;
    view->rank = 1;
    view->dims[0] = (int64_t)bytes;
    return place_new(p, view, ORDER_ROWS, NULL, false, err);
}

int plan_copy(struct plan *p, const struct node *n, const struct view *from, enum order order, int (*border)[2],
              struct view *to, struct error *err)
{
    const struct view source = *from; /* `to` may be the same */
    struct view view = source;
    memset(view.border, 0, sizeof view.border);
    if (place_new(p, &view, order, (const int(*)[2])border, gains_gap(&view, order), err) < 0)
        return -1;
    view.buffer->uses_left = INT32_MAX / 2; /* others may find the copy later: never overwritten */
    *to = view;
    return plan_copy_into(p, n, &source, to, err);
}
