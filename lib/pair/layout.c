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

#define MOST_ELEMENTS ((int64_t)1 << 24) /* of one edge */

static bool moves(const struct pair_edge *e)
{
    for (const struct value *v = e->value; v != e->source; v = v->producer->in[0])
        if (node_is(v->producer, "Transpose"))
            return true;
    return false;
}

/* Applies a Transpose to a list of elements. */
static bool transpose(const struct node *n, const int32_t *from, int32_t *to, int64_t count)
{
    int64_t perm[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK], at[TENSOR_MAX_RANK] = {0};
    const int64_t *in = n->in[0]->type.dims, *out = n->out[0]->type.dims;
    int rank = n->in[0]->type.rank;
    if (!pass_perm(n, perm) || !pass_is_static(n->out[0]) || !pass_is_static(n->in[0]))
        return false;
    for (int64_t size = 1, k = rank; k-- > 0; size *= in[k])
        stride[k] = size;
    for (int k = 0; k < rank; k++)
        step[k] = stride[perm[k]];
    int64_t offset = 0;
    for (int64_t i = 0; i < count; i++) {
        to[i] = from[offset];
        for (int k = rank; k-- > 0;) {
            offset += step[k];
            if (++at[k] < out[k])
                break;
            offset -= at[k] * step[k];
            at[k] = 0;
        }
    }
    return true;
}

static bool follow_transposes(const struct value *v, const struct value *source, int32_t **list, int32_t **other,
                              int64_t count)
{
    const struct value *chain[64];
    int n = 0;
    for (; v != source; v = v->producer->in[0]) {
        if (!node_is(v->producer, "Transpose"))
            continue;
        if (n == 64)
            return false;
        chain[n++] = v;
    }
    while (n-- > 0) {
        if (!transpose(chain[n]->producer, *list, *other, count))
            return false;
        int32_t *t = *list;
        *list = *other;
        *other = t;
    }
    return true;
}

/* The elements' list, for free(); NULL with *failed false when that cannot be told. */
static int32_t *elements(const struct pair_edge *e, int64_t count, bool *failed, struct error *err)
{
    int32_t *list = mem_calloc((size_t)count, sizeof *list, err),
            *other = mem_calloc((size_t)count, sizeof *other, err);
    *failed = !list || !other;
    for (int64_t i = 0; !*failed && i < count; i++)
        list[i] = (int32_t)i;
    bool known = !*failed && follow_transposes(e->value, e->source, &list, &other, count);
    free(other);
    if (known)
        return list;
    free(list);
    return NULL;
}

/* ---- both edges ---- */

struct both {
    const struct pair_layout *layout;               /* at the sources */
    int64_t source[TENSOR_MAX_RANK];                /* dims of a's source, squeezed */
    int64_t a[TENSOR_MAX_RANK], b[TENSOR_MAX_RANK]; /* dims of the values, squeezed */
    int rank_a, rank_b;
    int64_t count;
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
    for (int64_t k = 0; at && rows && k < x->count; k++)
        at[in_list(x->list_b, k)] = (int32_t)k;
    bool known = at && rows;
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
    x->list_a = moved_a ? elements(a, x->count, &failed, err) : NULL;
    x->list_b = moved_b && !failed ? elements(b, x->count, &failed, err) : NULL;
    if (failed)
        return -1;
    bool known = (!moved_a || x->list_a) && (!moved_b || x->list_b);
    match->same = !known || try_layouts(x, is_free, &match->layout);
    if (match->same || !is_product || last_dim(a->value) != last_dim(b->value))
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
    int source_rank = pair_squeeze(&a->source->type, x.source);
    *match = (struct pair_match){.same = true};
    x.rank_a = pair_squeeze(&a->value->type, x.a);
    x.rank_b = pair_squeeze(&b->value->type, x.b);
    x.count = tensor_count(a->value->type.rank, a->value->type.dims);
    if (source_rank < 0 || x.rank_a < 0 || x.rank_b < 0 || x.count < 0 ||
        x.count != tensor_count(b->value->type.rank, b->value->type.dims))
        return 0; /* shapes are looked at elsewhere */
    if (!layout->moved && !moves(a) && !moves(b))
        return 0;
    if (x.count > MOST_ELEMENTS || x.count > *budget || source_rank > TENSOR_MAX_RANK ||
        (layout->moved && layout->rank != source_rank))
        return 0;
    *budget -= x.count;
    int status = compare_edges(a, b, &x, is_free, is_product, match, err);
    free(x.list_a);
    free(x.list_b);
    return status;
}
