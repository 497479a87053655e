#include "exec/concat.h"

#include <string.h>

#include "exec/lower.h"

static bool is_concat(const struct node *n)
{
    return n && node_is(n, "Concat") && n->out[0]->type.rank > 0;
}

static int axis_of(const struct node *n)
{
    return exec_lower_axis(op_int(n, "axis"), n->out[0]->type.rank);
}

/* Graph inputs, outputs and constants have memory of their own. */
static bool may_move(const struct value *v)
{
    return v->producer && !v->constant && !v->is_output;
}

static bool twice_in(const struct node *n, const struct value *v)
{
    int times = 0;
    for (int i = 0; i < n->in_count; i++)
        times += n->in[i] == v;
    return times > 1;
}

/* Where the inputs of n stand in a row among those of `larger`, along the same axis: the offset of the first; -1 when
 * they do not. */
static int64_t find_run(const struct node *n, const struct node *larger)
{
    int64_t offset = 0;
    int axis = axis_of(n);
    if (larger == n || axis_of(larger) != axis)
        return -1;
    for (int i = 0; i + n->in_count <= larger->in_count; i++) {
        if (memcmp(&larger->in[i], n->in, sizeof *n->in * (size_t)n->in_count) == 0)
            return offset;
        offset += larger->in[i]->type.dims[axis];
    }
    return -1;
}

static void set_parent(struct value *v, struct value *parent, int axis, int64_t offset)
{
    struct place *place = plan_place(v);
    place->concat_parent = parent;
    place->concat_axis = axis;
    place->concat_offset = offset;
}

/* True when n's whole result found its place inside the Concat that its inputs already have as parent. */
static bool join_larger(struct node *n)
{
    struct value *parent = plan_place(n->in[0])->concat_parent;
    if (!parent || !may_move(n->out[0]) || plan_place(n->out[0])->concat_parent)
        return false;
    int64_t offset = find_run(n, parent->producer);
    if (offset < 0)
        return false;
    for (int i = 0; i < n->in_count; i++)
        if (plan_place(n->in[i])->concat_parent != parent)
            return false;
    set_parent(n->out[0], parent, axis_of(n), offset);
    return true;
}

/* Where input i and those that follow it are all the parts of a value, in order, that lies there as a whole. */
static void offer_whole(struct node *n, int i, int axis, int64_t offset)
{
    if (exec_lower_part(n->in[i], axis) != 0)
        return;
    struct value *whole = n->in[i]->producer->in[0];
    int64_t end = 0;
    for (; i < n->in_count && exec_lower_part(n->in[i], axis) == end && n->in[i]->producer->in[0] == whole; i++)
        end += n->in[i]->type.dims[axis];
    if (end == whole->type.dims[axis] && may_move(whole) && !plan_place(whole)->concat_parent)
        set_parent(whole, n->out[0], axis, offset);
}

static void offer_places(struct node *n)
{
    int axis = axis_of(n);
    int64_t offset = 0;
    for (int i = 0; i < n->in_count; i++) {
        struct value *v = n->in[i];
        offer_whole(n, i, axis, offset);
        if (may_move(v) && !plan_place(v)->concat_parent && !twice_in(n, v))
            set_parent(v, n->out[0], axis, offset);
        offset += v->type.dims[axis];
    }
}

int concat_assign(struct plan *p, struct error *err)
{
    for (struct value **v = p->graph->values; v < p->graph->values + p->graph->value_count; v++)
        if (*v && !((*v)->scratch = plan_alloc(p, sizeof(struct place), err)))
            return -1;
    for (struct node *n = p->graph->last; n; n = n->prev) /* larger Concats come later: meet them first */
        if (is_concat(n) && !join_larger(n))
            offer_places(n);
    return 0;
}

/* Where consumers want different bytes in it, the last one has its way, and others a copy. */
static void raise(struct place *place, const int (*by)[2], int fill)
{
    for (int i = 0; i < VIEW_SPATIAL; i++)
        for (int j = 0; j < 2; j++) {
            if (by[i][j] > 0)
                place->fill = (uint8_t)fill;
            if (by[i][j] > place->border[i][j])
                place->border[i][j] = by[i][j];
        }
}

void concat_borders(struct plan *p)
{
    for (struct node *n = p->graph->first; n; n = n->next) {
        int border[VIEW_SPATIAL][2];
        const struct exec_way *way = exec_lower_find(p->kernels, n);
        if (way && way->border && way->border(n, border))
            raise(plan_place(n->in[0]), (const int(*)[2])border, way->fill ? way->fill(n) : 0);
    }
    for (struct node *n = p->graph->last; n; n = n->prev)
        for (int i = 0; i < n->out_count; i++)
            if (n->out[i] && exec_lower_part(n->out[i], 1) >= 0)
                raise(plan_place(n->in[0]), (const int(*)[2])plan_place(n->out[i])->border,
                      plan_place(n->out[i])->fill);
    for (struct node *n = p->graph->first; n; n = n->next)
        for (int i = 0; i < n->out_count; i++) {
            struct place *place = n->out[i] ? plan_place(n->out[i]) : NULL;
            if (place && place->concat_parent && place->concat_axis == 1)
                raise(plan_place(place->concat_parent), (const int(*)[2])place->border, place->fill);
        }
}
