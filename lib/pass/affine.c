#include "pass/affine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int affine_init(struct affine *a, int axis, int64_t count, struct error *err)
{
    double *both = mem_calloc((size_t)count, 2 * sizeof(*both), err);
    if (!both)
        return -1;
    *a = (struct affine){.axis = count == 1 ? -1 : axis, .count = count, .scale = both, .shift = both + count};
    for (int64_t i = 0; i < count; i++)
        a->scale[i] = 1;
    return 1;
}

int affine_copy(struct affine *to, const struct affine *a, struct error *err)
{
    if (affine_init(to, a->axis, a->count, err) < 0)
        return -1;
    memcpy(to->scale, a->scale, (size_t)a->count * 2 * sizeof(*a->scale));
    to->scales = a->scales;
    to->shifts = a->shifts;
    return 1;
}

void affine_release(struct affine *a)
{
    free(a->scale);
    a->scale = a->shift = NULL;
}

static void note_kind(struct affine *a)
{
    a->scales = a->shifts = false;
    for (int64_t i = 0; i < a->count; i++) {
        a->scales |= a->scale[i] != 1;
        a->shifts |= a->shift[i] != 0;
    }
}

/* ---- reading ---- */

/* The one axis of x along which a constant varies (-1: none); false when there are more, or when it widens x. */
static bool axis_of(const struct tensor *t, const struct type *x, int *axis)
{
    *axis = -1;
    if (!t || !x || t->rank > x->rank || t->count < 1)
        return false;
    for (int i = 0; i < t->rank; i++) {
        int at = x->rank - t->rank + i;
        if (t->dims[i] == 1)
            continue;
        if (t->dims[i] != x->dims[at] || *axis >= 0)
            return false;
        *axis = at;
    }
    return true;
}

static int read_arithmetic(const struct node *n, struct value **x, struct affine *a, struct error *err)
{
    bool add = node_is(n, "Add"), sub = node_is(n, "Sub"), mul = node_is(n, "Mul"), div = node_is(n, "Div");
    if ((!add && !sub && !mul && !div) || n->in_count != 2)
        return 0;
    int at = pass_constant(n->in[1]) ? 1 : 0, axis;
    const struct tensor *t = pass_constant(n->in[at]);
    *x = n->in[1 - at];
    if ((div && at == 0) || !pass_is_float(*x) || !axis_of(t, pass_type(*x), &axis))
        return 0;
    if (affine_init(a, axis, t->count, err) < 0)
        return -1;
    for (int64_t i = 0; i < t->count; i++) {
        double c = tensor_get_f64(t, i);
        a->scale[i] = mul ? c : div ? 1 / c : sub && at == 0 ? -1 : 1;
        a->shift[i] = add || (sub && at == 0) ? c : sub ? -c : 0;
    }
    return 1;
}

static int read_batch_norm(const struct node *n, struct value **x, struct affine *a, struct error *err)
{
    const struct type *type = pass_type(node_in(n, 0));
    const struct tensor *p[4];
    for (int i = 0; i < 4; i++)
        p[i] = pass_constant(node_in(n, i + 1));
    if (!node_is(n, "BatchNormalization") || op_int(n, "training_mode") || node_out(n, 1) || node_out(n, 2) || !type ||
        type->rank < 2 || !p[0])
        return 0;
    for (int i = 0; i < 4; i++)
        if (!p[i] || p[i]->rank != 1 || p[i]->count != p[0]->count || p[i]->count < 1)
            return 0;
    if (affine_init(a, 1, p[0]->count, err) < 0)
        return -1;
    *x = n->in[0];
    for (int64_t i = 0; i < a->count; i++) {
        a->scale[i] = tensor_get_f64(p[0], i) / sqrt(tensor_get_f64(p[3], i) + (double)op_float(n, "epsilon"));
        a->shift[i] = tensor_get_f64(p[1], i) - tensor_get_f64(p[2], i) * a->scale[i];
    }
    return 1;
}

static int read_scale_shift(const struct node *n, struct value **x, struct affine *a, struct error *err)
{
    const struct tensor *scale = pass_constant(node_in(n, 1)), *shift = pass_constant(node_in(n, 2));
    if (strcmp(n->domain, "nn") != 0 || strcmp(n->op, "ScaleShift") != 0 || op_string(n, "activation")[0] || !scale ||
        !shift || scale->count != shift->count || scale->count < 1 || !pass_type(n->in[0]))
        return 0;
    if (affine_init(a, 1, scale->count, err) < 0)
        return -1;
    *x = n->in[0];
    tensor_load_f64(scale, 0, a->count, a->scale);
    tensor_load_f64(shift, 0, a->count, a->shift);
    return 1;
}

