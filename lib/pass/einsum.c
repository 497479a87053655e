/* Einsum of one or two operands as ReduceSum, Transpose, Reshape and MatMul, or Mul where nothing is summed. */
#include "op/einsum.h"

#include <string.h>

#include "pass/util.h"

/* An operand on its way: a value, and what its axes are in the equation. */
struct operand {
    struct value *v;
    int rank, axis[TENSOR_MAX_RANK];
};

/* Some axes of the equation. */
struct axes {
    int count, at[TENSOR_MAX_RANK];
};

/* How the axes of two operands meet. */
struct product {
    struct axes batch, rows, sums, columns; /* in both and the output; in the first; in both alone; in the second */
    int64_t a[TENSOR_MAX_RANK], b[TENSOR_MAX_RANK], y[TENSOR_MAX_RANK]; /* shapes of the matrices, and of the result */
};

static bool has(const int *axes, int count, int axis)
{
    for (int i = 0; i < count; i++)
        if (axes[i] == axis)
            return true;
    return false;
}

static bool is_in(const struct operand *o, int axis)
{
    return has(o->axis, o->rank, axis);
}

static bool is_out(const struct einsum *e, int axis)
{
    return has(e->out, e->out_rank, axis);
}

static void add_axis(struct axes *axes, int axis)
{
    axes->at[axes->count++] = axis;
}

/* ---- reading ---- */

/* False for what is left to the plain evaluation: a diagonal, an axis named twice in one term, is no product. */
static bool read_operands(const struct node *n, struct einsum *e, struct operand *o)
{
    int ranks[2];
    const int64_t *dims[2];
    if (n->in_count > 2 || !pass_is_float(n->out[0]))
        return false;
    for (int i = 0; i < n->in_count; i++) {
        const struct type *t = pass_type(n->in[i]);
        if (!t)
            return false;
        ranks[i] = t->rank;
        dims[i] = t->dims;
    }
    if (einsum_read(e, op_string(n, "equation"), n->in_count, ranks, dims, NULL) < 0)
        return false;
    for (int i = 0; i < n->in_count; i++) {
        o[i] = (struct operand){.v = n->in[i]};
        for (; o[i].rank < ranks[i]; o[i].rank++) {
            int axis = e->term[i][o[i].rank];
            if (is_in(&o[i], axis) || e->dims[axis] == 0)
                return false;
            o[i].axis[o[i].rank] = axis;
        }
    }
    return true;
}

static int64_t dim_of(const struct operand *o, int axis)
{
    for (int i = 0; i < o->rank; i++)
        if (o->axis[i] == axis)
            return pass_type(o->v)->dims[i];
    return DIM_UNKNOWN;
}

/* ---- one operand; these leave v NULL on errors ---- */

/* Sums over the axes that only this operand has, and the output has not. */
static void sum_alone(struct node *n, const struct einsum *e, struct operand *o, const struct operand *other,
                      struct error *err)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = 0, kept = 0;
    for (int i = 0; i < o->rank; i++)
        if (is_out(e, o->axis[i]) || (other && is_in(other, o->axis[i])))
            o->axis[kept++] = o->axis[i];
        else
            axes[count++] = i;
    o->rank = kept;
    if (count == 0)
        return;
    struct value *in[2] = {o->v, pass_add_ints(n->graph, count, axes, err)};
    struct node *sum = in[1] ? pass_node(n, "", "ReduceSum", 2, in, err) : NULL;
    o->v = sum && node_set_int(sum, "keepdims", 0, err) == 0 ? pass_output(sum, err) : NULL;
}

/* Those of the operand's axes that the lists name, in that order. */
static void transpose(struct node *n, struct operand *o, int lists, const struct axes *const *list, struct error *err)
{
    int64_t perm[TENSOR_MAX_RANK];
    int order[TENSOR_MAX_RANK], to = 0;
    bool moved = false;
    for (int l = 0; l < lists; l++)
        for (int i = 0; i < list[l]->count; i++)
            for (int k = 0; k < o->rank; k++)
                if (o->axis[k] == list[l]->at[i]) {
                    moved |= k != to;
                    perm[to] = k;
                    order[to++] = o->axis[k];
                }
    memcpy(o->axis, order, sizeof *order * (size_t)to);
    if (!moved || !o->v)
        return;
    struct node *t = pass_node(n, "", "Transpose", 1, &o->v, err);
    o->v = t && node_set_ints(t, "perm", perm, (size_t)to, err) == 0 ? pass_output(t, err) : NULL;
}

static struct value *reshape(struct node *n, struct value *v, int rank, const int64_t *shape, struct error *err)
{
    struct value *in[2] = {v, v ? pass_add_ints(n->graph, rank, shape, err) : NULL};
    return in[1] ? pass_output(pass_node(n, "", "Reshape", 2, in, err), err) : NULL;
}

/* In the order of the output, with 1 for its axes that the operand lacks. */
static void align(struct node *n, const struct einsum *e, struct operand *o, struct error *err)
{
    struct axes out = {.count = e->out_rank};
    int64_t missing[TENSOR_MAX_RANK];
    int count = 0;
    memcpy(out.at, e->out, sizeof out.at);
    transpose(n, o, 1, (const struct axes *const[]){&out}, err);
    for (int i = 0; i < e->out_rank; i++)
        if (!is_in(o, e->out[i]))
            missing[count++] = i;
    if (count == 0 || !o->v)
        return;
    struct value *in[2] = {o->v, pass_add_ints(n->graph, count, missing, err)};
    o->v = in[1] ? pass_output(pass_node(n, "", "Unsqueeze", 2, in, err), err) : NULL;
}

