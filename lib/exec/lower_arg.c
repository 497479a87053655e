/* ArgMax and ArgMin. */
#include <math.h>

#include "exec/lower.h"

struct arg_args {
    struct view x, out;
    struct nest nest; /* of the results: out, then x at the axis' first element */
    int64_t n;        /* elements to choose from */
    ptrdiff_t step;   /* of x, from one to the next */
    bool least, last;
};

/* NaN stands before all numbers; of equals the first is taken, or the last. */
static int64_t best_of(const struct arg_args *a, const float *x)
{
    int64_t best = 0;
    float value = a->least ? -x[0] : x[0];
    for (int64_t i = 1; i < a->n; i++) {
        float other = a->least ? -x[i * a->step] : x[i * a->step];
        bool better = other > value || (isnan(other) && !isnan(value));
        if (better || (a->last && (other == value || (isnan(other) && isnan(value))))) {
            best = i;
            value = other;
        }
    }
    return best;
}

static void run_arg(const struct step *s, struct tile tile)
{
    const struct arg_args *a = s->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[2];
        nest_at(&a->nest, 2, i, offset);
        ((int64_t *)view_data(&a->out))[offset[0]] = best_of(a, (const float *)view_data(&a->x) + offset[1]);
    }
}

/* A nest over the results, whose innermost axis is one element. */
static void nest_results(struct arg_args *a, int axis)
{
    struct view x = a->x, out = x;
    int to = 0;
    x.dims[axis] = 1;
    for (int i = 0; i < x.rank; i++) {
        out.dims[i] = x.dims[i];
        out.stride[i] = 0;
        if (a->out.rank == x.rank)
            out.stride[i] = a->out.stride[i];
        else if (i != axis)
            out.stride[i] = a->out.stride[to++];
    }
    nest_make(&a->nest, (const struct view *const[]){&out, &x}, 2);
    a->nest.dims[a->nest.rank] = 1;
    a->nest.stride[0][a->nest.rank] = a->nest.stride[1][a->nest.rank] = 0;
    a->nest.rank++;
}

int exec_lower_arg(struct plan *p, struct node *n, struct error *err)
{
    const struct type *x = &n->in[0]->type;
    if (!exec_lower_is_f32(n, 0) || x->rank < 1 || x->rank >= TENSOR_MAX_RANK || view_count(plan_in(n, 0)) == 0)
        return 1;
    struct arg_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    int axis = exec_lower_axis(op_int(n, "axis"), x->rank);
    *a = (struct arg_args){.x = *plan_in(n, 0),
                           .n = x->dims[axis],
                           .step = plan_in(n, 0)->stride[axis],
                           .least = node_is(n, "ArgMin"),
                           .last = op_int(n, "select_last_index") != 0};
    if (plan_out(p, n, 0, ORDER_ROWS, &a->out, err) < 0)
        return -1;
    nest_results(a, axis);
    int64_t results = nest_outer(&a->nest);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "arg_f32",
                                    .run = run_arg,
                                    .args = a,
                                    .units = results,
                                    .tiles = plan_tiles(results * a->n, 32768, results)},
                     err, PLAN_WRITES(&a->out, &a->x));
}
