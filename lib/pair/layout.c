/* Layouts: the same elements with their axes in another order. */
#include <stdlib.h>
#include <string.h>

#include "pair/pair.h"
#include "pass/util.h"

int pair_squeeze(const struct type *t, int64_t *dims)
{
    int n = 0;
    if (t->kind != TYPE_TENSOR || t->rank < 0)
        return -1;
    for (int i = 0; i < t->rank; i++) {
        if (t->dims[i] < 0)
            return -1;
        if (t->dims[i] != 1)
            dims[n++] = t->dims[i];
    }
    return n;
}

/* ---- trying layouts ---- */

/* The identity; channels last of channels first, and back, which are rotations; then the rest. */
static const unsigned char orders[][PAIR_MAX_AXES] = {
    {0, 1, 2, 3}, {1, 2, 0, 3}, {2, 0, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {1, 2, 3, 0}, {3, 0, 1, 2}, {1, 0, 2, 3},
    {0, 2, 1, 3}, {0, 1, 3, 2}, {2, 1, 0, 3}, {0, 3, 2, 1}, {1, 0, 3, 2}, {1, 3, 0, 2}, {1, 3, 2, 0}, {2, 0, 3, 1},
    {2, 1, 3, 0}, {2, 3, 0, 1}, {2, 3, 1, 0}, {3, 0, 2, 1}, {3, 1, 0, 2}, {3, 1, 2, 0}, {3, 2, 0, 1}, {3, 2, 1, 0},
};

#define ORDERS ((int)(sizeof orders / sizeof *orders))

static bool fits(const unsigned char *order, int rank, const int64_t *a, const int64_t *b)
{
    for (int i = 0; i < PAIR_MAX_AXES; i++)
        if (i < rank ? order[i] >= rank || a[order[i]] != b[i] : order[i] != i)
            return false;
    return true;
}

bool pair_layout_at(int index, int rank, const int64_t *a, const int64_t *b, struct pair_layout *layout)
{
    *layout = (struct pair_layout){.rank = rank};
    if (rank > PAIR_MAX_AXES)
        return index == 0 && memcmp(a, b, sizeof *a * (size_t)rank) == 0;
    for (int i = 0, found = 0; i < ORDERS; i++) {
        if (!fits(orders[i], rank, a, b) || found++ < index)
            continue;
        for (int k = 0; k < rank; k++)
            layout->perm[k] = orders[i][k];
        layout->moved = i > 0;
        return true;
    }
    return false;
}

int64_t pair_layout_map(const struct pair_layout *layout, const int64_t *a, int64_t i)
{
    int64_t at[PAIR_MAX_AXES], to = 0;
    if (!layout->moved)
        return i;
    for (int k = layout->rank; k-- > 0; i /= a[k])
        at[k] = i % a[k];
    for (int k = 0; k < layout->rank; k++)
        to = to * a[layout->perm[k]] + at[layout->perm[k]];
    return to;
}

/* ---- following an edge: which element of its source each element of its value is ---- */

#define MOST_ELEMENTS ((int64_t)1 << 24) /* of a source */

static bool moves(const struct pair_edge *e)
{
    for (const struct value *v = e->value; v != e->source; v = v->producer->in[0])
        if (node_is(v->producer, "Transpose") || node_is(v->producer, "Slice"))
            return true;
    return false;
}

/* Places of elements in what a node takes: from `base` on, `step` further for each place along an axis. */
struct steps {
    int64_t base, step[TENSOR_MAX_RANK];
};

static bool transpose_steps(const struct node *n, const int64_t *stride, struct steps *s)
{
    int64_t perm[TENSOR_MAX_RANK];
    if (!pass_perm(n, perm))
        return false;
    for (int k = 0; k < n->in[0]->type.rank; k++)
        s->step[k] = stride[perm[k]];
    return true;
}

static bool slice_steps(const struct node *n, const int64_t *stride, struct steps *s)
{
    int64_t start[TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    const struct type *x = &n->in[0]->type;
    int count = pass_ints(node_in(n, 1), start, TENSOR_MAX_RANK);
    if (count < 0 || (node_in(n, 3) && pass_ints(n->in[3], axes, TENSOR_MAX_RANK) != count) ||
        (node_in(n, 4) && pass_ints(n->in[4], step, TENSOR_MAX_RANK) != count))
        return false;
    memcpy(s->step, stride, sizeof s->step);
    for (int i = 0; i < count; i++) {
        int64_t axis = node_in(n, 3) ? axes[i] : i, by = node_in(n, 4) ? step[i] : 1;
        axis += axis < 0 ? x->rank : 0;
        if (axis < 0 || axis >= x->rank)
            return false;
        int64_t dim = x->dims[axis], from = start[i] < 0 ? start[i] + dim : start[i];
        from = from < 0 ? 0 : from >= dim ? dim - 1 : from;
        by = by > dim ? dim : by < -dim ? -dim : by; /* further is as far */
        s->base += from * stride[axis];
        s->step[axis] = by * stride[axis];
    }
    return true;
}

/* Applies a node to a list of *have elements; `to` has room for as many. Types may be what a file states. */
static bool apply(const struct node *n, const int32_t *from, int32_t *to, int64_t *have)
{
    struct steps s = {0};
    int64_t stride[TENSOR_MAX_RANK] = {0}, at[TENSOR_MAX_RANK] = {0}, place;
    if (!pass_is_static(n->in[0]) || !pass_is_static(n->out[0]))
        return false;
    const struct type *in = &n->in[0]->type, *out = &n->out[0]->type;
    int64_t count = tensor_count(out->rank, out->dims), size = 1;
    if (tensor_count(in->rank, in->dims) != *have || count > *have)
        return false;
    for (int k = in->rank; k-- > 0; size *= in->dims[k])
        stride[k] = size;
    if (!(node_is(n, "Slice") ? slice_steps : transpose_steps)(n, stride, &s))
        return false;
    place = s.base;
    for (int64_t i = 0; i < count; i++) {
        if (place < 0 || place >= size)
            return false;
        to[i] = from[place];
        for (int k = out->rank; k-- > 0;) {
            place += s.step[k];
            if (++at[k] < out->dims[k])
                break;
            place -= at[k] * s.step[k];
            at[k] = 0;
        }
    }
    *have = count;
    return true;
}

#define MOST_VIEWS 64

/* have: elements of the source; want: of the value. */
static bool apply_all(const struct pair_edge *e, int32_t **list, int32_t **other, int64_t have, int64_t want)
{
    const struct node *chain[MOST_VIEWS];
    int n = 0;
    for (const struct value *v = e->value; v != e->source; v = v->producer->in[0]) {
        if (!node_is(v->producer, "Transpose") && !node_is(v->producer, "Slice"))
            continue;
        if (n == MOST_VIEWS)
            return false;
        chain[n++] = v->producer;
    }
    while (n-- > 0) {
        if (!apply(chain[n], *list, *other, &have))
            return false;
        int32_t *t = *list;
        *list = *other;
        *other = t;
    }
    return have == want;
}

/* The list of `want` elements, for free(), out of `count` of the source; NULL with *failed false when that cannot be
 * told. */
static int32_t *elements(const struct pair_edge *e, int64_t count, int64_t want, bool *failed, struct error *err)
{
    int32_t *list = mem_calloc((size_t)count, sizeof *list, err),
            *other = mem_calloc((size_t)count, sizeof *other, err);
    *failed = !list || !other;
    for (int64_t i = 0; !*failed && i < count; i++)
        list[i] = (int32_t)i;
    bool known = !*failed && apply_all(e, &list, &other, count, want);
    free(other);
    if (known)
        return list;
    free(list);
    return NULL;
}

/* Whether both edges go through the same nodes, for those whose elements cannot be listed. */
static bool same_nodes(const struct pair_edge *a, const struct pair_edge *b)
{
    const struct value *v = a->value, *w = b->value;
    for (; v != a->source && w != b->source; v = v->producer->in[0], w = w->producer->in[0]) {
        const struct node *n = v->producer, *m = w->producer;
        int64_t x[TENSOR_MAX_RANK], y[TENSOR_MAX_RANK];
        if (strcmp(n->op, m->op) != 0 || n->in_count != m->in_count)
            return false;
        for (int i = 1; i < n->in_count; i++)
            if (!n->in[i] != !m->in[i] || (n->in[i] && (!n->in[i]->constant || !m->in[i]->constant ||
                                                        !tensor_equal(n->in[i]->constant, m->in[i]->constant))))
                return false;
        if (node_is(n, "Transpose") &&
            (!pass_perm(n, x) || !pass_perm(m, y) || memcmp(x, y, sizeof *x * (size_t)n->in[0]->type.rank) != 0))
            return false;
    }
    return v == a->source && w == b->source;
}

/* ---- both edges ---- */

struct both {
    const struct pair_layout *layout;               /* at the sources */
    int64_t source[TENSOR_MAX_RANK];                /* dims of a's source, squeezed */
    int64_t a[TENSOR_MAX_RANK], b[TENSOR_MAX_RANK]; /* dims of the values, squeezed */
    int rank_a, rank_b;
    int64_t count, source_count;
    int32_t *list_a, *list_b; /* NULL: in order */
};

static int64_t in_list(const int32_t *list, int64_t i)
{
    return list ? list[i] : i;
}

/* Whether element i of a is always that of b which the layout says. */
static bool holds(const struct both *x, const struct pair_layout *layout)
{
    for (int64_t i = 0; i < x->count; i++)
        if (in_list(x->list_b, pair_layout_map(layout, x->a, i)) !=
            pair_layout_map(x->layout, x->source, in_list(x->list_a, i)))
            return false;
    return true;
}

static bool try_layouts(const struct both *x, bool is_free, struct pair_layout *found)
{
    struct pair_layout layout;
    if (x->rank_a != x->rank_b)
        return false;
    for (int i = 0; pair_layout_at(i, x->rank_a, x->a, x->b, &layout); i++)
        if ((is_free || !layout.moved) && holds(x, &layout)) {
            *found = layout;
            return true;
        }
    return false;
}

/* Rows of a constant matrix may lie in another order to make up for that of the elements. */
static int32_t *match_rows(const struct both *x, int64_t depth, struct error *err)
{
    int32_t *at = mem_calloc((size_t)x->count, sizeof *at, err), *rows = mem_calloc((size_t)depth, sizeof *rows, err);
    for (int64_t k = 0; at && k < x->count; k++)
        at[in_list(x->list_b, k)] = (int32_t)k;
    bool known = at && rows && depth <= x->count;
    for (int64_t k = 0; known && k < depth; k++) {
        rows[k] = at[pair_layout_map(x->layout, x->source, in_list(x->list_a, k))];
        known = rows[k] < depth;
    }
    free(at);
    if (known)
        return rows;
    free(rows);
    return NULL;
}

static int64_t last_dim(const struct value *v)
{
    return v->type.rank > 0 ? v->type.dims[v->type.rank - 1] : 1;
}

static int compare_edges(const struct pair_edge *a, const struct pair_edge *b, struct both *x, bool is_free,
                         bool is_product, struct pair_match *match, struct error *err)
{
    bool failed = false, moved_a = moves(a), moved_b = moves(b);
    x->list_a = moved_a ? elements(a, x->source_count, x->count, &failed, err) : NULL;
    x->list_b = moved_b && !failed ? elements(b, x->source_count, x->count, &failed, err) : NULL;
    if (failed)
        return -1;
    bool known = (!moved_a || x->list_a) && (!moved_b || x->list_b);
    match->same = known ? try_layouts(x, is_free, &match->layout) : same_nodes(a, b);
    if (match->same || !known || !is_product || x->count != x->source_count || last_dim(a->value) != last_dim(b->value))
        return 0;
    match->row_count = last_dim(a->value);
    match->rows = match_rows(x, match->row_count, err);
    match->same = match->rows != NULL;
    return 0;
}

int pair_follow(const struct pair_edge *a, const struct pair_edge *b, const struct pair_layout *layout, bool is_free,
                bool is_product, int64_t *budget, struct pair_match *match, struct error *err)
{
    struct both x = {.layout = layout};
    const struct type *source = &a->source->type, *other = &b->source->type;
    int source_rank = pair_squeeze(source, x.source);
    *match = (struct pair_match){.same = true};
    if (!layout->moved && !moves(a) && !moves(b))
        return 0;
    x.rank_a = pair_squeeze(&a->value->type, x.a);
    x.rank_b = pair_squeeze(&b->value->type, x.b);
    if (source_rank < 0 || x.rank_a < 0 || x.rank_b < 0 || !pass_is_static(b->source)) {
        match->same = same_nodes(a, b);
        return 0;
    }
    x.count = tensor_count(a->value->type.rank, a->value->type.dims);
    x.source_count = tensor_count(source->rank, source->dims);
    if (x.count < 0 || x.count != tensor_count(b->value->type.rank, b->value->type.dims) ||
        x.source_count != tensor_count(other->rank, other->dims) || (layout->moved && layout->rank != source_rank))
        return 0; /* shapes are looked at elsewhere */
    if (x.source_count > MOST_ELEMENTS || x.source_count > *budget || x.count > x.source_count) {
        match->same = same_nodes(a, b) || layout->moved;
        return 0;
    }
    *budget -= x.source_count;
    int status = compare_edges(a, b, &x, is_free, is_product, match, err);
    free(x.list_a);
    free(x.list_b);
    return status;
}
