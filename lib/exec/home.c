#include "exec/home.h"

#include <string.h>

#include "exec/lower.h"

static bool is_concat(const struct node *n)
{
    return n && node_is(n, "Concat") && n->out[0]->type.rank > 0;
}

static int concat_axis(const struct node *n)
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
    int axis = concat_axis(n);
    if (larger == n || concat_axis(larger) != axis)
        return -1;
    for (int i = 0; i + n->in_count <= larger->in_count; i++) {
        if (memcmp(&larger->in[i], n->in, sizeof *n->in * (size_t)n->in_count) == 0)
            return offset;
        offset += larger->in[i]->type.dims[axis];
    }
    return -1;
}

static void set_home(struct value *v, struct value *home, int axis, int64_t offset)
{
    struct place *place = plan_place(v);
    place->home = home;
    place->home_axis = axis;
    place->home_offset = offset;
}

/* True when n's whole result found its place inside the Concat that its inputs already have as home. */
static bool join_larger(struct node *n)
{
    struct value *home = plan_place(n->in[0])->home;
    if (!home || !may_move(n->out[0]) || plan_place(n->out[0])->home)
        return false;
    int64_t offset = find_run(n, home->producer);
    if (offset < 0)
        return false;
    for (int i = 0; i < n->in_count; i++)
        if (plan_place(n->in[i])->home != home)
            return false;
    set_home(n->out[0], home, concat_axis(n), offset);
    return true;
}

static void offer_homes(struct node *n)
{
    int axis = concat_axis(n);
    int64_t offset = 0;
    for (int i = 0; i < n->in_count; i++) {
        struct value *v = n->in[i];
        if (may_move(v) && !plan_place(v)->home && !twice_in(n, v))
            set_home(v, n->out[0], axis, offset);
        offset += v->type.dims[axis];
    }
}

int home_assign(struct plan *p, struct error *err)
{
    for (struct value **v = p->graph->values; v < p->graph->values + p->graph->value_count; v++)
        if (*v && !((*v)->scratch = plan_alloc(p, sizeof(struct place), err)))
            return -1;
    for (struct node *n = p->graph->last; n; n = n->prev) /* larger Concats come later: meet them first */
        if (is_concat(n) && !join_larger(n))
            offer_homes(n);
    return 0;
}

static void widen(int (*border)[2], const int (*by)[2])
{
    for (int i = 0; i < VIEW_SPATIAL; i++)
        for (int j = 0; j < 2; j++)
            if (by[i][j] > border[i][j])
                border[i][j] = by[i][j];
}

void home_borders(struct plan *p)
{
    for (struct node *n = p->graph->first; n; n = n->next) {
        int border[VIEW_SPATIAL][2];
        const struct exec_way *way = exec_lower_find(p->kernels, n);
        if (way && way->border && way->border(n, border))
            widen(plan_place(n->in[0])->border, border);
    }
    for (struct node *n = p->graph->first; n; n = n->next)
        for (int i = 0; i < n->out_count; i++) {
            struct place *place = n->out[i] ? plan_place(n->out[i]) : NULL;
            if (place && place->home && place->home_axis == 1)
                widen(plan_place(place->home)->border, place->border);
        }
}