/* ---- two operands ---- */

/* The dim that axes become when they are one; -1 when it is not known. */
static int64_t joined(const struct einsum *e, const struct axes *axes)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < axes->count; i++)
        dims[i] = e->dims[axes->at[i]];
    return tensor_count(axes->count, dims);
}

static bool is_matrix(const struct axes *first, const struct axes *second)
{
    return first->count == 1 && second->count == 1;
}

/* The shape of the batch, copied, and of two groups that are one axis each; false where Reshape could not tell it. */
static bool matrix_shape(const struct einsum *e, const struct axes *batch, const struct axes *first,
                         const struct axes *second, int64_t *shape)
{
    int rank = batch->count;
    memset(shape, 0, sizeof *shape * (size_t)rank);
    shape[rank] = first->count == 1 ? 0 : joined(e, first);
    shape[rank + 1] = joined(e, second);
    return is_matrix(first, second) || shape[rank] >= 0 || shape[rank + 1] >= 0;
}

/* The shape of the product with its groups apart again. */
static bool result_shape(const struct einsum *e, struct product *p)
{
    int rank = p->batch.count, open = 0;
    memset(p->y, 0, sizeof p->y);
    for (int i = 0; i < p->rows.count + p->columns.count; i++, rank++) {
        int axis = i < p->rows.count ? p->rows.at[i] : p->columns.at[i - p->rows.count];
        p->y[rank] = e->dims[axis] < 0 ? -1 : e->dims[axis];
        open += e->dims[axis] < 0;
    }
    return is_matrix(&p->rows, &p->columns) || open <= 1;
}

/* False where a summed axis is not surely as long in both (Einsum repeats an axis of 1), or a shape cannot be told. */
static bool plan_product(const struct einsum *e, const struct operand *a, const struct operand *b, struct product *p)
{
    memset(p, 0, sizeof *p);
    for (int i = 0; i < a->rank; i++) {
        int axis = a->axis[i];
        bool both = is_in(b, axis), out = is_out(e, axis);
        int64_t dim = dim_of(a, axis);
        if (both && !out && (dim == DIM_UNKNOWN || dim != dim_of(b, axis)))
            return false;
        if (both || out) /* else it is summed before */
            add_axis(!both ? &p->rows : out ? &p->batch : &p->sums, axis);
    }
    for (int i = 0; i < b->rank; i++)
        if (!is_in(a, b->axis[i]) && is_out(e, b->axis[i]))
            add_axis(&p->columns, b->axis[i]);
    return p->batch.count + 2 <= TENSOR_MAX_RANK && matrix_shape(e, &p->batch, &p->rows, &p->sums, p->a) &&
           matrix_shape(e, &p->batch, &p->sums, &p->columns, p->b) && result_shape(e, p);
}

/* The product, its axes in the order batch, rows, columns. */
static struct value *multiply(struct node *n, struct operand *o, const struct product *p, struct error *err)
{
    int rank = p->batch.count + 2;
    transpose(n, &o[0], 3, (const struct axes *const[]){&p->batch, &p->rows, &p->sums}, err);
    transpose(n, &o[1], 3, (const struct axes *const[]){&p->batch, &p->sums, &p->columns}, err);
    struct value *in[2];
    in[0] = is_matrix(&p->rows, &p->sums) ? o[0].v : reshape(n, o[0].v, rank, p->a, err);
    in[1] = is_matrix(&p->sums, &p->columns) ? o[1].v : reshape(n, o[1].v, rank, p->b, err);
    if (!in[0] || !in[1])
        return NULL;
    struct value *y = pass_output(pass_node(n, "", "MatMul", 2, in, err), err);
    rank = p->batch.count + p->rows.count + p->columns.count;
    return is_matrix(&p->rows, &p->columns) ? y : reshape(n, y, rank, p->y, err);
}

static struct value *combine(struct node *n, const struct einsum *e, struct operand *o, const struct product *p,
                             struct error *err)
{
    if (n->in_count == 2 && p->sums.count) {
        const struct axes *const parts[] = {&p->batch, &p->rows, &p->columns};
        struct operand y = {.v = multiply(n, o, p, err)};
        for (int part = 0; part < 3; part++)
            for (int i = 0; i < parts[part]->count; i++)
                y.axis[y.rank++] = parts[part]->at[i];
        align(n, e, &y, err);
        return y.v;
    }
    for (int i = 0; i < n->in_count; i++)
        align(n, e, &o[i], err);
    if (n->in_count == 1 || !o[0].v || !o[1].v)
        return o[0].v;
    return pass_output(pass_node(n, "", "Mul", 2, (struct value *[]){o[0].v, o[1].v}, err), err);
}

static int rewrite(struct node *n, struct error *err)
{
    struct einsum e;
    struct operand o[2];
    struct product p;
    if (!node_is(n, "Einsum") || !node_out(n, 0) || !read_operands(n, &e, o))
        return 0;
    if (n->in_count == 2 && !plan_product(&e, &o[0], &o[1], &p))
        return 0;
    struct operand first = o[0];
    sum_alone(n, &e, &o[0], n->in_count == 2 ? &o[1] : NULL, err);
    if (n->in_count == 2)
        sum_alone(n, &e, &o[1], &first, err);
    struct value *y = combine(n, &e, o, &p, err);
    return y ? pass_replace(n, pass_node(n, "", "Identity", 1, &y, err), err) : -1;
}

int pass_einsum(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
