/* Reshape and Flatten in another order of axes: where whole groups of axes, which become groups of others, change
 * places. Axes of 1 belong to no group. */
#include "pass/layout.h"

/* The axes of one side that are not 1; group[i] is that of axis at[i]. */
struct side {
    int count, at[TENSOR_MAX_RANK], group[TENSOR_MAX_RANK];
    int64_t dims[TENSOR_MAX_RANK];
};

static bool side_of(const struct type *t, struct side *s)
{
    s->count = 0;
    for (int i = 0; i < t->rank; i++) {
        if (t->dims[i] == 0)
            return false;
        if (t->dims[i] == 1)
            continue;
        s->at[s->count] = i;
        s->dims[s->count++] = t->dims[i];
    }
    return true;
}

static bool same_dim(int64_t a, int64_t b)
{
    return a == b && a != DIM_UNKNOWN;
}

/* Groups of numbers: as small as products can be equal. The axes [first, *_last) of both sides. */
static bool group_numbers(struct side *a, int a_last, struct side *b, int b_last, int first)
{
    int group = first;
    for (int i = first, k = first; i < a_last || k < b_last; group++) {
        int64_t p = 1, q = 1;
        do {
            bool left = p <= q;
            int *at = left ? &i : &k;
            struct side *s = left ? a : b;
            if (*at == (left ? a_last : b_last) || s->dims[*at] < 0 ||
                __builtin_mul_overflow(left ? p : q, s->dims[*at], left ? &p : &q))
                return false;
            s->group[(*at)++] = group;
        } while (p != q);
    }
    return true;
}

/* Equal dims at both ends are groups of their own, whatever they are; what is left is numbers, or one axis on one side,
 * since the numbers of elements are equal. */
static bool group_axes(struct side *a, struct side *b)
{
    int first = 0, a_last = a->count, b_last = b->count;
    for (; first < a_last && first < b_last && same_dim(a->dims[first], b->dims[first]); first++)
        a->group[first] = b->group[first] = first;
    for (int id = 2 * TENSOR_MAX_RANK;
         a_last > first && b_last > first && same_dim(a->dims[a_last - 1], b->dims[b_last - 1]); id--)
        a->group[--a_last] = b->group[--b_last] = id;
    if (a_last - first != 1 && b_last - first != 1)
        return group_numbers(a, a_last, b, b_last, first);
    for (int i = first; i < a_last; i++)
        a->group[i] = first;
    for (int i = first; i < b_last; i++)
        b->group[i] = first;
    return a_last > first && b_last > first;
}

/* The groups in the order in which v' has them; false when one of them is torn apart. */
static bool group_order(const struct side *s, const struct perm *label, int *order, int *count)
{
    int by_place[TENSOR_MAX_RANK], last = -1;
    for (int i = 0; i < TENSOR_MAX_RANK; i++)
        by_place[i] = -1;
    for (int i = 0; i < s->count; i++)
        by_place[label->at[s->at[i]]] = i;
    *count = 0;
    for (int p = 0; p < TENSOR_MAX_RANK; p++) {
        int i = by_place[p];
        if (i < 0)
            continue;
        bool begins = i == 0 || s->group[i - 1] != s->group[i];
        if (begins)
            order[(*count)++] = s->group[i];
        else if (last != i - 1)
            return false;
        last = i;
    }
    return true;
}

/* Places for the axes of the other side: those of 1 keep theirs. */
static void place(const struct side *s, int rank, const int *order, int count, struct perm *label)
{
    bool taken[TENSOR_MAX_RANK] = {false};
    int next = 0;
    label->rank = rank;
    for (int i = 0; i < rank; i++)
        taken[label->at[i] = i] = true;
    for (int i = 0; i < s->count; i++)
        taken[s->at[i]] = false;
    for (int g = 0; g < count; g++)
        for (int i = 0; i < s->count; i++)
            if (s->group[i] == order[g]) {
                while (taken[next])
                    next++;
                label->at[s->at[i]] = next++;
            }
}

static bool follow_groups(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    const struct type *x = pass_type(n->in[0]), *y = pass_type(n->out[0]);
    struct side a, b;
    int order[TENSOR_MAX_RANK], count;
    if (!side_of(forward ? x : y, &a) || !side_of(forward ? y : x, &b))
        return false;
    if ((a.count || b.count) && !group_axes(&a, &b))
        return false;
    if (!group_order(&a, from, order, &count))
        return false;
    place(&b, (forward ? y : x)->rank, order, count, to);
    return true;
}

/* The new shape must be a list of constants. */
static bool has_one_open(const struct type *t)
{
    int open = 0;
    for (int i = 0; i < t->rank; i++)
        open += t->dims[i] < 0;
    return open < 2;
}

bool layout_follow_view(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    if (has_one_open(&n->out[0]->type) && follow_groups(n, forward, from, to))
        return true;
    if (!forward || !layout_weights_follow(n, from))
        return false;
    to->rank = n->out[0]->type.rank;
    for (int i = 0; i < to->rank; i++)
        to->at[i] = i;
    return true;
}

int layout_apply_view(struct node *n, const struct layout *l, struct error *err)
{
    const struct type to = perm_type(&n->out[0]->type, &l->out);
    struct perm out;
    if (!has_one_open(&to) || !follow_groups(n, true, &l->in, &out))
        return layout_permute_weights(n, &l->in, err);
    int64_t shape[TENSOR_MAX_RANK];
    for (int i = 0; i < to.rank; i++)
        shape[i] = to.dims[i] < 0 ? -1 : to.dims[i];
    struct value *v = pass_add_ints(n->graph, to.rank, shape, err);
    if (!v || node_set_op(n, "", "Reshape", err) || node_set_input(n, 1, v, err))
        return -1;
    n->def = op_find("", "Reshape");
    node_remove_attr(n, "axis");
    node_remove_attr(n, "allowzero");
    return 0;
}