static bool is_finite(const struct affine *a)
{
    for (int64_t i = 0; i < a->count; i++)
        if (!isfinite(a->scale[i]) || !isfinite(a->shift[i]))
            return false;
    return true;
}

int affine_read(const struct node *n, struct value **x, struct affine *a, struct error *err)
{
    if (!n->def || !node_in(n, 0) || !node_out(n, 0))
        return 0;
    int found = read_arithmetic(n, x, a, err);
    if (found == 0)
        found = read_batch_norm(n, x, a, err);
    if (found == 0)
        found = read_scale_shift(n, x, a, err);
    if (found > 0)
        note_kind(a);
    if (found > 0 && !is_finite(a)) {
        affine_release(a);
        return 0;
    }
    return found;
}

/* ---- through nodes that move axes ---- */

/* Makes it vary along an axis of `count`, element i being that at i / repeat. */
static int spread(struct affine *a, int axis, int64_t count, int64_t repeat, struct error *err)
{
    struct affine wide;
    if (affine_init(&wide, axis, count, err) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        wide.scale[i] = affine_scale(a, i / repeat);
        wide.shift[i] = affine_shift(a, i / repeat);
    }
    wide.scales = a->scales;
    wide.shifts = a->shifts;
    affine_release(a);
    *a = wide;
    return 1;
}

/* Row-major elements keep their places: the axis comes from one that began at the same place and holds it as its slower
 * part. */
static int through_reshape(const struct node *n, struct affine *a, struct error *err)
{
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    if (a->count == 1)
        return 1;
    if (!pass_is_static(n->in[0]) || !pass_is_static(n->out[0]) || tensor_count(x->rank, x->dims) == 0)
        return 0;
    int64_t before = tensor_count(a->axis, y->dims), outer = 1;
    int i = 0;
    while (i < x->rank && (outer < before || x->dims[i] == 1))
        outer *= x->dims[i++];
    if (i == x->rank || outer != before || x->dims[i] % a->count)
        return 0;
    return spread(a, i, x->dims[i], x->dims[i] / a->count, err);
}

static int through_transpose(const struct node *n, struct affine *a)
{
    int64_t perm[TENSOR_MAX_RANK];
    if (a->count == 1)
        return 1;
    if (!pass_perm(n, perm) || a->axis >= n->in[0]->type.rank)
        return 0;
    a->axis = (int)perm[a->axis];
    return 1;
}

/* The other parts are left alone: along the split axis it is 1 and 0 outside the output's part. */
static int through_split(const struct node *n, int o, struct affine *a, struct error *err)
{
    const struct type *x = pass_type(n->in[0]);
    int64_t axis = op_int(n, "axis"), begin = 0;
    if (!x || !pass_is_static(n->in[0]))
        return 0;
    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank || (a->count > 1 && a->axis != axis))
        return 0;
    for (int i = 0; i < o; i++)
        if (!n->out[i] || !pass_is_static(n->out[i]))
            return 0;
    for (int i = 0; i < o; i++)
        begin += n->out[i]->type.dims[axis];
    int64_t part = n->out[o]->type.dims[axis], count = x->dims[axis];
    if (part < 1 || begin > count - part || (a->count > 1 && a->count != part))
        return 0;
    struct affine wide;
    if (affine_init(&wide, (int)axis, count, err) < 0)
        return -1;
    for (int64_t i = 0; i < part; i++) {
        wide.scale[begin + i] = affine_scale(a, i);
        wide.shift[begin + i] = affine_shift(a, i);
    }
    wide.scales = a->scales;
    wide.shifts = a->shifts;
    affine_release(a);
    *a = wide;
    return 1;
}

int affine_through(const struct node *n, int o, struct affine *a, struct error *err)
{
    if (!n->def || !node_in(n, 0))
        return 0;
    if (op_trait(n, "view"))
        return through_reshape(n, a, err);
    if (node_is(n, "Transpose"))
        return through_transpose(n, a);
    return node_is(n, "Split") ? through_split(n, o, a, err) : 0;
}

int affine_compose(struct affine *a, const struct affine *b, struct error *err)
{
    if (a->count > 1 && b->count > 1 && (a->axis != b->axis || a->count != b->count))
        return 0;
    if (a->count == 1 && b->count > 1 && spread(a, b->axis, b->count, b->count, err) < 0)
        return -1;
    for (int64_t i = 0; i < a->count; i++) {
        a->scale[i] *= affine_scale(b, i);
        a->shift[i] = a->shift[i] * affine_scale(b, i) + affine_shift(b, i);
    }
    note_kind(a);
    return 1;
}
